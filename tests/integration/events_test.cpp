#include "harness/container.hpp"

using namespace integration;

class Events : public ContainerTest {
  protected:
    void SetUp() override {
        ContainerTest::SetUp();
        SKIP_FOR(Crun, "has no events");
    }
    Command events(const Arguments& options) {
        Arguments words = {"events"};
        words.insert(words.end(), options.begin(), options.end());
        words.push_back(container.id);
        return runtime_command(root(), words);
    }
};

TEST_F(Events, StatisticsOnce) {
    REQUIRE_CGROUP();
    start_probe({"serve"});
    Output output = events({"--stats"}).run();
    ASSERT_TRUE(output.ok()) << output;
    Json event = Json::parse(output.out);
    EXPECT_EQ(event["type"], "stats");
    EXPECT_EQ(event["id"], container.id);
    for (const char* part : {"cpu", "cpuset", "memory", "pids", "blkio", "hugetlb", "intel_rdt"})
        EXPECT_TRUE(event["data"][part].is_object()) << part;
    EXPECT_GT(event["data"]["cpu"]["usage"]["total"], 0);
}

TEST_F(Events, StatisticsOfControllers) {
    REQUIRE_CONTROLLER("memory");
    REQUIRE_CONTROLLER("pids");
    bundle.linux_()["resources"]["memory"] = {{"limit", 67108864}};
    bundle.linux_()["resources"]["pids"] = {{"limit", 20}};
    start_probe({"serve"});
    Json data = Json::parse(events({"--stats"}).run().out)["data"];
    EXPECT_EQ(data["memory"]["usage"]["limit"], 67108864);
    EXPECT_GT(data["memory"]["usage"]["usage"], 0);
    EXPECT_EQ(data["pids"]["limit"], 20);
    EXPECT_EQ(data["pids"]["current"], 1);
}

TEST_F(Events, StreamEndsWithTheContainer) {
    REQUIRE_CGROUP();
    start_probe({"serve"});
    auto running = events({"--interval", "50ms"}).start();
    EXPECT_TRUE(eventually([&] { return lines(running.out()).size() >= 3; }));
    ASSERT_TRUE(container.kill("KILL").ok());
    Output output = running.wait(10);
    EXPECT_TRUE(output.ok()) << output;
    for (const auto& line : lines(output.out))
        EXPECT_EQ(Json::parse(line)["type"], "stats");
}

TEST_F(Events, StreamGoesOnWhilePaused) {
    REQUIRE_CGROUP();
    start_probe({"serve"});
    ASSERT_TRUE(container.call({"pause", container.id}).ok());
    auto running = events({"--interval", "20ms"}).start();
    EXPECT_TRUE(eventually([&] { return lines(running.out()).size() >= 2; }));
    running.signal(SIGTERM);
    running.wait(10);
    EXPECT_EQ(container.status(), "paused");
}

TEST_F(Events, OutOfMemory) {
    REQUIRE_CONTROLLER("memory");
    bundle.linux_()["resources"]["memory"] = {{"limit", 33554432}, {"swap", 33554432}};
    start_probe({"serve"});
    auto running = events({"--interval", "1h"}).start();
    // Another process than init: the container is to survive.
    EXPECT_TRUE(eventually([&] {
        (void)container.exec({"/bin/probe", "allocate", "67108864"});
        return contains(running.out(), R"("type":"oom")");
    }));
    container.kill("KILL");
    running.wait(10);
}

TEST_F(Events, IntervalsAreDurations) {
    start_probe({"serve"});
    for (const char* wrong : {"0", "-1s", "5", "soon"})
        EXPECT_EQ(events({"--interval", wrong}).run().status, 1) << wrong;
}

TEST_F(Events, OfAStoppedContainerAreRefused) {
    REQUIRE_CGROUP();
    start_probe({"serve"});
    ASSERT_TRUE(container.kill("KILL").ok());
    ASSERT_TRUE(container.reaches("stopped"));
    Output output = events({"--stats"}).run();
    EXPECT_EQ(output.status, 1);
    EXPECT_TRUE(contains(output.err, "not running")) << output;
}
