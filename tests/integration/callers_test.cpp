// The exact calls of containerd's shim, conmon, podman, cri-o and docker, without any of them: their words, their
// environments, and their ways of reading what the runtime leaves. spec/cli.md, "Callers".
#include "harness/callers.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>

#include "harness/container.hpp"
#include "harness/engine_patterns.hpp"
#include "harness/terminal.hpp"

using namespace integration;

class Callers : public ContainerTest {
  protected:
    Output shim_call(const Arguments& words) { return shim().command(words).run(); }
    Shim shim() { return {root(), bundle.path()}; }

    /// As the shim does: standard descriptors become the container's, so they must not be pipes of ours.
    Output shim_creates() {
        bundle.write();
        return shim().command(shim().create_words(container.id)).output_files(work / "out", work / "err").run();
    }
    Output shim_deletes() { return shim().command({"delete", container.id}).run(Reaping::Adopted); }

    /// A process object in a file of its own, as shim and conmon hand it over.
    std::string process_file(const Arguments& args) {
        Json process = bundle.process();
        process["args"] = args;
        write_file(work / "process.json", process.dump());
        return (work / "process.json").string();
    }
    bool container_ends() {
        return eventually([&] {
            reap_adopted();
            return container.status() == "stopped";
        });
    }
};

// --- containerd's shim, and docker through it ---

TEST_F(Callers, ShimLeadsAContainerThroughItsLife) {
    bundle.args({"/bin/probe", "serve"});
    Output created = shim_creates();
    ASSERT_TRUE(created.ok()) << created;
    pid_t init = pid_as_go_reads_it(shim().pid_file());
    EXPECT_EQ(init, container.pid());
    EXPECT_GE(adopted_children().size(), 1U) << "the container's process is not the shim's to wait for";
    EXPECT_TRUE(shim_call({"start", container.id}).ok());
    EXPECT_TRUE(shim_call({"kill", container.id, "9"}).ok());
    EXPECT_EQ(container.wait_for_init(init), 128 + SIGKILL);
    Output removed = shim_deletes();
    EXPECT_TRUE(removed.ok()) << removed;
    EXPECT_EQ(read_file(shim().log()), "") << "success must leave no line";
}

TEST_F(Callers, ShimFindsTheContainersCgroupAtOnce) {
    REQUIRE_CGROUP();
    ASSERT_TRUE(shim_creates().ok());
    std::string line = read_file("/proc/" + std::to_string(pid_as_go_reads_it(shim().pid_file())) + "/cgroup");
    EXPECT_TRUE(contains(line, bundle.linux_()["cgroupsPath"].get<std::string>())) << line;
}

TEST_F(Callers, ShimExecutesAndReapsTheProcess) {
    bundle.args({"/bin/probe", "serve"});
    ASSERT_TRUE(shim_creates().ok());
    ASSERT_TRUE(shim_call({"start", container.id}).ok());
    auto pid_file = work / "exec.pid";
    Output output = shim()
                        .command({"exec", "--process", process_file({"/bin/probe", "exit", "7"}), "--detach",
                                  "--pid-file", pid_file.string(), container.id})
                        .output_files(work / "out", work / "err")
                        .run();
    ASSERT_TRUE(output.ok()) << output;
    pid_t process = pid_as_go_reads_it(pid_file);
    ASSERT_GT(process, 0) << read_file(pid_file);
    EXPECT_EQ(container.wait_for_init(process), 7);
}

TEST_F(Callers, ShimCountsProcesses) {
    bundle.args({"/bin/probe", "serve"});
    ASSERT_TRUE(shim_creates().ok());
    ASSERT_TRUE(shim_call({"start", container.id}).ok());
    REQUIRE_CGROUP();
    Output output = shim_call({"ps", "--format", "json", container.id});
    EXPECT_EQ(Json::parse(output.out, nullptr, false), Json({container.pid()})) << output;
}

TEST_F(Callers, ShimUnderstandsAKillThatIsTooLate) {
    ASSERT_TRUE(shim_creates().ok());
    ASSERT_TRUE(shim_call({"start", container.id}).ok());
    ASSERT_TRUE(container_ends());
    Output late = shim_call({"kill", container.id, "15"});
    EXPECT_EQ(late.status, 1);
    auto told = last_error_of_stream(shim().log());
    ASSERT_TRUE(told) << read_file(shim().log());
    EXPECT_EQ(engines::containerd_kill(*told), engines::Seen::Finished) << *told;
    EXPECT_TRUE(engines::crio_gone(late.err)) << late;
    EXPECT_TRUE(shim_call({"kill", "--all", container.id, "9"}).ok()) << "--all asks for what is so already";
    EXPECT_TRUE(shim_deletes().ok());
}

TEST_F(Callers, ShimUnderstandsThatNothingIsThere) {
    SKIP_FOR(Crun, "delete says that it cannot open a directory");
    std::filesystem::create_directories(bundle.path());
    for (const Arguments& words : {Arguments{"kill", "nobody", "9"}, {"delete", "nobody"}}) {
        std::filesystem::remove(shim().log());
        EXPECT_EQ(shim_call(words).status, 1);
        auto told = last_error_of_stream(shim().log());
        ASSERT_TRUE(told) << read_file(shim().log());
        EXPECT_EQ(engines::containerd_kill(*told), engines::Seen::Absent) << *told;
        EXPECT_TRUE(error_of_whole_file(shim().log())) << read_file(shim().log());
    }
}

TEST_F(Callers, ShimsCleanupIsSilentWhenNothingIsThere) {
    std::filesystem::create_directories(bundle.path());
    Output output = shim_call({"delete", "--force", "nobody"});
    EXPECT_TRUE(output.ok()) << output;
    EXPECT_EQ(output.text() + read_file(shim().log()), "");
}

TEST_F(Callers, ShimSendsOneDash) {
    SKIP_FOR(Crun, "reads one dash as letters");
    bundle.write();
    Output output = shim_call({"run", "-no-subreaper", "--bundle", bundle.path().string(), container.id});
    EXPECT_EQ(output.out, "hello\n") << output;
}

TEST_F(Callers, ShimKeepsItsLogOverSeveralFailures) {
    std::filesystem::create_directories(bundle.path());
    shim_call({"start", "first"});
    shim_call({"start", "second"});
    auto told = last_error_of_stream(shim().log());
    ASSERT_TRUE(told) << read_file(shim().log());
    EXPECT_TRUE(contains(*told, "second")) << *told;
}

TEST_F(Callers, ShimUpdatesFromItsInput) {
    REQUIRE(shim_call({"update", "--help"}).ok(), "this runtime has no command update");
    REQUIRE_CONTROLLER("pids");
    ASSERT_TRUE(shim_creates().ok());
    Output output = shim().command({"update", "--resources=-", container.id}).input(R"({"pids":{"limit":77}})").run();
    EXPECT_TRUE(output.ok()) << output;
    EXPECT_EQ(read_file(container.cgroup() / "pids.max"), "77\n");
}

// --- conmon ---

class Pipe {
  public:
    Pipe() { [[maybe_unused]] int made = pipe2(ends_.data(), O_CLOEXEC); }
    ~Pipe() {
        close_writer();
        close(ends_[0]);
    }
    Pipe(const Pipe&) = delete;
    Pipe& operator=(const Pipe&) = delete;
    int writer() const { return ends_[1]; }
    void close_writer() {
        if (ends_[1] >= 0) close(ends_[1]);
        ends_[1] = -1;
    }
    /// Whether everybody else has closed the writing end.
    bool has_ended() const {
        pollfd poll_for{ends_[0], POLLIN, 0};
        return poll(&poll_for, 1, 5000) == 1 && (poll_for.revents & POLLHUP) != 0;
    }

  private:
    std::array<int, 2> ends_{-1, -1};
};

TEST_F(Callers, ConmonSeesTheEndOfBothStreams) {
    Pipe out, err;
    ConsoleSocket console(work / "c");
    bundle.process()["terminal"] = true;
    bundle.args({"/bin/probe", "serve"});
    bundle.write();
    Output created =
        Command({facts().runtime, "--root", root().string(), "create", "--bundle", bundle.path().string(), "--pid-file",
                 (work / "pidfile").string(), "--console-socket", console.path(), container.id})
            .descriptor(1, out.writer())
            .descriptor(2, err.writer())
            .run();
    ASSERT_EQ(created.status, 0);
    std::string name;
    int terminal = console.receive(name);
    out.close_writer();
    err.close_writer();
    EXPECT_TRUE(out.has_ended()) << "something of the runtime holds standard output";
    EXPECT_TRUE(err.has_ended()) << "something of the runtime holds standard error";
    EXPECT_GT(pid_as_go_reads_it(work / "pidfile"), 0);
    close(terminal);
}

TEST_F(Callers, ConmonHasRoomForTheWholeText) {
    // It takes 8 KiB of standard error, and shows them as one message.
    constexpr std::size_t kConmonsBuffer = 8192;
    bundle.config["hooks"]["createRuntime"] = {
        {{"path", "/bin/sh"}, {"args", {"sh", "-c", "head -c 100000 /dev/zero | tr '\\0' x >&2; exit 1"}}}};
    Output output = container.create();
    EXPECT_EQ(output.status, 1);
    EXPECT_LE(output.err.size(), kConmonsBuffer);
    EXPECT_EQ(lines(output.err).size(), 1U) << output;
}

// --- podman ---

TEST_F(Callers, PodmanNamesNoRootAndNoPath) {
    REQUIRE_ROOT();
    bundle.args({"/bin/probe", "serve"});
    bundle.write();
    auto call = [&](const Arguments& words, const std::string& runtime_directory) {
        Arguments argv = words;
        argv.insert(argv.begin(), facts().runtime);
        return with_podmans_environment(Command(argv), runtime_directory).output_files(work / "o", work / "e");
    };
    std::string own = (work / "xdg").string();
    std::filesystem::create_directories(own);
    for (const std::string& directory : {std::string(), own}) {
        Output created = call({"create", "--bundle", bundle.path().string(), container.id}, directory).run();
        ASSERT_TRUE(created.ok()) << created;
        std::filesystem::remove(work / "o");
        Output state = call({"state", container.id}, directory).run();
        EXPECT_EQ(Json::parse(state.out, nullptr, false).value("status", ""), "created") << state;
        for (const Arguments& words : {Arguments{"start", container.id},
                                       {"pause", container.id},
                                       {"resume", container.id},
                                       {"kill", container.id, "9"}}) {
            if (words[0] == "pause" && !facts().cgroup_v2) continue;
            Output output = call(words, directory).run();
            EXPECT_TRUE(output.ok()) << output;
        }
        Output removed = call({"delete", "--force", container.id}, directory).run(Reaping::Adopted);
        EXPECT_TRUE(removed.ok()) << removed;
        EXPECT_NE(call({"state", container.id}, directory).run().status, 0);
    }
}

TEST_F(Callers, PodmansRootlessRootIsTheSameInItsUserNamespace) {
    REQUIRE_ROOT();
    REQUIRE(facts().user_namespaces, "needs user namespaces");
    REQUIRE(std::filesystem::exists("/usr/bin/unshare"), "needs unshare");
    std::filesystem::path own = work / "xdg";
    std::string name = facts().kind == Kind::Runc ? "runc" : facts().kind == Kind::Crun ? "crun" : "arca";
    bundle.write();
    Output created = runtime_command(own / name, {"create", "--bundle", bundle.path().string(), container.id})
                         .output_files(work / "o", work / "e")
                         .run();
    ASSERT_TRUE(created.ok()) << created;
    // There euid is 0, and the environment says nothing of a user.
    Output inside = with_podmans_environment(
                        Command({"/usr/bin/unshare", "--user", "--map-root-user", facts().runtime, "list", "-q"}), own)
                        .run();
    EXPECT_EQ(inside.out, container.id + "\n") << inside;
    runtime_command(own / name, {"delete", "--force", container.id}).run(Reaping::Adopted);
}

// --- cri-o ---

TEST_F(Callers, CrioReadsFeaturesWithBothStreams) {
    REQUIRE_RUNC(1, 1, "features");
    Output output = combined(Command({facts().runtime, "features"}), work / "both");
    ASSERT_TRUE(output.ok()) << output;
    Json document = Json::parse(read_file(work / "both"), nullptr, false);
    ASSERT_TRUE(document.is_object()) << output;
    EXPECT_TRUE(document["ociVersionMin"].is_string());
    EXPECT_TRUE(document["ociVersionMax"].is_string());
}

TEST_F(Callers, CrioReadsTheVersionWithBothStreams) {
    Output output = combined(Command({facts().runtime, "--version"}), work / "both");
    auto all = lines(read_file(work / "both"));
    ASSERT_GE(all.size(), 3U) << output;
    EXPECT_TRUE(contains(all[0], " version ")) << output;  // docker splits the line here
    EXPECT_TRUE(all[1].starts_with("commit: ")) << output;
    EXPECT_TRUE(contains(output.out, "\nspec: 1.")) << output;
}

TEST_F(Callers, ProbesForCheckpointsAgree) {
    // podman and cri-o ask the first for checkpoints at all, the second for pods: a runtime without the one must not
    // seem to have the other.
    SKIP_FOR(Crun, "complains about the missing value in other words");
    Output checkpoint = Command({facts().runtime, "checkpoint", "--help"}).run();
    Output restore = combined(Command({facts().runtime, "restore", "--lsm-mount-context"}), work / "both");
    EXPECT_NE(restore.status, 0);
    EXPECT_EQ(engines::knows_option(read_file(work / "both")), checkpoint.ok()) << checkpoint << restore;
}

TEST_F(Callers, CrioLeadsAContainerThroughItsLife) {
    bundle.args({"/bin/probe", "serve"});
    bundle.config["annotations"] = {{"io.container.manager", "cri-o"}};
    ASSERT_TRUE(container.create().ok());
    auto call = [&](Arguments words) {
        words.insert(words.begin(), {facts().runtime, "--root=" + root().string()});
        return Command(words).variable("CRI_O_EXTERNAL", "1").run(Reaping::Adopted);
    };
    EXPECT_TRUE(call({"start", container.id}).ok());
    Json state = Json::parse(call({"state", container.id}).out, nullptr, false);
    EXPECT_TRUE(state["pid"].is_number_unsigned()) << state;
    EXPECT_EQ(state["status"], "running");
    EXPECT_EQ(state["bundle"], bundle.path().string());
    EXPECT_EQ(state["annotations"]["io.container.manager"], "cri-o");
    EXPECT_TRUE(is_rfc3339(state["created"])) << state;
    Output told = call({"exec", "--process", process_file({"/bin/probe", "echo", "probed"}), container.id});
    EXPECT_EQ(told.out, "probed\n") << told;
    EXPECT_EQ(call({"exec", "--process", process_file({"/bin/probe", "exit", "3"}), container.id}).status, 3);
    EXPECT_TRUE(call({"kill", container.id, "KILL"}).ok());
    ASSERT_TRUE(container_ends());
    EXPECT_TRUE(engines::crio_gone(call({"kill", container.id, "KILL"}).err));
    EXPECT_TRUE(call({"kill", "-a", container.id, "9"}).ok());
    EXPECT_TRUE(call({"delete", "--force", container.id}).ok());
}

// --- what a failure is taken for ---

namespace {
struct Misfortune {
    const char* name;
    void (*arrange)(Bundle& bundle, const std::filesystem::path& work);
    int docker = engines::kOtherDockerFailure;
    int podman = engines::kOtherPodmanFailure;
    bool mount_advice = false;  ///< docker adds its advice about files and directories
};

void hook(Bundle& bundle, const std::string& path, const Json& args) {
    bundle.config["hooks"]["createRuntime"] = {{{"path", path}, {"args", args}}};
}

void run_script(Bundle& bundle, const std::string& content, int mode) {
    bundle.file("bin/script", content, mode);
    bundle.args({"/bin/script"});
}

constexpr const char* kEveryPhrase =
    "echo 'No such file or directory; permission denied; Operation not permitted; executable file not found in $PATH; "
    "open executable; no such process; container not running; does not exist; not a directory; flag needs an argument' "
    ">&2; exit 1";

const Misfortune kMisfortunes[] = {
    {"ProgramIsAbsent", [](Bundle& b, const auto&) { b.args({"/bin/absent"}); }, 127, 127},
    {"ProgramIsNotInPath", [](Bundle& b, const auto&) { b.args({"absent"}); }, 127, 127},
    {"ProgramLiesBelowAFile", [](Bundle& b, const auto&) { b.args({"/bin/probe/x"}); }, 127, 127},
    {"ProgramIsADirectory", [](Bundle& b, const auto&) { b.args({"/bin"}); }, 126, 126},
    {"ProgramHasNoExecuteBit", [](Bundle& b, const auto&) { run_script(b, "#!/bin/probe\n", 0644); }, 126, 126},
    {"InterpreterIsAbsent", [](Bundle& b, const auto&) { run_script(b, "#!/bin/absent\n", 0755); }, 127, 127},
    {"InterpreterHasACarriageReturn", [](Bundle& b, const auto&) { run_script(b, "#!/bin/probe\r\n", 0755); }, 127,
     127},
    {"ProgramHasNoFormat", [](Bundle& b, const auto&) { run_script(b, "", 0755); }},
    {"BindSourceIsAbsent",
     [](Bundle& b, const auto& work) { b.add_mount("/mnt", "bind", (work / "absent").string(), {"bind"}); }},
    {"DirectoryOntoAFile",
     [](Bundle& b, const auto& work) { b.add_mount("/bin/probe", "bind", work.string(), {"bind"}); }, 127,
     engines::kOtherPodmanFailure, true},
    {"FileOntoADirectory", [](Bundle& b, const auto&) { b.add_mount("/bin", "bind", "/etc/passwd", {"bind"}); }, 127,
     engines::kOtherPodmanFailure, true},
    {"MountpointBelowAFile", [](Bundle& b, const auto&) { b.add_mount("/bin/probe/x", "tmpfs", "tmpfs", {}); }, 127,
     engines::kOtherPodmanFailure, true},
    {"HookIsAbsent", [](Bundle& b, const auto&) { hook(b, "/absent/hook", Json::array({"hook"})); }},
    {"HookSaysEveryPhrase",
     [](Bundle& b, const auto&) {
         hook(b, "/bin/sh", {"sh", "-c", kEveryPhrase});
     }},
    {"HookMayNotBeExecuted", [](Bundle& b, const auto&) { hook(b, "/etc/passwd", Json::array({"hook"})); }},
    {"RootIsAbsent", [](Bundle& b, const auto&) { b.config["root"]["path"] = "absent"; }},
    {"RootIsAFile", [](Bundle& b, const auto&) { b.config["root"]["path"] = "rootfs/bin/probe"; }},
    {"WorkingDirectoryIsAFile", [](Bundle& b, const auto&) { b.process()["cwd"] = "/bin/probe"; }},
    {"NamespaceIsAbsent", [](Bundle& b, const auto&) { b.set_namespace("network", "/absent/net"); }},
    {"SysctlIsAbsent",
     [](Bundle& b, const auto&) {
         b.linux_()["sysctl"] = {{"kernel.shm_rmid_forced", "x"}};
     }},
    {"FileSystemIsUnknown", [](Bundle& b, const auto&) { b.add_mount("/mnt", "absentfs", "x", {}); }},
    {"DeviceLiesBelowAFile",
     [](Bundle& b, const auto&) {
         b.linux_()["devices"] = {
             {{"path", "/bin/probe/null"}, {"type", "c"}, {"major", 1}, {"minor", 3}, {"fileMode", 438}}};
     }},
    {"ConfigurationIsWrong", [](Bundle& b, const auto&) { b.process()["args"] = "does not exist"; }},
};
}  // namespace

class CallersThatFail : public Callers, public testing::WithParamInterface<Misfortune> {};

TEST_P(CallersThatFail, LearnTheKindOfFailure) {
    REQUIRE_ARCA("the peers' texts hold an engine's phrase for other failures too");
    REQUIRE_ROOT();
    const auto& misfortune = GetParam();
    misfortune.arrange(bundle, work.path());
    Output failed = shim_creates();
    if (failed.ok()) failed = shim_call({"start", container.id});
    EXPECT_EQ(failed.status, 1) << failed;
    auto told = last_error_of_stream(shim().log());
    ASSERT_TRUE(told) << read_file(shim().log()) << failed;
    EXPECT_EQ(error_of_whole_file(shim().log()), told) << "podman wants one object";
    EXPECT_TRUE(contains(failed.err, *told)) << failed;
    auto args = bundle.process()["args"];
    std::string program = args.is_array() ? args[0].get<std::string>() : std::string("start");
    EXPECT_EQ(engines::docker_status(*told, program), misfortune.docker) << *told;
    EXPECT_EQ(engines::podman_status(*told), misfortune.podman) << *told;
    EXPECT_EQ(engines::docker_suspects_mount(*told), misfortune.mount_advice) << *told;
    EXPECT_EQ(engines::containerd_kill(*told), engines::Seen::Unclear) << *told;
    EXPECT_FALSE(engines::crio_gone(*told)) << *told;
    EXPECT_FALSE(engines::podman_suspects_selinux(*told)) << *told;
}

INSTANTIATE_TEST_SUITE_P(Each, CallersThatFail, testing::ValuesIn(kMisfortunes),
                         [](const auto& each) { return std::string(each.param.name); });
