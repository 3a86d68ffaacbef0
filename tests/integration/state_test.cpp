#include <pwd.h>
#include <unistd.h>

#include <regex>

#include "harness/container.hpp"

using namespace integration;

class State : public ContainerTest {};

TEST_F(State, OfACreatedContainer) {
    bundle.config["annotations"] = {{"org.example.colour", "blue"}};
    ASSERT_TRUE(container.create().ok());
    Json state = container.state();
    ASSERT_TRUE(state.is_object());
    EXPECT_EQ(state["id"], container.id);
    EXPECT_EQ(state["status"], "created");
    EXPECT_EQ(state["bundle"], bundle.path().string());
    EXPECT_EQ(state["rootfs"], bundle.rootfs().string());
    EXPECT_EQ(state["annotations"], bundle.config["annotations"]);
    EXPECT_GT(state["pid"], 0);
    EXPECT_TRUE(std::filesystem::exists("/proc/" + std::to_string(state["pid"].get<int>())));
}

TEST_F(State, VersionIsSemantic) {
    ASSERT_TRUE(container.create().ok());
    EXPECT_TRUE(std::regex_match(container.state()["ociVersion"].get<std::string>(), std::regex(R"(1\.\d+\.\d+.*)")));
}

TEST_F(State, CreatedIsRfc3339InUtc) {
    ASSERT_TRUE(container.create().ok());
    std::string created = container.state()["created"];
    EXPECT_TRUE(std::regex_match(created, std::regex(R"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?Z)"))) << created;
}

TEST_F(State, GoesThroughTheSpecifiedValues) {
    ASSERT_TRUE(container.create().ok());
    EXPECT_EQ(container.status(), "created");
    bundle.args({"/bin/probe", "serve"});
    container.remove();
    start_probe({"serve"});
    pid_t init = container.pid();
    EXPECT_EQ(container.status(), "running");
    ASSERT_TRUE(container.kill("TERM").ok());
    container.wait_for_init(init);
    EXPECT_EQ(container.status(), "stopped");
}

TEST_F(State, PidOfAStoppedContainerIsZero) {
    SKIP_FOR(Crun, "keeps the pid");
    ASSERT_TRUE(container.run({"--keep"}).ok());
    EXPECT_EQ(container.state()["pid"], 0);
}

TEST_F(State, StoppedThoughItsZombieIsNotReaped) {
    ASSERT_TRUE(container.create().ok());
    ASSERT_TRUE(container.start().ok());
    EXPECT_TRUE(container.reaches("stopped"));
}

TEST_F(State, PrintsOneObjectAndNothingElse) {
    ASSERT_TRUE(container.create().ok());
    Output output = container.call({"state", container.id});
    EXPECT_TRUE(Json::accept(output.out)) << output;
    EXPECT_EQ(output.err, "");
}

TEST_F(State, OfNothing) {
    Output output = runtime({"state", "nobody"});
    EXPECT_EQ(output.status, 1);
    EXPECT_TRUE(contains(output.err, "does not exist")) << output;
    EXPECT_EQ(output.out, "");
}

TEST_F(State, ListIsEmptyJson) {
    std::filesystem::create_directories(root());
    Output output = runtime({"list", "--format", "json"});
    ASSERT_TRUE(output.ok()) << output;
    Json list = Json::parse(output.out);
    EXPECT_TRUE(list.is_null() || list.empty());
}

TEST_F(State, ListAsJson) {
    bundle.config["annotations"] = {{"k", "v"}};
    ASSERT_TRUE(container.create().ok());
    Output output = runtime({"list", "-f", "json"});
    ASSERT_TRUE(output.ok()) << output;
    Json list = Json::parse(output.out);
    ASSERT_EQ(list.size(), 1U);
    EXPECT_EQ(list[0]["id"], container.id);
    EXPECT_EQ(list[0]["status"], "created");
    EXPECT_EQ(list[0]["pid"], container.pid());
    EXPECT_EQ(list[0]["bundle"], bundle.path().string());
    const passwd* us = getpwuid(geteuid());
    EXPECT_TRUE(us == nullptr || list[0]["owner"] == us->pw_name) << list;
}

TEST_F(State, ListAsTable) {
    SKIP_FOR(Crun, "names its columns differently");
    ASSERT_TRUE(container.create().ok());
    auto table = lines(runtime({"list"}).out);
    ASSERT_EQ(table.size(), 2U);
    EXPECT_TRUE(std::regex_match(table[0], std::regex(R"(ID +PID +STATUS +BUNDLE +CREATED +OWNER *)"))) << table[0];
    EXPECT_TRUE(table[1].starts_with(container.id + " "));
    EXPECT_TRUE(contains(table[1], " created "));
}

TEST_F(State, ListQuietPrintsIds) {
    ASSERT_TRUE(container.create().ok());
    EXPECT_EQ(runtime({"list", "-q"}).out, container.id + "\n");
}

TEST_F(State, ListGoesOnPastABrokenEntry) {
    ASSERT_TRUE(container.create().ok());
    std::filesystem::create_directories(root() / "broken");
    write_file(root() / "broken/state.json", "{");
    Output output = runtime({"list", "--format", "json"});
    EXPECT_TRUE(contains(output.out, container.id)) << output;
    std::filesystem::remove_all(root() / "broken");
}

TEST_F(State, PsAsJsonIsAnArrayOfHostPids) {
    REQUIRE_CGROUP();
    start_probe({"spawn", "2"});
    Output output = runtime({"ps", "--format", "json", container.id});
    ASSERT_TRUE(output.ok()) << output;
    Json pids = Json::parse(output.out);
    EXPECT_EQ(pids.size(), 3U);
    EXPECT_NE(std::find(pids.begin(), pids.end(), Json(container.pid())), pids.end());
}

TEST_F(State, PsTableKeepsTheHeader) {
    SKIP_FOR(Crun, "prints pids only");
    REQUIRE_CGROUP();
    REQUIRE(access("/usr/bin/ps", X_OK) == 0 || access("/bin/ps", X_OK) == 0, "needs ps on the host");
    start_probe({"serve"});
    auto table = lines(runtime({"ps", container.id}).out);
    ASSERT_EQ(table.size(), 2U);
    EXPECT_TRUE(contains(table[0], "PID"));
    EXPECT_TRUE(contains(table[1], "probe serve"));
}

TEST_F(State, PsHandsItsWordsToPs) {
    SKIP_FOR(Crun, "prints pids only");
    REQUIRE_CGROUP();
    REQUIRE(access("/usr/bin/ps", X_OK) == 0 || access("/bin/ps", X_OK) == 0, "needs ps on the host");
    start_probe({"serve"});
    auto table = lines(runtime({"ps", container.id, "-e", "-o", "pid,args"}).out);
    ASSERT_EQ(table.size(), 2U);
    EXPECT_TRUE(std::regex_match(table[1], std::regex(R"( *\d+ /bin/probe serve *)"))) << table[1];
}

TEST_F(State, AbsentRootThatWasGivenIsAnErrorForList) {
    SKIP_FOR(Crun, "makes the directory");
    REQUIRE_RUNC(1, 2, "an absent root is an error");
    EXPECT_EQ(Command({facts().runtime, "--root", (work / "nowhere").string(), "list"}).run().status, 1);
}

TEST_F(State, OwnerOfTheCreatedTimeSurvivesRestartsOfTheTool) {
    ASSERT_TRUE(container.create().ok());
    std::string created = container.state()["created"];
    ASSERT_TRUE(container.start().ok());
    EXPECT_EQ(container.state()["created"], created);
}
