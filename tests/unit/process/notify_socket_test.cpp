#include "process/notify_socket.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>

#include "../support/temporary_directory.hpp"
#include "sys/syscalls.hpp"

namespace arca::process {
namespace {

using testing::ElementsAre;

sockaddr_un address_of(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
    return address;
}

/// A service manager, which answers barriers by closing what came with them.
class Notify : public testing::Test {
  protected:
    void SetUp() override {
        manager_ = sys::Fd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
        const auto address = address_of(directory_ / "manager");
        ASSERT_EQ(::bind(manager_.number(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
        auto opened = sys::open(directory_.path(), O_RDONLY | O_DIRECTORY);
        auto socket = NotifySocket::listen(*opened, directory_ / "manager");
        ASSERT_TRUE(socket) << socket.error().message();
        socket_.emplace(std::move(*socket));
    }
    void say(const std::string& text) {
        const sys::Fd program(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
        const auto address = address_of(directory_ / kNotifySocketName);
        ASSERT_EQ(::sendto(program.number(), text.data(), text.size(), 0, reinterpret_cast<const sockaddr*>(&address),
                           sizeof address),
                  static_cast<ssize_t>(text.size()));
    }
    std::vector<std::string> heard() {
        std::vector<std::string> out;
        char buffer[256];
        ssize_t size;
        while ((size = ::recv(manager_.number(), buffer, sizeof buffer, MSG_DONTWAIT)) > 0)
            out.emplace_back(buffer, static_cast<std::size_t>(size));
        return out;
    }
    /// Ends when it is told to.
    sys::Child process() {
        auto cloned = sys::clone3({});
        if (cloned->is_child) {
            ::pause();
            ::_exit(0);
        }
        return std::move(cloned->child);
    }
    /// The manager takes what comes, as one does, so that the barrier opens.
    pid_t drain() {
        const pid_t pid = ::fork();
        if (pid != 0) return pid;
        int said = 0;
        char buffer[256];
        while (::recv(manager_.number(), buffer, sizeof buffer, 0) > 0)
            if (std::memcmp(buffer, "BARRIER=1", 9) == 0 || ++said > 8) break;  // the pipe went away with the message
        ::_exit(said);
    }

    test::TemporaryDirectory directory_;
    sys::Fd manager_;
    std::optional<NotifySocket> socket_;
};

TEST_F(Notify, OtherMessagesAreNotReadiness) {
    auto child = process();
    say("STATUS=warming up\n");
    auto result = socket_->take_message(child.pidfd(), MainProcess::Container);
    ASSERT_TRUE(result) << result.error().message();
    EXPECT_EQ(*result, NotifySocket::Heard::Nothing);
    EXPECT_TRUE(heard().empty());
}

TEST_F(Notify, ReadinessIsPassedOnWithThePid) {
    auto child = process();
    say("STATUS=here\nREADY=1\n");
    const auto manager = drain();
    auto relayed = socket_->relay_until_ready(child.pidfd(), MainProcess::Container);
    ASSERT_TRUE(relayed) << relayed.error().message();
    int status = 0;
    ::waitpid(manager, &status, 0);
    EXPECT_EQ(WEXITSTATUS(status), 2) << "READY=1, MAINPID, then the barrier";
}

TEST_F(Notify, InTheForegroundTheCallerStaysTheMainProcess) {
    auto child = process();
    say("READY=1");
    const auto manager = drain();
    auto result = socket_->take_message(child.pidfd(), MainProcess::Caller);
    ASSERT_TRUE(result) << result.error().message();
    EXPECT_EQ(*result, NotifySocket::Heard::Ready);
    int status = 0;
    ::waitpid(manager, &status, 0);
    EXPECT_EQ(WEXITSTATUS(status), 1) << "READY=1, then the barrier";
}

TEST_F(Notify, AProcessThatEndsIsNotWaitedFor) {
    auto child = process();
    (void)child.pidfd().send_signal(SIGKILL);
    EXPECT_TRUE(socket_->relay_until_ready(child.pidfd(), MainProcess::Container));
    EXPECT_TRUE(heard().empty());
}

}  // namespace
}  // namespace arca::process
