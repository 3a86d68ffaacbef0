#include "harness/container.hpp"

using namespace integration;

class Update : public ContainerTest {
  protected:
    Json& resources() { return bundle.linux_()["resources"]; }
    std::string setting(const std::string& file) { return std::string(trimmed(read_file(container.cgroup() / file))); }
    static std::string trimmed(std::string text) {
        while (text.ends_with('\n'))
            text.pop_back();
        return text;
    }
    /// It has /dev/fuse; the device rules deny all but what every container may use.
    void start_with_a_forbidden_device() {
        resources()["devices"] = Json::array({{{"allow", false}, {"access", "rwm"}}});
        bundle.linux_()["devices"] =
            Json::array({{{"path", "/dev/fuse"}, {"type", "c"}, {"major", 10}, {"minor", 229}, {"fileMode", 0666}}});
        start_probe({"serve"});
    }
};

TEST_F(Update, LimitsOfMemory) {
    REQUIRE_CONTROLLER("memory");
    resources()["memory"] = {{"limit", 67108864}, {"swap", 134217728}};
    start_probe({"serve"});
    Output output = container.update({"--memory", "80m"});
    ASSERT_TRUE(output.ok()) << output;
    EXPECT_EQ(setting("memory.max"), "83886080");
    EXPECT_EQ(setting("memory.swap.max"), "50331648") << "memory and swap together stay what they were";
    ASSERT_TRUE(container.update({"--memory-swap", "90m", "--memory-reservation", "10m"}).ok());
    EXPECT_EQ(setting("memory.swap.max"), "10485760");
    EXPECT_EQ(setting("memory.low"), "10485760");
    ASSERT_TRUE(container.update({"--memory", "-1"}).ok());
    EXPECT_EQ(setting("memory.max"), "max");
    EXPECT_EQ(setting("memory.swap.max"), "max");
}

TEST_F(Update, LimitsOfMemoryThatContradictEachOther) {
    REQUIRE_CONTROLLER("memory");
    resources()["memory"] = {{"limit", 67108864}, {"swap", 67108864}};
    start_probe({"serve"});
    Output output = container.update({"--memory", "100m", "--pids-limit", "7"});
    EXPECT_EQ(output.status, 1);
    if (facts().kind == Kind::Arca) {
        EXPECT_TRUE(contains(output.err, "/memory/swap")) << output;
    }
    EXPECT_EQ(setting("memory.max"), "67108864");
    EXPECT_NE(setting("pids.max"), "7") << "nothing at all may have changed";
}

TEST_F(Update, QuotaAndPeriodKeepEachOther) {
    REQUIRE_CONTROLLER("cpu");
    resources()["cpu"] = {{"quota", 50000}, {"period", 200000}};
    start_probe({"serve"});
    ASSERT_TRUE(container.update({"--cpu-quota", "30000"}).ok());
    EXPECT_EQ(setting("cpu.max"), "30000 200000");
    ASSERT_TRUE(container.update({"--cpu-period", "50000"}).ok());
    EXPECT_EQ(setting("cpu.max"), "30000 50000");
    ASSERT_TRUE(container.update({"--cpu-share", "2048"}).ok());
    EXPECT_EQ(setting("cpu.max"), "30000 50000");
    ASSERT_TRUE(container.update({"--cpu-quota", "-1"}).ok());
    EXPECT_EQ(setting("cpu.max"), "max 50000");
}

TEST_F(Update, ProcessesWithoutALimitAtCreate) {
    REQUIRE_CONTROLLER("pids");
    resources().erase("pids");
    start_probe({"serve"});
    ASSERT_TRUE(container.update({"--pids-limit", "12"}).ok());
    EXPECT_EQ(setting("pids.max"), "12");
    ASSERT_TRUE(container.update({"--pids-limit", "-1"}).ok());
    EXPECT_EQ(setting("pids.max"), "max");
}

TEST_F(Update, ResourcesFromStandardInput) {
    REQUIRE_CGROUP();
    start_probe({"serve"});
    Output output = container.update_with({{"unified", {{"cgroup.max.descendants", "5"}}}});
    ASSERT_TRUE(output.ok()) << output;
    EXPECT_EQ(output.text(), "");
    EXPECT_EQ(setting("cgroup.max.descendants"), "5");
}

TEST_F(Update, ResourcesFromAFile) {
    REQUIRE_CGROUP();
    start_probe({"serve"});
    write_file(work / "resources", R"({"unified": {"cgroup.max.depth": "3"}})");
    ASSERT_TRUE(container.update({"-r", work / "resources"}).ok());
    EXPECT_EQ(setting("cgroup.max.depth"), "3");
}

TEST_F(Update, HugePages) {
    REQUIRE_CONTROLLER("hugetlb");
    REQUIRE(std::filesystem::exists("/sys/kernel/mm/hugepages/hugepages-2048kB"), "needs huge pages of 2 MB");
    start_probe({"serve"});
    Output output =
        container.update_with({{"hugepageLimits", Json::array({{{"pageSize", "2MB"}, {"limit", 4194304}}})}});
    ASSERT_TRUE(output.ok()) << output;
    EXPECT_EQ(setting("hugetlb.2MB.max"), "4194304");
}

TEST_F(Update, WrongResourcesChangeNothing) {
    REQUIRE_CGROUP();
    REQUIRE_ARCA("says where the mistake is");
    start_probe({"serve"});
    const Json wrong = {{"unified", {{"cgroup.max.descendants", "5"}}}, {"memory", {{"limit", "64m"}}}};
    Output output = container.update_with(wrong);
    EXPECT_EQ(output.status, 1);
    EXPECT_TRUE(contains(output.err, "standard input: /memory/limit (line 1): expected an integer")) << output;
    EXPECT_EQ(setting("cgroup.max.descendants"), "max");
}

TEST_F(Update, WhatTheKernelRefusesIsTakenBack) {
    REQUIRE_CGROUP();
    REQUIRE_ARCA("takes back what it has written");
    start_probe({"serve"});
    ASSERT_TRUE(container.update_with({{"unified", {{"cgroup.max.depth", "9"}}}}).ok());
    // In the order of their names: the first is written, the second refused.
    Output output =
        container.update_with({{"unified", {{"cgroup.max.depth", "3"}, {"cgroup.max.descendants", "many"}}}});
    EXPECT_EQ(output.status, 1);
    EXPECT_TRUE(contains(output.err, "/linux/resources/unified/cgroup.max.descendants")) << output;
    EXPECT_EQ(setting("cgroup.max.depth"), "9");
}

TEST_F(Update, APausedContainerStaysPaused) {
    REQUIRE_CGROUP();
    start_probe({"serve"});
    ASSERT_TRUE(container.call({"pause", container.id}).ok());
    ASSERT_TRUE(container.update_with({{"unified", {{"cgroup.max.depth", "3"}}}}).ok());
    EXPECT_EQ(container.status(), "paused");
    EXPECT_EQ(setting("cgroup.max.depth"), "3");
    EXPECT_TRUE(container.call({"resume", container.id}).ok());
}

TEST_F(Update, ACreatedContainer) {
    REQUIRE_CGROUP();
    ASSERT_TRUE(container.create().ok());
    ASSERT_TRUE(container.update_with({{"unified", {{"cgroup.max.depth", "3"}}}}).ok());
    EXPECT_EQ(setting("cgroup.max.depth"), "3");
    EXPECT_EQ(container.status(), "created");
}

TEST_F(Update, AStoppedContainerIsRefused) {
    REQUIRE_CGROUP();
    start_probe({"serve"});
    ASSERT_TRUE(container.kill("KILL").ok());
    ASSERT_TRUE(container.reaches("stopped"));
    Output output = container.update({"--pids-limit", "10"});
    EXPECT_EQ(output.status, 1);
    if (facts().kind == Kind::Arca) {
        EXPECT_TRUE(contains(output.err, "container not running")) << output;
    }
}

TEST_F(Update, DevicesInTheResourcesAreIgnored) {
    REQUIRE_CGROUP();
    start_probe({"serve"});
    Output output = container.update_with({{"devices", Json::array({{{"allow", false}, {"access", "rwm"}}})}});
    ASSERT_TRUE(output.ok()) << output;
    EXPECT_EQ(exec_probe({"write", "/dev/null", "x"})["error"], "");
}

TEST_F(Update, DeviceRulesReplaceTheFilter) {
    REQUIRE_CGROUP();
    REQUIRE_ARCA("no other runtime changes devices");
    start_with_a_forbidden_device();
    const auto outcome = [&] { return exec_probe({"open", "/dev/fuse"})["error"]; };
    EXPECT_EQ(outcome(), "EPERM");
    Output output = container.update({"--device-rule", "allow c 10:229 rw"});
    ASSERT_TRUE(output.ok()) << output;
    EXPECT_NE(outcome(), "EPERM") << "without the driver it is ENODEV";
    // What an update allowed holds until another one denies it: later updates start from there.
    ASSERT_TRUE(container.update({"--device-rule", "c 99:* r"}).ok());
    EXPECT_NE(outcome(), "EPERM");
    ASSERT_TRUE(container.update({"--device-rule", "deny c 10:229"}).ok());
    EXPECT_EQ(outcome(), "EPERM");
    EXPECT_EQ(exec_probe({"open", "/dev/null"})["error"], "") << "what every container may use cannot be denied";
}

TEST_F(Update, WithRefusedLimitsTheDevicesStayAsTheyWere) {
    REQUIRE_CGROUP();
    REQUIRE_ARCA("no other runtime changes devices");
    start_with_a_forbidden_device();
    Output output =
        container.update_with({{"unified", {{"cgroup.max.depth", "many"}}}}, {"--device-rule", "allow c 10:229 rw"});
    EXPECT_EQ(output.status, 1);
    EXPECT_TRUE(contains(output.err, "/linux/resources/unified/cgroup.max.depth")) << output;
    EXPECT_EQ(exec_probe({"open", "/dev/fuse"})["error"], "EPERM");
}

TEST_F(Update, WrongDeviceRules) {
    REQUIRE_CGROUP();
    REQUIRE_ARCA("no other runtime changes devices");
    start_probe({"serve"});
    for (const char* rule : {"", "allow", "c", "c 1", "x 1:3", "c 1:3 rwx", "c 1:b", "permit c 1:3", "c 1:3 r w"}) {
        Output output = container.update({"--device-rule", rule});
        EXPECT_EQ(output.status, 1) << rule;
        EXPECT_TRUE(contains(output.err, "is no device rule")) << output;
    }
}
