#include <fcntl.h>
#include <unistd.h>

#include "harness/container.hpp"

using namespace integration;

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
