// From argv to the library's functions, the texts and the exit status.
#include "cli/application.hpp"

#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "cli/output.hpp"
#include "fake_library.hpp"

namespace arca::cli {
namespace {

using testing::ElementsAre;
using testing::EndsWith;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::MatchesRegex;
using testing::Not;

struct Outcome {
    int status;
    std::string out;
    std::string err;
};

class Application : public testing::Test {
  protected:
    Application() {
        fake::library() = {};
        char name[] = "/tmp/arca-cli-XXXXXX";
        directory = mkdtemp(name);
    }
    ~Application() override {
        std::error_code ignored;
        std::filesystem::remove_all(directory, ignored);
    }

    Outcome call(std::vector<std::string> arguments) {
        arguments.insert(arguments.begin(), program);
        std::vector<char*> argv;
        for (auto& argument : arguments)
            argv.push_back(argument.data());
        argv.push_back(nullptr);
        std::vector<char*> environment;
        for (auto& entry : variables)
            environment.push_back(entry.data());
        environment.push_back(nullptr);
        testing::internal::CaptureStdout();
        testing::internal::CaptureStderr();
        int status = 0;
        {
            Report report(banner_of(program), scan_log_options(std::span(arguments).subspan(1)));
            status = run(report, {static_cast<int>(arguments.size()), argv.data(), environment.data()});
        }
        auto err = testing::internal::GetCapturedStderr();
        return {status, testing::internal::GetCapturedStdout(), err};
    }

    std::string file(const std::string& name) const {
        std::ifstream stream(directory + "/" + name);
        std::stringstream text;
        text << stream.rdbuf();
        return text.str();
    }

    std::string program = "arca";
    std::vector<std::string> variables = {"PATH=/usr/bin:/bin"};
    std::string directory;
};

auto failing(Code code, std::string what) {
    return [=] { return Error(code, what); };
}

TEST_F(Application, CallsTheLibraryOnce) {
    EXPECT_EQ(call({"start", "web"}).status, 0);
    EXPECT_EQ(call({"kill", "web", "9"}).status, 0);
    EXPECT_EQ(call({"delete", "-f", "web"}).status, 0);
    EXPECT_EQ(call({"pause", "web"}).status, 0);
    EXPECT_EQ(call({"resume", "web"}).status, 0);
    EXPECT_THAT(fake::library().calls, ElementsAre("start web", "kill web", "delete web", "pause web", "resume web"));
    EXPECT_EQ(fake::library().kill.signal, "9");
    fake::library().calls.clear();
    EXPECT_EQ(call({"mounts", "add", "web", "/m.json"}).status, 0);
    EXPECT_EQ(call({"mounts", "remove", "web", "/m.json"}).status, 0);
    EXPECT_EQ(call({"mounts", "list", "web"}).out,
              "{\"mounts\":[{\"destination\":\"/data\",\"type\":\"bind\",\"source\":\"/srv/\\\"x\\\"\","
              "\"options\":[\"bind\",\"ro\"]}]}\n");
    EXPECT_THAT(fake::library().calls,
                ElementsAre("add mounts web /m.json", "remove mounts web /m.json", "list mounts web"));
    EXPECT_TRUE(fake::library().remove.force);
}

TEST_F(Application, PatternsReachEveryContainer) {
    EXPECT_EQ(call({"kill", "--regex", "o", "INT"}).status, 0);
    EXPECT_EQ(call({"delete", "-r", "o"}).status, 0);
    EXPECT_THAT(fake::library().calls,
                ElementsAre("match o", "kill one", "kill two", "match o", "delete one", "delete two"));
    EXPECT_EQ(fake::library().kill.signal, "INT");
    fake::library().failure = failing(Code::NotRunning, "its process has ended");
    auto outcome = call({"kill", "--regex", "o"});
    EXPECT_EQ(outcome.status, 1);
    EXPECT_THAT(outcome.err, HasSubstr("one"));
    EXPECT_THAT(outcome.err, HasSubstr("two"));
    EXPECT_THAT(outcome.err, HasSubstr("2 of 2 containers that match failed"));
}

TEST_F(Application, WaitPassesTheStatusOn) {
    fake::library().exit_status = 137;
    EXPECT_EQ(call({"wait", "web"}).status, 137);
    fake::library().failure = failing(Code::NotRunning, "nobody knows");
    EXPECT_EQ(call({"wait", "web"}).status, 255);
}

TEST_F(Application, WhyTellsWhatIsKnown) {
    auto& why = fake::library().explanation;
    why = {.id = "web", .operation = "create", .time = "T", .step = "Mounts", .message = "a hook said \x1b no"};
    auto text = call({"why", "web"}).out;
    EXPECT_EQ(text,
              "web: there is no such container any more\ncreate failed at T in step Mounts:\na hook said \\x1b no\n");
    why = {
        .id = "web", .status = Status::Stopped, .exit_status = 137, .ending = "was killed by SIGKILL", .oom_kills = 2};
    text = call({"why", "web"}).out;
    EXPECT_EQ(text,
              "web: the container is stopped\nits process was killed by SIGKILL\n"
              "the kernel killed 2 of its processes: its memory was used up\n");
    EXPECT_EQ(call({"why", "--format=json", "web"}).out,
              "{\n  \"id\": \"web\",\n  \"status\": \"stopped\",\n  \"exitStatus\": 137,\n"
              "  \"ending\": \"was killed by SIGKILL\",\n  \"oomKills\": 2\n}\n");
}

TEST_F(Application, EventsAreLines) {
    auto outcome = call({"events", "--interval", "1.5s", "web"});
    EXPECT_EQ(outcome.out, "{}\n");
    EXPECT_EQ(fake::library().events.interval, std::chrono::milliseconds(1500));
    EXPECT_EQ(call({"events", "--interval", "0", "web"}).status, 1);
    EXPECT_EQ(call({"events", "--interval", "-1s", "web"}).status, 1);
    call({"events", "--stats", "web"});
    EXPECT_TRUE(fake::library().events.once);
}

TEST_F(Application, ProtectsItsImageBeforeItEntersAContainer) {
    call({"create", "web"});
    call({"run", "web"});
    call({"exec", "web", "true"});
    call({"state", "web"});
    EXPECT_THAT(fake::library().calls,
                ElementsAre("protect", "create web", "protect", "run web", "protect", "exec web", "state web"));
}

TEST_F(Application, SuccessIsSilent) {
    for (const auto* command : {"create", "start", "kill", "delete"}) {
        auto outcome = call({command, "web"});
        EXPECT_EQ(outcome.out + outcome.err, "") << command;
    }
}

TEST_F(Application, RunsAProgramInABareRootFileSystem) {
    fake::library().exit_status = 3;
    auto outcome = call({"run", "--rootfs", "/tree", "--name", "x", "-e", "A=b", "--cwd", "/w", "-c", "CAP_CHOWN", "-w",
                         "--", "ls", "-la"});
    EXPECT_EQ(outcome.status, 3) << outcome.err;
    const auto& sandbox = fake::library().sandbox;
    EXPECT_EQ(sandbox.rootfs, "/tree");
    EXPECT_THAT(sandbox.args, ElementsAre("ls", "-la"));
    EXPECT_THAT(sandbox.env, ElementsAre("A=b"));
    EXPECT_EQ(sandbox.cwd, "/w");
    EXPECT_THAT(sandbox.capabilities, ElementsAre("CAP_CHOWN"));
    EXPECT_EQ(sandbox.hostname, "x");
    EXPECT_TRUE(sandbox.writable);
    EXPECT_FALSE(sandbox.terminal) << "nothing here is one";
    EXPECT_EQ(fake::library().configuration, "the configuration of /tree");
    EXPECT_THAT(fake::library().calls, ElementsAre("protect", "run x"));
}

TEST_F(Application, ABareRootFileSystemNeedsNoIdAndNoProgram) {
    EXPECT_EQ(call({"run", "--rootfs", "/tree"}).status, 0);
    EXPECT_THAT(fake::library().sandbox.args, ElementsAre("sh"));
    EXPECT_EQ(fake::library().run.create.id, "run-" + std::to_string(getpid()));
    EXPECT_FALSE(fake::library().sandbox.writable);
}

TEST_F(Application, OptionsOfTheOtherKindOfRunAreRefused) {
    for (const char* option : {"--name=x", "--env=A=b", "--cwd=/w", "--cap=CAP_KILL", "-w"}) {
        auto outcome = call({"run", option, "web"});
        EXPECT_EQ(outcome.status, 1) << option;
        EXPECT_THAT(outcome.err, HasSubstr("belong to --rootfs"));
    }
    EXPECT_EQ(call({"run", "--rootfs", "/tree", "--config", "c.json"}).status, 1);
    EXPECT_EQ(call({"run", "web", "sh"}).status, 1);
    EXPECT_THAT(fake::library().calls, testing::Each("protect"));
}

TEST_F(Application, CalledAsCrunItExitsAsCrun) {
    program = "/usr/bin/crun";
    EXPECT_EQ(call({"state", "--nonsense", "web"}).status, 64);
    EXPECT_EQ(call({"create", "--bundle"}).status, 64);
    EXPECT_EQ(call({"nonsense"}).status, 1);
    fake::library().failure = failing(Code::ContainerNotFound, "x");
    EXPECT_EQ(call({"exec", "web", "true"}).status, 1);
    EXPECT_THAT(call({"version"}).out, testing::StartsWith("crun version "));
}

TEST_F(Application, CalledAsRuncItExitsAsRunc) {
    program = "runc";
    EXPECT_EQ(call({"state", "--nonsense", "web"}).status, 1);
    EXPECT_EQ(call({"nonsense"}).status, 3);
    fake::library().failure = failing(Code::ContainerNotFound, "x");
    EXPECT_EQ(call({"exec", "web", "true"}).status, 255);
    EXPECT_THAT(call({"--version"}).out, testing::StartsWith("runc version "));
}

TEST_F(Application, PassesTheStatusOfTheProgramOn) {
    fake::library().exit_status = 137;
    EXPECT_EQ(call({"exec", "web", "false"}).status, 137);
    EXPECT_EQ(call({"run", "web"}).status, 137);
}

TEST_F(Application, RuntimeHoldsGlobalsAndEnvironment) {
    variables = {"XDG_RUNTIME_DIR=", "NOTIFY_SOCKET=/n"};
    call({"--cgroup-manager=disabled", "--rootless=true", "--root", "/r", "state", "web"});
    const auto& runtime = fake::library().runtime;
    EXPECT_EQ(runtime.root, "/r");
    EXPECT_EQ(runtime.cgroup_manager, CgroupManager::Disabled);
    EXPECT_EQ(runtime.rootless, Tristate::Yes);
    EXPECT_THAT(runtime.environment, ElementsAre("XDG_RUNTIME_DIR=", "NOTIFY_SOCKET=/n"));
    EXPECT_NE(runtime.log, nullptr);
}

TEST_F(Application, RootDependsOnTheNameItWasCalledBy) {
    call({"state", "web"});
    EXPECT_EQ(fake::library().runtime.root, "/default/arca");
    program = "/usr/bin/runc";
    call({"state", "web"});
    EXPECT_EQ(fake::library().runtime.root, "/default/runc");
}

TEST_F(Application, RelativeRootIsMadeAbsolute) {
    call({"--root", "r", "state", "web"});
    EXPECT_THAT(fake::library().runtime.root, MatchesRegex("/.*/r"));
}

TEST_F(Application, TraceHoldsTheCallersTraceParent) {
    variables.push_back("TRACEPARENT=00-1-2-01");
    call({"--trace", "/t", "start", "web"});
    EXPECT_THAT(fake::library().calls, ElementsAre("trace /t start 00-1-2-01", "start web"));
}

// --- failures ---

TEST_F(Application, ExitStatuses) {
    EXPECT_EQ(call({"foo"}).status, 3);
    EXPECT_EQ(call({"foo", "--help"}).status, 3);
    EXPECT_EQ(call({"checkpoint", "--help"}).status, 0);
    EXPECT_EQ(call({"state", "--help"}).status, 0);
    EXPECT_EQ(call({"state"}).status, 1);
    EXPECT_EQ(call({"exec"}).status, 1);
    EXPECT_EQ(call({"--bogus"}).status, 1);
    fake::library().failure = failing(Code::ContainerNotFound, "none");
    for (const auto* command : {"create", "run", "start", "state", "kill", "delete", "pause", "resume", "ps"})
        EXPECT_EQ(call({command, "web"}).status, 1) << command;
    EXPECT_EQ(call({"exec", "web", "true"}).status, 255);
}

TEST_F(Application, ExecNeedsSomethingToExecute) {
    auto outcome = call({"exec", "web"});
    EXPECT_EQ(outcome.status, 255);
    EXPECT_THAT(outcome.err, HasSubstr("neither a command nor --process"));
    EXPECT_EQ(call({"exec", "-p", "/f", "web"}).status, 0);
}

TEST_F(Application, FailureIsOneLineOnStderr) {
    fake::library().failure = failing(Code::NotRunning, "its process has ended");
    auto outcome = call({"kill", "web"});
    EXPECT_EQ(outcome.err, "arca: kill web: container not running: its process has ended\n");
    EXPECT_EQ(outcome.out, "");
}

TEST_F(Application, FailureIsOneLineInTheLogAndOnStderr) {
    fake::library().failure = failing(Code::ExecNotFound, "exec: \"foo\": executable file not found in $PATH");
    auto outcome = call({"--log", directory + "/log", "--log-format", "json", "create", "web"});
    EXPECT_EQ(outcome.err, "arca: create web: exec: \"foo\": executable file not found in $PATH\n");
    EXPECT_THAT(file("log"),
                MatchesRegex("\\{\"level\":\"error\",\"msg\":\"create web: exec: \\\\\"foo\\\\\": executable "
                             "file not found in .PATH\",\"time\":\"20[-0-9]+T[:.0-9]+Z\"\\}\n"));
}

TEST_F(Application, LogIsAppendedTo) {
    fake::library().failure = failing(Code::System, "first");
    call({"--log=" + directory + "/log", "--log-format=json", "create", "web"});
    fake::library().failure = failing(Code::System, "second");
    call({"--log=" + directory + "/log", "--log-format=json", "delete", "web"});
    EXPECT_THAT(file("log"), MatchesRegex(".*first.*\n.*second.*\n"));
}

TEST_F(Application, JsonLogOnStderrIsOneLine) {
    fake::library().failure = failing(Code::System, "x");
    EXPECT_THAT(call({"--log-format", "json", "start", "web"}).err, MatchesRegex("\\{\"level\":\"error\".*\\}\n"));
}

TEST_F(Application, MistakesOfTheCommandLineAreLogged) {
    for (const auto& mistake : {"--bogus", "--rootless=maybe", "foo", "--root"}) {
        call({"--log", directory + "/" + mistake, "--log-format", "json", mistake});
        EXPECT_THAT(file(mistake), MatchesRegex("\\{\"level\":\"error\",[^\n]*\\}\n")) << mistake;
    }
}

TEST_F(Application, LogThatCannotBeOpenedStopsNothing) {
    auto outcome = call({"--log", directory + "/absent/log", "start", "web"});
    EXPECT_EQ(outcome.status, 0);
    EXPECT_THAT(outcome.err, HasSubstr("absent/log"));
    EXPECT_THAT(outcome.err, Not(HasSubstr("o such file")));
}

TEST_F(Application, WithoutItsLogAFailureIsPlainTextOnStderr) {
    fake::library().failure = failing(Code::System, "x");
    auto outcome = call({"--log", directory + "/absent/log", "--log-format=json", "start", "web"});
    EXPECT_THAT(outcome.err, EndsWith("\narca: start web: x\n"));
}

TEST_F(Application, ReaderThatWentAwayDoesNotKill) {
    int ends[2];
    ASSERT_EQ(pipe(ends), 0);
    close(ends[0]);
    std::string pipe_path = "/proc/self/fd/" + std::to_string(ends[1]);
    Report report("arca", {LogRequest::Kind::File, pipe_path, LogFormat::Json});
    report.write(log::Level::Error, "to nobody");
    close(ends[1]);
}

TEST_F(Application, LogDescriptorStaysAwayFromPreservedOnes) {
    Report report("arca", {LogRequest::Kind::File, directory + "/log", LogFormat::Json});
    struct stat log {
    }, found{};
    ASSERT_EQ(stat((directory + "/log").c_str(), &log), 0);
    for (int descriptor = 3; descriptor < 20; ++descriptor)
        EXPECT_FALSE(fstat(descriptor, &found) == 0 && found.st_ino == log.st_ino && found.st_dev == log.st_dev);
}

TEST_F(Application, WarningsAreKeptFromEngines) {
    Report report("arca", {LogRequest::Kind::File, directory + "/log", LogFormat::Json});
    report.write(log::Level::Warning, "kept");
    EXPECT_EQ(file("log"), "");
    report.set_threshold(log::Level::Warning);
    report.write(log::Level::Debug, "kept");
    report.write(log::Level::Warning, "shown\n");
    EXPECT_THAT(file("log"), MatchesRegex("\\{\"level\":\"warning\",\"msg\":\"shown \",.*\n"));
}

// --- results ---

TEST_F(Application, State) {
    auto outcome = call({"state", "web"});
    EXPECT_THAT(outcome.out, HasSubstr("\"id\": \"web\""));
    EXPECT_THAT(outcome.out, EndsWith("}"));
    EXPECT_EQ(outcome.err, "");
}

TEST_F(Application, ListGoesOnAfterABrokenEntry) {
    fake::library().states.emplace_back().id = "web";
    fake::library().failure = failing(Code::BadState, "half a file");
    auto outcome = call({"list", "-f", "json"});
    EXPECT_EQ(outcome.status, 0);
    EXPECT_THAT(outcome.out, MatchesRegex("\\[\\{.*\"id\":\"web\".*\\}\\]\n"));
    EXPECT_EQ(outcome.err, "arca: list torn: half a file\n");
    EXPECT_EQ(call({"list", "-q"}).out, "web\ntorn\n");
}

TEST_F(Application, ListOfANamedRootThatIsAbsentFails) {
    EXPECT_EQ(call({"--root", directory + "/absent", "list"}).status, 1);
    EXPECT_EQ(call({"--root", directory, "list"}).status, 0);
    EXPECT_EQ(call({"list"}).status, 0) << "the default root need not be there";
}

TEST_F(Application, PsShowsOnlyOurProcesses) {
    fake::library().pids = {getpid()};
    EXPECT_EQ(call({"ps", "-f", "json", "web"}).out, "[" + std::to_string(getpid()) + "]\n");
    auto outcome = call({"ps", "web", "-eo", "pid,ppid"});
    if (outcome.err.find("host's ps") != std::string::npos) GTEST_SKIP() << "no ps on this host";
    EXPECT_THAT(outcome.out, MatchesRegex(" *PID +PPID\n *" + std::to_string(getpid()) + " +[0-9]+\n"));
}

TEST_F(Application, FeaturesAndVersionSayNothingElse) {
    auto features = call({"features"});
    EXPECT_EQ(features.out, "{\"ociVersionMin\": \"1.0.0\"}\n");
    EXPECT_EQ(features.err, "");
    auto version = call({"--version"});
    EXPECT_EQ(version.out, "arca version 0.1.0\ncommit: abc\nspec: 1.3.0\nlibseccomp: 2.5.4\n");
    EXPECT_EQ(version.err, "");
}

TEST_F(Application, SpecNeverOverwrites) {
    EXPECT_EQ(call({"spec", "-b", directory, "--rootless"}).status, 0);
    EXPECT_EQ(file("config.json"), "{\"rootless\":1}\n");
    auto outcome = call({"spec", "-b", directory});
    EXPECT_EQ(outcome.status, 1);
    EXPECT_THAT(outcome.err, HasSubstr("config.json is there already"));
    EXPECT_EQ(file("config.json"), "{\"rootless\":1}\n");
}

TEST_F(Application, CheckTellsItsVerdictByItsStatus) {
    EXPECT_EQ(call({"check", "/b"}).status, 0);
    fake::library().report.warnings = {"w"};
    EXPECT_EQ(call({"check", "/b"}).status, 2);
    EXPECT_EQ(call({"check", "--strict", "/b"}).status, 1);
    fake::library().report.errors = {"e\n"};
    auto outcome = call({"check", "/b"});
    EXPECT_EQ(outcome.status, 1);
    EXPECT_EQ(outcome.out, "error: e \nwarning: w\n");
}

TEST_F(Application, Explain) {
    EXPECT_EQ(call({"explain", "/b", "--format", "json"}).out, "the plan\n");
    EXPECT_THAT(fake::library().calls, ElementsAre("explain json"));
    EXPECT_EQ(fake::library().create.bundle, "/b");
}

TEST_F(Application, HelpGoesToStdout) {
    auto outcome = call({"kill", "--help"});
    EXPECT_EQ(outcome.status, 0);
    EXPECT_THAT(outcome.out, HasSubstr("Usage: arca kill"));
    EXPECT_EQ(outcome.err, "");
}

}  // namespace
}  // namespace arca::cli
