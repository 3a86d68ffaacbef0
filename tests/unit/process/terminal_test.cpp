#include "process/terminal.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <linux/sched.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <termios.h>

#include <csignal>
#include <cstring>
#include <functional>

#include "../support/in_child.hpp"
#include "../support/temporary_directory.hpp"

namespace arca::process {
namespace {

using testing::HasSubstr;

/// A root with its own devpts, in a mount namespace of its own. Call in a child.
std::string make_root(const std::string& path) {
    if (::unshare(CLONE_NEWNS) < 0) return "unshare";
    ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr);
    if (::mount("tmpfs", path.c_str(), "tmpfs", 0, "mode=0755") < 0) return "mount tmpfs";
    std::filesystem::create_directories(path + "/dev/pts");
    if (::mount("devpts", (path + "/dev/pts").c_str(), "devpts", 0, "newinstance,ptmxmode=0666,mode=0620,gid=5") < 0)
        return "mount devpts";
    return "";
}

class InRoot : public testing::Test {
  protected:
    void SetUp() override {
        if (::geteuid() != 0) GTEST_SKIP() << "needs to mount a devpts";
    }
    /// Runs `body(root)` in a child whose root has a devpts.
    template<class Body>
    std::string with_root(Body body) {
        return test::in_child([&]() -> std::string {
            if (auto problem = make_root(directory_.path()); !problem.empty()) return problem;
            auto root = sys::RootDir::open(directory_.path());
            if (!root) return root.error().message();
            return body(*root);
        });
    }
    std::string dev(const std::string& name) { return directory_ / ("dev/" + name); }
    test::TemporaryDirectory directory_;
};

TEST_F(InRoot, TerminalIsOfTheContainersDevptsWithSizeAndOwner) {
    EXPECT_EQ("", with_root([&](const sys::RootDir& root) -> std::string {
                  auto pair = open_terminal(root, spec::ConsoleSize{24, 81}, 1234);
                  if (!pair) return pair.error().message();
                  if (pair->name != "/dev/pts/0") return pair->name;  // the host's would have a higher number
                  winsize window{};
                  ::ioctl(pair->terminal.number(), TIOCGWINSZ, &window);
                  if (window.ws_row != 24 || window.ws_col != 81) return "size";
                  struct stat status {};
                  ::fstat(pair->terminal.number(), &status);
                  if (status.st_uid != 1234 || status.st_gid != 5) return "owner";
                  struct stat inside {};
                  ::stat(dev("pts/0").c_str(), &inside);
                  if (inside.st_rdev != status.st_rdev) return "not the one in the container";
                  for (const auto& fd : {pair->terminal.number(), pair->controller.number()})
                      if ((::fcntl(fd, F_GETFD) & FD_CLOEXEC) == 0) return "leaks";
                  char buffer[16] = {};
                  if (::write(pair->terminal.number(), "hello", 5) != 5) return "write";
                  return ::read(pair->controller.number(), buffer, sizeof buffer) == 5 ? "" : "not connected";
              }));
}

TEST_F(InRoot, TerminalsAreNumberedOn) {
    EXPECT_EQ("", with_root([&](const sys::RootDir& root) -> std::string {
                  auto first = open_terminal(root, std::nullopt, 0);
                  auto second = open_terminal(root, std::nullopt, 0);
                  if (!first || !second) return "failed";
                  return second->name == "/dev/pts/1" ? "" : second->name;
              }));
}

TEST_F(InRoot, WithoutADevptsTheConfigIsBlamed) {
    EXPECT_EQ("", with_root([&](const sys::RootDir& root) -> std::string {
                  ::umount2(dev("pts").c_str(), MNT_DETACH);
                  ::mknod(dev("pts/ptmx").c_str(), S_IFCHR | 0666, makedev(5, 2));
                  auto pair = open_terminal(root, std::nullopt, 0);
                  if (pair) return "opened a ptmx that is not on a devpts";
                  if (pair.error().pointer() != "/process/terminal") return pair.error().message();
                  return pair.error().code() == Code::InvalidConfig ? "" : "code";
              }));
}

TEST_F(InRoot, APtmxThatIsCoveredIsRefused) {
    EXPECT_EQ("", with_root([&](const sys::RootDir& root) -> std::string {
                  if (::mount("/dev/null", dev("pts/ptmx").c_str(), nullptr, MS_BIND, nullptr) < 0) return "mount";
                  auto pair = open_terminal(root, std::nullopt, 0);
                  if (pair) return "opened /dev/null as a terminal";
                  return pair.error().errnum() == EXDEV ? "" : pair.error().message();
              }));
}

TEST_F(InRoot, ALinkToTheHostsDevptsStaysInside) {
    EXPECT_EQ("", with_root([&](const sys::RootDir& root) -> std::string {
                  ::umount2(dev("pts").c_str(), MNT_DETACH);
                  std::filesystem::remove(dev("pts"));
                  if (::symlink("/../../../../dev/pts", dev("pts").c_str()) < 0) return "symlink";
                  return open_terminal(root, std::nullopt, 0) ? "left the root" : "";
              }));
}

TEST_F(InRoot, ConsoleIsBoundAndTheFileMade) {
    EXPECT_EQ("", with_root([&](const sys::RootDir& root) -> std::string {
                  auto pair = open_terminal(root, std::nullopt, 0);
                  if (!pair) return pair.error().message();
                  if (auto done = bind_console(root, *pair); !done) return done.error().message();
                  struct stat console {};
                  struct stat terminal {};
                  ::stat(dev("console").c_str(), &console);
                  ::fstat(pair->terminal.number(), &terminal);
                  if (console.st_rdev != terminal.st_rdev || !S_ISCHR(console.st_mode)) return "not the terminal";
                  const int fd = ::open(dev("console").c_str(), O_WRONLY | O_NOCTTY);
                  char buffer[16] = {};
                  if (::write(fd, "hi", 2) != 2) return "cannot be written";
                  return ::read(pair->controller.number(), buffer, sizeof buffer) == 2 ? "" : "not connected";
              }));
}

TEST_F(InRoot, ConsoleOverAnExistingNode) {
    EXPECT_EQ("", with_root([&](const sys::RootDir& root) -> std::string {
                  ::mknod(dev("console").c_str(), S_IFCHR | 0600, makedev(5, 1));
                  auto pair = open_terminal(root, std::nullopt, 0);
                  if (!pair) return pair.error().message();
                  auto done = bind_console(root, *pair);
                  return done ? "" : done.error().message();
              }));
}

TEST_F(InRoot, ConsoleThatIsALinkIsRefused) {
    EXPECT_EQ("", with_root([&](const sys::RootDir& root) -> std::string {
                  const auto victim = directory_.file("victim", "");
                  if (::symlink("/victim", dev("console").c_str()) < 0) return "symlink";
                  auto pair = open_terminal(root, std::nullopt, 0);
                  if (!pair) return pair.error().message();
                  auto done = bind_console(root, *pair);
                  if (done) return "followed the link";
                  struct stat status {};
                  ::stat(victim.c_str(), &status);
                  return S_ISREG(status.st_mode) && done.error().errnum() == ELOOP ? "" : done.error().message();
              }));
}

TEST_F(InRoot, BecomingTheTerminalMakesItControllingAndStdio) {
    EXPECT_EQ("", with_root([&](const sys::RootDir& root) -> std::string {
                  auto pair = open_terminal(root, std::nullopt, 0);
                  if (!pair) return pair.error().message();
                  if (auto done = become_terminal(*pair); !done) return done.error().message();
                  if (::getsid(0) != ::getpid() || ::tcgetsid(0) != ::getpid()) return "not the controlling terminal";
                  if (::tcgetpgrp(2) != ::getpgrp()) return "not in the foreground";
                  for (int fd = 0; fd < 3; ++fd)
                      if (::isatty(fd) == 0 || ::fcntl(fd, F_GETFD) != 0) return "stdio " + std::to_string(fd);
                  ::signal(SIGHUP, SIG_IGN);  // it is sent when this session ends
                  return "";
              }));
}

// ---- console socket

class ConsoleSocket : public testing::Test {
  protected:
    int listen_at(const std::string& path, int type) {
        const int directory = ::open(std::filesystem::path(path).parent_path().c_str(), O_PATH);
        const auto name = std::filesystem::path(path).filename().string();
        listener_ = ::socket(AF_UNIX, type | SOCK_CLOEXEC, 0);
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        const auto shortened = "/proc/self/fd/" + std::to_string(directory) + "/" + name;
        shortened.copy(address.sun_path, sizeof address.sun_path - 1);
        const int done = ::bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof address);
        ::close(directory);
        return done < 0 ? done : ::listen(listener_, 1);
    }
    void TearDown() override { ::close(listener_); }

    /// What an engine does: accept, one message, the descriptor from it.
    std::pair<std::string, int> receive() {
        const int connection = ::accept(listener_, nullptr, nullptr);
        char data[256];
        iovec part{data, sizeof data};
        alignas(cmsghdr) char control[256];
        msghdr header{};
        header.msg_iov = &part;
        header.msg_iovlen = 1;
        header.msg_control = control;
        header.msg_controllen = sizeof control;
        const auto size = ::recvmsg(connection, &header, MSG_CMSG_CLOEXEC);
        ::close(connection);
        int fd = -1;
        if (auto* rights = CMSG_FIRSTHDR(&header)) memcpy(&fd, CMSG_DATA(rights), sizeof fd);
        return {std::string(data, size < 0 ? 0 : static_cast<std::size_t>(size)), fd};
    }

    void expect_delivery(const std::string& path) {
        int ends[2];
        ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
        auto socket = connect_console_socket(path);
        ASSERT_TRUE(socket) << socket.error().message();
        auto sent = send_controller(*socket, sys::FdRef(ends[1]), "/dev/pts/7");
        ASSERT_TRUE(sent) << sent.error().message();
        ::close(ends[1]);
        const auto [name, fd] = receive();
        EXPECT_EQ(name, "/dev/pts/7");
        EXPECT_EQ(::write(fd, "x", 1), 1);
        char got = 0;
        EXPECT_EQ(::read(ends[0], &got, 1), 1);
        ::close(fd);
        ::close(ends[0]);
    }
    test::TemporaryDirectory directory_;
    int listener_ = -1;
};

TEST_F(ConsoleSocket, GetsTheControllerAndItsName) {
    ASSERT_EQ(listen_at(directory_ / "console.sock", SOCK_STREAM), 0);
    expect_delivery(directory_ / "console.sock");
}

TEST_F(ConsoleSocket, MayBeOfPackets) {
    ASSERT_EQ(listen_at(directory_ / "console.sock", SOCK_SEQPACKET), 0);
    expect_delivery(directory_ / "console.sock");
}

TEST_F(ConsoleSocket, MayHaveALongPath) {
    const auto deep = (directory_ / std::string(90, 'd')) + "/" + std::string(60, 'e');
    std::filesystem::create_directories(deep);
    ASSERT_EQ(listen_at(deep + "/" + std::string(40, 's'), SOCK_STREAM), 0);
    expect_delivery(deep + "/" + std::string(40, 's'));
}

TEST_F(ConsoleSocket, PathsAroundTheLimit) {
    for (const std::size_t length : {106U, 107U, 108U, 109U}) {
        const auto prefix = directory_ / "";
        const auto path = prefix + std::string(length - prefix.size(), 's');
        ASSERT_EQ(listen_at(path, SOCK_STREAM), 0);
        auto socket = connect_console_socket(path);
        EXPECT_TRUE(socket) << length << ": " << socket.error().message();
        ::close(listener_);
    }
}

TEST_F(ConsoleSocket, ThatIsAbsentIsSaidWithoutTheWordsForAMissingProgram) {
    auto socket = connect_console_socket(directory_ / "none");
    ASSERT_FALSE(socket);
    EXPECT_EQ(socket.error().message(), "console socket: connect(" + (directory_ / "none") + "): absent (ENOENT)");
    EXPECT_FALSE(connect_console_socket(directory_ / std::string(120, 'n')));
}

TEST_F(ConsoleSocket, ThatNobodyListensToAnyMoreDoesNotKillUs) {
    int ends[2];
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    ::close(ends[1]);
    EXPECT_FALSE(send_controller(sys::FdRef(ends[0]), sys::FdRef(2), "x"));  // EPIPE, no SIGPIPE
    ::close(ends[0]);
}

// ---- foreground

/// The caller: fresh pipes (or a terminal of the test's) as stdio, a shell in a terminal of the host's devpts below it.
class Foreground : public testing::Test {
  protected:
    void SetUp() override {
        const int fd = ::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
        if (fd < 0) GTEST_SKIP() << "no pseudo-terminals here";
        ::close(fd);
    }
    struct Pair {
        int controller = -1;
        int terminal = -1;
    };
    static Pair open_pair() {
        Pair pair;
        pair.controller = ::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
        ::unlockpt(pair.controller);
        pair.terminal = ::ioctl(pair.controller, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
        return pair;
    }
    static sys::Child spawn_shell(const std::string& script, const Terminal* terminal) {
        auto cloned = sys::clone3({});
        if (cloned->is_child) {
            sys::reset_signals();
            if (terminal != nullptr && !become_terminal(*terminal)) ::_exit(98);
            ::execl("/bin/sh", "sh", "-c", script.c_str(), nullptr);
            ::_exit(99);
        }
        return std::move(cloned->child);
    }
    /// What a foreground arca does after the launch; the exit code as a shell counts it.
    static int proxy(const std::string& script) {
        auto pair = open_pair();
        Terminal terminal{sys::Fd(pair.controller), sys::Fd(pair.terminal), ""};
        adapt_to_caller(terminal.controller);
        auto child = spawn_shell(script, &terminal);
        terminal.terminal.reset();
        auto status = proxy_terminal(std::move(terminal.controller), std::move(child));
        return status ? status->shell_code() : -1;
    }
    static void wait_for(const std::function<bool()>& condition) {
        for (int i = 0; i < 1000 && !condition(); ++i)
            ::usleep(5'000);
    }

    struct Outcome {
        int code = -1;
        std::string output;
    };
    /// Runs `body` in a child with `input` on stdin (a pipe) and its stdout collected.
    template<class Body>
    static Outcome with_pipes(const std::string& input, Body body) {
        int in[2];
        int out[2];
        EXPECT_EQ(::pipe2(in, O_CLOEXEC), 0);
        EXPECT_EQ(::pipe2(out, O_CLOEXEC), 0);
        EXPECT_EQ(::write(in[1], input.data(), input.size()), static_cast<ssize_t>(input.size()));
        ::close(in[1]);
        const pid_t pid = ::fork();
        if (pid == 0) {
            ::dup2(in[0], 0);
            ::dup2(out[1], 1);
            ::_exit(body());
        }
        ::close(in[0]);
        ::close(out[1]);
        Outcome outcome;
        char buffer[65536];
        for (ssize_t size = 0; (size = ::read(out[0], buffer, sizeof buffer)) > 0;)
            outcome.output.append(buffer, static_cast<std::size_t>(size));
        ::close(out[0]);
        int status = 0;
        ::waitpid(pid, &status, 0);
        outcome.code = WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
        return outcome;
    }
};

TEST_F(Foreground, OutputAndExitStatusComeThrough) {
    auto outcome = with_pipes("", [] { return proxy("echo one; echo two >&2; exit 7"); });
    EXPECT_EQ(outcome.code, 7);
    EXPECT_EQ(outcome.output, "one\ntwo\n");
}

TEST_F(Foreground, DeathByASignalCountsAsInAShell) {
    EXPECT_EQ(with_pipes("", [] { return proxy("kill -KILL $$"); }).code, 128 + SIGKILL);
}

TEST_F(Foreground, NothingOfALongOutputIsLostAtTheEnd) {
    for (int i = 0; i < 20; ++i) {
        auto outcome =
            with_pipes("", [] { return proxy("stty -opost; head -c 300000 /dev/zero | tr '\\0' x; printf END"); });
        EXPECT_EQ(outcome.output.size(), 300003U) << "round " << i;
        EXPECT_TRUE(outcome.output.ends_with("xEND"));
    }
}

TEST_F(Foreground, VeryShortProcessesNeitherHangNorLoseOutput) {
    auto outcome = with_pipes("", [] {
        for (int i = 0; i < 300; ++i)
            if (proxy("echo x") != 0) return 1;
        return 0;
    });
    EXPECT_EQ(outcome.code, 0);
    EXPECT_EQ(outcome.output.size(), 600U);
}

TEST_F(Foreground, InputComesThroughAndItsEndIsSeen) {
    auto outcome = with_pipes("hello\nworld", [] { return proxy("stty -echo; cat | tr a-z A-Z; echo; echo end"); });
    EXPECT_EQ(outcome.code, 0);
    EXPECT_THAT(outcome.output, HasSubstr("HELLO"));
    EXPECT_THAT(outcome.output, HasSubstr("WORLD\nend\n"));
}

TEST_F(Foreground, ABackgroundProcessThatHoldsTheTerminalIsNotWaitedFor) {
    const auto began = ::time(nullptr);
    auto outcome = with_pipes("", [] { return proxy("trap '' HUP; sleep 20 & echo done; exit 3"); });
    EXPECT_EQ(outcome.code, 3);
    EXPECT_EQ(outcome.output, "done\n");
    EXPECT_LT(::time(nullptr) - began, 10);
}

TEST_F(Foreground, AProcessThatClosesItsTerminalForAWhileIsFollowed) {
    auto outcome = with_pipes("", [] {
        timespec before{};
        ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &before);
        const int code = proxy("exec <&- >&- 2>&-; sleep 0.5; exec > /dev/tty; echo back");
        timespec after{};
        ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &after);
        const auto used_ms = (after.tv_sec - before.tv_sec) * 1000 + (after.tv_nsec - before.tv_nsec) / 1'000'000;
        return used_ms > 200 ? 111 : code;  // no spinning meanwhile
    });
    EXPECT_EQ(outcome.code, 0);
    EXPECT_EQ(outcome.output, "back\n");
}

TEST_F(Foreground, AClosedStdoutDoesNotStopTheContainer) {
    test::TemporaryDirectory directory;
    const auto file = directory / "done";
    EXPECT_EQ("", test::in_child([&]() -> std::string {
                  int out[2];
                  if (::pipe(out) < 0) return "pipe";
                  ::dup2(out[1], 1);
                  ::close(out[0]);
                  ::close(out[1]);
                  ::dup2(::open("/dev/null", O_RDONLY), 0);
                  const int code = proxy("head -c 200000 /dev/zero; echo yes > " + file);
                  return code == 0 ? "" : "code " + std::to_string(code);
              }));
    EXPECT_TRUE(std::filesystem::exists(file));
}

TEST_F(Foreground, SignalsAreForwarded) {
    auto outcome = with_pipes("", [] {
        const pid_t self = ::getpid();
        if (::fork() == 0) {
            ::usleep(300'000);
            ::kill(self, SIGURG);  // not forwarded: its default is to be ignored anyway, its trap would show
            ::kill(self, SIGTERM);
            ::_exit(0);
        }
        return proxy("trap 'echo urgent' URG; trap 'echo term; exit 5' TERM; echo ready; while :; do sleep 0.05; done");
    });
    EXPECT_EQ(outcome.code, 5);
    EXPECT_EQ(outcome.output, "ready\nterm\n");
}

TEST_F(Foreground, SharedDescriptionsStayBlocking) {
    EXPECT_EQ(with_pipes("x",
                         [] {
                             const int in_before = ::fcntl(0, F_GETFL);
                             const int out_before = ::fcntl(1, F_GETFL);
                             (void)proxy("true");
                             return ::fcntl(0, F_GETFL) == in_before && ::fcntl(1, F_GETFL) == out_before ? 0 : 1;
                         })
                  .code,
              0);
}

/// The caller has a terminal of its own: `outer` is what the person in front of it has.
class WithTerminal : public Foreground {
  protected:
    pid_t start(const std::string& script) {
        outer_ = open_pair();
        winsize window{};
        window.ws_row = 40;
        window.ws_col = 100;
        ::ioctl(outer_.controller, TIOCSWINSZ, &window);
        const pid_t pid = ::fork();
        if (pid == 0) {
            Terminal mine{sys::Fd(), sys::Fd(outer_.terminal), ""};
            if (!become_terminal(mine)) ::_exit(97);
            ::_exit(proxy(script));
        }
        ::fcntl(outer_.controller, F_SETFL, O_RDWR | O_NONBLOCK);
        return pid;
    }
    std::string read_until(const std::string& wanted) {
        wait_for([&] {
            char buffer[4096];
            const auto size = ::read(outer_.controller, buffer, sizeof buffer);
            if (size > 0) seen_.append(buffer, static_cast<std::size_t>(size));
            return seen_.find(wanted) != std::string::npos;
        });
        return seen_;
    }
    void type(const std::string& text) {
        EXPECT_EQ(::write(outer_.controller, text.data(), text.size()), static_cast<ssize_t>(text.size()));
    }
    termios settings() const {
        termios now{};
        ::tcgetattr(outer_.terminal, &now);
        return now;
    }
    void TearDown() override {
        ::close(outer_.controller);
        ::close(outer_.terminal);
    }
    Pair outer_;
    std::string seen_;
};

TEST_F(WithTerminal, IsRawWhileTheContainerRunsAndRestoredAfterwards) {
    const pid_t pid = start("stty size; echo ready; read line; echo got $line; exit 4");
    EXPECT_THAT(read_until("ready"), HasSubstr("40 100"));
    EXPECT_EQ(settings().c_lflag & (ICANON | ECHO | ISIG), 0U);
    type("typed\r");
    EXPECT_THAT(read_until("got typed"), HasSubstr("got typed\r\n"));
    int status = 0;
    ::waitpid(pid, &status, 0);
    EXPECT_EQ(WEXITSTATUS(status), 4);
    EXPECT_EQ(settings().c_lflag & (ICANON | ECHO | ISIG), static_cast<tcflag_t>(ICANON | ECHO | ISIG));
}

TEST_F(WithTerminal, IntrCharacterGoesToTheContainersForeground) {
    const pid_t pid = start("trap 'echo interrupted; exit 6' INT; echo ready; while :; do sleep 0.05; done");
    read_until("ready");
    type("\x03");
    EXPECT_THAT(read_until("interrupted"), HasSubstr("interrupted"));
    int status = 0;
    ::waitpid(pid, &status, 0);
    EXPECT_EQ(WEXITSTATUS(status), 6);
}

TEST_F(WithTerminal, SizeChangesArePassedOn) {
    const pid_t pid = start("trap 'stty size; exit 0' WINCH; echo ready; while :; do sleep 0.05; done");
    read_until("ready");
    winsize window{};
    window.ws_row = 33;
    window.ws_col = 77;
    ::ioctl(outer_.controller, TIOCSWINSZ, &window);
    EXPECT_THAT(read_until("33 77"), HasSubstr("33 77"));
    ::waitpid(pid, nullptr, 0);
}

TEST_F(WithTerminal, ATerminalStopGivesTheTerminalBackUntilContinued) {
    const pid_t pid = start("echo ready; read line; echo got $line");
    read_until("ready");
    ::kill(pid, SIGTSTP);
    int status = 0;
    EXPECT_EQ(::waitpid(pid, &status, WUNTRACED), pid);
    EXPECT_TRUE(WIFSTOPPED(status));
    EXPECT_NE(settings().c_lflag & ICANON, 0U) << "the shell would get a raw terminal";
    ::kill(pid, SIGCONT);
    wait_for([&] { return (settings().c_lflag & ICANON) == 0; });
    EXPECT_EQ(settings().c_lflag & ICANON, 0U);
    type("more\r");
    EXPECT_THAT(read_until("got more"), HasSubstr("got more"));
    ::waitpid(pid, nullptr, 0);
}

// ---- without a terminal

TEST_F(Foreground, WithoutATerminalSignalsAreForwardedToo) {
    auto outcome = with_pipes("", [] {
        const pid_t self = ::getpid();
        if (::fork() == 0) {
            ::usleep(300'000);
            for (const int signal : {SIGWINCH, SIGUSR1, SIGRTMIN + 3, SIGINT})
                ::kill(self, signal);
            ::_exit(0);
        }
        auto child = spawn_shell(
            "trap 'echo winch' WINCH; trap 'echo usr1' USR1; trap 'echo rt' RTMIN+3 2>/dev/null; trap 'echo int; exit "
            "5' "
            "INT; echo ready; while :; do sleep 0.05; done",
            nullptr);
        auto status = wait_forwarding_signals(std::move(child));
        return status ? status->shell_code() : -1;
    });
    // dash has no name for real-time signals: the default of SIGRTMIN+3 ends the shell, which shows that it came.
    EXPECT_THAT(outcome.output, testing::StartsWith("ready\n"));
    EXPECT_EQ(outcome.output.find("winch"), std::string::npos);
    EXPECT_TRUE(outcome.code == 5 || outcome.code == 128 + SIGRTMIN + 3) << outcome.code;
}

TEST_F(Foreground, OrphansAreReaped) {
    EXPECT_EQ(with_pipes("",
                         [] {
                             ::prctl(PR_SET_CHILD_SUBREAPER, 1);
                             auto child = spawn_shell("(sleep 0.1 & ) ; (sleep 0.1 & ); sleep 0.6; exit 9", nullptr);
                             auto status = wait_forwarding_signals(std::move(child));
                             if (::waitpid(-1, nullptr, WNOHANG) != -1 || errno != ECHILD)
                                 return 1;  // a zombie is left
                             return status ? status->shell_code() : -1;
                         })
                  .code,
              9);
}

TEST_F(Foreground, TheSignalMaskIsRestored) {
    EXPECT_EQ(with_pipes("",
                         [] {
                             sigset_t before;
                             sigset_t after;
                             sigemptyset(&before);
                             sigaddset(&before, SIGUSR2);
                             ::sigprocmask(SIG_SETMASK, &before, nullptr);
                             (void)wait_forwarding_signals(spawn_shell("exit 0", nullptr));
                             ::sigprocmask(SIG_SETMASK, nullptr, &after);
                             return sigismember(&after, SIGUSR2) == 1 && sigismember(&after, SIGTERM) == 0 ? 0 : 1;
                         })
                  .code,
              0);
}

}  // namespace
}  // namespace arca::process
