#include <signal.h>

#include "harness/container.hpp"

using namespace integration;

class Kill : public ContainerTest {
  protected:
    /// Sends the signal to `probe trap` and returns the name it reports.
    std::string received(const Arguments& words) {
        start_probe({"trap"});
        pid_t init = container.pid();
        Arguments call = {"kill"};
        call.insert(call.end(), words.begin(), words.end());
        Output output = runtime(call);
        EXPECT_TRUE(output.ok()) << output;
        EXPECT_EQ(output.text(), "");
        container.wait_for_init(init);
        auto said = lines(container.output());
        return said.size() == 2 ? said[1] : container.output();
    }
    /// Three processes of a container without a pid namespace, which have lost its init.
    void outlive_init(const Arguments& spawning) {
        bundle.drop_namespace("pid");
        start_probe(spawning);
        const pid_t init = container.pid();
        ASSERT_EQ(::kill(init, SIGKILL), 0);
        container.wait_for_init(init);
    }
};

TEST_F(Kill, DefaultIsTerm) {
    EXPECT_EQ(received({container.id}), "SIGTERM");
}
TEST_F(Kill, ByName) {
    EXPECT_EQ(received({container.id, "HUP"}), "SIGHUP");
}
TEST_F(Kill, ByFullName) {
    EXPECT_EQ(received({container.id, "SIGUSR2"}), "SIGUSR2");
}
TEST_F(Kill, ByLowerCaseName) {
    EXPECT_EQ(received({container.id, "sigint"}), "SIGINT");
}
TEST_F(Kill, ByNumber) {
    EXPECT_EQ(received({container.id, "12"}), "SIGUSR2");
}
TEST_F(Kill, RealTimeByNumber) {
    EXPECT_EQ(received({container.id, "37"}), "37");
}

TEST_F(Kill, RealTimeByName) {
    SKIP_FOR(Runc, "knows real-time signals by number only");
    EXPECT_EQ(received({container.id, "SIGRTMIN+3"}), std::to_string(SIGRTMIN + 3));
}

TEST_F(Kill, OptionsAfterTheId) {
    EXPECT_EQ(received({container.id, "TERM", "--all"}), "SIGTERM");
}

TEST_F(Kill, UnknownSignalIsRefused) {
    start_probe({"serve"});
    Output output = container.kill("SIGNONSENSE");
    EXPECT_EQ(output.status, 1);
    EXPECT_TRUE(contains(output.err, "NONSENSE")) << output;
    EXPECT_EQ(container.status(), "running");
}

TEST_F(Kill, KillEndsTheProcess) {
    start_probe({"pause"}, "");
    pid_t init = container.pid();
    ASSERT_TRUE(container.kill("KILL").ok());
    EXPECT_EQ(container.wait_for_init(init), 128 + SIGKILL);
}

TEST_F(Kill, DeleteMayFollowAtOnce) {
    REQUIRE_ARCA("kill waits a moment for what SIGKILL does");
    for (int round = 0; round < 10; ++round) {
        start_probe({"spawn", "20"});
        ASSERT_TRUE(container.kill("KILL").ok());
        Output removed = container.remove();
        ASSERT_TRUE(removed.ok()) << round << ": " << removed;
    }
}

TEST_F(Kill, ACreatedContainer) {
    ASSERT_TRUE(container.create().ok());
    pid_t init = container.pid();
    ASSERT_TRUE(container.kill("KILL").ok());
    EXPECT_EQ(container.wait_for_init(init), 128 + SIGKILL);
    EXPECT_EQ(container.status(), "stopped");
}

TEST_F(Kill, AStoppedContainerIsNotRunning) {
    SKIP_FOR(Crun, "other words");
    ASSERT_TRUE(container.run({"--keep"}).ok());
    Output output = container.kill("TERM");
    EXPECT_EQ(output.status, 1);
    // containerd, cri-o: "gone".
    EXPECT_TRUE(contains(output.err, "container not running")) << output;
}

TEST_F(Kill, AllOfAStoppedContainerIsNoError) {
    ASSERT_TRUE(container.run({"--keep"}).ok());
    Output output = container.kill("KILL", {"--all"});
    EXPECT_TRUE(output.ok()) << output;
}

TEST_F(Kill, NothingDoesNotExist) {
    Output output = runtime({"kill", "nobody", "TERM"});
    EXPECT_EQ(output.status, 1);
    EXPECT_TRUE(contains(output.err, "does not exist")) << output;
}

TEST_F(Kill, TimeoutLetsAProcessEndByItself) {
    REQUIRE_ARCA("no other runtime waits");
    start_probe({"serve"});
    Output output = container.kill("TERM", {"--timeout", "20s"});
    ASSERT_TRUE(output.ok()) << output;
    EXPECT_EQ(container.status(), "stopped");
    EXPECT_EQ(runtime({"wait", container.id}).status, 0) << "killed instead";
}

TEST_F(Kill, TimeoutKillsWhatDoesNotEnd) {
    REQUIRE_ARCA("no other runtime waits");
    start_probe({"pause"}, "");  // init without a handler: TERM is ignored
    Output output = container.kill("TERM", {"--timeout", "100ms"});
    ASSERT_TRUE(output.ok()) << output;
    EXPECT_EQ(container.status(), "stopped");
    EXPECT_EQ(runtime({"wait", container.id}).status, 128 + SIGKILL);
}

TEST_F(Kill, TimeoutReachesAllAndThePausedToo) {
    REQUIRE_CGROUP();
    REQUIRE_ARCA("no other runtime waits");
    bundle.drop_namespace("pid");
    start_probe({"spawn", "3"});
    ASSERT_TRUE(container.call({"pause", container.id}).ok());
    Output output = container.kill("TERM", {"--all", "--timeout", "100ms"});
    ASSERT_TRUE(output.ok()) << output;
    EXPECT_TRUE(eventually([&] { return read_file(container.cgroup() / "cgroup.procs").empty(); }));
}

TEST_F(Kill, AllReachesThoseWhoOutlivedInit) {
    REQUIRE_CGROUP();
    SKIP_FOR(Crun, "does nothing for a stopped container");
    REQUIRE_RUNC(1, 2, "signals what is left in the cgroup");
    outlive_init({"spawn", "3"});
    ASSERT_FALSE(read_file(container.cgroup() / "cgroup.procs").empty());
    Output output = container.kill("KILL", {"--all"});
    ASSERT_TRUE(output.ok()) << output;
    EXPECT_TRUE(eventually([&] { return read_file(container.cgroup() / "cgroup.procs").empty(); }));
}

// Before Linux 6.16 a number that a session still has is refused otherwise than one that nobody has.
TEST_F(Kill, AllReachesTheSessionThatInitHasLeft) {
    REQUIRE_CGROUP();
    SKIP_FOR(Crun, "does nothing for a stopped container");
    REQUIRE_RUNC(1, 2, "signals what is left in the cgroup");
    outlive_init({"spawn", "3", "in-session"});
    EXPECT_EQ(container.status(), "stopped");
    Output output = container.kill("KILL", {"--all"});
    ASSERT_TRUE(output.ok()) << output;
    EXPECT_TRUE(eventually([&] { return read_file(container.cgroup() / "cgroup.procs").empty(); }));
    Output removed = container.remove();
    EXPECT_TRUE(removed.ok()) << removed;
}

TEST_F(Kill, AllReachesEveryProcess) {
    REQUIRE_CGROUP();
    bundle.drop_namespace("pid");
    start_probe({"spawn", "3"});
    pid_t init = container.pid();
    Output output = container.kill("KILL", {"--all"});
    ASSERT_TRUE(output.ok()) << output;
    container.wait_for_init(init);
    EXPECT_TRUE(eventually([&] { return read_file(container.cgroup() / "cgroup.procs").empty(); }));
}

TEST_F(Kill, KillWithoutPidNamespaceReachesEveryProcess) {
    REQUIRE_CGROUP();
    SKIP_FOR(Crun, "signals init only without --all");
    REQUIRE_RUNC(1, 2, "KILL of every process without --all");
    bundle.drop_namespace("pid");
    start_probe({"spawn", "3"});
    ASSERT_TRUE(container.kill("KILL").ok());
    EXPECT_TRUE(eventually([&] { return read_file(container.cgroup() / "cgroup.procs").empty(); }));
}

TEST_F(Kill, DeleteForceWithoutPidNamespaceReachesEveryProcess) {
    REQUIRE_CGROUP();
    REQUIRE_RUNC(1, 2, "delete kills what is left in the cgroup");
    bundle.drop_namespace("pid");
    start_probe({"spawn", "3"});
    Output removed = container.remove({"--force"});
    EXPECT_TRUE(removed.ok()) << removed;
}

TEST_F(Kill, DeleteRemovesOrphansWithoutPidNamespace) {
    REQUIRE_CGROUP();
    SKIP_FOR(Crun, "leaves them");
    REQUIRE_RUNC(1, 2, "delete kills what is left in the cgroup");
    bundle.drop_namespace("pid");
    bundle.args({"/bin/probe", "orphan"});
    ASSERT_TRUE(container.create().ok());
    pid_t init = container.pid();
    ASSERT_TRUE(container.start().ok());
    container.wait_for_init(init);
    Output removed = container.remove();
    EXPECT_TRUE(removed.ok()) << removed;
}

TEST_F(Kill, DeleteForceSparesStrangersWithAReusedPid) {
    start_probe({"serve"});
    pid_t init = container.pid();
    ASSERT_TRUE(container.kill("KILL").ok());
    container.wait_for_init(init);
    // The pid may now be anybody's; state must go by start time or pidfd, not by number.
    EXPECT_EQ(container.status(), "stopped");
    EXPECT_TRUE(container.remove().ok());
}

TEST_F(Kill, DefaultSignalOfTheImage) {
    REQUIRE_ARCA("org.opencontainers.image.stopSignal is the default signal");
    bundle.config["annotations"] = {{"org.opencontainers.image.stopSignal", "SIGINT"}};
    EXPECT_EQ(received({container.id}), "SIGINT");
}
