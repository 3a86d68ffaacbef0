#include <sys/stat.h>

#include <chrono>
#include <regex>
#include <tuple>

#include "harness/container.hpp"
#include "harness/teller.hpp"

using namespace integration;

class Hooks : public ContainerTest {
  protected:
    void SetUp() override {
        ContainerTest::SetUp();
        std::filesystem::create_directories(work / "hooks");
        chmod((work / "hooks").c_str(), 0777);
    }
    /// A hook on the host's side that appends what it sees to the log.
    Json recorder(const std::string& tag) {
        return {{"path", facts().probe}, {"args", {"probe", "hook", (work / "hooks/log").string(), tag}}};
    }
    Json shell(const std::string& script) { return {{"path", "/bin/sh"}, {"args", {"sh", "-c", script}}}; }
    Json& hooks(const std::string& kind) {
        auto& list = bundle.config["hooks"][kind];
        if (list.is_null()) list = Json::array();
        return list;
    }
    /// One recording hook of each kind.
    void record_all() {
        bundle.add_mount("/hooks", "bind", (work / "hooks").string(), {"bind", "rw"});
        for (const char* kind : {"prestart", "createRuntime", "createContainer", "poststart", "poststop"}) {
            hooks(kind).push_back(recorder(kind));
        }
        hooks("startContainer")
            .push_back({{"path", "/bin/probe"}, {"args", {"probe", "hook", "/hooks/log", "startContainer"}}});
    }
    Printed log() { return parse_lines(read_file(work / "hooks/log")); }
    Json entry(const std::string& tag) {
        for (const auto& line : log()) {
            if (line["tag"] == tag) return line;
        }
        return {};
    }
    Json state_seen_by(const std::string& tag) { return Json::parse(entry(tag).value("state", ""), nullptr, false); }
};

TEST_F(Hooks, RunInOrder) {
    SKIP_FOR(Runc, "runs poststart hooks at create");
    record_all();
    Output output = container.run();
    ASSERT_TRUE(output.ok()) << output;
    std::vector<std::string> order;
    for (const auto& line : log())
        order.push_back(line["tag"]);
    EXPECT_EQ(order, (std::vector<std::string>{"prestart", "createRuntime", "createContainer", "startContainer",
                                               "poststart", "poststop"}));
}

TEST_F(Hooks, SeveralOfOneKindRunInListedOrder) {
    for (const char* tag : {"one", "two", "three"})
        hooks("createRuntime").push_back(recorder(tag));
    ASSERT_TRUE(container.run().ok());
    auto seen = log();
    ASSERT_EQ(seen.size(), 3U);
    EXPECT_EQ(seen[0]["tag"], "one");
    EXPECT_EQ(seen[2]["tag"], "three");
}

TEST_F(Hooks, RunAtTheirOperation) {
    SKIP_FOR(Runc, "runs poststart hooks at create");
    record_all();
    ASSERT_TRUE(container.create().ok());
    EXPECT_EQ(log().size(), 3U);
    ASSERT_TRUE(container.start().ok());
    EXPECT_EQ(log().size(), 5U);
    EXPECT_TRUE(container.reaches("stopped"));
    ASSERT_TRUE(container.remove().ok());
    EXPECT_EQ(log().size(), 6U);
}

TEST_F(Hooks, SeeTheStateOnStandardInput) {
    record_all();
    bundle.config["annotations"] = {{"org.example.k", "v"}};
    ASSERT_TRUE(container.run().ok());
    for (const char* kind :
         {"prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop"}) {
        Json state = state_seen_by(kind);
        ASSERT_TRUE(state.is_object()) << kind << entry(kind);
        EXPECT_EQ(state["id"], container.id) << kind;
        EXPECT_EQ(state["bundle"], bundle.path().string()) << kind;
        EXPECT_TRUE(state["ociVersion"].is_string()) << kind;
        EXPECT_EQ(state["annotations"]["org.example.k"], "v") << kind;
    }
}

TEST_F(Hooks, SeeTheSpecifiedStatus) {
    SKIP_FOR(Runc, "runs poststart hooks at create");
    SKIP_FOR(Crun, "other status values");
    record_all();
    ASSERT_TRUE(container.run().ok());
    EXPECT_EQ(state_seen_by("prestart")["status"], "creating");
    EXPECT_EQ(state_seen_by("createRuntime")["status"], "creating");
    EXPECT_EQ(state_seen_by("createContainer")["status"], "creating");
    EXPECT_EQ(state_seen_by("startContainer")["status"], "created");
    EXPECT_EQ(state_seen_by("poststart")["status"], "running");
    EXPECT_EQ(state_seen_by("poststop")["status"], "stopped");
}

TEST_F(Hooks, SeeThePid) {
    SKIP_FOR(Crun, "no pid for hooks in the container");
    record_all();
    bundle.args({"/bin/probe", "serve"});
    ASSERT_TRUE(container.create().ok());
    ASSERT_TRUE(container.start().ok());
    pid_t init = container.pid();
    EXPECT_EQ(state_seen_by("prestart")["pid"], init);
    EXPECT_EQ(state_seen_by("createRuntime")["pid"], init);
    EXPECT_EQ(state_seen_by("createContainer")["pid"], 1) << "as seen in its own pid namespace";
    EXPECT_EQ(state_seen_by("startContainer")["pid"], 1);
    EXPECT_EQ(state_seen_by("poststart")["pid"], init);
}

TEST_F(Hooks, RunInTheirNamespaces) {
    record_all();
    bundle.args({"/bin/probe", "ns"});
    Output output = container.run();
    ASSERT_TRUE(output.ok()) << output;
    Json inside = parse_lines(output.out)[0];
    std::string ours = std::filesystem::read_symlink("/proc/self/ns/mnt").string();
    for (const char* kind : {"prestart", "createRuntime", "poststart", "poststop"}) {
        EXPECT_EQ(entry(kind)["ns"]["mnt"], ours) << kind;
    }
    for (const char* kind : {"createContainer", "startContainer"}) {
        EXPECT_EQ(entry(kind)["ns"]["mnt"], inside["mnt"]) << kind;
        EXPECT_EQ(entry(kind)["ns"]["uts"], inside["uts"]) << kind;
    }
}

TEST_F(Hooks, EnvironmentIsTheirs) {
    Json hook = recorder("env");
    hook["env"] = {"ONLY=this"};
    hooks("createRuntime").push_back(hook);
    Output output = container.run_command().variable("SECRET", "leak").run();
    ASSERT_TRUE(output.ok()) << output;
    EXPECT_EQ(entry("env")["env"], Json({"ONLY=this"}));
}

TEST_F(Hooks, EnvironmentIsEmptyWhenNotGiven) {
    SKIP_FOR(Runc, "inherits the runtime's");
    SKIP_FOR(Crun, "inherits the runtime's");
    hooks("createRuntime").push_back(recorder("env"));
    ASSERT_TRUE(container.run().ok());
    EXPECT_EQ(entry("env")["env"], Json::array());
}

TEST_F(Hooks, ArgumentsIncludeTheNameOfTheProgram) {
    Json hook = shell("echo \"$0 $1\" > " + (work / "hooks/args").string());
    hook["args"] = {"sh", "-c", "echo \"$0 $1\" > " + (work / "hooks/args").string(), "zero", "one"};
    hooks("createRuntime").push_back(hook);
    ASSERT_TRUE(container.run().ok());
    EXPECT_EQ(read_file(work / "hooks/args"), "zero one\n");
}

namespace {

/// One way in which a hook can fail; the file is there on the host and in the container.
struct Way {
    const char* name;
    std::string content;
    int mode;
    const char* path;  ///< below the root filesystem
    int timeout;
    std::string text;  ///< what is said of it, PATH for its path and N for seconds
};

std::string flood() {
    constexpr int kLinesTold = 279;  // of 11 bytes each, in the last 3072
    std::string told = "...89";
    for (int i = 0; i < kLinesTold; ++i)
        told += " | 0123456789";
    return told;
}

const Way kWays[] = {
    {"ExitsWithAStatus", "#!/bin/sh\necho complaint of the hook >&2\nexit 3\n", 0755, "/hooks/hook", 0,
     "PATH exited with status 3 after N s; last output: complaint of the hook"},
    {"ExitsWithoutAWord", "#!/bin/sh\nexit 1\n", 0755, "/hooks/hook", 0, "PATH exited with status 1 after N s"},
    {"IsKilled", "#!/bin/sh\nkill -SEGV $$\n", 0755, "/hooks/hook", 0, "PATH was killed by SIGSEGV after N s"},
    {"TakesTooLong", "#!/bin/sh\necho waiting\nexec sleep 60\n", 0755, "/hooks/hook", 1,
     "PATH was killed: it had not ended after its timeout of 1 s; last output: waiting"},
    {"IsAbsent", "", 0755, "/hooks/absent", 0, "PATH cannot be executed: absent (ENOENT)"},
    {"MayNotBeExecuted", "#!/bin/sh\nexit 0\n", 0644, "/hooks/hook", 0,
     "PATH cannot be executed: refused (EACCES) (it has no execute bit (mode 0644))"},
    {"IsADirectory", "", 0755, "/hooks/directory", 0, "PATH cannot be executed: refused (EACCES) (it is a directory)"},
    {"HasNoInterpreter", "#!/absent/interpreter\n", 0755, "/hooks/hook", 0,
     "PATH cannot be executed: absent (ENOENT) (the file is there; the interpreter in its first line or its ELF loader "
     "is not)"},
    {"IsNoProgram", "exit 0\n", 0755, "/hooks/hook", 0,
     "PATH cannot be executed: exec format error (ENOEXEC) (it is neither a program for this machine nor a script that "
     "begins with #!)"},
    {"FloodsAndFails", "#!/bin/sh\ni=0\nwhile [ $i -lt 10000 ]; do echo 0123456789; i=$((i+1)); done\nexit 1\n", 0755,
     "/hooks/hook", 0, "PATH exited with status 1 after N s; last output: " + flood()},
};

std::string replaced(std::string text, const std::string& from, const std::string& to) {
    for (std::size_t at = 0; (at = text.find(from, at)) != std::string::npos; at += to.size())
        text.replace(at, from.size(), to);
    return text;
}

}  // namespace

class HooksThatFail : public Hooks, public testing::WithParamInterface<std::tuple<const char*, Way>> {
  protected:
    void SetUp() override {
        Hooks::SetUp();
        REQUIRE(!facts().busybox.empty(), "needs a static busybox");
        bundle.file("hooks/hook", way().content, way().mode);
        bundle.directory("hooks/directory");
        Json hook = {{"path", path()}};
        if (way().timeout > 0) hook["timeout"] = way().timeout;
        hooks(stage()).push_back(hook);
        hooks("poststop").push_back(recorder("poststop"));
        bundle.args({"/bin/probe", "serve"});
    }
    static std::string stage() { return std::get<0>(GetParam()); }
    static const Way& way() { return std::get<1>(GetParam()); }
    std::string path() const { return (stage() == "startContainer" ? "" : bundle.rootfs().string()) + way().path; }

    std::string plain(const std::string& text) const {
        return std::regex_replace(replaced(replaced(text, container.id, "ID"), path(), "PATH"),
                                  std::regex(R"(\d+\.\d\d s)"), "N s");
    }
    static std::string message() {
        return "error running " + stage() + " hook #0: /hooks/" + stage() + "/0: " + way().text;
    }
    void expect_failed(const Output& output, const std::string& operation) {
        EXPECT_EQ(output.status, 1) << output;
        EXPECT_EQ(plain(output.err), "arca: " + operation + " ID: " + message() + "\n");
        const Json known = Json::parse(runtime({"why", "--format", "json", container.id}).out, nullptr, false);
        EXPECT_EQ(known["operation"], operation);
        EXPECT_EQ(plain(known.value("message", "")), message());
    }
    void expect_start_fails() {
        expect_failed(container.start(), "start");
        EXPECT_TRUE(container.reaches("stopped"));
        EXPECT_TRUE(stage() != "startContainer" || container.output().empty()) << "the process must not run";
        EXPECT_TRUE(container.remove().ok());
    }
    void expect_delete_goes_on() {
        ASSERT_TRUE(container.start().ok());
        ASSERT_TRUE(container.kill("KILL").ok());
        ASSERT_TRUE(container.reaches("stopped"));
        const auto log = work / "runtime.log";
        EXPECT_EQ(runtime({"--log", log.string(), "--log-level", "warning", "delete", container.id}).text(), "");
        const std::string warned = read_file(log);
        EXPECT_TRUE(contains(warned, "level=warning")) << warned;
        EXPECT_TRUE(contains(plain(warned), message())) << warned;
    }
};

TEST_P(HooksThatFail, StopTheOperation) {
    REQUIRE_ARCA("its own texts");
    const Output created = container.create();
    if (stage() == "prestart" || stage() == "createRuntime" || stage() == "createContainer") {
        expect_failed(created, "create");
    } else {
        ASSERT_TRUE(created.ok()) << created;
        stage() == "poststop" ? expect_delete_goes_on() : expect_start_fails();
    }
    EXPECT_FALSE(std::filesystem::exists(root() / container.id));
    EXPECT_EQ(log().size(), 1U) << "runtime.md#lifecycle: poststop hooks run when the container is destroyed";
}

// For tables/failures, as in start_truth_test.cpp.
TEST_P(HooksThatFail, DISABLED_IsToldBy) {
    REQUIRE(stage() != "poststop", "delete goes on");
    record_teller(container);
}

INSTANTIATE_TEST_SUITE_P(Stages, HooksThatFail,
                         testing::Combine(testing::Values("prestart", "createRuntime", "createContainer",
                                                          "startContainer", "poststart", "poststop"),
                                          testing::ValuesIn(kWays)),
                         [](const auto& each) {
                             return std::string(std::get<0>(each.param)) + "_" + std::get<1>(each.param).name;
                         });

TEST_F(Hooks, LaterOnesDoNotRunAfterAFailure) {
    hooks("createRuntime").push_back(shell("exit 1"));
    hooks("createRuntime").push_back(recorder("second"));
    EXPECT_EQ(container.run().status, 1);
    EXPECT_EQ(log().size(), 0U);
}

TEST_F(Hooks, FailureNamesTheHook) {
    SKIP_FOR(Crun, "names nothing");
    hooks("createRuntime").push_back(shell("exit 0"));
    hooks("createRuntime").push_back(shell("exit 1"));
    Output output = container.create();
    EXPECT_EQ(output.status, 1);
    EXPECT_TRUE(contains(output.err, "1")) << output;
    EXPECT_TRUE(facts().kind != Kind::Arca || contains(output.err, "createRuntime")) << output;
}

TEST_F(Hooks, PoststopFailureDoesNotStopTheDelete) {
    SKIP_FOR(Runc, "does not run the remaining hooks");
    hooks("poststop").push_back(shell("exit 1"));
    hooks("poststop").push_back(recorder("second"));
    ASSERT_TRUE(container.run({"--keep"}).ok());
    EXPECT_TRUE(container.remove().ok());
    EXPECT_FALSE(std::filesystem::exists(root() / container.id));
    EXPECT_EQ(log().size(), 1U);
}

TEST_F(Hooks, MissingProgramIsNamed) {
    SKIP_FOR(Crun, "does not name it");
    hooks("createRuntime").push_back({{"path", "/absent/hook"}});
    expect_create_fails("/absent/hook");
}

TEST_F(Hooks, RelativePathIsRefused) {
    SKIP_FOR(Runc, "accepts it");
    SKIP_FOR(Crun, "accepts it");
    hooks("createRuntime").push_back({{"path", "hook"}});
    expect_create_fails("hook");
}

TEST_F(Hooks, TimeoutKills) {
    Json hook = shell("exec sleep 60");
    hook["timeout"] = 1;
    hooks("createRuntime").push_back(hook);
    auto begin = std::chrono::steady_clock::now();
    Output output = container.create_command().timeout(20).run();
    EXPECT_EQ(output.status, 1);
    EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(15));
}

TEST_F(Hooks, TimeoutKillsTheChildrenOfTheHookToo) {
    SKIP_FOR(Runc, "waits for whoever holds the pipe");
    Json hook = shell("sleep 60; true");
    hook["timeout"] = 1;
    hooks("createRuntime").push_back(hook);
    Output output = container.create_command().timeout(20).run();
    EXPECT_EQ(output.status, 1);
}

TEST_F(Hooks, TimeoutOfZeroIsRefused) {
    REQUIRE_ARCA("config.md#posix-platform-hooks: timeout MUST be greater than zero");
    Json hook = shell("true");
    hook["timeout"] = 0;
    hooks("createRuntime").push_back(hook);
    expect_create_fails("/hooks/createRuntime/0/timeout");
}

TEST_F(Hooks, MuchOutputDoesNotBlock) {
    hooks("createRuntime").push_back(shell("i=0; while [ $i -lt 20000 ]; do echo 0123456789 >&2; i=$((i+1)); done"));
    Output output = container.run_command().timeout(20).run();
    EXPECT_TRUE(output.ok()) << output.status;
}

TEST_F(Hooks, IgnoredStandardInputDoesNotMatter) {
    hooks("createRuntime").push_back(shell("exec <&-; exit 0"));
    bundle.config["annotations"] = {{"large", std::string(100000, 'x')}};
    Output output = container.run_command().timeout(20).run();
    EXPECT_TRUE(output.ok()) << output;
}

TEST_F(Hooks, BackgroundProcessOfAHookDoesNotBlock) {
    SKIP_FOR(Runc, "waits for the end of the pipe");
    SKIP_FOR(Crun, "depends on the release");
    hooks("createRuntime").push_back(shell("sleep 60 & exit 0"));
    auto begin = std::chrono::steady_clock::now();
    Output output = container.run();
    EXPECT_TRUE(output.ok()) << output;
    EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(30));
    for (const pid_t left : adopted_children())
        ::kill(left, SIGKILL);
    eventually([] {
        reap_adopted();
        return adopted_children().empty();
    });
}

TEST_F(Hooks, PrestartMayChangeTheNetworkNamespaceOfThePid) {
    // What docker's libnetwork does: it finds the namespace through the pid in the state.
    REQUIRE_ROOT();
    hooks("prestart")
        .push_back(shell("pid=$(sed 's/.*\"pid\":\\([0-9]*\\).*/\\1/'); readlink /proc/$pid/ns/net > " +
                         (work / "hooks/net").string()));
    bundle.args({"/bin/probe", "ns"});
    Output output = container.run();
    ASSERT_TRUE(output.ok()) << output;
    EXPECT_EQ(read_file(work / "hooks/net"), parse_lines(output.out)[0]["net"].get<std::string>() + "\n");
}

TEST_F(Hooks, InheritNoDescriptors) {
    Json hook = shell("ls -l /proc/self/fd > " + (work / "hooks/fds").string());
    hooks("createRuntime").push_back(hook);
    hooks("poststop").push_back(shell("ls -l /proc/self/fd > " + (work / "hooks/fds2").string()));
    ASSERT_TRUE(container.run().ok());
    // 0, 1, 2, the directory ls reads, and the line with the total.
    EXPECT_LE(lines(read_file(work / "hooks/fds")).size(), 5U) << read_file(work / "hooks/fds");
    EXPECT_LE(lines(read_file(work / "hooks/fds2")).size(), 5U) << read_file(work / "hooks/fds2");
}
