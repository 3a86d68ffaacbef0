#include "cli/log_target.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <fstream>

#include "../support/temporary_directory.hpp"

namespace arca::cli {
namespace {

using testing::HasSubstr;
using testing::MatchesRegex;
using Kind = LogRequest::Kind;

/// A daemon that reads the datagrams of a socket.
class Daemon {
  public:
    explicit Daemon(const std::string& path) : socket_(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        path.copy(address.sun_path, sizeof address.sun_path - 1);
        EXPECT_EQ(::bind(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    }
    ~Daemon() { ::close(socket_); }
    /// Empty when there is none.
    std::string message() const {
        std::array<char, 4096> buffer;
        const auto count = ::recv(socket_, buffer.data(), buffer.size(), MSG_DONTWAIT);
        return count < 0 ? std::string() : std::string(buffer.data(), static_cast<std::size_t>(count));
    }

  private:
    int socket_;
};

class LogTargets : public testing::Test {
  protected:
    LogSockets sockets() const { return {directory_ / "log", directory_ / "journal"}; }
    test::TemporaryDirectory directory_;
};

TEST_F(LogTargets, TheSystemsLog) {
    const Daemon daemon(sockets().syslog);
    const LogTarget target({Kind::Syslog, "web", LogFormat::Json}, sockets());
    EXPECT_EQ(target.problem(), "");
    EXPECT_FALSE(target.is_standard_error());
    target.write(log::Level::Error, "create web: no");
    EXPECT_EQ(daemon.message(), "<11>web[" + std::to_string(::getpid()) + "]: create web: no");
    target.write(log::Level::Debug, "d");
    EXPECT_THAT(daemon.message(), MatchesRegex("<15>web\\[[0-9]+\\]: d"));
}

TEST_F(LogTargets, SystemdsJournal) {
    const Daemon daemon(sockets().journal);
    const LogTarget target({Kind::Journal, "web", LogFormat::Text}, sockets());
    target.write(log::Level::Warning, "create web: a = b");
    EXPECT_EQ(daemon.message(), "MESSAGE=create web: a = b\nPRIORITY=4\nSYSLOG_IDENTIFIER=web\nID=web\n");
}

TEST_F(LogTargets, AnIdentifierCannotAddFields) {
    const Daemon daemon(sockets().journal);
    LogTarget({Kind::Journal, "web\nMESSAGE=forged", LogFormat::Text}, sockets()).write(log::Level::Error, "x");
    const auto message = daemon.message();
    EXPECT_THAT(message, testing::Not(HasSubstr("\nMESSAGE=forged")));
    EXPECT_THAT(message, HasSubstr("\nPRIORITY=3\n"));
}

TEST_F(LogTargets, ADaemonThatDoesNotReadHoldsNobodyUp) {
    const Daemon daemon(sockets().syslog);
    const LogTarget target({Kind::Syslog, "web", LogFormat::Text}, sockets());
    for (int i = 0; i < 5000; ++i)
        target.write(log::Level::Error, "again");
    EXPECT_THAT(daemon.message(), HasSubstr("again"));
}

TEST_F(LogTargets, WithoutTheDaemonStandardErrorIsTheLog) {
    for (const auto kind : {Kind::Syslog, Kind::Journal, Kind::File}) {
        const LogTarget target({kind, directory_ / "none/log", LogFormat::Json}, sockets());
        EXPECT_TRUE(target.is_standard_error());
        EXPECT_THAT(target.problem(), HasSubstr("ENOENT"));
        EXPECT_EQ(target.format(), LogFormat::Text) << "nobody parses it there";
        EXPECT_EQ(target.file(), STDERR_FILENO);
    }
}

TEST_F(LogTargets, DescriptorsStayOutOfTheCallersWay) {
    const Daemon daemon(sockets().syslog);
    const int lowest = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
    ::close(lowest);
    const LogTarget target({Kind::Syslog, "web", LogFormat::Text}, sockets());
    const LogTarget file({Kind::File, directory_ / "file", LogFormat::Text}, sockets());
    EXPECT_GE(file.file(), 100);
    EXPECT_EQ(::fcntl(file.file(), F_GETFD), FD_CLOEXEC);
    EXPECT_EQ(::open("/dev/null", O_RDONLY | O_CLOEXEC), lowest);
    ::close(lowest);
}

}  // namespace
}  // namespace arca::cli
