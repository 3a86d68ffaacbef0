// Containers on a host with cgroup v1: with the hierarchies that the host has mounted (ARCA_TEST_CGROUPS=host).
#include <signal.h>

#include "harness/container.hpp"

using namespace integration;

class CgroupV1 : public ContainerTest {
  protected:
    void SetUp() override {
        ContainerTest::SetUp();
        REQUIRE(facts().root && !facts().v1_controllers.empty(), "needs root and cgroup v1 on /sys/fs/cgroup");
        REQUIRE_ARCA("its layout of v1 and its texts");
    }
    void TearDown() override {
        ContainerTest::TearDown();
        if (IsSkipped()) return;
        for (const auto& controller : facts().v1_controllers)
            EXPECT_FALSE(std::filesystem::exists(group(controller))) << "left: " << group(controller);
        EXPECT_FALSE(std::filesystem::exists(group("unified")));
    }
    Json& resources() { return bundle.linux_()["resources"]; }
    std::filesystem::path group(const std::string& controller) const {
        return "/sys/fs/cgroup/" + controller + bundle.config["linux"]["cgroupsPath"].get<std::string>();
    }
    std::string setting(const std::string& controller, const std::string& file) const {
        auto text = lines(read_file(group(controller) / file));
        return text.empty() ? "" : text.front();
    }
    static bool has(const std::string& controller) { return facts().has_v1_controller(controller); }
};

#define REQUIRE_V1(controller) REQUIRE(has(controller), "needs the cgroup v1 controller " controller)

TEST_F(CgroupV1, InitIsInEveryHierarchyWhenCreateReturns) {
    ASSERT_TRUE(container.create().ok());
    const auto path = bundle.config["linux"]["cgroupsPath"].get<std::string>();
    for (const auto& line : lines(read_file("/proc/" + std::to_string(container.pid()) + "/cgroup"))) {
        const bool is_mounted = !line.starts_with("0::") || std::filesystem::exists("/sys/fs/cgroup/unified");
        EXPECT_TRUE(!is_mounted || line.ends_with(":" + path)) << line;
    }
}

TEST_F(CgroupV1, LimitsOfEveryKind) {
    REQUIRE_V1("memory");
    REQUIRE_V1("cpu");
    REQUIRE_V1("pids");
    REQUIRE_V1("cpuset");
    resources()["memory"] = {{"limit", 67108864}, {"swap", 134217728}, {"reservation", 33554432}, {"swappiness", 10}};
    resources()["cpu"] = {{"shares", 512}, {"quota", 50000}, {"period", 100000}, {"burst", 1000}, {"cpus", "0"}};
    resources()["pids"] = {{"limit", 77}};
    Output created = container.create();
    ASSERT_TRUE(created.ok()) << created << container.errors();
    EXPECT_EQ(setting("memory", "memory.limit_in_bytes"), "67108864");
    EXPECT_EQ(setting("memory", "memory.memsw.limit_in_bytes"), "134217728");
    EXPECT_EQ(setting("memory", "memory.soft_limit_in_bytes"), "33554432");
    EXPECT_EQ(setting("memory", "memory.swappiness"), "10");
    EXPECT_EQ(setting("cpu", "cpu.shares"), "512");
    EXPECT_EQ(setting("cpu", "cpu.cfs_quota_us"), "50000");
    EXPECT_EQ(setting("cpuset", "cpuset.cpus"), "0");
    EXPECT_EQ(setting("pids", "pids.max"), "77");
}

TEST_F(CgroupV1, OneProcessAndLittleMemory) {
    REQUIRE_V1("memory");
    REQUIRE_V1("pids");
    resources()["memory"] = {{"limit", 4194304}};
    resources()["pids"] = {{"limit", 1}};
    Output output = container.run();
    EXPECT_EQ(output.out, "hello\n") << output;
}

TEST_F(CgroupV1, ARefusedValueIsNamed) {
    REQUIRE_V1("cpuset");
    resources()["cpu"] = {{"cpus", "4000"}};
    expect_create_fails("/linux/resources/cpu/cpus");
}

TEST_F(CgroupV1, UnifiedIsRefusedForControllersOfV1) {
    REQUIRE_V1("memory");
    resources()["unified"] = {{"memory.high", "1000000"}};
    expect_create_fails("/linux/resources/unified/memory.high");
}

TEST_F(CgroupV1, DevicesAreDeniedAndAllowed) {
    REQUIRE_V1("devices");
    bundle.add_capabilities({"CAP_MKNOD"});
    resources()["devices"] = {{{"allow", false}, {"access", "rwm"}},
                              {{"allow", true}, {"type", "c"}, {"major", 1}, {"minor", 11}, {"access", "w"}}};
    bundle.linux_()["devices"] = {
        {{"path", "/dev/kmsg"}, {"type", "c"}, {"major", 1}, {"minor", 11}, {"fileMode", 0666}},
        {{"path", "/dev/fuse"}, {"type", "c"}, {"major", 10}, {"minor", 229}, {"fileMode", 0666}}};
    auto seen = probe_all({"open", "/dev/null", ",", "open", "/dev/kmsg", "w", ",", "open", "/dev/fuse", "r"});
    EXPECT_EQ(seen[0]["error"], "");
    EXPECT_EQ(seen[1]["error"], "");
    EXPECT_EQ(seen[2]["error"], "EPERM");
}

TEST_F(CgroupV1, PauseAndResume) {
    REQUIRE_V1("freezer");
    start_probe({"serve"});
    ASSERT_TRUE(container.call({"pause", container.id}).ok());
    EXPECT_EQ(setting("freezer", "freezer.state"), "FROZEN");
    EXPECT_EQ(container.status(), "paused");
    ASSERT_TRUE(container.call({"resume", container.id}).ok());
    EXPECT_EQ(container.status(), "running");
}

TEST_F(CgroupV1, APausedContainerCanBeKilledAndDeleted) {
    REQUIRE_V1("freezer");
    start_probe({"serve"});
    ASSERT_TRUE(container.call({"pause", container.id}).ok());
    pid_t init = container.pid();
    Output killed = container.kill("KILL");
    EXPECT_TRUE(killed.ok()) << killed;
    EXPECT_EQ(container.wait_for_init(init), 128 + SIGKILL);
    EXPECT_EQ(container.status(), "stopped");
    EXPECT_TRUE(container.remove().ok());
    start_probe({"serve"});
    ASSERT_TRUE(container.call({"pause", container.id}).ok());
    Output removed = container.remove({"--force"});
    EXPECT_TRUE(removed.ok()) << removed;
}

TEST_F(CgroupV1, OrphansDieWithoutAPidNamespace) {
    bundle.drop_namespace("pid");
    start_probe({"spawn", "3"});
    Output listed = container.call({"ps", "--format", "json", container.id});
    EXPECT_EQ(Json::parse(listed.out, nullptr, false).size(), 4U) << listed;
    EXPECT_TRUE(container.remove({"--force"}).ok());
}

TEST_F(CgroupV1, ExecIsInEveryHierarchy) {
    start_probe({"serve"});
    Output output = container.exec({"/bin/probe", "cgroup"});
    ASSERT_TRUE(output.ok()) << output;
    const auto seen = parse_lines(output.out)[0].dump();
    EXPECT_FALSE(contains(seen, ":/..")) << "outside of the namespace's root: " << seen;
    for (const auto& controller : facts().v1_controllers)
        EXPECT_TRUE(contains(seen, ":" + controller + ":/\"") || contains(seen, ":name=" + controller + ":/\""))
            << seen;
}

TEST_F(CgroupV1, ExecIntoASubCgroupOfOneController) {
    REQUIRE_V1("pids");
    start_probe({"serve"});
    std::filesystem::create_directory(group("pids") / "side");
    Output output = container.exec({"/bin/probe", "cgroup"}, {"--cgroup", "pids:side"});
    ASSERT_TRUE(output.ok()) << output;
    EXPECT_TRUE(contains(output.out, "pids:/side")) << output;
    output = container.exec({"/bin/probe", "cgroup"}, {"--cgroup", "pids:absent"});
    EXPECT_FALSE(output.ok());
}

TEST_F(CgroupV1, TheMountHasAHierarchyForEachController) {
    for (const bool own_namespace : {true, false}) {
        if (!own_namespace) bundle.drop_namespace("cgroup");
        Json mounts = probe({"mounts"});
        EXPECT_TRUE(contains(mount_options(mounts, "/sys/fs/cgroup"), ",ro,"));
        for (const auto& controller : facts().v1_controllers) {
            const auto options = mount_options(mounts, "/sys/fs/cgroup/" + controller);
            EXPECT_TRUE(contains(options, ",ro,")) << controller << " " << options;
            EXPECT_TRUE(contains(options, "," + controller + ",") || contains(options, ",name=" + controller + ","))
                << options;
        }
    }
}

TEST_F(CgroupV1, AWritableMountIsWritable) {
    bundle.mount_at("/sys/fs/cgroup")["options"] = {"nosuid", "noexec", "nodev", "rw"};
    const auto first = facts().v1_controllers.front();
    auto seen = probe_all({"mkdir", "/sys/fs/cgroup/" + first + "/inner"});
    EXPECT_EQ(seen[0]["error"], "");
}

TEST_F(CgroupV1, APopulatedCgroupIsRefused) {
    Bundle other_bundle(work / "other");
    other_bundle.linux_()["cgroupsPath"] = bundle.linux_()["cgroupsPath"];
    other_bundle.args({"/bin/probe", "serve"});
    Container other(root(), other_bundle, container.id + "-other");
    ASSERT_TRUE(other.create().ok());
    expect_create_fails("container's cgroup is not empty");
    EXPECT_EQ(other.status(), "created");
    EXPECT_TRUE(other.remove({"--force"}).ok());
}
