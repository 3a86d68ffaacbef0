// The kernel as witness: a child loads the filter and reports what its system calls give.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>

#include "seccomp/program.hpp"

namespace arca::seccomp {
namespace {

using spec::SeccompAction;
using spec::SeccompOperator;

Program must_compile(const spec::Seccomp& profile) {
    std::vector<spec::Note> notes;
    auto program = compile(profile, notes);
    if (program) return std::move(*program);
    ADD_FAILURE() << program.error().message();
    return {};
}

/// Wait status of a child that loads the program (under no_new_privs) and then runs `body` to get its exit status.
template<class Body>
int filtered(const Program& program, Body body) {
    const pid_t pid = ::fork();
    if (pid == 0) {
        ::prctl(PR_SET_NO_NEW_PRIVS, 1UL, 0UL, 0UL, 0UL);
        if (load(program).errnum != 0) ::_exit(99);
        const int status = body();
        ::syscall(SYS_exit_group, status);
    }
    int status = 0;
    ::waitpid(pid, &status, 0);
    return status;
}

/// 0 for success, or the errno.
template<class... Arguments>
int errno_of(long number, Arguments... arguments) {
    return ::syscall(number, arguments...) < 0 ? errno : 0;
}

/// Exit status, or minus the signal.
int exit_status(int wait_status) {
    return WIFEXITED(wait_status) ? WEXITSTATUS(wait_status) : -WTERMSIG(wait_status);
}
#define EXPECT_EXIT_STATUS(status, code) EXPECT_EQ(exit_status(status), code)

TEST(KernelSeccomp, DenyListGivesItsErrnosAndNothingElse) {
    spec::Seccomp profile;
    profile.syscalls = {{{"getppid"}, SeccompAction::Errno, 77, {}},
                        {{"mkdirat", "mkdir"}, SeccompAction::Errno, std::nullopt, {}},
                        {{"socket"}, SeccompAction::Errno, EAFNOSUPPORT, {{0, AF_INET6, 0, SeccompOperator::Equal}}},
                        {{"kill"}, SeccompAction::Errno, 0, {}}};
    EXPECT_EXIT_STATUS(filtered(must_compile(profile),
                                [] {
                                    if (errno_of(SYS_getppid) != 77) return 1;
                                    if (errno_of(SYS_mkdirat, AT_FDCWD, "/x", 0) != EPERM) return 2;
                                    if (errno_of(SYS_socket, AF_INET6, SOCK_DGRAM, 0) != EAFNOSUPPORT) return 3;
                                    if (errno_of(SYS_socket, AF_UNIX, SOCK_DGRAM, 0) != 0) return 4;
                                    // errno 0: pretended success; otherwise this would be the end.
                                    if (errno_of(SYS_kill, ::getpid(), SIGKILL) != 0) return 5;
                                    return errno_of(SYS_getpid) == 0 ? 0 : 6;
                                }),
                       0);
}

TEST(KernelSeccomp, AllowListRefusesAndNewCallsAreNotImplemented) {
    spec::Seccomp profile;
    profile.default_action = SeccompAction::Errno;
    profile.syscalls = {{{"getpid", "exit_group", "openat2"}, SeccompAction::Allow, {}, {}},
                        {{"close"}, SeccompAction::Allow, {}, {{0, 100, 0, SeccompOperator::GreaterOrEqual}}}};
    EXPECT_EXIT_STATUS(filtered(must_compile(profile),
                                [] {
                                    if (errno_of(SYS_getppid) != EPERM) return 1;
                                    if (errno_of(SYS_getpid) != 0) return 2;
                                    if (errno_of(SYS_close, 99) != EPERM) return 3;
                                    if (errno_of(SYS_close, 900) != EBADF) return 4;
                                    // A call this kernel has: without the filter it would be EBADF.
                                    if (errno_of(SYS_faccessat2, -1, "x", 0, 0) != ENOSYS) return 5;
                                    return errno_of(SYS_clone3, nullptr, 0) == EPERM ? 0 : 6;
                                }),
                       0);
}

TEST(KernelSeccomp, WhatAProgramAnswersIsForeseen) {
    spec::Seccomp profile;
    profile.default_action = SeccompAction::Errno;
    profile.syscalls = {{{"exit_group", "getpid"}, SeccompAction::Allow, {}, {}},
                        {{"getppid"}, SeccompAction::Errno, 77, {}},
                        {{"getuid"}, SeccompAction::Errno, 0, {}},
                        {{"getgid"}, SeccompAction::Trace, 5, {}},
                        {{"close"}, SeccompAction::Allow, {}, {{0, 1ULL << 40, 0, SeccompOperator::GreaterOrEqual}}}};
    const auto program = must_compile(profile);
    const auto foreseen = [&](int number, std::uint64_t argument = 0) {
        return errno_for(program, number, std::array{argument});
    };
    EXPECT_EQ(foreseen(SYS_getpid), std::nullopt);
    EXPECT_EQ(foreseen(SYS_getppid), 77);
    EXPECT_EQ(foreseen(SYS_getuid), 0);
    EXPECT_EQ(foreseen(SYS_close, 7), EPERM);
    EXPECT_EQ(foreseen(SYS_close, 1ULL << 41), std::nullopt);
    EXPECT_EQ(foreseen(9999), ENOSYS) << "newer than the profile";
    for (const int number : {SYS_getppid, SYS_getgid, SYS_execve, SYS_close, 9999})
        EXPECT_EXIT_STATUS(filtered(program, [&] { return errno_of(number, 7UL); }), foreseen(number, 7)) << number;
}

TEST(KernelSeccomp, NoAnswerIsForeseenOfWhoEndsOrAsksAnAgent) {
    for (const auto action : {SeccompAction::KillProcess, SeccompAction::Trap, SeccompAction::Log}) {
        spec::Seccomp profile;
        profile.syscalls = {{{"execve"}, action, {}, {}}};
        EXPECT_EQ(errno_for(must_compile(profile), SYS_execve, {}), std::nullopt);
    }
    EXPECT_EQ(errno_for({}, SYS_execve, {}), std::nullopt) << "no program at all";
}

TEST(KernelSeccomp, KillAndTrapAreSignals) {
    for (const auto action :
         {SeccompAction::Kill, SeccompAction::KillThread, SeccompAction::KillProcess, SeccompAction::Trap}) {
        spec::Seccomp profile;
        profile.syscalls = {{{"getppid"}, action, {}, {}}};
        const int status = filtered(must_compile(profile), [] { return errno_of(SYS_getppid); });
        ASSERT_TRUE(WIFSIGNALED(status));
        EXPECT_EQ(WTERMSIG(status), SIGSYS);
    }
}

TEST(KernelSeccomp, EveryFlagThatIsPlannedIsTaken) {
    for (const auto& flag : supported_flags()) {
        spec::Seccomp profile;
        profile.flags = {{flag}};
        profile.syscalls = {{{"getppid"}, SeccompAction::Errno, 77, {}}};
        EXPECT_EXIT_STATUS(filtered(must_compile(profile), [] { return errno_of(SYS_getppid); }), 77) << flag;
    }
    spec::Seccomp profile;  // flags absent
    profile.syscalls = {{{"getppid"}, SeccompAction::Errno, 77, {}}};
    EXPECT_EXIT_STATUS(filtered(must_compile(profile), [] { return errno_of(SYS_getppid); }), 77);
}

TEST(KernelSeccomp, TheStoredFormLoadsToo) {
    spec::Seccomp profile;
    profile.syscalls = {{{"getppid"}, SeccompAction::Errno, 77, {}}};
    const auto back = parse(serialise(must_compile(profile)));
    ASSERT_TRUE(back);
    EXPECT_EXIT_STATUS(filtered(*back, [] { return errno_of(SYS_getppid); }), 77);
}

TEST(KernelSeccomp, AManyRulesTreeIsTakenByTheKernel) {
    // More than 32 names: libseccomp writes a search tree; several architectures.
    spec::Seccomp profile;
    profile.default_action = SeccompAction::Errno;
    profile.syscalls = {{{"read",    "write",   "close",  "fstat",      "lseek",  "mmap",    "mprotect",  "munmap",
                          "brk",     "ioctl",   "readv",  "writev",     "pipe2",  "madvise", "dup",       "getpid",
                          "connect", "accept4", "sendto", "recvfrom",   "bind",   "listen",  "exit",      "uname",
                          "fcntl",   "flock",   "fsync",  "getcwd",     "chdir",  "fchdir",  "getuid",    "getgid",
                          "gettid",  "futex",   "openat", "exit_group", "clone3", "openat2", "faccessat2"},
                         SeccompAction::Allow,
                         {},
                         {}}};
#if defined(__x86_64__)
    profile.architectures = {"SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"};
#endif
    EXPECT_EXIT_STATUS(filtered(must_compile(profile),
                                [] {
                                    if (errno_of(SYS_getpid) != 0 || errno_of(SYS_uname, nullptr) != EFAULT) return 1;
                                    if (errno_of(SYS_getppid) != EPERM || errno_of(SYS_mkdirat, -1, "", 0) != EPERM)
                                        return 2;
                                    return errno_of(9999) == ENOSYS ? 0 : 3;
                                }),
                       0);
}

TEST(KernelSeccomp, LoadGivesTheErrno) {
    Program program;
    EXPECT_EQ(load(program).errnum, EINVAL);
    const pid_t pid = ::fork();
    if (pid == 0) {
        // Neither CAP_SYS_ADMIN nor no_new_privs: refused (seccomp(2)).
        if (::geteuid() == 0 && ::setresuid(65534, 65534, 65534) < 0) ::_exit(1);
        spec::Seccomp profile;
        profile.syscalls = {{{"getppid"}, SeccompAction::Errno, 77, {}}};
        ::_exit(load(must_compile(profile)).errnum == EACCES ? 0 : 2);
    }
    int status = 0;
    ::waitpid(pid, &status, 0);
    EXPECT_EXIT_STATUS(status, 0);
}

}  // namespace
}  // namespace arca::seccomp
