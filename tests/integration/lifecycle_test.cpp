#include <signal.h>
#include <sys/stat.h>

#include "harness/container.hpp"

using namespace integration;

class Lifecycle : public ContainerTest {};

TEST_F(Lifecycle, RunPrintsWhatTheProcessPrints) {
    Output output = container.run();
    EXPECT_TRUE(output.ok()) << output;
    EXPECT_EQ(output.out, "hello\n");
    EXPECT_EQ(output.err, "");
}

TEST_F(Lifecycle, RunKeepsStandardErrorApart) {
    bundle.args({"/bin/probe", "complain", "oops"});
    Output output = container.run();
    EXPECT_EQ(output.out, "");
    EXPECT_EQ(output.err, "oops\n");
}

TEST_F(Lifecycle, RunHandsStandardInputOn) {
    bundle.args({"/bin/probe", "cat"});
    Output output = container.run_command().input("from outside\n").run();
    EXPECT_EQ(output.out, "from outside\n") << output;
}

TEST_F(Lifecycle, RunReturnsTheStatusOfTheProcess) {
    bundle.args({"/bin/probe", "exit", "42"});
    EXPECT_EQ(container.run().status, 42);
}

TEST_F(Lifecycle, RunReturns128PlusTheSignal) {
    REQUIRE_ROOT();                // a user namespace may mount proc only with a pid namespace
    bundle.drop_namespace("pid");  // an init of a pid namespace does not die of its own signals
    bundle.args({"/bin/probe", "raise", "10"});
    EXPECT_EQ(container.run().status, 128 + SIGUSR1);
}

TEST_F(Lifecycle, RunLeavesNothing) {
    ASSERT_TRUE(container.run().ok());
    EXPECT_TRUE(container.state().is_null());
    EXPECT_FALSE(std::filesystem::exists(root() / container.id));
}

TEST_F(Lifecycle, RunKeepLeavesAStoppedContainer) {
    ASSERT_TRUE(container.run({"--keep"}).ok());
    EXPECT_EQ(container.status(), "stopped");
    EXPECT_TRUE(container.remove().ok());
}

TEST_F(Lifecycle, RunDetachReturnsWhileTheProcessRuns) {
    bundle.args({"/bin/probe", "serve"});
    Output output = container.run({"--detach"});
    ASSERT_TRUE(output.ok()) << output;
    EXPECT_TRUE(container.says("ready"));
    EXPECT_EQ(container.status(), "running");
}

TEST_F(Lifecycle, RunAgainWithTheSameId) {
    for (int i = 0; i < 3; ++i) {
        Output output = container.run();
        EXPECT_TRUE(output.ok()) << output;
    }
}

TEST_F(Lifecycle, RunForwardsSignalsToTheProcess) {
    bundle.args({"/bin/probe", "trap"});
    Running running = container.run_command().start();
    ASSERT_TRUE(container.says("ready"));
    running.signal(SIGTERM);
    Output output = running.wait(10);
    EXPECT_TRUE(output.ok()) << output;
    EXPECT_EQ(output.out, "ready\nSIGTERM\n");
}

TEST_F(Lifecycle, RunEndsThoughAnOrphanKeepsThePipe) {
    bundle.args({"/bin/probe", "orphan"});
    Output output = container.run_command().timeout(10).run();
    EXPECT_TRUE(output.ok()) << output;
}

TEST_F(Lifecycle, CreateDoesNotRunTheProcess) {
    Output output = container.create();
    ASSERT_TRUE(output.ok()) << output;
    EXPECT_EQ(container.status(), "created");
    EXPECT_EQ(container.output(), "");
    EXPECT_EQ(output.text(), "");
}

TEST_F(Lifecycle, StartRunsTheProcess) {
    ASSERT_TRUE(container.create().ok());
    pid_t init = container.pid();
    ASSERT_GT(init, 0);
    Output started = container.start();
    EXPECT_TRUE(started.ok()) << started;
    EXPECT_EQ(started.text(), "");
    EXPECT_EQ(container.wait_for_init(init), 0);
    EXPECT_EQ(container.output(), "hello\n");
    EXPECT_EQ(container.status(), "stopped");
}

TEST_F(Lifecycle, InitIsReparentedToTheCallersSubreaper) {
    ASSERT_TRUE(container.create().ok());
    std::string status = read_file("/proc/" + std::to_string(container.pid()) + "/status");
    EXPECT_TRUE(contains(status, "\nPPid:\t" + std::to_string(getpid()) + "\n")) << status;
}

TEST_F(Lifecycle, OneProcessPerCreatedContainer) {
    ASSERT_TRUE(container.create().ok());
    auto children = read_file("/proc/" + std::to_string(getpid()) + "/task/" + std::to_string(getpid()) + "/children");
    EXPECT_EQ(children, std::to_string(container.pid()) + " ");
}

TEST_F(Lifecycle, StatusOfInitIsThatOfTheProcess) {
    bundle.args({"/bin/probe", "exit", "7"});
    ASSERT_TRUE(container.create().ok());
    pid_t init = container.pid();
    ASSERT_TRUE(container.start().ok());
    EXPECT_EQ(container.wait_for_init(init), 7);
}

TEST_F(Lifecycle, StartTwiceIsRefused) {
    start_probe({"serve"});
    Output again = container.start();
    EXPECT_EQ(again.status, 1);
    EXPECT_FALSE(again.err.empty());
    EXPECT_EQ(container.status(), "running");
}

TEST_F(Lifecycle, StartOfAStoppedContainerIsRefused) {
    ASSERT_TRUE(container.create().ok());
    pid_t init = container.pid();
    ASSERT_TRUE(container.start().ok());
    container.wait_for_init(init);
    Output again = container.start();
    EXPECT_EQ(again.status, 1);
    EXPECT_TRUE(contains(again.err, "stopped")) << again;
}

TEST_F(Lifecycle, DeleteOfAStoppedContainer) {
    ASSERT_TRUE(container.run({"--keep"}).ok());
    Output removed = container.remove();
    EXPECT_TRUE(removed.ok()) << removed;
    EXPECT_EQ(removed.text(), "");
    EXPECT_FALSE(std::filesystem::exists(root() / container.id));
}

TEST_F(Lifecycle, DeleteOfACreatedContainerKillsIt) {
    ASSERT_TRUE(container.create().ok());
    pid_t init = container.pid();
    EXPECT_TRUE(container.remove().ok());
    EXPECT_EQ(container.wait_for_init(init), 128 + SIGKILL);
}

TEST_F(Lifecycle, DeleteOfARunningContainerIsRefused) {
    start_probe({"serve"});
    Output removed = container.remove();
    EXPECT_EQ(removed.status, 1) << removed;
    EXPECT_EQ(container.status(), "running");
}

TEST_F(Lifecycle, DeleteForceOfARunningContainer) {
    start_probe({"spawn", "3"});
    Output removed = container.remove({"--force"});
    EXPECT_TRUE(removed.ok()) << removed;
    EXPECT_TRUE(container.state().is_null());
}

TEST_F(Lifecycle, DeleteForceOfNothing) {
    EXPECT_TRUE(container.call({"delete", "--force", "nobody"}).ok());
}

TEST_F(Lifecycle, DeleteForceRemovesALeftoverDirectory) {
    std::filesystem::create_directories(root() / container.id);
    EXPECT_TRUE(container.remove({"--force"}).ok());
    EXPECT_FALSE(std::filesystem::exists(root() / container.id));
}

TEST_F(Lifecycle, DeleteKeepsTheBundle) {
    ASSERT_TRUE(container.run().ok());
    EXPECT_TRUE(std::filesystem::exists(bundle.rootfs() / "bin/probe"));
    EXPECT_TRUE(std::filesystem::exists(bundle.path() / "config.json"));
}

TEST_F(Lifecycle, PidFileHoldsDigitsOnly) {
    std::string file = (work / "pid").string();
    ASSERT_TRUE(container.create({"--pid-file", file}).ok());
    EXPECT_EQ(read_file(file), std::to_string(container.pid()));
}

TEST_F(Lifecycle, PidFileOfARunningDetachedContainer) {
    std::string file = (work / "pid").string();
    bundle.args({"/bin/probe", "serve"});
    ASSERT_TRUE(container.run({"-d", "--pid-file", file}).ok());
    EXPECT_EQ(read_file(file), std::to_string(container.pid()));
}

TEST_F(Lifecycle, PidFileThatCannotBeWrittenFailsTheCreate) {
    Output output = container.create({"--pid-file", (work / "absent" / "pid").string()});
    EXPECT_EQ(output.status, 1);
    EXPECT_FALSE(std::filesystem::exists(root() / container.id));
}

TEST_F(Lifecycle, BundleDefaultsToTheCurrentDirectory) {
    bundle.write();
    Output output = runtime_command(root(), {"run", container.id}).directory(bundle.path()).run();
    EXPECT_EQ(output.out, "hello\n") << output;
}

TEST_F(Lifecycle, RelativeBundle) {
    bundle.write();
    Output output = runtime_command(root(), {"run", "-b", "bundle", container.id}).directory(work.path()).run();
    EXPECT_EQ(output.out, "hello\n") << output;
}

TEST_F(Lifecycle, BundlePathIsAbsoluteInState) {
    bundle.write();
    Output output = runtime_command(root(), {"create", "-b", "bundle", container.id}).directory(work.path()).run();
    ASSERT_TRUE(output.ok()) << output;
    EXPECT_EQ(container.state()["bundle"], bundle.path().string());
}

TEST_F(Lifecycle, StateRootIsPrivate) {
    ASSERT_TRUE(container.create().ok());
    struct stat st {};
    ASSERT_EQ(stat(root().c_str(), &st), 0);
    EXPECT_EQ(st.st_mode & 0077, 0U);
}

TEST_F(Lifecycle, PauseStopsAndResumeContinues) {
    REQUIRE_CGROUP();
    start_probe({"serve"});
    Output paused = container.call({"pause", container.id});
    ASSERT_TRUE(paused.ok()) << paused;
    EXPECT_EQ(container.status(), "paused");
    EXPECT_TRUE(contains(read_file(container.cgroup() / "cgroup.events"), "frozen 1"));
    Output resumed = container.call({"resume", container.id});
    ASSERT_TRUE(resumed.ok()) << resumed;
    EXPECT_EQ(container.status(), "running");
}

TEST_F(Lifecycle, PauseOfACreatedContainer) {
    REQUIRE_CGROUP();
    ASSERT_TRUE(container.create().ok());
    // runc and crun differ in whether this is legal; what must not happen is a container that cannot be removed.
    container.call({"pause", container.id});
    EXPECT_TRUE(container.remove({"--force"}).ok());
}

TEST_F(Lifecycle, PauseOfAStoppedContainerIsRefused) {
    ASSERT_TRUE(container.run({"--keep"}).ok());
    EXPECT_EQ(container.call({"pause", container.id}).status, 1);
}

TEST_F(Lifecycle, ResumeOfARunningContainerIsRefused) {
    REQUIRE_CGROUP();
    start_probe({"serve"});
    EXPECT_EQ(container.call({"resume", container.id}).status, 1);
}

TEST_F(Lifecycle, PauseOfAPausedContainerIsRefused) {
    REQUIRE_CGROUP();
    SKIP_FOR(Crun, "pauses again");
    start_probe({"serve"});
    ASSERT_TRUE(container.call({"pause", container.id}).ok());
    Output output = container.call({"pause", container.id});
    EXPECT_EQ(output.status, 1);
    if (facts().kind == Kind::Arca) {
        EXPECT_TRUE(contains(output.err, "the container is paused already")) << output;
    }
    EXPECT_EQ(container.status(), "paused");
    EXPECT_TRUE(container.call({"resume", container.id}).ok());
}

TEST_F(Lifecycle, APausedContainerIsKilledAndDeleted) {
    REQUIRE_CGROUP();
    start_probe({"spawn", "2"});
    ASSERT_TRUE(container.call({"pause", container.id}).ok());
    ASSERT_TRUE(container.kill("KILL").ok());
    EXPECT_TRUE(container.reaches("stopped"));
    Output removed = container.remove();
    EXPECT_TRUE(removed.ok()) << removed;
}

TEST_F(Lifecycle, DeleteByPattern) {
    SKIP_FOR(Runc, "deletes by id only");
    ASSERT_TRUE(container.create().ok());
    Bundle other_bundle(work / "other");
    other_bundle.args({"/bin/probe", "serve"});
    Container second(root(), other_bundle, container.id + "-b");
    ASSERT_TRUE(second.create().ok());
    Output output = runtime({"delete", "--regex", "[-]b$"});
    ASSERT_TRUE(output.ok()) << output;
    EXPECT_EQ(second.status(), "");
    EXPECT_EQ(container.status(), "created");
    EXPECT_EQ(runtime({"delete", "--regex", "("}).status, 1);
}

TEST_F(Lifecycle, DeleteForceOfAPausedContainer) {
    REQUIRE_CGROUP();
    start_probe({"spawn", "2"});
    ASSERT_TRUE(container.call({"pause", container.id}).ok());
    Output removed = container.remove({"--force"});
    EXPECT_TRUE(removed.ok()) << removed;
}

TEST_F(Lifecycle, ConfigChangedAfterCreateHasNoEffectOnTheProcess) {
    bundle.args({"/bin/probe", "echo", "first"});
    ASSERT_TRUE(container.create().ok());
    pid_t init = container.pid();
    bundle.args({"/bin/probe", "echo", "second"});
    bundle.write();
    ASSERT_TRUE(container.start().ok());
    container.wait_for_init(init);
    EXPECT_EQ(container.output(), "first\n");
}

TEST_F(Lifecycle, BundleRemovedAfterStart) {
    start_probe({"serve"});
    std::filesystem::remove(bundle.path() / "config.json");
    EXPECT_EQ(container.status(), "running");
    EXPECT_TRUE(container.remove({"--force"}).ok());
}

TEST_F(Lifecycle, ClosedStandardDescriptors) {
    bundle.args({"/bin/probe", "fds"});
    bundle.write();
    // Started with nothing on 0, 1 and 2, a runtime must not let its own files take those numbers in the container.
    std::string script = "exec " + facts().runtime + " --root " + root().string() + " run -b " +
                         bundle.path().string() + " " + container.id + " <&- >&- 2>&-";
    Output output = Command({"/bin/sh", "-c", script}).run();
    EXPECT_FALSE(output.timed_out);
}
