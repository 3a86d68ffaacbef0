#include "sys/process.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/sched.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <fstream>
#include <future>
#include <thread>

#include "../support/in_child.hpp"

namespace arca::sys {
namespace {

template<class Body>
Child spawn(Body body) {
    auto cloned = clone3({});
    EXPECT_TRUE(cloned) << cloned.error().message();
    if (cloned->is_child) {
        body();
        ::_exit(0);
    }
    return std::move(cloned->child);
}

TEST(ExitStatus, IsDescribedAndCountedAsInAShell) {
    EXPECT_EQ((ExitStatus{3, 0}).describe(), "exited with status 3");
    EXPECT_EQ((ExitStatus{0, SIGKILL}).describe(), "was killed by SIGKILL");
    EXPECT_EQ((ExitStatus{0, SIGRTMIN + 3}).describe(), "was killed by signal " + std::to_string(SIGRTMIN + 3));
    EXPECT_EQ((ExitStatus{3, 0}).shell_code(), 3);
    EXPECT_EQ((ExitStatus{0, SIGTERM}).shell_code(), 128 + SIGTERM);
}

TEST(Child, WaitGivesStatusOrSignalAndReaps) {
    auto child = spawn([] { ::_exit(42); });
    EXPECT_EQ(child.wait()->code, 42);
    EXPECT_FALSE(child);
    child = spawn([] { ::kill(::getpid(), SIGKILL); });
    EXPECT_EQ(child.wait()->signal, SIGKILL);
    EXPECT_EQ(::waitpid(-1, nullptr, WNOHANG), -1);
    EXPECT_EQ(errno, ECHILD);
}

TEST(Child, TryWaitDoesNotWait) {
    auto child = spawn([] { ::pause(); });
    EXPECT_FALSE(child.pidfd().has_exited());
    auto running = child.try_wait();
    ASSERT_TRUE(running);
    EXPECT_FALSE(*running);
    ASSERT_TRUE(child.pidfd().send_signal(SIGTERM));
    while (!child.pidfd().has_exited())
        ::usleep(1000);
    auto ended = child.try_wait();
    ASSERT_TRUE(ended && *ended);
    EXPECT_EQ((*ended)->signal, SIGTERM);
    EXPECT_FALSE(child);
}

TEST(Child, DroppedIsKilledAndReaped) {
    pid_t pid = 0;
    {
        auto child = spawn([] {
            sigset_t all;
            sigfillset(&all);
            ::sigprocmask(SIG_BLOCK, &all, nullptr);
            ::pause();
        });
        pid = child.pid();
    }
    EXPECT_EQ(::kill(pid, 0), -1);
    EXPECT_EQ(errno, ESRCH);
}

TEST(Child, AssignedOverIsKilledAndReaped) {
    auto child = spawn([] { ::pause(); });
    const pid_t first = child.pid();
    child = spawn([] { ::pause(); });
    EXPECT_EQ(::kill(first, 0), -1);
    EXPECT_EQ(::kill(child.pid(), 0), 0);
}

TEST(Child, ReleasedLivesOn) {
    Pidfd released;
    {
        auto child = spawn([] { ::pause(); });
        released = child.release();
    }
    EXPECT_EQ(::kill(released.pid(), 0), 0);
    EXPECT_FALSE(released.has_exited());
    ASSERT_TRUE(released.send_signal(SIGKILL));
    ::waitpid(released.pid(), nullptr, 0);
}

TEST(Pidfd, OfNobodyIsEsrch) {
    auto child = spawn([] {});
    const pid_t pid = child.pid();
    ASSERT_TRUE(child.wait());
    EXPECT_EQ(Pidfd::open(pid).error().errnum(), ESRCH);
}

TEST(Pidfd, OfASessionWithoutItsLeaderIsEsrch) {
    auto leader = spawn([] {
        ::setsid();
        if (::fork() == 0) ::pause();
    });
    const pid_t pid = leader.pid();
    ASSERT_TRUE(leader.wait());
    EXPECT_EQ(Pidfd::open(pid).error().errnum(), ESRCH);
    ::kill(-pid, SIGKILL);
}

TEST(Pidfd, OfAThreadIsEsrch) {
    std::promise<pid_t> id;
    std::promise<void> end;
    std::thread thread([&] {
        id.set_value(::gettid());
        end.get_future().wait();
    });
    EXPECT_EQ(Pidfd::open(id.get_future().get()).error().errnum(), ESRCH);
    end.set_value();
    thread.join();
}

TEST(Pidfd, SignalToTheDeadIsEsrch) {
    auto child = spawn([] { ::pause(); });
    auto other = Pidfd::open(child.pid());
    ASSERT_TRUE(other);
    ASSERT_TRUE(child.pidfd().send_signal(SIGKILL));
    ASSERT_TRUE(child.wait());
    EXPECT_TRUE(other->has_exited());
    EXPECT_EQ(other->send_signal(SIGTERM).error().errnum(), ESRCH);
}

TEST(Clone3, HandlersAreClearedAndThePidfdIsClosedAtExec) {
    struct sigaction before {};
    struct sigaction action {};
    action.sa_handler = [](int) {};
    ::sigaction(SIGUSR1, &action, &before);
    auto child = spawn([] {
        struct sigaction now {};
        ::sigaction(SIGUSR1, nullptr, &now);
        ::_exit(now.sa_handler == SIG_DFL ? 0 : 1);
    });
    ::sigaction(SIGUSR1, &before, nullptr);
    EXPECT_EQ(::fcntl(child.pidfd().fd().number(), F_GETFD), FD_CLOEXEC);
    EXPECT_EQ(child.wait()->code, 0);
}

TEST(Clone3, NamespacesAreNew) {
    if (::geteuid() != 0) GTEST_SKIP() << "needs CAP_SYS_ADMIN";
    auto cloned = clone3({.flags = CLONE_NEWPID});
    ASSERT_TRUE(cloned);
    if (cloned->is_child) ::_exit(::getpid() == 1 ? 0 : 1);
    EXPECT_EQ(cloned->child.wait()->code, 0);
}

TEST(Clone3, WithCloneParentTheProcessIsASibling) {
    EXPECT_EQ("", test::in_child([]() -> std::string {
                  int ends[2];
                  if (::pipe(ends) < 0) return "pipe";
                  const pid_t self = ::getpid();
                  const pid_t intermediate = ::fork();
                  if (intermediate == 0) {
                      auto cloned = clone3({.flags = CLONE_PARENT});
                      if (!cloned) ::_exit(1);
                      if (cloned->is_child) {
                          const pid_t parent = ::getppid();
                          [[maybe_unused]] auto written = ::write(ends[1], &parent, sizeof parent);
                          ::_exit(7);
                      }
                      (void)cloned->child.release();
                      ::_exit(0);
                  }
                  int status = 0;
                  ::waitpid(intermediate, &status, 0);
                  if (status != 0) return "clone3 failed";
                  pid_t parent = 0;
                  if (::read(ends[0], &parent, sizeof parent) != sizeof parent || parent != self) return "not ours";
                  return ::waitpid(-1, &status, __WALL) > 0 && WEXITSTATUS(status) == 7 ? "" : "not waited for";
              }));
}

TEST(Clone3, FailureNamesTheFlags) {
    auto cloned = clone3({.flags = CLONE_NEWNS | CLONE_FS});
    ASSERT_FALSE(cloned);
    EXPECT_EQ(cloned.error().errnum(), EINVAL);
    EXPECT_NE(cloned.error().what().find("clone3(flags 0x"), std::string::npos);
}

TEST(StartTime, IsTheSameForAProcessAndLaterForALaterOne) {
    auto first = spawn([] { ::pause(); });
    const auto now = *start_time(first.pid());
    EXPECT_EQ(*start_time(first.pid()), now);
    ::usleep(30'000);  // a clock tick is 10 ms
    auto second = spawn([] { ::pause(); });
    EXPECT_GT(*start_time(second.pid()), now);
}

TEST(StartTime, CopesWithHostileNames) {
    auto child = spawn([] {
        ::prctl(PR_SET_NAME, ") R 1 (\n 2");
        ::pause();
    });
    auto plain = spawn([] { ::pause(); });
    std::string comm;
    do
        std::getline(std::ifstream("/proc/" + std::to_string(child.pid()) + "/comm"), comm);
    while (!comm.starts_with(")"));
    const auto difference =
        static_cast<std::int64_t>(*start_time(plain.pid())) - static_cast<std::int64_t>(*start_time(child.pid()));
    EXPECT_LE(difference, 100);
    EXPECT_GE(difference, 0);
    const auto info = process_info(child.pid());
    EXPECT_TRUE(info && !info->is_dead()) << "state " << info->state;
}

TEST(ProcessInfo, KnowsTheDead) {
    auto child = spawn([] {});
    while (!child.pidfd().has_exited())
        ::usleep(1000);
    EXPECT_TRUE(process_info(child.pid())->is_dead());  // a zombie
    const pid_t pid = child.pid();
    ASSERT_TRUE(child.wait());
    EXPECT_FALSE(process_info(pid));
}

TEST(SignalsBlocked, HoldsSignalsBackAndRestoresTheMask) {
    EXPECT_EQ("", test::in_child([]() -> std::string {
                  sigset_t mask;
                  sigemptyset(&mask);
                  sigaddset(&mask, SIGUSR2);
                  ::sigprocmask(SIG_SETMASK, &mask, nullptr);
                  static volatile sig_atomic_t came = 0;
                  ::signal(SIGUSR1, [](int) { came = 1; });
                  {
                      const SignalsBlocked blocked;
                      ::kill(::getpid(), SIGUSR1);
                      if (came != 0) return "was not held back";
                  }
                  if (came == 0) return "was lost";
                  ::sigprocmask(SIG_SETMASK, nullptr, &mask);
                  return sigismember(&mask, SIGUSR2) == 1 && sigismember(&mask, SIGUSR1) == 0 ? "" : "mask";
              }));
}

}  // namespace
}  // namespace arca::sys
