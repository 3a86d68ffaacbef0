#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>

#include "harness/container.hpp"

using namespace integration;

namespace {
/// A socket that receives pidfds.
class PidfdReceiver {
  public:
    explicit PidfdReceiver(const std::filesystem::path& path) {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        strncpy(address.sun_path, path.c_str(), sizeof(address.sun_path) - 1);
        socket_ = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        EXPECT_EQ(bind(socket_, reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
        EXPECT_EQ(listen(socket_, 4), 0);
    }
    ~PidfdReceiver() { close(socket_); }
    /// "DATA of PID".
    std::string receive() const {
        int connection = accept4(socket_, nullptr, nullptr, SOCK_CLOEXEC);
        char text[64];
        iovec part{text, sizeof(text)};
        alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
        msghdr header{};
        header.msg_iov = &part;
        header.msg_iovlen = 1;
        header.msg_control = control;
        header.msg_controllen = sizeof(control);
        ssize_t size = recvmsg(connection, &header, MSG_CMSG_CLOEXEC);
        close(connection);
        cmsghdr* rights = size > 0 ? CMSG_FIRSTHDR(&header) : nullptr;
        if (rights == nullptr) return "nothing";
        int pidfd;
        memcpy(&pidfd, CMSG_DATA(rights), sizeof(pidfd));
        std::string pid;
        for (const auto& line : lines(read_file("/proc/self/fdinfo/" + std::to_string(pidfd))))
            if (line.starts_with("Pid:\t")) pid = line.substr(5);
        close(pidfd);
        return std::string(text, static_cast<std::size_t>(size)) + " of " + pid;
    }

  private:
    int socket_;
};
}  // namespace

class Descriptors : public ContainerTest {
  protected:
    int gift(const std::string& text) {
        auto path = work / text;
        write_file(path, text);
        return open(path.c_str(), O_RDONLY | O_CLOEXEC);
    }
    static bool has(const Json& list, const std::string& entry) {
        return std::find(list.begin(), list.end(), entry) != list.end();
    }
};

TEST_F(Descriptors, ThreeAndNoMore) {
    EXPECT_EQ(probe({"fds"}).size(), 3U);
}

TEST_F(Descriptors, ThreeAndNoMoreDetached) {
    start_probe({"fds", ",", "serve"});
    Json fds = Json::parse(lines(container.output()).at(0));
    EXPECT_EQ(fds.size(), 3U) << fds;
    EXPECT_TRUE(contains(fds["1"], ".out")) << "stdout is the caller's own file";
}

TEST_F(Descriptors, OfTheCallerAreClosed) {
    int fd = gift("secret");
    bundle.args({"/bin/probe", "fds"});
    Output output = container.run_command().descriptor(3, fd).descriptor(9, fd).descriptor(77, fd).run();
    close(fd);
    ASSERT_TRUE(output.ok()) << output;
    EXPECT_EQ(parse_lines(output.out)[0].size(), 3U) << output;
}

TEST_F(Descriptors, Preserved) {
    int one = gift("one"), two = gift("two");
    bundle.args({"/bin/probe", "fdread", "3", ",", "fdread", "4", ",", "fds"});
    Output output = container.run_command({"--preserve-fds", "2"}).descriptor(3, one).descriptor(4, two).run();
    close(one);
    close(two);
    auto seen = parse_lines(output.out);
    EXPECT_EQ(seen[0]["text"], "one") << output;
    EXPECT_EQ(seen[1]["text"], "two");
    EXPECT_EQ(seen[2].size(), 5U) << seen[2];
}

TEST_F(Descriptors, PreservedThroughCreateAndStart) {
    int one = gift("one");
    bundle.args({"/bin/probe", "fdread", "3"});
    Output output = container.create_command({"--preserve-fds", "1"}).descriptor(3, one).run();
    close(one);
    ASSERT_TRUE(output.ok()) << output;
    ASSERT_TRUE(container.start().ok());
    EXPECT_TRUE(container.says("\"one\"")) << container.output() << container.errors();
}

TEST_F(Descriptors, FewerThanPreservedIsRefused) {
    SKIP_FOR(Runc, "takes its own descriptors for the caller's");
    Output output = container.run({"--preserve-fds", "2"});
    EXPECT_EQ(output.status, 1) << output;
    EXPECT_FALSE(std::filesystem::exists(root() / container.id));
}

TEST_F(Descriptors, SocketActivation) {
    int one = gift("one");
    bundle.args({"/bin/probe", "fdread", "3", ",", "env", ",", "fds"});
    Output output = container.run_command()
                        .descriptor(3, one)
                        .variable("LISTEN_FDS", "1")
                        .variable("LISTEN_FDNAMES", "web")
                        .with_listen_pid()
                        .run();
    close(one);
    auto seen = parse_lines(output.out);
    EXPECT_EQ(seen[0]["text"], "one") << output;
    EXPECT_TRUE(has(seen[1]["env"], "LISTEN_FDS=1")) << seen[1];
    EXPECT_TRUE(has(seen[1]["env"], "LISTEN_PID=1")) << seen[1];
    EXPECT_EQ(seen[2].size(), 4U) << seen[2];
}

TEST_F(Descriptors, SocketActivationNamesArePassedOn) {
    SKIP_FOR(Crun, "passes the number only");
    REQUIRE_RUNC(1, 2, "LISTEN_FDNAMES");
    int one = gift("one");
    bundle.args({"/bin/probe", "env"});
    Output output = container.run_command()
                        .descriptor(3, one)
                        .variable("LISTEN_FDS", "1")
                        .variable("LISTEN_FDNAMES", "web")
                        .with_listen_pid()
                        .run();
    close(one);
    EXPECT_TRUE(has(parse_lines(output.out)[0]["env"], "LISTEN_FDNAMES=web")) << output;
}

TEST_F(Descriptors, SocketActivationForSomebodyElseIsIgnored) {
    SKIP_FOR(Runc, "does not look at LISTEN_PID");
    int one = gift("one");
    bundle.args({"/bin/probe", "fds"});
    Output output =
        container.run_command().descriptor(3, one).variable("LISTEN_FDS", "1").variable("LISTEN_PID", "1").run();
    close(one);
    EXPECT_EQ(parse_lines(output.out)[0].size(), 3U) << output;
}

TEST_F(Descriptors, PreservedOnesComeAfterThoseOfSocketActivation) {
    int one = gift("one"), two = gift("two");
    bundle.args({"/bin/probe", "fdread", "3", ",", "fdread", "4"});
    Output output = container.run_command({"--preserve-fds", "1"})
                        .descriptor(3, one)
                        .descriptor(4, two)
                        .variable("LISTEN_FDS", "1")
                        .with_listen_pid()
                        .run();
    close(one);
    close(two);
    auto seen = parse_lines(output.out);
    EXPECT_EQ(seen[0]["text"], "one") << output;
    EXPECT_EQ(seen[1]["text"], "two");
}

TEST_F(Descriptors, DetachedRunLeavesNobodyButTheContainerWithStandardOutput) {
    int ends[2];
    ASSERT_EQ(pipe2(ends, O_CLOEXEC), 0);
    bundle.args({"/bin/probe", "echo", "through the pipe"});
    Output output = container.run_command({"--detach"}).descriptor(1, ends[1]).descriptor(2, ends[1]).run();
    close(ends[1]);
    ASSERT_TRUE(output.ok()) << output;
    std::string text;
    char buffer[256];
    for (ssize_t n; (n = read(ends[0], buffer, sizeof(buffer))) > 0;)
        text.append(buffer, static_cast<std::size_t>(n));
    close(ends[0]);
    EXPECT_EQ(text, "through the pipe\n");
}

TEST_F(Descriptors, APidfdGoesToItsReceiver) {
    REQUIRE_ARCA("runc has the option since 1.2, crun the annotation");
    PidfdReceiver receiver(work / "pidfd");
    bundle.args({"/bin/probe", "serve"});
    Output created = container.create({"--pidfd-socket", (work / "pidfd").string()});
    ASSERT_TRUE(created.ok()) << created;
    EXPECT_EQ(receiver.receive(), "standard of " + std::to_string(container.pid()));
    ASSERT_TRUE(container.start().ok());
    std::string pid_file = (work / "exec.pid").string();
    Output executed = container.exec({"/bin/probe", "serve"},
                                     {"--detach", "--pid-file", pid_file, "--pidfd-socket", (work / "pidfd").string()});
    ASSERT_TRUE(executed.ok()) << executed;
    EXPECT_EQ(receiver.receive(), "setns of " + read_file(pid_file));
}

TEST_F(Descriptors, APidfdGoesToTheReceiverOfTheAnnotation) {
    SKIP_FOR(Runc, "does not know it");
    PidfdReceiver receiver(work / "pidfd");
    bundle.config["annotations"]["run.oci.pidfd_receiver"] = (work / "pidfd").string();
    ASSERT_TRUE(container.create().ok());
    EXPECT_TRUE(contains(receiver.receive(), " of " + std::to_string(container.pid())));
}

TEST_F(Descriptors, AMissingReceiverOfThePidfdIsNamed) {
    Output output = container.create({"--pidfd-socket", (work / "nowhere").string()});
    EXPECT_EQ(output.status, 1);
    EXPECT_TRUE(contains(output.err, "nowhere")) << output;
}

TEST_F(Descriptors, StandardOutputMayBeAPipe) {
    // conmon waits for the end of the pipe: no helper of ours may keep it open.
    int ends[2];
    ASSERT_EQ(pipe2(ends, O_CLOEXEC), 0);
    bundle.args({"/bin/probe", "echo", "through the pipe"});
    Output created = container.create_command().descriptor(1, ends[1]).descriptor(2, ends[1]).run();
    close(ends[1]);
    ASSERT_TRUE(created.ok()) << created;
    ASSERT_TRUE(container.start().ok());
    std::string text;
    char buffer[256];
    for (ssize_t n; (n = read(ends[0], buffer, sizeof(buffer))) > 0;)
        text.append(buffer, static_cast<std::size_t>(n));
    close(ends[0]);
    EXPECT_EQ(text, "through the pipe\n");
}

TEST_F(Descriptors, StandardInputStaysBlocking) {
    // O_NONBLOCK belongs to the open file that the caller shares with us.
    int ends[2];
    ASSERT_EQ(pipe2(ends, O_CLOEXEC), 0);
    Output output = container.run_command().descriptor(0, ends[0]).run();
    EXPECT_TRUE(output.ok()) << output;
    EXPECT_EQ(fcntl(ends[0], F_GETFL) & O_NONBLOCK, 0);
    close(ends[0]);
    close(ends[1]);
}

TEST_F(Descriptors, MillionDescriptorsAllowed) {
    // A loop up to RLIMIT_NOFILE would take seconds.
    bundle.process().erase("rlimits");
    Output output = container.run_command().timeout(10).run();
    EXPECT_TRUE(output.ok()) << output;
}
