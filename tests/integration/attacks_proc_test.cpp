// /proc that is not what it seems: what the runtime writes there (labels, sysctls) must reach the kernel and the file
// that was meant (CVE-2019-16884, CVE-2019-19921, CVE-2025-52881); and /sys/fs/cgroup of the host (CVE-2023-25809).
#include "harness/attack.hpp"
#include "harness/container.hpp"

using namespace integration;

class AttacksProc : public ContainerTest {
  protected:
    void SetUp() override {
        ContainerTest::SetUp();
        REQUIRE_ROOT();
    }
    void TearDown() override {
        canary.expect_alive();
        ContainerTest::TearDown();
    }
    /// A directory that looks like procfs to somebody who does not ask the kernel.
    std::filesystem::path fake_proc() {
        write_file(work / "fake-exec", "");
        std::filesystem::create_directories(work / "fake/self/attr/apparmor");
        write_file(work / "fake/self/attr/exec", "");
        write_file(work / "fake/self/attr/apparmor/exec", "");
        return work / "fake";
    }
    Canary canary{work / "outside"};
};

TEST_F(AttacksProc, NothingButProcfsCoversProc) {
    const auto fake = fake_proc();
    const struct {
        const char* destination;
        const char* type;
        std::filesystem::path source;
    } kCovers[] = {
        {"/proc", "bind", fake},
        {"/proc", "tmpfs", "tmpfs"},
        {"/proc/../proc/.", "tmpfs", "tmpfs"},
        {"/proc/self", "bind", fake / "self"},
        {"/proc/self/attr/exec", "bind", work / "fake-exec"},
        {"/proc/thread-self/attr/exec", "bind", work / "fake-exec"},
        {"/proc/sys/net/ipv4/ip_forward", "bind", work / "fake-exec"},
        {"/link/attr", "tmpfs", "tmpfs"},
        {"/proc", "bind", "/proc/sys"},
    };
    std::filesystem::create_symlink("/proc/self", bundle.rootfs() / "link");
    const Json mounts = bundle.config["mounts"];
    for (const auto& cover : kCovers) {
        bundle.config["mounts"] = mounts;
        const std::string type = cover.type;
        bundle.add_mount(cover.destination, type, cover.source, type == "bind" ? Arguments{"bind"} : Arguments{});
        Output output = container.run();
        EXPECT_NE(output.status, 0) << cover.destination;
        EXPECT_TRUE(contains(output.err, "only procfs may cover /proc")) << cover.destination << output;
    }
}

// A file of procfs may stand on another: both are real, so that no file system check can tell. The write goes to the
// one that was meant all the same, and the one that covers it is left alone.
TEST_F(AttacksProc, ASysctlIsNotRedirectedToAnotherFileOfProc) {
    bundle.add_mount("/proc/sys/net/ipv4/ip_forward", "bind", "/proc/sys/net/ipv4/ip_default_ttl", {"bind"});
    bundle.linux_()["sysctl"] = {{"net.ipv4.ip_forward", "1"}};
    auto seen =
        probe_all({"read", "/proc/sys/net/ipv4/ip_default_ttl", ",", "read", "/proc/sys/net/ipv4/conf/all/forwarding"});
    EXPECT_EQ(seen[0]["text"], "64\n") << "the sysctl went to the file that covers it";
    EXPECT_EQ(seen[1]["text"], "1\n") << "the sysctl went nowhere";
}

TEST_F(AttacksProc, ASysctlIsNotRedirectedByALinkOfTheImage) {
    bundle.drop_mount("/proc");
    std::filesystem::remove(bundle.rootfs() / "proc");
    std::filesystem::create_symlink(canary.path(), bundle.rootfs() / "proc");
    std::filesystem::create_directories(bundle.rootfs() / canary.path().relative_path() / "sys/net/ipv4");
    const auto trap = bundle.rootfs() / canary.path().relative_path() / "sys/net/ipv4/ip_forward";
    write_file(trap, "0");
    bundle.linux_()["sysctl"] = {{"net.ipv4.ip_forward", "1"}};
    bundle.linux_().erase("maskedPaths");
    bundle.linux_().erase("readonlyPaths");
    (void)container.run();
    EXPECT_EQ(read_file(trap), "0");
}

TEST_F(AttacksProc, ASysctlDoesNotClimbOut) {
    for (const char* key : {"net/../kernel/core_pattern", "net/../../sysrq-trigger", "net.ipv4/../../../self/comm",
                            "net...kernel.core_pattern"}) {
        bundle.linux_()["sysctl"] = {{key, "c"}};
        EXPECT_NE(container.run().status, 0) << key;
    }
}

// Who shares the root directory exchanges /proc after procfs was mounted on it: what is to be hidden and what is not to
// be written is found where procfs is, not where it is called so.
TEST_F(AttacksProc, MasksFollowProcfsWhenItsMountPointIsRenamed) {
    for (const char* name : {"proc", "sys"}) {
        bundle.directory(std::string("fake-") + name);
        Json hook = {
            {"path", facts().probe},
            {"args", {"probe", "exchange", bundle.rootfs() / name, bundle.rootfs() / ("fake-" + std::string(name))}}};
        bundle.config["hooks"]["createRuntime"].push_back(hook);
    }
    bundle.drop_mount("/sys/fs/cgroup");
    bundle.linux_()["maskedPaths"] = {"/proc/version", "/sys/kernel"};
    bundle.linux_()["readonlyPaths"] = {"/proc/sys"};
    auto seen = probe_all({"read", "/fake-proc/version", ",", "ls", "/fake-sys/kernel", ",", "overwrite",
                           "/fake-proc/sys/net/ipv4/ip_forward", "1", ",", "ls", "/proc"});
    EXPECT_EQ(seen[0]["text"], "") << seen[0];
    EXPECT_EQ(seen[1]["names"], Json::array());
    EXPECT_EQ(seen[2]["error"], "EROFS") << seen[2];
    EXPECT_EQ(seen[3]["names"], Json::array()) << "the mount points were not exchanged: it shows nothing";
}

// Where the security module is absent a label is refused; it never gets lost.
TEST_F(AttacksProc, ALabelHoldsOrNothingRuns) {
    for (const char* property : {"apparmorProfile", "selinuxLabel"}) {
        bundle.process().erase("apparmorProfile");
        bundle.process()[property] = "confined";
        bundle.args({"/bin/probe", "read", "/proc/self/attr/current"});
        Output output = container.run();
        EXPECT_TRUE(contains(output.ok() ? output.out : output.err, output.ok() ? "confined" : property)) << output;
        bundle.process().erase(property);
    }
}

// CVE-2023-25809: the host's hierarchy is not writable for a container in a user namespace that shares the cgroup
// namespace.
TEST_F(AttacksProc, TheHostsCgroupsCannotBeWrittenFromAUserNamespace) {
    REQUIRE_CGROUP();
    bundle.map_ids(0, 65536);
    bundle.drop_namespace("cgroup");
    bundle.drop_mount("/sys");
    bundle.drop_mount("/sys/fs/cgroup");
    bundle.add_mount("/sys/fs/cgroup", "cgroup", "cgroup", {"rw"});
    auto seen = probe_all({"write", "/sys/fs/cgroup/../cgroup/cgroup.procs", "1", ",", "ls", "/sys/fs/cgroup"});
    EXPECT_FALSE(contains(seen[1].dump(), "arca-it-")) << "other cgroups of the host are seen: " << seen[1];
}

TEST_F(AttacksProc, DefaultsKeepTheKernelOutOfReach) {
    const struct {
        const char* path;
    } kFiles[] = {{"/proc/sysrq-trigger"},       {"/proc/sys/kernel/core_pattern"}, {"/proc/irq/default_smp_affinity"},
                  {"/sys/kernel/uevent_helper"}, {"/sys/fs/cgroup/cgroup.procs"},   {"/proc/sys/kernel/modprobe"}};
    bundle.add_capabilities({"CAP_DAC_OVERRIDE"});
    Arguments words;
    for (const auto& file : kFiles) {
        if (!words.empty()) words.emplace_back(",");
        words.insert(words.end(), {"overwrite", file.path, "x"});
    }
    auto seen = probe_all(words);
    for (std::size_t i = 0; i < std::size(kFiles); ++i) {
        const std::string error = seen[i]["error"];
        EXPECT_TRUE(error == "EROFS" || error == "ENOENT" || error == "EACCES" || error == "EPERM")
            << kFiles[i].path << " " << seen[i];
    }
}
