#include <signal.h>
#include <sys/syscall.h>

#include "harness/container.hpp"
#include "harness/notify_agent.hpp"

using namespace integration;

class Seccomp : public ContainerTest {
  protected:
    Json& profile(const char* default_action) {
        bundle.linux_()["seccomp"] = {{"defaultAction", default_action}, {"syscalls", Json::array()}};
        return bundle.linux_()["seccomp"];
    }
    static Json rule(const std::vector<std::string>& names, const char* action) {
        return {{"names", names}, {"action", action}};
    }
};

TEST_F(Seccomp, OffWhenNotConfigured) {
    EXPECT_EQ(probe({"security"})["seccomp"], 0);
}

TEST_F(Seccomp, FilterIsLoaded) {
    profile("SCMP_ACT_ALLOW")["syscalls"] = {rule({"getppid"}, "SCMP_ACT_ERRNO")};
    EXPECT_EQ(probe({"security"})["seccomp"], 2);
}

TEST_F(Seccomp, ErrnoDefaultsToEperm) {
    profile("SCMP_ACT_ALLOW")["syscalls"] = {rule({"getppid"}, "SCMP_ACT_ERRNO")};
    EXPECT_EQ(probe({"syscall", "getppid"})["error"], "EPERM");
}

TEST_F(Seccomp, ErrnoOfTheRule) {
    Json blocked = rule({"getppid"}, "SCMP_ACT_ERRNO");
    blocked["errnoRet"] = 38;
    profile("SCMP_ACT_ALLOW")["syscalls"] = {blocked};
    EXPECT_EQ(probe({"syscall", "getppid"})["error"], "ENOSYS");
}

TEST_F(Seccomp, OnlyMatchingArgumentsAreFiltered) {
    Json blocked = rule({"lseek"}, "SCMP_ACT_ERRNO");
    blocked["errnoRet"] = 71;
    blocked["args"] = {{{"index", 2}, {"value", 4242}, {"op", "SCMP_CMP_EQ"}}};
    profile("SCMP_ACT_ALLOW")["syscalls"] = {blocked};
    auto seen = probe_all({"syscall", "lseek", "99", "0", "4242", ",", "syscall", "lseek", "99", "0", "4243"});
    EXPECT_EQ(seen[0]["error"], "EPROTO");
    EXPECT_EQ(seen[1]["error"], "EBADF");
}

TEST_F(Seccomp, MaskedComparison) {
    Json blocked = rule({"lseek"}, "SCMP_ACT_ERRNO");
    blocked["errnoRet"] = 71;
    blocked["args"] = {{{"index", 1}, {"value", 0xf0}, {"valueTwo", 0x10}, {"op", "SCMP_CMP_MASKED_EQ"}}};
    profile("SCMP_ACT_ALLOW")["syscalls"] = {blocked};
    auto seen = probe_all({"syscall", "lseek", "99", "0x1f", "0", ",", "syscall", "lseek", "99", "0x2f", "0"});
    EXPECT_EQ(seen[0]["error"], "EPROTO");
    EXPECT_EQ(seen[1]["error"], "EBADF");
}

TEST_F(Seccomp, SixtyFourBitComparison) {
    Json blocked = rule({"lseek"}, "SCMP_ACT_ERRNO");
    blocked["errnoRet"] = 71;
    blocked["args"] = {{{"index", 1}, {"value", 0x100000000}, {"op", "SCMP_CMP_GE"}}};
    profile("SCMP_ACT_ALLOW")["syscalls"] = {blocked};
    auto seen =
        probe_all({"syscall", "lseek", "99", "0x100000001", "0", ",", "syscall", "lseek", "99", "0xffffffff", "0"});
    EXPECT_EQ(seen[0]["error"], "EPROTO");
    EXPECT_EQ(seen[1]["error"], "EBADF");
}

TEST_F(Seccomp, RulesOfOneNameAreAlternatives) {
    Json first = rule({"lseek"}, "SCMP_ACT_ERRNO"), second = first;
    first["errnoRet"] = second["errnoRet"] = 71;
    first["args"] = {{{"index", 2}, {"value", 100}, {"op", "SCMP_CMP_EQ"}}};
    second["args"] = {{{"index", 2}, {"value", 200}, {"op", "SCMP_CMP_EQ"}}};
    profile("SCMP_ACT_ALLOW")["syscalls"] = {first, second};
    auto seen = probe_all({"syscall", "lseek", "99", "0", "100", ",", "syscall", "lseek", "99", "0", "200", ",",
                           "syscall", "lseek", "99", "0", "300"});
    EXPECT_EQ(seen[0]["error"], "EPROTO");
    EXPECT_EQ(seen[1]["error"], "EPROTO");
    EXPECT_EQ(seen[2]["error"], "EBADF");
}

TEST_F(Seccomp, UnknownNamesAreIgnored) {
    profile("SCMP_ACT_ALLOW")["syscalls"] = {rule({"syscall_of_the_future", "getppid"}, "SCMP_ACT_ERRNO")};
    EXPECT_EQ(probe({"syscall", "getppid"})["error"], "EPERM");
}

TEST_F(Seccomp, KillProcessEndsIt) {
    profile("SCMP_ACT_ALLOW")["syscalls"] = {rule({"getppid"}, "SCMP_ACT_KILL_PROCESS")};
    bundle.args({"/bin/probe", "syscall", "getppid"});
    EXPECT_EQ(container.run().status, 128 + SIGSYS);
}

TEST_F(Seccomp, LogLetsItPass) {
    profile("SCMP_ACT_ALLOW")["syscalls"] = {rule({"getppid"}, "SCMP_ACT_LOG")};
    EXPECT_EQ(probe({"syscall", "getppid"})["error"], "");
}

TEST_F(Seccomp, UnknownActionIsRefused) {
    profile("SCMP_ACT_NONSENSE");
    expect_create_fails("SCMP_ACT_NONSENSE");
}

TEST_F(Seccomp, UnknownOperatorIsRefused) {
    Json blocked = rule({"lseek"}, "SCMP_ACT_ERRNO");
    blocked["args"] = {{{"index", 0}, {"value", 1}, {"op", "SCMP_CMP_NONSENSE"}}};
    profile("SCMP_ACT_ALLOW")["syscalls"] = {blocked};
    expect_create_fails("SCMP_CMP_NONSENSE");
}

TEST_F(Seccomp, UnknownArchitectureIsRefused) {
    profile("SCMP_ACT_ALLOW")["architectures"] = {"SCMP_ARCH_NONSENSE"};
    bundle.linux_()["seccomp"]["syscalls"] = {rule({"getppid"}, "SCMP_ACT_ERRNO")};
    expect_create_fails("SCMP_ARCH_NONSENSE");
}

TEST_F(Seccomp, SeveralArchitectures) {
    profile("SCMP_ACT_ALLOW")["architectures"] = {"SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_AARCH64"};
    bundle.linux_()["seccomp"]["syscalls"] = {rule({"getppid"}, "SCMP_ACT_ERRNO")};
    EXPECT_EQ(probe({"syscall", "getppid"})["error"], "EPERM");
}

TEST_F(Seccomp, Flags) {
    profile("SCMP_ACT_ALLOW")["flags"] = {"SECCOMP_FILTER_FLAG_LOG", "SECCOMP_FILTER_FLAG_SPEC_ALLOW"};
    bundle.linux_()["seccomp"]["syscalls"] = {rule({"getppid"}, "SCMP_ACT_ERRNO")};
    REQUIRE_RUNC(1, 2, "seccomp flags");
    EXPECT_EQ(probe({"syscall", "getppid"})["error"], "EPERM");
}

TEST_F(Seccomp, UnknownFlagIsRefused) {
    REQUIRE_RUNC(1, 2, "seccomp flags");
    profile("SCMP_ACT_ALLOW")["flags"] = {"SECCOMP_FILTER_FLAG_NONSENSE"};
    bundle.linux_()["seccomp"]["syscalls"] = {rule({"getppid"}, "SCMP_ACT_ERRNO")};
    expect_create_fails("SECCOMP_FILTER_FLAG_NONSENSE");
}

TEST_F(Seccomp, WithoutNoNewPrivileges) {
    REQUIRE_ROOT();
    REQUIRE_RUNC(1, 2, "1.1 crashes here on recent kernels");
    bundle.process()["noNewPrivileges"] = false;
    profile("SCMP_ACT_ALLOW")["syscalls"] = {rule({"getppid"}, "SCMP_ACT_ERRNO")};
    auto seen = probe_all({"syscall", "getppid", ",", "security"});
    EXPECT_EQ(seen[0]["error"], "EPERM");
    EXPECT_EQ(seen[1]["no_new_privs"], 0);
}

TEST_F(Seccomp, WithAnotherUserAndWithoutNoNewPrivileges) {
    REQUIRE_ROOT();
    REQUIRE_RUNC(1, 2, "1.1 crashes here on recent kernels");
    bundle.process()["noNewPrivileges"] = false;
    bundle.process()["user"] = {{"uid", 1000}, {"gid", 1000}};
    profile("SCMP_ACT_ALLOW")["syscalls"] = {rule({"getppid"}, "SCMP_ACT_ERRNO")};
    auto seen = probe_all({"syscall", "getppid", ",", "caps"});
    EXPECT_EQ(seen[0]["error"], "EPERM");
    EXPECT_EQ(seen[1]["effective"], Json::array());
}

TEST_F(Seccomp, StrictProfileWithAllowListStarts) {
    // Nothing but what a static program needs; the runtime's own last steps must get by with it.
    Json& seccomp = profile("SCMP_ACT_ERRNO");
    seccomp["syscalls"] = {rule({"execve",   "brk",         "arch_prctl", "set_tid_address", "set_robust_list",
                                 "rseq",     "prlimit64",   "readlink",   "readlinkat",      "getrandom",
                                 "mprotect", "mmap",        "munmap",     "write",           "close",
                                 "exit",     "exit_group",  "futex",      "fstat",           "newfstatat",
                                 "read",     "close_range", "getcwd"},
                                "SCMP_ACT_ALLOW")};
    SKIP_FOR(Runc, "needs more calls itself");
    SKIP_FOR(Crun, "needs more calls itself");
    bundle.args({"/bin/probe", "echo", "alive"});
    Output output = container.run();
    EXPECT_EQ(output.out, "alive\n") << output;
}

TEST_F(Seccomp, TheAgentAnswers) {
    REQUIRE_RUNC(1, 1, "seccomp notification");
    NotifyAgent agent(work / "agent", SYS_getppid);
    Json& seccomp = profile("SCMP_ACT_ALLOW");
    seccomp["syscalls"] = {rule({"getppid", "sched_yield"}, "SCMP_ACT_NOTIFY")};
    seccomp["listenerPath"] = (work / "agent").string();
    seccomp["listenerMetadata"] = "of the test";
    auto seen = probe_all({"syscall", "getppid", ",", "syscall", "sched_yield"});
    EXPECT_EQ(seen[0]["error"], "EPROTO");
    EXPECT_EQ(seen[1]["error"], "");
    Json told = agent.process();
    EXPECT_EQ(agent.introductions(), 1);
    EXPECT_EQ(told["fds"], Json::array({"seccompFd"}));
    EXPECT_EQ(told["metadata"], "of the test");
    EXPECT_EQ(told["ociVersion"].get<std::string>().substr(0, 2), "1.");
    EXPECT_EQ(told["state"]["id"], container.id);
    EXPECT_EQ(told["state"]["status"], "creating");
    EXPECT_EQ(told["state"]["pid"], told["pid"]);
    EXPECT_EQ(told["state"]["bundle"], bundle.path().string());
}

TEST_F(Seccomp, TheAgentIsToldOfEveryProcess) {
    REQUIRE_RUNC(1, 1, "seccomp notification");
    NotifyAgent agent(work / "agent", SYS_getppid);
    Json& seccomp = profile("SCMP_ACT_ALLOW");
    seccomp["syscalls"] = {rule({"getppid"}, "SCMP_ACT_NOTIFY")};
    seccomp["listenerPath"] = (work / "agent").string();
    start_probe({"serve"});
    EXPECT_EQ(agent.process()["pid"], container.pid());
    EXPECT_EQ(exec_probe({"syscall", "getppid"})["error"], "EPROTO");
    Json told = agent.process();
    EXPECT_EQ(agent.introductions(), 2);
    EXPECT_EQ(told["state"]["status"], "running");
    EXPECT_EQ(told["state"]["pid"], container.pid());
    EXPECT_NE(told["pid"], container.pid());
}

TEST_F(Seccomp, AProfileThatNotifiesEverythingStarts) {
    SKIP_FOR(Runc, "refuses write");
    SKIP_FOR(Crun, "waits for itself");
    NotifyAgent agent(work / "agent", SYS_getppid);
    profile("SCMP_ACT_NOTIFY")["listenerPath"] = (work / "agent").string();
    EXPECT_EQ(probe({"syscall", "getppid"})["error"], "EPROTO");
    EXPECT_GT(agent.answers(), 10);
}

TEST_F(Seccomp, NotifyWithoutNoNewPrivileges) {
    REQUIRE_ROOT();
    SKIP_FOR(Runc, "refuses write");
    SKIP_FOR(Crun, "waits for itself");
    NotifyAgent agent(work / "agent", SYS_getppid);
    bundle.process()["noNewPrivileges"] = false;
    profile("SCMP_ACT_NOTIFY")["listenerPath"] = (work / "agent").string();
    auto seen = probe_all({"syscall", "getppid", ",", "security", ",", "fds"});
    EXPECT_EQ(seen[0]["error"], "EPROTO");
    EXPECT_EQ(seen[1]["no_new_privs"], 0);
    EXPECT_EQ(seen[2].size(), 3U) << "the listener is the agent's alone: " << seen[2];
}

TEST_F(Seccomp, NotificationWaitsKillably) {
    REQUIRE_RUNC(1, 2, "the flag");
    NotifyAgent agent(work / "agent", SYS_getppid);
    Json& seccomp = profile("SCMP_ACT_ALLOW");
    seccomp["syscalls"] = {rule({"getppid"}, "SCMP_ACT_NOTIFY")};
    seccomp["listenerPath"] = (work / "agent").string();
    seccomp["flags"] = {"SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"};
    EXPECT_EQ(probe({"syscall", "getppid"})["error"], "EPROTO");
}

TEST_F(Seccomp, ReceiverOfTheAnnotation) {
    SKIP_FOR(Runc, "does not know it");
    NotifyAgent agent(work / "agent", SYS_getppid);
    profile("SCMP_ACT_ALLOW")["syscalls"] = {rule({"getppid"}, "SCMP_ACT_NOTIFY")};
    bundle.config["annotations"]["run.oci.seccomp.receiver"] = (work / "agent").string();
    EXPECT_EQ(probe({"syscall", "getppid"})["error"], "EPROTO");
}

TEST_F(Seccomp, ReceiverOfTheEnvironment) {
    SKIP_FOR(Runc, "does not know it");
    NotifyAgent agent(work / "agent", SYS_getppid);
    profile("SCMP_ACT_ALLOW")["syscalls"] = {rule({"getppid"}, "SCMP_ACT_NOTIFY")};
    bundle.args({"/bin/probe", "syscall", "getppid"});
    Output output = container.run_command().variable("RUN_OCI_SECCOMP_RECEIVER", (work / "agent").string()).run();
    EXPECT_TRUE(contains(output.out, "EPROTO")) << output;
}

TEST_F(Seccomp, AMissingAgentIsTold) {
    Json& seccomp = profile("SCMP_ACT_ALLOW");
    seccomp["syscalls"] = {rule({"getppid"}, "SCMP_ACT_NOTIFY")};
    seccomp["listenerPath"] = (work / "agent").string();
    Output output = container.run();
    EXPECT_EQ(output.status, 1);
    EXPECT_TRUE(contains(output.err, (work / "agent").string())) << output;
}

// A call that waits for an answer is let go, with ENOSYS, when nobody has the listener any more
// (seccomp_unotify(2)): the starter must not hold it, nor the process itself.
TEST_F(Seccomp, AnAgentThatDiesHoldsNobodyUp) {
    REQUIRE_ARCA("others were not looked at");
    auto agent = NotifyAgent::that_dies(work / "agent");
    Json& seccomp = profile("SCMP_ACT_ALLOW");
    seccomp["syscalls"] = {rule({"execve"}, "SCMP_ACT_NOTIFY")};
    seccomp["listenerPath"] = (work / "agent").string();
    Output output = container.run_command().timeout(10).run();
    EXPECT_FALSE(output.timed_out) << output;
    EXPECT_EQ(output.status, 1) << output;
    EXPECT_TRUE(contains(output.err, "ENOSYS")) << output;
}

TEST_F(Seccomp, AnAgentOfEverythingThatDiesHoldsNobodyUp) {
    // It cannot end when exit_group(2) fails as well; AddressSanitizer takes that for a second death, and spins
    // (AsanDie).
    REQUIRE(!is_sanitized(), "a runtime with AddressSanitizer would spin");
    SKIP_FOR(Runc, "refuses write");
    SKIP_FOR(Crun, "waits for itself");
    auto agent = NotifyAgent::that_dies(work / "agent");
    profile("SCMP_ACT_NOTIFY")["listenerPath"] = (work / "agent").string();
    Output output = container.run_command().timeout(10).run();
    EXPECT_FALSE(output.timed_out) << output;
    EXPECT_NE(output.status, 0) << output;
}

TEST_F(Seccomp, NotifyWithoutListenerIsRefused) {
    profile("SCMP_ACT_ALLOW")["syscalls"] = {rule({"getppid"}, "SCMP_ACT_NOTIFY")};
    expect_create_fails();
}

TEST_F(Seccomp, CallsNewerThanTheProfileAreUnknownNotForbidden) {
    // glibc probes new calls and falls back on ENOSYS only.
    SKIP_FOR(Crun, "answers with the default action");
    Json names = {"execve",         "brk",           "arch_prctl", "set_tid_address", "set_robust_list",
                  "rseq",           "prlimit64",     "readlink",   "getrandom",       "mprotect",
                  "mmap",           "munmap",        "write",      "close",           "exit_group",
                  "futex",          "fstat",         "read",       "newfstatat",      "openat",
                  "getdents64",     "fcntl",         "lseek",      "readlinkat",      "close_range",
                  "prctl",          "capget",        "capset",     "setuid",          "setgid",
                  "setgroups",      "chdir",         "getcwd",     "getpid",          "kill",
                  "tgkill",         "gettid",        "statfs",     "fstatfs",         "epoll_ctl",
                  "epoll_pwait",    "epoll_create1", "nanosleep",  "sigaltstack",     "rt_sigaction",
                  "rt_sigprocmask", "rt_sigreturn",  "madvise",    "clone",           "stat",
                  "lstat",          "faccessat",     "faccessat2", "access",          "umask",
                  "getppid",        "seccomp",       "setresuid",  "setresgid",       "fchown",
                  "dup3",           "ppoll",         "sendmsg",    "sendto",          "recvfrom",
                  "recvmsg",        "pipe2",         "poll",       "keyctl",          "sched_getaffinity",
                  "fchdir",         "getuid",        "geteuid",    "getgid",          "getegid",
                  "openat2",        "execveat",      "getsid",     "setsid",          "eventfd2"};
    Json allowed = {{"names", names}, {"action", "SCMP_ACT_ALLOW"}};
    profile("SCMP_ACT_ERRNO")["syscalls"] = {allowed};
    bundle.linux_()["seccomp"]["architectures"] = {"SCMP_ARCH_X86_64", "SCMP_ARCH_AARCH64"};
    auto seen = probe_all({"syscall", "470", ",", "syscall", "sethostname"});
    EXPECT_EQ(seen[0]["error"], "ENOSYS");
    EXPECT_EQ(seen[1]["error"], "EPERM");
}
