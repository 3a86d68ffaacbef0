#include "network/loopback.hpp"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <linux/if.h>
#include <linux/sockios.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>

namespace {

constexpr int kSkipped = 77;

/// Runs `body` in a child with a network namespace of its own; its value is the exit status.
template<class Body>
int in_new_network_namespace(Body body) {
    const pid_t pid = ::fork();
    if (pid == 0) {
        if (::unshare(CLONE_NEWNET) < 0 && ::unshare(CLONE_NEWUSER | CLONE_NEWNET) < 0) ::_exit(kSkipped);
        ::_exit(body());
    }
    int status = 0;
    ::waitpid(pid, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

bool can_reach_loopback() {
    const int socket = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(9);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const bool reached = ::connect(socket, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
    ::close(socket);
    return reached;
}

TEST(Loopback, IsUpAndHasItsAddressAfterwards) {
    const int status = in_new_network_namespace([] {
        if (can_reach_loopback()) return 1;  // it was up already: the test would prove nothing
        if (!arca::network::bring_loopback_up()) return 2;
        return can_reach_loopback() ? 0 : 3;
    });
    if (status == kSkipped) GTEST_SKIP() << "no right to create a network namespace";
    EXPECT_EQ(status, 0);
}

TEST(Loopback, AgainIsNoError) {
    const int status = in_new_network_namespace([] {
        if (!arca::network::bring_loopback_up()) return 1;
        return arca::network::bring_loopback_up() ? 0 : 2;
    });
    if (status == kSkipped) GTEST_SKIP() << "no right to create a network namespace";
    EXPECT_EQ(status, 0);
}

TEST(Loopback, WithoutTheRightItIsAnErrorUnlessUpAlready) {
    if (::geteuid() != 0) GTEST_SKIP() << "needs root to give the right up";
    const int status = in_new_network_namespace([] {
        if (::setresuid(65534, 65534, 65534) < 0) return 1;
        auto refused = arca::network::bring_loopback_up();
        if (refused || refused.error().errnum() != EPERM) return 2;
        if (refused.error().message().find("SIOCSIFFLAGS, lo") == std::string::npos) return 3;
        return 0;
    });
    if (status == kSkipped) GTEST_SKIP() << "no right to create a network namespace";
    EXPECT_EQ(status, 0);

    const int tolerated = in_new_network_namespace([] {
        if (!arca::network::bring_loopback_up()) return 1;
        if (::setresuid(65534, 65534, 65534) < 0) return 2;
        return arca::network::bring_loopback_up() ? 0 : 3;
    });
    EXPECT_EQ(tolerated, 0);
}

}  // namespace
