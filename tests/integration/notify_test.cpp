#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <atomic>
#include <cstring>
#include <mutex>
#include <thread>

#include "harness/container.hpp"

using namespace integration;

namespace {
/// A service manager: keeps what it is told, and opens barriers by closing what came with them.
class Manager {
  public:
    explicit Manager(const std::filesystem::path& path) : address_(path.string()) {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        strncpy(address.sun_path, path.c_str(), sizeof(address.sun_path) - 1);
        socket_ = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        EXPECT_EQ(bind(socket_, reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
        thread_ = std::thread([this] { listen(); });
    }
    ~Manager() {
        done_ = true;
        thread_.join();
        close(socket_);
    }
    const std::string& address() const { return address_; }
    std::string heard() {
        std::lock_guard lock(mutex_);
        return heard_;
    }

  private:
    void listen() {
        while (!done_) {
            pollfd entry{socket_, POLLIN, 0};
            if (poll(&entry, 1, 20) > 0) take();
        }
    }
    void take() {
        char text[512];
        alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
        iovec part{text, sizeof(text)};
        msghdr header{};
        header.msg_iov = &part;
        header.msg_iovlen = 1;
        header.msg_control = control;
        header.msg_controllen = sizeof(control);
        ssize_t size = recvmsg(socket_, &header, MSG_CMSG_CLOEXEC);
        if (size <= 0) return;
        std::lock_guard lock(mutex_);
        heard_ += std::string(text, static_cast<std::size_t>(size));
        if (heard_.back() != '\n') heard_ += '\n';
        if (cmsghdr* rights = CMSG_FIRSTHDR(&header)) {
            int barrier;
            memcpy(&barrier, CMSG_DATA(rights), sizeof(barrier));
            close(barrier);
        }
    }

    std::string address_;
    int socket_ = -1;
    std::atomic<bool> done_ = false;
    std::mutex mutex_;
    std::string heard_;
    std::thread thread_;
};
}  // namespace

class Notify : public ContainerTest {};

TEST_F(Notify, StartPassesReadinessOnWithThePid) {
    Manager manager(work / "manager");
    bundle.args({"/bin/probe", "notify", "STATUS=soon", ",", "notify", "READY=1", ",", "serve"});
    Output created = container.create_command().variable("NOTIFY_SOCKET", manager.address()).run();
    ASSERT_TRUE(created.ok()) << created;
    Output started =
        runtime_command(root(), {"start", container.id}).variable("NOTIFY_SOCKET", manager.address()).run();
    ASSERT_TRUE(started.ok()) << started << container.output();
    std::string heard = manager.heard();
    EXPECT_EQ(heard, "READY=1\nMAINPID=" + std::to_string(container.pid()) + "\nBARRIER=1\n");
}

TEST_F(Notify, DetachedRunReturnsWhenTheContainerIsReady) {
    Manager manager(work / "manager");
    bundle.args({"/bin/probe", "sleep", "0.3", ",", "notify", "READY=1", ",", "serve"});
    Output output = container.run_command({"--detach"}).variable("NOTIFY_SOCKET", manager.address()).run();
    ASSERT_TRUE(output.ok()) << output;
    EXPECT_TRUE(contains(manager.heard(), "MAINPID=" + std::to_string(container.pid()))) << manager.heard();
}

TEST_F(Notify, InTheForegroundTheRuntimeStaysTheMainProcess) {
    SKIP_FOR(Crun, "names the container");
    Manager manager(work / "manager");
    bundle.args({"/bin/probe", "notify", "READY=1", ",", "sleep", "0.3"});
    Output output = container.run_command().variable("NOTIFY_SOCKET", manager.address()).run();
    ASSERT_TRUE(output.ok()) << output;
    EXPECT_EQ(manager.heard(), "READY=1\nBARRIER=1\n");
}

TEST_F(Notify, AProgramOfAnotherUserReachesTheSocket) {
    REQUIRE_ROOT();
    Manager manager(work / "manager");
    bundle.process()["user"] = {{"uid", 1000}, {"gid", 1000}};
    bundle.map_ids(100000, 65536);
    bundle.directory("run/notify");  // nobody in the container may make it in a root of the host's
    bundle.args({"/bin/probe", "notify", "READY=1", ",", "serve"});
    Output output = container.run_command({"--detach"}).variable("NOTIFY_SOCKET", manager.address()).run();
    ASSERT_TRUE(output.ok()) << output << container.output();
    EXPECT_TRUE(contains(manager.heard(), "READY=1")) << container.output();
}

TEST_F(Notify, AContainerThatEndsBeforeItIsReadyIsNotWaitedFor) {
    Manager manager(work / "manager");
    bundle.args({"/bin/probe", "exit", "3"});
    Output output = container.run_command({"--detach"}).variable("NOTIFY_SOCKET", manager.address()).timeout(60).run();
    EXPECT_FALSE(output.timed_out) << output;
    EXPECT_FALSE(contains(manager.heard(), "READY")) << manager.heard();
}

TEST_F(Notify, WithoutAManagerThereIsNoSocket) {
    bundle.args({"/bin/probe", "env", ",", "ls", "/run/notify"});
    Output output = container.run_command().variable("NOTIFY_SOCKET", "").run();
    auto seen = parse_lines(output.out);
    EXPECT_FALSE(contains(seen[0].dump(), "NOTIFY_SOCKET")) << output;
    EXPECT_EQ(seen[1]["error"], "ENOENT");
}
