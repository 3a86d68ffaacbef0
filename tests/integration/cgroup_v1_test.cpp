// Containers on a host with cgroup v1: with the hierarchies that the host has mounted (ARCA_TEST_CGROUPS=host).
#include <signal.h>
#include <sys/stat.h>

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
    /// Some came with later kernels or with a scheduler of disks; many are in no root.
    static bool has_file(const std::string& controller, const std::string& file) {
        const auto hierarchy = std::filesystem::path("/sys/fs/cgroup") / controller;
        const auto child = hierarchy / ("arca-it-files-" + std::to_string(getpid()));
        EXPECT_EQ(mkdir(child.c_str(), 0755), 0);
        const bool found = std::filesystem::exists(child / file) || std::filesystem::exists(hierarchy / file);
        EXPECT_EQ(rmdir(child.c_str()), 0);
        return found;
    }
    Json statistics() {
        Output output = container.call({"events", "--stats", container.id});
        EXPECT_TRUE(output.ok()) << output;
        return Json::parse(output.out)["data"];
    }
};

/// Number of a disk of the host, "254:0"; empty when there is none.
std::string find_disk() {
    std::error_code error;
    for (const auto& entry : std::filesystem::directory_iterator("/sys/block", error)) {
        auto number = lines(read_file(entry.path() / "dev"));
        if (!number.empty() && std::filesystem::exists(entry.path() / "device")) return number.front();
    }
    return "";
}

/// The same as an entry of the configuration, with a rate.
Json throttle(const std::string& disk, int rate) {
    const auto colon = disk.find(':');
    return Json::array(
        {{{"major", std::stoi(disk.substr(0, colon))}, {"minor", std::stoi(disk.substr(colon + 1))}, {"rate", rate}}});
}

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
    resources()["cpu"] = {{"shares", 512}, {"quota", 50000}, {"period", 100000}, {"cpus", "0"}};
    if (has_file("cpu", "cpu.cfs_burst_us")) resources()["cpu"]["burst"] = 1000;
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

TEST_F(CgroupV1, MoreOfMemory) {
    REQUIRE_V1("memory");
    REQUIRE(has_file("memory", "memory.kmem.tcp.limit_in_bytes"), "needs a kernel that limits buffers of TCP");
    resources()["memory"] = {{"limit", 67108864}, {"kernelTCP", 8388608}, {"disableOOMKiller", true}};
    Output created = container.create();
    ASSERT_TRUE(created.ok()) << created << container.errors();
    EXPECT_EQ(setting("memory", "memory.kmem.tcp.limit_in_bytes"), "8388608");
    EXPECT_EQ(setting("memory", "memory.oom_control"), "oom_kill_disable 1");
}

TEST_F(CgroupV1, HugePages) {
    REQUIRE_V1("hugetlb");
    REQUIRE(has_file("hugetlb", "hugetlb.2MB.limit_in_bytes"), "needs huge pages of 2 MB");
    resources()["hugepageLimits"] = Json::array({{{"pageSize", "2MB"}, {"limit", 4194304}}});
    Output created = container.create();
    ASSERT_TRUE(created.ok()) << created << container.errors();
    EXPECT_EQ(setting("hugetlb", "hugetlb.2MB.limit_in_bytes"), "4194304");
    if (has_file("hugetlb", "hugetlb.2MB.rsvd.limit_in_bytes")) {
        EXPECT_EQ(setting("hugetlb", "hugetlb.2MB.rsvd.limit_in_bytes"), "4194304");
    }
    EXPECT_TRUE(statistics()["hugetlb"].contains("2MB"));
}

TEST_F(CgroupV1, AnUnknownSizeOfHugePagesIsNamed) {
    REQUIRE_V1("hugetlb");
    resources()["hugepageLimits"] = Json::array({{{"pageSize", "3MB"}, {"limit", 4194304}}});
    expect_create_fails("/linux/resources/hugepageLimits/0");
}

TEST_F(CgroupV1, ClassAndPriorityOfPackets) {
    REQUIRE_V1("net_cls");
    REQUIRE_V1("net_prio");
    // Priorities are of interfaces that the runtime sees: the host's.
    resources()["network"] = {{"classID", 1048577}, {"priorities", Json::array({{{"name", "lo"}, {"priority", 5}}})}};
    Output created = container.create();
    ASSERT_TRUE(created.ok()) << created << container.errors();
    EXPECT_EQ(setting("net_cls", "net_cls.classid"), "1048577");
    EXPECT_TRUE(contains(read_file(group("net_prio") / "net_prio.ifpriomap"), "lo 5"));
}

TEST_F(CgroupV1, AnInterfaceThatIsNotThereIsNamed) {
    REQUIRE_V1("net_prio");
    resources()["network"] = {{"priorities", Json::array({{{"name", "absent0"}, {"priority", 5}}})}};
    expect_create_fails("/linux/resources/network/priorities/0");
}

TEST_F(CgroupV1, ADeviceOfRdmaThatIsNotThereIsNamed) {
    REQUIRE_V1("rdma");
    resources()["rdma"] = {{"absent0", {{"hcaHandles", 3}}}};
    expect_create_fails("/linux/resources/rdma/absent0");
}

TEST_F(CgroupV1, RatesOfADisk) {
    REQUIRE_V1("blkio");
    const auto disk = find_disk();
    REQUIRE(!disk.empty() && has_file("blkio", "blkio.throttle.read_bps_device"), "needs a disk that can be throttled");
    resources()["blockIO"] = {{"throttleReadBpsDevice", throttle(disk, 1048576)},
                              {"throttleWriteIOPSDevice", throttle(disk, 50)}};
    start_probe({"serve"});
    EXPECT_EQ(setting("blkio", "blkio.throttle.read_bps_device"), disk + " 1048576");
    EXPECT_EQ(setting("blkio", "blkio.throttle.write_iops_device"), disk + " 50");
    Output output = container.update_with({{"blockIO", {{"throttleReadBpsDevice", throttle(disk, 2097152)}}}});
    ASSERT_TRUE(output.ok()) << output;
    EXPECT_EQ(setting("blkio", "blkio.throttle.read_bps_device"), disk + " 2097152");
}

TEST_F(CgroupV1, WeightOfAllDisks) {
    REQUIRE_V1("blkio");
    const bool has_weight = has_file("blkio", "blkio.weight") || has_file("blkio", "blkio.bfq.weight");
    resources()["blockIO"] = {{"weight", 300}};
    if (!has_weight) return expect_create_fails("/linux/resources/blockIO/weight");
    Output created = container.create();
    ASSERT_TRUE(created.ok()) << created << container.errors();
    EXPECT_EQ(setting("blkio", "blkio.weight") + setting("blkio", "blkio.bfq.weight"), "300");
}

TEST_F(CgroupV1, LimitsCanBeChanged) {
    REQUIRE_V1("memory");
    REQUIRE_V1("cpu");
    REQUIRE_V1("cpuset");
    REQUIRE_V1("pids");
    resources()["memory"] = {{"limit", 67108864}, {"swap", 67108864}};
    start_probe({"serve"});
    Output output = container.update({"--memory", "80m", "--memory-swap", "90m", "--cpu-share", "300", "--cpu-quota",
                                      "20000", "--cpuset-cpus", "0", "--pids-limit", "12"});
    ASSERT_TRUE(output.ok()) << output;
    EXPECT_EQ(setting("memory", "memory.limit_in_bytes"), "83886080");
    EXPECT_EQ(setting("memory", "memory.memsw.limit_in_bytes"), "94371840");
    EXPECT_EQ(setting("cpu", "cpu.shares"), "300");
    EXPECT_EQ(setting("cpu", "cpu.cfs_quota_us"), "20000");
    EXPECT_EQ(setting("cpuset", "cpuset.cpus"), "0");
    EXPECT_EQ(setting("pids", "pids.max"), "12");
    output = container.update({"--memory", "40m", "--memory-swap", "50m"});
    ASSERT_TRUE(output.ok()) << "in the other order: " << output;
    EXPECT_EQ(setting("memory", "memory.memsw.limit_in_bytes"), "52428800");
    output = container.update({"--pids-limit", "13", "--cpuset-cpus", "4000"});
    EXPECT_EQ(output.status, 1);
    EXPECT_EQ(setting("pids", "pids.max"), "12") << "a refusal changes nothing";
}

TEST_F(CgroupV1, DevicesCanBeChanged) {
    REQUIRE_V1("devices");
    REQUIRE_ARCA("no other runtime changes devices");
    resources()["devices"] = Json::array({{{"allow", false}, {"access", "rwm"}}});
    bundle.linux_()["devices"] = {
        {{"path", "/dev/kmsg"}, {"type", "c"}, {"major", 1}, {"minor", 11}, {"fileMode", 0666}}};
    start_probe({"serve"});
    EXPECT_EQ(exec_probe({"open", "/dev/kmsg", "w"})["error"], "EPERM");
    Output output = container.update({"--device-rule", "allow c 1:11 rw"});
    ASSERT_TRUE(output.ok()) << output;
    EXPECT_EQ(exec_probe({"open", "/dev/kmsg", "w"})["error"], "");
}

TEST_F(CgroupV1, Statistics) {
    REQUIRE_V1("memory");
    REQUIRE_V1("pids");
    REQUIRE_V1("cpuacct");
    resources()["memory"] = {{"limit", 67108864}};
    resources()["pids"] = {{"limit", 20}};
    start_probe({"serve"});
    const auto data = statistics();
    EXPECT_EQ(data["memory"]["usage"]["limit"], 67108864);
    EXPECT_GT(data["memory"]["usage"]["usage"], 0);
    EXPECT_EQ(data["pids"]["current"], 1);
    EXPECT_EQ(data["pids"]["limit"], 20);
    EXPECT_GT(data["cpu"]["usage"]["total"], 0);
}

TEST_F(CgroupV1, OutOfMemoryIsTold) {
    REQUIRE_V1("memory");
    resources()["memory"] = {{"limit", 33554432}, {"swap", 33554432}};
    start_probe({"serve"});
    auto running = runtime_command(root(), {"events", "--interval", "1h", container.id}).start();
    EXPECT_TRUE(eventually([&] {
        (void)container.exec({"/bin/probe", "allocate", "67108864"});
        return contains(running.out(), R"("type":"oom")");
    }));
    EXPECT_EQ(container.status(), "running");
    container.kill("KILL");
    running.wait(10);
}

TEST_F(CgroupV1, SignalsForAllReachAll) {
    bundle.drop_namespace("pid");
    start_probe({"spawn", "3"});
    const auto init = container.pid();
    Output killed = container.kill("KILL", {"--all"});
    EXPECT_TRUE(killed.ok()) << killed;
    EXPECT_EQ(container.wait_for_init(init), 128 + SIGKILL);
    EXPECT_EQ(Json::parse(container.call({"ps", "--format", "json", container.id}).out, nullptr, false).size(), 0U);
    EXPECT_TRUE(container.remove().ok());
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

TEST_F(CgroupV1, ExecIntoSubCgroupsOfSeveralControllers) {
    REQUIRE_V1("pids");
    REQUIRE_V1("freezer");
    start_probe({"serve"});
    std::filesystem::create_directory(group("pids") / "side");
    std::filesystem::create_directory(group("freezer") / "other");
    Output output = container.exec({"/bin/probe", "cgroup"}, {"--cgroup", "pids:side", "--cgroup", "freezer:/other"});
    ASSERT_TRUE(output.ok()) << output;
    EXPECT_TRUE(contains(output.out, "pids:/side")) << output;
    EXPECT_TRUE(contains(output.out, "freezer:/other")) << output;
    output = container.exec({"/bin/probe", "cgroup"}, {"--cgroup", "pids:side", "--cgroup", "pids:/"});
    EXPECT_TRUE(contains(output.err, "two sub-cgroups")) << output;
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
