// The cgroup manager of systemd, where systemd runs the host.
#include <sys/stat.h>

#include "harness/container.hpp"

using namespace integration;

class Systemd : public ContainerTest {
  protected:
    void SetUp() override {
        ContainerTest::SetUp();
        if (IsSkipped()) return;
        REQUIRE_CGROUP();
        REQUIRE(facts().systemd, "needs a host that systemd runs");
        bundle.linux_()["cgroupsPath"] = "system.slice:arca-it:" + container.id;
        bundle.args({"/bin/probe", "serve"});
    }
    void TearDown() override {
        if (std::filesystem::exists(root() / container.id)) {
            EXPECT_TRUE(container.remove({"--force"}).ok());
        }
        if (facts().systemd) {
            EXPECT_EQ(property("LoadState"), "not-found") << unit() << " is left";
        }
        bundle.linux_().erase("cgroupsPath");
        ContainerTest::TearDown();
    }

    std::string unit() const { return "arca-it-" + container.id + ".scope"; }
    std::filesystem::path directory() const { return "/sys/fs/cgroup/system.slice/" + unit(); }
    std::string setting(const std::string& file) const {
        auto found = lines(read_file(directory() / file));
        return found.empty() ? "" : found[0];
    }
    std::string property(const std::string& name) const {
        auto found = lines(Command({"systemctl", "show", "--value", "--property", name, unit()}).run().out);
        return found.empty() ? "" : found[0];
    }
    Command create_command() {
        bundle.write();
        return Command({facts().runtime, "--root", root().string(), "--systemd-cgroup", "create", "--bundle",
                        bundle.path().string(), container.id})
            .output_files(work / "o", work / "e");
    }
    Output create() { return create_command().run(); }
    static std::string path_of(pid_t pid) {
        for (const auto& line : lines(read_file("/proc/" + std::to_string(pid) + "/cgroup"))) {
            if (line.starts_with("0::")) return line.substr(3);
        }
        return "";
    }
    Json& resources() { return bundle.linux_()["resources"]; }
};

TEST_F(Systemd, TheJournalTakesTheLog) {
    SKIP_FOR(Runc, "has log files only");
    const std::string name = "log-" + container.id;
    Output failed =
        Command({facts().runtime, "--root", root().string(), "--log=journald:" + name, "state", "none"}).run();
    EXPECT_EQ(failed.status, 1);
    const auto entries = [&] {
        return Command({"journalctl", "--quiet", "--output=json", "--identifier", name}).run().out;
    };
    EXPECT_TRUE(eventually([&] { return contains(entries(), "does not exist"); })) << entries();
    EXPECT_TRUE(contains(entries(), "\"PRIORITY\":\"3\"")) << entries();
}

TEST_F(Systemd, TheContainerIsAScopeInItsSlice) {
    Output created = create();
    ASSERT_TRUE(created.ok()) << created;
    EXPECT_EQ(path_of(container.pid()), "/system.slice/" + unit());
    EXPECT_EQ(property("ActiveState"), "active");
    EXPECT_EQ(property("Slice"), "system.slice");
    EXPECT_EQ(property("Delegate"), "yes");
    EXPECT_TRUE(contains(property("Description"), container.id));
}

TEST_F(Systemd, StateNamesTheScope) {
    ASSERT_TRUE(create().ok());
    SKIP_FOR(Runc, "does not");
    EXPECT_EQ(container.state().value("systemd-scope", ""), unit());
}

TEST_F(Systemd, DeleteKnowsTheManager) {
    ASSERT_TRUE(create().ok());
    ASSERT_TRUE(container.start().ok());
    EXPECT_TRUE(container.remove({"--force"}).ok());
    EXPECT_EQ(property("LoadState"), "not-found") << "when delete returns";
    EXPECT_FALSE(std::filesystem::exists(directory()));
}

TEST_F(Systemd, DeleteOfAContainerThatHasEnded) {
    bundle.args({"/bin/probe", "exit", "3"});
    ASSERT_TRUE(create().ok());
    pid_t init = container.pid();
    ASSERT_TRUE(container.start().ok());
    container.wait_for_init(init);
    EXPECT_TRUE(container.remove().ok());
}

TEST_F(Systemd, NestedSlices) {
    bundle.linux_()["cgroupsPath"] = "arcait-a-b.slice:arca-it:" + container.id;
    ASSERT_TRUE(create().ok());
    EXPECT_EQ(path_of(container.pid()), "/arcait.slice/arcait-a.slice/arcait-a-b.slice/" + unit());
    EXPECT_EQ(property("Slice"), "arcait-a-b.slice");
}

TEST_F(Systemd, LimitsAreBothPropertiesAndFiles) {
    REQUIRE_CONTROLLER("memory");
    resources()["memory"] = {{"limit", 67108864}, {"swap", 134217728}, {"reservation", 33554432}};
    resources()["cpu"] = {{"shares", 2048}, {"quota", 50000}, {"period", 100000}, {"cpus", "0"}};
    resources()["pids"] = {{"limit", 33}};
    ASSERT_TRUE(create().ok());
    EXPECT_EQ(property("MemoryMax"), "67108864");
    EXPECT_EQ(property("MemorySwapMax"), "67108864");
    EXPECT_EQ(property("MemoryLow"), "33554432");
    EXPECT_EQ(property("CPUQuotaPerSecUSec"), "500ms");
    EXPECT_EQ(property("AllowedCPUs"), "0");
    EXPECT_EQ(property("TasksMax"), "33");
    EXPECT_EQ(setting("memory.max"), "67108864");
    EXPECT_EQ(setting("memory.low"), "33554432");
    EXPECT_EQ(setting("cpu.max"), "50000 100000");
    EXPECT_EQ(setting("cpuset.cpus"), "0");
    EXPECT_EQ(setting("pids.max"), "33");
}

TEST_F(Systemd, AQuotaThatSystemdWouldRoundIsExact) {
    REQUIRE_CONTROLLER("cpu");
    SKIP_FOR(Runc, "rounds");
    resources()["cpu"] = {{"quota", 12345}, {"period", 100000}};
    ASSERT_TRUE(create().ok());
    EXPECT_EQ(property("CPUQuotaPerSecUSec"), "130ms");
    EXPECT_EQ(setting("cpu.max"), "12345 100000");
}

TEST_F(Systemd, UnifiedEntriesAreProperties) {
    REQUIRE_CONTROLLER("memory");
    resources()["unified"] = {{"memory.high", "50331648"}, {"pids.max", "44"}, {"memory.oom.group", "1"}};
    ASSERT_TRUE(create().ok());
    EXPECT_EQ(property("MemoryHigh"), "50331648");
    EXPECT_EQ(property("TasksMax"), "44");
    EXPECT_EQ(setting("memory.oom.group"), "1") << "has no property";
}

TEST_F(Systemd, UpdateChangesPropertiesAndFiles) {
    REQUIRE_CONTROLLER("memory");
    resources()["memory"] = {{"limit", 67108864}};
    ASSERT_TRUE(create().ok());
    Output updated = runtime_command(root(), {"update", "--memory", "48m", "--memory-swap", "48m", "--cpu-quota",
                                              "20000", "--pids-limit", "44", container.id})
                         .run();
    ASSERT_TRUE(updated.ok()) << updated;
    EXPECT_EQ(property("MemoryMax"), "50331648");
    EXPECT_EQ(property("CPUQuotaPerSecUSec"), "200ms");
    EXPECT_EQ(property("TasksMax"), "44");
    ASSERT_TRUE(Command({"systemctl", "daemon-reload"}).run().ok());
    EXPECT_EQ(setting("memory.max"), "50331648") << "systemd writes what it knows";
    EXPECT_EQ(setting("cpu.max"), "20000 100000");
    EXPECT_EQ(setting("pids.max"), "44");
}

TEST_F(Systemd, AnUpdateThatIsRefusedChangesNothing) {
    REQUIRE_CONTROLLER("memory");
    resources()["memory"] = {{"limit", 67108864}};
    ASSERT_TRUE(create().ok());
    Output refused =
        runtime_command(root(), {"update", "--pids-limit", "44", "--cpuset-cpus", "4000", container.id}).run();
    EXPECT_EQ(refused.status, 1) << refused;
    EXPECT_NE(setting("pids.max"), "44");
    ASSERT_TRUE(Command({"systemctl", "daemon-reload"}).run().ok());
    EXPECT_NE(setting("pids.max"), "44") << "nor what systemd will write later";
}

TEST_F(Systemd, ASubCgroupOfTheScopeByAnnotation) {
    SKIP_FOR(Runc, "has no such annotation");
    bundle.config["annotations"] = {{"run.oci.systemd.subgroup", "inner"}};
    resources()["pids"] = {{"limit", 44}};
    Output created = create();
    ASSERT_TRUE(created.ok()) << created;
    EXPECT_EQ(path_of(container.pid()), "/system.slice/" + unit() + "/inner");
    EXPECT_EQ(setting("pids.max"), "44");
    EXPECT_TRUE(std::filesystem::exists(directory() / "inner/pids.max")) << "controllers are handed on";
    ASSERT_TRUE(container.start().ok());
    Output output = container.exec({"/bin/probe", "cgroup"});
    EXPECT_TRUE(contains(output.out, "0::/\"")) << "exec is where the container is: " << output;
    EXPECT_TRUE(container.call({"pause", container.id}).ok());
    EXPECT_EQ(container.status(), "paused");
    EXPECT_TRUE(container.call({"resume", container.id}).ok());
    EXPECT_TRUE(container.remove({"--force"}).ok());
    EXPECT_FALSE(std::filesystem::exists(directory()));
}

TEST_F(Systemd, PausedAndResumed) {
    ASSERT_TRUE(create().ok());
    ASSERT_TRUE(container.start().ok());
    ASSERT_TRUE(container.call({"pause", container.id}).ok());
    EXPECT_EQ(container.status(), "paused");
    EXPECT_EQ(property("ActiveState"), "active");
    ASSERT_TRUE(container.call({"resume", container.id}).ok());
    EXPECT_EQ(container.status(), "running");
    ASSERT_TRUE(container.call({"pause", container.id}).ok());
    EXPECT_TRUE(container.remove({"--force"}).ok()) << "a frozen scope is stopped as well";
}

TEST_F(Systemd, LimitsSurviveAReload) {
    REQUIRE_CONTROLLER("memory");
    resources()["memory"] = {{"limit", 67108864}};
    resources()["pids"] = {{"limit", 33}};
    ASSERT_TRUE(create().ok());
    ASSERT_TRUE(Command({"systemctl", "daemon-reload"}).run().ok());
    EXPECT_EQ(setting("memory.max"), "67108864");
    EXPECT_EQ(setting("pids.max"), "33");
}

TEST_F(Systemd, DevicesStayClosedAfterAReload) {
    ASSERT_TRUE(create().ok());
    ASSERT_TRUE(container.start().ok());
    ASSERT_TRUE(Command({"systemctl", "daemon-reload"}).run().ok());
    REQUIRE(!facts().busybox.empty(), "needs a static busybox");
    Output open =
        container.exec({"/bin/busybox", "sh", "-c", "/bin/busybox mknod /tmp/kmsg c 1 11; /bin/busybox cat /tmp/kmsg"});
    EXPECT_NE(open.status, 0) << open;
    Output null = container.exec({"/bin/busybox", "sh", "-c", "echo x > /dev/null"});
    EXPECT_TRUE(null.ok()) << null;
}

TEST_F(Systemd, AnnotationsAreProperties) {
    bundle.config["annotations"] = {{"org.systemd.property.TimeoutStopUSec", "uint64 7000000"},
                                    {"org.systemd.property.RuntimeMaxSec", "3600"},
                                    {"org.systemd.property.Documentation", "['man:arca(8)']"}};
    Output created = create();
    ASSERT_TRUE(created.ok()) << created;
    EXPECT_EQ(property("TimeoutStopUSec"), "7s");
    EXPECT_EQ(property("RuntimeMaxUSec"), "1h");
    EXPECT_TRUE(contains(property("Documentation"), "man:arca(8)"));  // quoted by some versions
}

TEST_F(Systemd, WhatSystemdRefusesIsTold) {
    bundle.config["annotations"] = {{"org.systemd.property.NoSuchProperty", "true"}};
    Output created = create();
    EXPECT_EQ(created.status, 1);
    EXPECT_TRUE(contains(created.err + read_file(work / "e"), "NoSuchProperty")) << created;
}

TEST_F(Systemd, ACreateThatFailsLeavesNoUnit) {
    bundle.config["mounts"].push_back({{"destination", "/x"},
                                       {"type", "bind"},
                                       {"source", "/proc/self/environ"},
                                       {"options", {"nosuch=option", "bind"}}});
    bundle.linux_()["sysctl"] = {{"kernel.no_such_thing", "1"}};
    EXPECT_FALSE(create().ok());
    EXPECT_EQ(property("LoadState"), "not-found") << "when create returns";
    EXPECT_FALSE(std::filesystem::exists(directory()));
}

TEST_F(Systemd, ANameThatIsTakenIsRefused) {
    ASSERT_TRUE(create().ok());
    Output second = Command({facts().runtime, "--root", root().string(), "--systemd-cgroup", "create", "--bundle",
                             bundle.path().string(), container.id + "-second"})
                        .run();
    EXPECT_EQ(second.status, 1) << second;
    EXPECT_TRUE(contains(second.err, unit())) << second;
    EXPECT_EQ(container.status(), "created") << "the first lives";
}

TEST_F(Systemd, AnIntermediateIsInTheScopeFromTheBeginning) {
    ASSERT_TRUE(create().ok());
    Bundle joining(work / "joining");
    joining.linux_()["cgroupsPath"] = "system.slice:arca-it:" + container.id + "-joining";
    for (auto& entry : joining.linux_()["namespaces"]) {
        if (entry["type"] == "pid") entry["path"] = "/proc/" + std::to_string(container.pid()) + "/ns/pid";
    }
    joining.args({"/bin/probe", "serve"});
    joining.write();
    Container other(root(), joining, container.id + "-joining");
    Output created = Command({facts().runtime, "--root", root().string(), "--systemd-cgroup", "create", "--bundle",
                              joining.path().string(), other.id})
                         .output_files(work / "o2", work / "e2")
                         .run();
    ASSERT_TRUE(created.ok()) << created;
    EXPECT_EQ(path_of(other.pid()), "/system.slice/arca-it-" + other.id + ".scope");
    EXPECT_TRUE(other.remove({"--force"}).ok());
    joining.linux_().erase("cgroupsPath");
}

TEST_F(Systemd, AWritableMountBelongsToTheContainersRoot) {
    SKIP_FOR(Crun, "with an annotation only");
    bundle.map_ids(100000, 65536);
    bundle.mount_at("/sys/fs/cgroup")["options"] = {"nosuid", "noexec", "nodev", "rw"};
    ASSERT_TRUE(create().ok());
    struct stat st {};
    ASSERT_EQ(stat((directory() / "cgroup.procs").c_str(), &st), 0);
    EXPECT_EQ(st.st_uid, 100000U);
}

TEST_F(Systemd, ExecIsInTheScope) {
    ASSERT_TRUE(create().ok());
    ASSERT_TRUE(container.start().ok());
    Output output = container.exec({"/bin/probe", "cgroup"});
    EXPECT_TRUE(contains(output.out, "0::/\"")) << output;
}

TEST_F(Systemd, ABusThatIsNotThereIsNamed) {
    REQUIRE_ARCA("text");
    Output created = create_command().variable("DBUS_SYSTEM_BUS_ADDRESS", "unix:path=/no/bus").run();
    EXPECT_EQ(created.status, 1);
    EXPECT_TRUE(contains(read_file(work / "e"), "/no/bus")) << created << read_file(work / "e");
}

TEST_F(Systemd, TheBusDaemonServesAsWell) {
    REQUIRE(std::filesystem::exists("/run/dbus/system_bus_socket"), "needs a system bus");
    Output created =
        create_command().variable("DBUS_SYSTEM_BUS_ADDRESS", "unix:path=/run/dbus/system_bus_socket").run();
    ASSERT_TRUE(created.ok()) << created << read_file(work / "e");
    EXPECT_EQ(property("ActiveState"), "active");
    EXPECT_TRUE(container.remove({"--force"}).ok());
    EXPECT_EQ(property("LoadState"), "not-found");
}
