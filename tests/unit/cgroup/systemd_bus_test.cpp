// Against peers that misbehave, and against a real bus daemon, on which nobody is called systemd.
#include "cgroup/systemd_bus.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstring>

#include "../support/temporary_directory.hpp"
#include "base/text.hpp"
#include "cgroup/systemd_scope.hpp"

namespace arca::cgroup {
namespace {
using ::testing::HasSubstr;

class SystemdBusTest : public ::testing::Test {
  protected:
    ~SystemdBusTest() override {
        for (pid_t child : children_) {
            ::kill(child, SIGKILL);
            ::waitpid(child, nullptr, 0);
        }
    }

    std::string path(const std::string& name) const { return text::cat(directory_.path(), "/", name); }
    std::string address(const std::string& name) const { return text::cat("unix:path=", path(name)); }

    int listen_at(const std::string& where) {
        sockaddr_un name{};
        name.sun_family = AF_UNIX;
        std::strncpy(name.sun_path, where.c_str(), sizeof name.sun_path - 1);
        const int socket = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        EXPECT_EQ(::bind(socket, reinterpret_cast<sockaddr*>(&name), sizeof name), 0);
        EXPECT_EQ(::listen(socket, 5), 0);
        return socket;
    }

    // A peer that answers the first that connects with these bytes, and hangs up.
    void serve(const std::string& where, const std::string& answer) {
        const int socket = listen_at(where);
        const pid_t child = ::fork();
        if (child == 0) {
            const int peer = ::accept(socket, nullptr, nullptr);
            char greeting[512];
            (void)!::recv(peer, greeting, sizeof greeting, 0);
            (void)!::send(peer, answer.data(), answer.size(), MSG_NOSIGNAL);
            ::_exit(0);
        }
        ::close(socket);
        children_.push_back(child);
    }

    bool start_bus_daemon() {
        if (::access("/usr/bin/dbus-daemon", X_OK) != 0) return false;
        const auto option = text::cat("--address=", address("bus"));
        const pid_t child = ::fork();
        if (child == 0) {
            ::execl("/usr/bin/dbus-daemon", "dbus-daemon", "--session", "--nofork", "--nopidfile", option.c_str(),
                    nullptr);
            ::_exit(127);
        }
        children_.push_back(child);
        for (int i = 0; i < 100 && ::access(path("bus").c_str(), F_OK) != 0; ++i)
            ::usleep(50'000);
        return ::access(path("bus").c_str(), F_OK) == 0;
    }

    static std::string failure(const std::string& addresses, int timeout_ms = 5'000) {
        auto bus = SystemdBus::connect(addresses, Deadline(timeout_ms));
        return bus ? "connected" : bus.error().message();
    }

    test::TemporaryDirectory directory_;
    std::vector<pid_t> children_;
};

TEST_F(SystemdBusTest, NobodyIsThere) {
    EXPECT_THAT(failure(""), HasSubstr("XDG_RUNTIME_DIR"));
    EXPECT_THAT(failure(address("a") + ";" + address("b")), testing::AllOf(HasSubstr("/a"), HasSubstr("/b")));
    EXPECT_THAT(failure("nonsense"), HasSubstr("no address"));
    EXPECT_THAT(failure(address(std::string(200, 'x'))), HasSubstr("too long"));
}

TEST_F(SystemdBusTest, APeerThatSaysNothingIsLeft) {
    const int socket = listen_at(path("silent"));
    auto bus = SystemdBus::connect(address("silent"), Deadline(50));
    ASSERT_FALSE(bus);
    EXPECT_EQ(bus.error().code(), Code::Timeout);
    ::close(socket);
}

TEST_F(SystemdBusTest, APeerThatRefusesIsQuoted) {
    serve(path("closed"), "REJECTED KERBEROS\r\n");
    EXPECT_THAT(failure(address("closed")), HasSubstr("REJECTED KERBEROS"));
    serve(path("mute"), "");
    EXPECT_THAT(failure(address("mute")), HasSubstr("closed the connection"));
}

TEST_F(SystemdBusTest, NonsenseIsNoMessage) {
    serve(path("noise"), "DATA\r\nOK 0123\r\n" + std::string(64, 'x'));
    auto bus = SystemdBus::connect(address("noise"), Deadline(5'000));
    ASSERT_TRUE(bus) << bus.error().message();
    auto reply = bus->call({"Ping", {}}, Deadline(5'000));
    ASSERT_FALSE(reply);
    // The peer may have closed before the call is sent.
    EXPECT_THAT(reply.error().message(), testing::AnyOf(HasSubstr("no D-Bus message"), HasSubstr("EPIPE")));
}

TEST_F(SystemdBusTest, ADaemonTakesEveryKindOfArgument) {
    if (!start_bus_daemon()) GTEST_SKIP() << "needs dbus-daemon";
    auto bus = SystemdBus::connect(text::cat(address("absent"), ";", address("bus")), Deadline(5'000));
    ASSERT_TRUE(bus) << bus.error().message();
    std::vector<Value> arguments;
    for (const char* text : {"true", "byte 1", "int16 -1", "uint16 1", "-1", "uint32 1", "int64 -1", "uint64 1", "1.5",
                             "'s'", "objectpath '/o'", "signature 'a{sv}'", "['a']", "@as []", "[('a', uint64 1)]"})
        arguments.push_back(Value::variant(*parse_gvariant(text)));
    auto reply = bus->run_job({"StartTransientUnit", arguments}, Deadline(5'000));
    ASSERT_TRUE(reply) << reply.error().message();
    // It has nobody to pass them on to: it knows no such service, or cannot start it.
    EXPECT_THAT(reply->error_name, testing::StartsWith("org.freedesktop.DBus.Error.")) << reply->text;
    EXPECT_FALSE(reply->says(".InvalidArgs")) << reply->text;
}

// Nobody of systemd's name is on this bus, and the daemon's answer names no property.
TEST_F(SystemdBusTest, ARefusalThatNamesNoPropertyIsToldWithAllThatWereSent) {
    if (!start_bus_daemon()) GTEST_SKIP() << "needs dbus-daemon";
    const std::vector<Property> properties = {{"Slice", Value::string("a.slice")}, {"Delegate", Value::boolean(true)}};
    const auto told = set_properties(address("bus"), "web.scope", properties).error().message();
    EXPECT_THAT(told, testing::StartsWith("systemd unit web.scope: systemd refuses SetUnitProperties: "));
    EXPECT_THAT(told, testing::EndsWith(") (the properties sent: Slice, Delegate)"));
    EXPECT_THAT(told, HasSubstr("(org.freedesktop.DBus.Error."));
    ScopePlan plan;
    plan.bus = address("bus");
    plan.unit = "web.scope";
    plan.properties = properties;
    const auto started = start_scope(plan, ::getpid());
    ASSERT_FALSE(started);
    EXPECT_EQ(started.error().hint(), "the properties sent: Slice, Delegate");
}

TEST_F(SystemdBusTest, ARefusalHasNoListWhereNothingWasSent) {
    if (!start_bus_daemon()) GTEST_SKIP() << "needs dbus-daemon";
    const auto stopped = stop_scope(address("bus"), "web.scope", Inhabitants::None);
    ASSERT_FALSE(stopped);
    EXPECT_EQ(stopped.error().hint(), "");
}

}  // namespace
}  // namespace arca::cgroup
