// wait and why: what became of a container.
#include <sys/syscall.h>

#include "harness/container.hpp"

using namespace integration;

namespace {
bool polls(pid_t pid) {
    const auto call = read_file("/proc/" + std::to_string(pid) + "/syscall");
    const long number = atol(call.c_str());
#ifdef SYS_poll
    if (number == SYS_poll) return true;
#endif
    return number == SYS_ppoll;
}
}  // namespace

class Aftermath : public ContainerTest {
  protected:
    void SetUp() override {
        ContainerTest::SetUp();
        REQUIRE_ARCA("its own commands");
    }
    /// `wait` that has found the process and listens: one that comes later may find it gone.
    Running start_wait() {
        auto waiting = runtime_command(root(), {"wait", container.id}).start();
        EXPECT_TRUE(eventually([&] { return polls(waiting.pid()); }));
        return waiting;
    }
    Output wait() { return runtime({"wait", container.id}); }
    Json why() {
        Output output = runtime({"why", "--format", "json", container.id});
        EXPECT_TRUE(output.ok()) << output;
        return Json::parse(output.out, nullptr, false);
    }
};

TEST_F(Aftermath, WaitGivesTheStatusToEveryWaiter) {
    REQUIRE(facts().exit_status_is_told, "this test, the parent, may be faster here");
    bundle.args({"/bin/probe", "echo", "ready", ",", "sleep", "1", ",", "exit", "7"});
    ASSERT_TRUE(container.create().ok());
    auto first = start_wait();
    auto second = start_wait();
    ASSERT_TRUE(container.start().ok());
    EXPECT_EQ(first.wait(20, Reaping::Adopted).status, 7);
    EXPECT_EQ(second.wait(20, Reaping::Adopted).status, 7);
    EXPECT_EQ(wait().status, 7) << "it is kept with the container";
    Json known = why();
    EXPECT_EQ(known["status"], "stopped");
    EXPECT_EQ(known["exitStatus"], 7);
    EXPECT_EQ(known["ending"], "exited with status 7");
}

TEST_F(Aftermath, WaitTellsOfSignals) {
    start_probe({"serve"});
    ASSERT_TRUE(container.kill("KILL").ok());
    EXPECT_EQ(wait().status, 128 + SIGKILL);
    EXPECT_EQ(why()["ending"], "was killed by SIGKILL");
}

TEST_F(Aftermath, WaitForAZombie) {
    start_probe({"serve"});
    ASSERT_TRUE(container.kill("TERM").ok());
    ASSERT_TRUE(container.reaches("stopped"));
    EXPECT_EQ(wait().status, 0) << "nobody has reaped it yet";
}

TEST_F(Aftermath, AStatusThatNobodyKeptIsNotMadeUp) {
    start_probe({"serve"});
    const pid_t init = container.pid();
    ASSERT_EQ(::kill(init, SIGKILL), 0);
    container.wait_for_init(init);
    Output output = wait();
    EXPECT_EQ(output.status, 255);
    EXPECT_TRUE(contains(output.err, "known only to the process that collected it")) << output;
    EXPECT_FALSE(why().contains("exitStatus"));
}

TEST_F(Aftermath, WaitForNothing) {
    Output output = runtime({"wait", "nobody"});
    EXPECT_EQ(output.status, 255);
    EXPECT_TRUE(contains(output.err, "does not exist")) << output;
}

TEST_F(Aftermath, RunThatKeepsTheContainerKeepsTheStatus) {
    bundle.args({"/bin/probe", "exit", "3"});
    EXPECT_EQ(container.run({"--keep"}).status, 3);
    EXPECT_EQ(wait().status, 3);
}

TEST_F(Aftermath, WhyACreateFailedIsKnownAfterTheDelete) {
    bundle.config["hooks"]["createRuntime"] =
        Json::array({{{"path", "/bin/sh"}, {"args", {"sh", "-c", "echo the disk is upside down; exit 3"}}}});
    ASSERT_EQ(container.create().status, 1);
    ASSERT_TRUE(container.remove({"--force"}).ok());
    Json known = why();
    EXPECT_FALSE(known.contains("status"));
    EXPECT_EQ(known["operation"], "create");
    EXPECT_TRUE(contains(known["message"], "the disk is upside down")) << known;
    EXPECT_TRUE(contains(known["message"], "createRuntime hook")) << known;
    EXPECT_EQ(container.status(), "") << "state still says that there is none";
    EXPECT_EQ(runtime({"list", "-q"}).out, "");
    // A container that came to be under that id is another story.
    bundle.config.erase("hooks");
    ASSERT_TRUE(container.create().ok());
    known = why();
    EXPECT_EQ(known["status"], "created");
    EXPECT_FALSE(known.contains("operation")) << known;
}

TEST_F(Aftermath, WhyAStartFailed) {
    bundle.file("script", "#!/no/such/interpreter\n", 0755);
    bundle.args({"/script"});
    ASSERT_TRUE(container.create().ok());
    ASSERT_NE(container.start().status, 0);
    Json known = why();
    EXPECT_EQ(known["status"], "stopped");
    EXPECT_EQ(known["operation"], "start");
    EXPECT_TRUE(contains(known["message"], "/no/such/interpreter")) << known;
}

TEST_F(Aftermath, WhyNothing) {
    Output output = runtime({"why", "nobody"});
    EXPECT_EQ(output.status, 1);
    EXPECT_TRUE(contains(output.err, "does not exist")) << output;
}

TEST_F(Aftermath, OnlyTheNewestReasonsAreKept) {
    std::filesystem::create_directories(root());
    bundle.config["process"]["cwd"] = "relative";
    for (int n = 0; n < 70; ++n) {
        Container one(root(), bundle, "failed-" + std::to_string(n));
        ASSERT_EQ(one.create().status, 1);
    }
    EXPECT_EQ(std::distance(std::filesystem::directory_iterator(root() / ".failed"), {}), 64);
    EXPECT_TRUE(contains(runtime({"why", "failed-69"}).out, "/process/cwd"));
}

TEST_F(Aftermath, OutOfMemoryIsCounted) {
    REQUIRE_CONTROLLER("memory");
    REQUIRE(facts().exit_status_is_told, "this test, the parent, may be faster here");
    bundle.linux_()["resources"]["memory"] = {{"limit", 33554432}, {"swap", 33554432}};
    bundle.args({"/bin/probe", "allocate", "134217728"});
    ASSERT_TRUE(container.create().ok());
    auto waiting = start_wait();
    (void)container.start();
    EXPECT_EQ(waiting.wait(60, Reaping::Adopted).status, 128 + SIGKILL);
    // The counters of a scope go with its last process.
    if (facts().systemd_manager) return;
    EXPECT_GT(why()["oomKills"], 0);
}
