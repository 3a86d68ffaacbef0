#include "hooks/hooks.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/prctl.h>

#include <chrono>
#include <csignal>
#include <functional>
#include <regex>

#include "../support/in_child.hpp"
#include "../support/temporary_directory.hpp"

namespace arca::hooks {
namespace {

using testing::ContainsRegex;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing::SizeIs;
using testing::StartsWith;

class Hooks : public testing::Test {
  protected:
    /// A hook that is a shell script; its index in the list is part of the pointer.
    spec::Hook script(std::string_view name, std::string_view body) {
        spec::Hook hook;
        hook.path = directory_.file(name, "#!/bin/sh\n" + std::string(body) + "\n", 0755);
        hook.env = {"PATH=/usr/bin:/bin", "OUT=" + (directory_ / "out")};
        hook.pointer = "/hooks/createRuntime/0";
        return hook;
    }
    Call call(std::string state = "{}") {
        Call call;
        call.name = "createRuntime";
        call.state = std::move(state);
        return call;
    }
    std::string failure_of(const std::vector<spec::Hook>& hooks) {
        auto done = run(hooks, call());
        EXPECT_FALSE(done) << "the hook succeeded";
        if (done) return {};
        EXPECT_EQ(done.error().code(), Code::HookFailed);
        return done.error().message();
    }
    std::string out() {
        std::ifstream file(directory_ / "out", std::ios::binary);
        return {std::istreambuf_iterator<char>(file), {}};
    }
    static double seconds_of(const std::function<void()>& action) {
        const auto began = std::chrono::steady_clock::now();
        action();
        return std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
    }
    /// A process that was sent SIGKILL may still be running for a moment. A zombie has ended.
    static bool ends_soon(pid_t pid) {
        for (int tries = 0; tries < 500; ++tries) {
            std::ifstream stat("/proc/" + std::to_string(pid) + "/stat");
            std::string number;
            std::string command;
            std::string state = "gone";
            stat >> number >> command >> state;
            if (state == "gone" || state == "Z" || state == "X") return true;
            ::usleep(10'000);
        }
        return false;
    }
    test::TemporaryDirectory directory_;
};

TEST_F(Hooks, NoneIsSuccess) {
    EXPECT_TRUE(run({}, call()));
}

TEST_F(Hooks, RunInOrderAndStopAtTheFirstFailure) {
    std::vector hooks = {script("a", "echo a >> $OUT"), script("b", "echo b >> $OUT; exit 3"),
                         script("c", "echo c >> $OUT")};
    hooks[1].pointer = "/hooks/createRuntime/1";
    auto done = run(hooks, call());
    ASSERT_FALSE(done);
    EXPECT_EQ(out(), "a\nb\n");
    EXPECT_EQ(done.error().pointer(), "/hooks/createRuntime/1");
    EXPECT_THAT(done.error().message(), StartsWith("error running createRuntime hook #1: "));
    EXPECT_THAT(done.error().message(), ContainsRegex("/b exited with status 3 after [0-9]+\\.[0-9][0-9] s$"));
}

TEST_F(Hooks, TheOutputOfAFailureIsQuotedOnOneLine) {
    const auto message = failure_of({script("a", "echo first; echo second >&2; printf '\\033[31mred'; exit 1")});
    EXPECT_THAT(message, HasSubstr("; last output: first | second | \\x1b[31mred"));
    EXPECT_THAT(message, Not(HasSubstr("\n")));
}

TEST_F(Hooks, DeathByASignalIsNamed) {
    EXPECT_THAT(failure_of({script("a", "kill -SEGV $$")}), HasSubstr("/a was killed by SIGSEGV after "));
}

TEST_F(Hooks, TheTimeoutEndsTheWholeProcessGroup) {
    auto hook = script("slow", "echo waiting; (sleep 50; echo late > $OUT) & echo $! > $OUT.pid; sleep 50");
    hook.timeout_s = 1;
    std::string message;
    EXPECT_LT(seconds_of([&] { message = failure_of({hook}); }), 20.0);
    EXPECT_THAT(message,
                HasSubstr("/slow was killed: it had not ended after its timeout of 1 s; last output: waiting"));
    int background = 0;
    std::ifstream(directory_ / "out.pid") >> background;
    ASSERT_GT(background, 0);
    EXPECT_TRUE(ends_soon(background));
}

TEST_F(Hooks, WithinItsTimeoutAHookSucceeds) {
    auto hook = script("quick", "sleep 0.1");
    hook.timeout_s = 20;
    EXPECT_LT(seconds_of([&] { EXPECT_TRUE(run({hook}, call())); }), 20.0);
}

TEST_F(Hooks, MissingIsSaidWithoutTheWordsForAMissingProgram) {
    spec::Hook hook;
    hook.path = "/no/hook";
    hook.pointer = "/hooks/createRuntime/0";
    const auto message = failure_of({hook});
    EXPECT_THAT(message, StartsWith("error running createRuntime hook #0: "));
    EXPECT_THAT(message, HasSubstr("/no/hook cannot be executed: absent (ENOENT)"));
    EXPECT_THAT(message, Not(ContainsRegex("no such file|not found|denied|not permitted")));
}

TEST_F(Hooks, NotExecutableIsSaidWithoutTheWordsForADeniedProgram) {
    spec::Hook hook;
    hook.path = directory_.file("plain", "#!/bin/sh\n", 0644);
    const auto message = failure_of({hook});
    EXPECT_THAT(message, HasSubstr("/plain cannot be executed: refused (EACCES)"));
    EXPECT_THAT(message, Not(ContainsRegex("no such file|not found|denied|not permitted")));
}

TEST_F(Hooks, AMissingInterpreterIsNotTakenForAMissingHook) {
    spec::Hook hook;
    hook.path = directory_.file("run", "#!/no/interpreter\n", 0755);
    EXPECT_THAT(failure_of({hook}), HasSubstr("the file is there; the interpreter"));
}

TEST_F(Hooks, FloodingStderrNeitherHangsNorGrows) {
    auto hook = script("flood", "head -c 10000000 /dev/zero | tr '\\0' x >&2; echo the end >&2; exit 1");
    const auto message = failure_of({hook});
    EXPECT_THAT(message, SizeIs(testing::Lt(4096 + 300)));
    EXPECT_THAT(message, HasSubstr("; last output: ...xxx"));
    EXPECT_THAT(message, testing::EndsWith("xxxthe end"));
}

TEST_F(Hooks, ABackgroundProcessThatHoldsTheOutputDoesNotBlock) {
    auto hook = script("daemon", "sleep 30 & echo $! > $OUT; exit 0");
    EXPECT_LT(seconds_of([&] { EXPECT_TRUE(run({hook}, call())); }), 20.0);
    const int daemon = std::stoi(out());
    EXPECT_EQ(::kill(daemon, 0), 0) << "a hook may leave a process behind";
    ::kill(daemon, SIGKILL);
}

TEST_F(Hooks, ABackgroundProcessThatFloodsDoesNotBlock) {
    auto hook = script("daemon", "yes & echo $! > $OUT; exit 1");
    EXPECT_LT(seconds_of([&] { EXPECT_THAT(failure_of({hook}), HasSubstr("exited with status 1")); }), 20.0);
    ::kill(std::stoi(out()), SIGKILL);
}

TEST_F(Hooks, TheStateIsOnStdin) {
    const std::string state = R"({"ociVersion":"1.3.0","id":"x","status":"creating"})";
    EXPECT_TRUE(run({script("a", "cat > $OUT")}, call(state)));
    EXPECT_EQ(out(), state);
}

TEST_F(Hooks, AStateLargerThanAPipeArrivesWhole) {
    const std::string state(3'000'000, 'j');
    EXPECT_TRUE(run({script("a", "sleep 0.1; cat > $OUT")}, call(state)));
    EXPECT_EQ(out().size(), state.size());
}

TEST_F(Hooks, AHookNeedNotReadALargeState) {
    const std::string state(3'000'000, 'j');
    EXPECT_TRUE(
        run({script("a", "exit 0"), script("b", "exec <&-; sleep 0.2"), script("c", "sleep 0.2")}, call(state)));
    sigset_t pending;
    sigpending(&pending);
    EXPECT_EQ(sigismember(&pending, SIGPIPE), 0) << "a SIGPIPE was left behind";
}

TEST_F(Hooks, TalkingWhileBeingFedDoesNotDeadlock) {
    const std::string state(1'000'000, 'j');
    EXPECT_TRUE(run({script("a", "head -c 1000000 /dev/zero; cat > $OUT")}, call(state)));
    EXPECT_EQ(out().size(), state.size());
}

TEST_F(Hooks, TheEnvironmentIsWhatIsGivenAndNothingElse) {
    ::setenv("SECRET_OF_THE_RUNTIME", "1", 1);
    auto hook = script("env", "");
    hook.path = "/usr/bin/env";
    hook.args = {"sh", "-c", "cat /proc/self/environ > " + (directory_ / "out")};  // args[0] is not the path
    hook.env = {"ONLY=this"};
    hook.path = "/bin/sh";
    EXPECT_TRUE(run({hook}, call()));
    EXPECT_EQ(out().find("SECRET"), std::string::npos);
    EXPECT_THAT(out(), HasSubstr(std::string("ONLY=this\0", 10)));
}

TEST_F(Hooks, WithoutEnvTheDefaultIsTakenOrNothing) {
    auto hook = script("env", "");
    hook.path = "/bin/sh";
    hook.args = {"sh", "-c", "/usr/bin/env > " + (directory_ / "out")};
    hook.env = {};
    const std::vector<std::string> of_the_container = {"A=1"};
    auto with_default = call();
    with_default.default_environment = &of_the_container;
    EXPECT_TRUE(run({hook}, with_default));
    EXPECT_THAT(out(), HasSubstr("A=1\n"));
    EXPECT_TRUE(run({hook}, call()));
    EXPECT_THAT(out(), Not(HasSubstr("A=1")));
    EXPECT_THAT(out(), Not(HasSubstr("HOME=")));
}

TEST_F(Hooks, ArgvIsArgsOrThePath) {
    auto hook = script("args", "tr '\\0' ' ' < /proc/$$/cmdline > $OUT");
    EXPECT_TRUE(run({hook}, call()));
    EXPECT_EQ(out(), "/bin/sh " + hook.path + " ");
    hook.args = {"zero", "one two"};
    EXPECT_TRUE(run({hook}, call()));
    EXPECT_EQ(out(), "/bin/sh " + hook.path + " one two ");
    spec::Hook direct;
    direct.path = "/bin/sh";
    direct.args = {"renamed", "-c", "echo $0 > " + (directory_ / "out")};
    EXPECT_TRUE(run({direct}, call()));
    EXPECT_EQ(out(), "renamed\n");
}

TEST_F(Hooks, TheWorkingDirectoryIsSet) {
    auto in_directory = call();
    in_directory.working_directory = directory_.path();
    EXPECT_TRUE(run({script("pwd", "pwd -P > $OUT")}, in_directory));
    EXPECT_EQ(out(), std::filesystem::canonical(directory_.path()).string() + "\n");
    in_directory.working_directory = "/no/bundle";
    auto done = run({script("pwd", "true")}, in_directory);
    ASSERT_FALSE(done);
    EXPECT_THAT(done.error().message(), HasSubstr("was not executed: chdir(/no/bundle): absent (ENOENT)"));
}

TEST_F(Hooks, NothingOfOursIsPassedOn) {
    EXPECT_EQ("", test::in_child([&]() -> std::string {
                  ::dup2(::open("/dev/null", O_RDONLY), 77);  // without FD_CLOEXEC, as an engine may leave it
                  ::signal(SIGTERM, SIG_IGN);
                  sigset_t all;
                  sigfillset(&all);
                  ::sigprocmask(SIG_BLOCK, &all, nullptr);
                  auto hook = script("fds", "");
                  hook.path = "/bin/sh";
                  hook.args = {"sh", "-c",
                               "echo /proc/self/fd/* > $OUT; exec grep -E '^Sig(Blk|Ign)' /proc/self/status >> $OUT"};
                  auto done = run({hook}, call());
                  if (!done) return done.error().message();
                  const auto wanted = std::regex(
                      "/proc/self/fd/0 /proc/self/fd/1 /proc/self/fd/2( /proc/self/fd/[0-9])?\n"
                      "SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n");
                  return std::regex_match(out(), wanted) ? "" : out();
              }));
}

TEST_F(Hooks, WorksWithStdioClosed) {
    EXPECT_EQ("", test::in_child([&]() -> std::string {
                  for (int fd = 0; fd < 3; ++fd)
                      ::close(fd);
                  auto done = run({script("a", "cat > $OUT")}, call("state"));
                  if (!done) return done.error().message();
                  return out() == "state" ? "" : out();
              }));
}

TEST_F(Hooks, DieWithTheRuntime) {
    auto hook = script("sleeper", "echo $$ > $OUT.part; mv $OUT.part $OUT; exec sleep 60");
    const pid_t runtime = ::fork();
    if (runtime == 0) {
        (void)run({hook}, call());
        ::_exit(0);
    }
    for (int i = 0; i < 500 && out().empty(); ++i)
        ::usleep(10'000);
    ASSERT_FALSE(out().empty());
    const int sleeper = std::stoi(out());
    ::kill(runtime, SIGKILL);
    ::waitpid(runtime, nullptr, 0);
    EXPECT_TRUE(ends_soon(sleeper));
}

TEST_F(Hooks, RunAllGoesOnAfterFailures) {
    const auto failures = run_all({script("a", "exit 1"), script("b", "echo b > $OUT"), script("c", "exit 2")}, call());
    EXPECT_EQ(out(), "b\n");
    EXPECT_THAT(failures, ElementsAre(HasSubstr("hook #0"), HasSubstr("hook #2")));
}

TEST_F(Hooks, LeaveNoChildAndNoDescriptorBehind) {
    auto count = [] {
        return std::distance(std::filesystem::directory_iterator("/proc/self/fd"),
                             std::filesystem::directory_iterator());
    };
    const auto before = count();
    auto slow = script("slow", "sleep 9");
    slow.timeout_s = 1;
    spec::Hook missing;
    missing.path = "/no/hook";
    (void)run_all({script("a", "exit 1"), slow, missing, script("b", "exit 0")}, call());
    EXPECT_EQ(count(), before);
    EXPECT_EQ(::waitpid(-1, nullptr, WNOHANG), -1);
    EXPECT_EQ(errno, ECHILD);
}

}  // namespace
}  // namespace arca::hooks
