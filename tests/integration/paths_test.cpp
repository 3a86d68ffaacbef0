#include "harness/container.hpp"

using namespace integration;

/// maskedPaths, readonlyPaths, sysctl.
class Paths : public ContainerTest {};

TEST_F(Paths, MaskedFileReadsEmpty) {
    bundle.file("secret", "secret");
    bundle.linux_()["maskedPaths"] = {"/secret"};
    auto seen = probe_all({"read", "/secret", ",", "stat", "/secret"});
    EXPECT_EQ(seen[0]["text"], "");
    EXPECT_EQ(seen[1]["type"], "character");
}

TEST_F(Paths, MaskedDirectoryIsEmptyAndReadOnly) {
    bundle.config["root"]["readonly"] = false;
    bundle.file("secrets/key", "secret");
    bundle.linux_()["maskedPaths"] = {"/secrets"};
    auto seen = probe_all({"ls", "/secrets", ",", "write", "/secrets/x", "y", ",", "stat", "/secrets"});
    EXPECT_EQ(seen[0]["names"], Json::array());
    EXPECT_EQ(seen[1]["error"], "EROFS");
    EXPECT_EQ(seen[2]["links"], 2);
}

TEST_F(Paths, MissingMaskedPathIsNoError) {
    bundle.linux_()["maskedPaths"] = {"/absent", "/absent/deeper"};
    EXPECT_EQ(container.run().out, "hello\n");
}

TEST_F(Paths, MaskedTwice) {
    bundle.file("secret", "secret");
    bundle.linux_()["maskedPaths"] = {"/secret", "/secret"};
    EXPECT_EQ(probe({"read", "/secret"})["text"], "");
}

TEST_F(Paths, ManyMaskedDirectories) {
    Json list = Json::array();
    for (int i = 0; i < 200; ++i) {
        bundle.file("many/" + std::to_string(i) + "/f", "x");
        list.push_back("/many/" + std::to_string(i));
    }
    bundle.linux_()["maskedPaths"] = list;
    auto seen = probe_all({"ls", "/many/0", ",", "ls", "/many/199"});
    EXPECT_EQ(seen[0]["names"], Json::array());
    EXPECT_EQ(seen[1]["names"], Json::array());
}

TEST_F(Paths, DefaultMasksHold) {
    auto seen = probe_all({"stat", "/proc/kcore", ",", "ls", "/sys/firmware", ",", "read", "/proc/keys"});
    EXPECT_TRUE(seen[0]["error"] == "ENOENT" || seen[0]["minor"] == 3) << seen[0];
    EXPECT_TRUE(seen[1]["error"] == "ENOENT" || seen[1]["names"].empty()) << seen[1];
    EXPECT_EQ(seen[2]["text"], "");
}

TEST_F(Paths, MaskedLinkDoesNotLeadOut) {
    write_file(work / "outside", "outside");
    std::filesystem::create_symlink(work / "outside", bundle.rootfs() / "link");
    bundle.linux_()["maskedPaths"] = {"/link"};
    container.run();
    EXPECT_EQ(read_file(work / "outside"), "outside");
}

TEST_F(Paths, DeviceNullThatIsALinkIsNotUsedForMasking) {
    // CVE-2025-31133
    REQUIRE_ROOT();
    SKIP_FOR(Runc, "fixed later than the releases at hand");
    for (const char* mount : {"/dev/pts", "/dev/shm", "/dev/mqueue", "/dev"})
        bundle.drop_mount(mount);
    bundle.config["root"]["readonly"] = false;
    bundle.file("evil", "evil");
    std::filesystem::create_symlink("/evil", bundle.rootfs() / "dev/null");
    bundle.file("secret", "secret");
    bundle.linux_()["maskedPaths"] = {"/secret"};
    bundle.args({"/bin/probe", "read", "/secret"});
    Output output = container.run();
    EXPECT_FALSE(contains(output.out, "evil")) << output;
    EXPECT_FALSE(contains(output.out, "\"secret\"")) << output;
}

TEST_F(Paths, ReadonlyDirectory) {
    bundle.config["root"]["readonly"] = false;
    bundle.directory("fixed");
    bundle.linux_()["readonlyPaths"] = {"/fixed"};
    auto seen = probe_all({"write", "/fixed/x", "y", ",", "write", "/other", "y"});
    EXPECT_EQ(seen[0]["error"], "EROFS");
    EXPECT_EQ(seen[1]["error"], "");
}

TEST_F(Paths, ReadonlyFile) {
    bundle.config["root"]["readonly"] = false;
    bundle.file("fixed", "text");
    bundle.linux_()["readonlyPaths"] = {"/fixed"};
    auto seen = probe_all({"overwrite", "/fixed", "y", ",", "read", "/fixed"});
    EXPECT_EQ(seen[0]["error"], "EROFS");
    EXPECT_EQ(seen[1]["text"], "text");
}

TEST_F(Paths, MissingReadonlyPathIsNoError) {
    bundle.linux_()["readonlyPaths"] = {"/absent"};
    EXPECT_EQ(container.run().out, "hello\n");
}

TEST_F(Paths, ReadonlyKeepsTheFlagsOfTheMount) {
    std::string options = mount_options(probe({"mounts"}), "/proc/sys");
    EXPECT_TRUE(contains(options, ",ro,")) << options;
}

TEST_F(Paths, DefaultReadonlyPathsHold) {
    Json seen = probe({"overwrite", "/proc/sys/kernel/hostname", "x"});
    EXPECT_TRUE(seen["error"] == "EROFS" || seen["error"] == "EACCES") << seen;
}

TEST_F(Paths, MaskedPathsNeedAMountNamespace) {
    REQUIRE_ROOT();
    bundle.drop_namespace("mount");
    EXPECT_NE(container.create().status, 0);
}

TEST_F(Paths, SysctlOfTheNetworkNamespace) {
    REQUIRE_ROOT();
    bundle.linux_()["sysctl"] = {{"net.ipv4.ip_forward", "1"}};
    EXPECT_EQ(probe({"read", "/proc/sys/net/ipv4/ip_forward"})["text"], "1\n");
}

TEST_F(Paths, SysctlOfTheIpcNamespace) {
    REQUIRE_ROOT();
    bundle.linux_()["sysctl"] = {{"kernel.shmmax", "12345678"}, {"fs.mqueue.msg_max", "9"}};
    auto seen = probe_all({"read", "/proc/sys/kernel/shmmax", ",", "read", "/proc/sys/fs/mqueue/msg_max"});
    EXPECT_EQ(seen[0]["text"], "12345678\n");
    EXPECT_EQ(seen[1]["text"], "9\n");
}

TEST_F(Paths, SysctlWithSlashes) {
    REQUIRE_ROOT();
    bundle.linux_()["sysctl"] = {{"net/ipv4/ip_forward", "1"}};
    EXPECT_EQ(probe({"read", "/proc/sys/net/ipv4/ip_forward"})["text"], "1\n");
}

TEST_F(Paths, SysctlOfTheHostIsRefused) {
    std::string before = read_file("/proc/sys/kernel/pid_max");
    bundle.linux_()["sysctl"] = {{"kernel.pid_max", "99999"}};
    expect_create_fails("kernel.pid_max");
    EXPECT_EQ(read_file("/proc/sys/kernel/pid_max"), before);
}

TEST_F(Paths, SysctlWithoutItsNamespaceIsRefused) {
    REQUIRE_ROOT();
    bundle.drop_namespace("network");
    std::string before = read_file("/proc/sys/net/ipv4/ip_forward");
    bundle.linux_()["sysctl"] = {{"net.ipv4.ip_forward", "1"}};
    expect_create_fails("net.ipv4.ip_forward");
    EXPECT_EQ(read_file("/proc/sys/net/ipv4/ip_forward"), before);
}

TEST_F(Paths, UnknownSysctlIsNamed) {
    REQUIRE_ROOT();
    bundle.linux_()["sysctl"] = {{"net.nonsense", "1"}};
    Output output = container.create();
    EXPECT_EQ(output.status, 1);
    EXPECT_TRUE(contains(output.err, "nonsense")) << output;
}

TEST_F(Paths, SysctlThatClimbsOutIsRefused) {
    REQUIRE_ROOT();
    bundle.linux_()["sysctl"] = {{"net/../kernel/pid_max", "99999"}};
    std::string before = read_file("/proc/sys/kernel/pid_max");
    EXPECT_EQ(container.create().status, 1);
    EXPECT_EQ(read_file("/proc/sys/kernel/pid_max"), before);
}
