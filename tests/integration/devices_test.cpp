#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "harness/container.hpp"

using namespace integration;

class Devices : public ContainerTest {};

TEST_F(Devices, DefaultNodes) {
    const struct {
        const char* path;
        int major, minor;
    } kNodes[] = {{"/dev/null", 1, 3},   {"/dev/zero", 1, 5},    {"/dev/full", 1, 7},
                  {"/dev/random", 1, 8}, {"/dev/urandom", 1, 9}, {"/dev/tty", 5, 0}};
    Arguments words;
    for (const auto& node : kNodes)
        words.insert(words.end(), {"stat", node.path, ","});
    words.pop_back();
    auto seen = probe_all(words);
    ASSERT_EQ(seen.size(), 6U);
    for (std::size_t i = 0; i < 6; ++i) {
        EXPECT_EQ(seen[i]["type"], "character") << seen[i];
        EXPECT_EQ(seen[i]["major"], kNodes[i].major) << seen[i];
        EXPECT_EQ(seen[i]["minor"], kNodes[i].minor) << seen[i];
        EXPECT_EQ(seen[i]["mode"], 0666) << seen[i];
    }
}

TEST_F(Devices, DefaultLinks) {
    auto seen = probe_all({"readlink", "/dev/fd", ",", "readlink", "/dev/stdin", ",", "readlink", "/dev/stdout", ",",
                           "readlink", "/dev/stderr", ",", "readlink", "/dev/ptmx"});
    EXPECT_EQ(seen[0]["target"], "/proc/self/fd");
    EXPECT_EQ(seen[1]["target"], "/proc/self/fd/0");
    EXPECT_EQ(seen[2]["target"], "/proc/self/fd/1");
    EXPECT_EQ(seen[3]["target"], "/proc/self/fd/2");
    EXPECT_TRUE(seen[4]["target"] == "pts/ptmx" || seen[4]["error"] == "EINVAL") << seen[4];
}

TEST_F(Devices, DefaultNodesWork) {
    auto seen = probe_all({"write", "/dev/null", "x", ",", "overwrite", "/dev/full", "x", ",", "open", "/dev/urandom"});
    EXPECT_EQ(seen[0]["error"], "");
    EXPECT_EQ(seen[1]["error"], "ENOSPC");
    EXPECT_EQ(seen[2]["error"], "");
}

TEST_F(Devices, NodeOfTheConfiguration) {
    REQUIRE_ROOT();
    bundle.linux_()["devices"] = {{{"path", "/dev/fuse"},
                                   {"type", "c"},
                                   {"major", 10},
                                   {"minor", 229},
                                   {"fileMode", 0640},
                                   {"uid", 3},
                                   {"gid", 4}}};
    Json node = probe({"stat", "/dev/fuse"});
    EXPECT_EQ(node["type"], "character");
    EXPECT_EQ(node["major"], 10);
    EXPECT_EQ(node["minor"], 229);
    EXPECT_EQ(node["mode"], 0640);
    EXPECT_EQ(node["uid"], 3);
    EXPECT_EQ(node["gid"], 4);
}

TEST_F(Devices, ModeIsNotMasked) {
    REQUIRE_ROOT();
    bundle.linux_()["devices"] = {{{"path", "/dev/x"}, {"type", "c"}, {"major", 1}, {"minor", 3}, {"fileMode", 0666}}};
    umask(0077);
    Json node = probe({"stat", "/dev/x"});
    umask(022);
    EXPECT_EQ(node["mode"], 0666);
}

TEST_F(Devices, Fifo) {
    REQUIRE_ROOT();
    bundle.linux_()["devices"] = {{{"path", "/dev/pipe"}, {"type", "p"}, {"fileMode", 0600}}};
    EXPECT_EQ(probe({"stat", "/dev/pipe"})["type"], "fifo");
}

TEST_F(Devices, BlockNodeInASubdirectory) {
    REQUIRE_ROOT();
    bundle.linux_()["devices"] = {{{"path", "/dev/deep/er/loop"}, {"type", "b"}, {"major", 7}, {"minor", 0}}};
    Json node = probe({"stat", "/dev/deep/er/loop"});
    EXPECT_EQ(node["type"], "block");
    EXPECT_EQ(node["major"], 7);
}

TEST_F(Devices, DefaultNodeListedAgain) {
    REQUIRE_RUNC(1, 2, "listed defaults stay allowed");
    REQUIRE_ROOT();
    bundle.linux_()["devices"] = {
        {{"path", "/dev/null"}, {"type", "c"}, {"major", 1}, {"minor", 3}, {"fileMode", 0666}}};
    EXPECT_EQ(probe({"stat", "/dev/null"})["type"], "character");
}

TEST_F(Devices, OtherFileAtItsPathIsRefused) {
    REQUIRE_ARCA("config-linux.md#devices: MUST generate an error");
    REQUIRE_ROOT();
    bundle.config["root"]["readonly"] = false;
    bundle.file("node", "a file");
    bundle.linux_()["devices"] = {{{"path", "/node"}, {"type", "c"}, {"major", 1}, {"minor", 3}}};
    expect_create_fails("/node");
}

TEST_F(Devices, UnknownTypeIsRefused) {
    SKIP_FOR(Crun, "accepts anything");
    bundle.linux_()["devices"] = {{{"path", "/dev/x"}, {"type", "x"}, {"major", 1}, {"minor", 3}}};
    expect_create_fails();
}

TEST_F(Devices, DeviceDirectoryThatIsALink) {
    // CVE-2026-41579: nodes and links of /dev must not be made behind a link of the image.
    REQUIRE_ROOT();
    SKIP_FOR(Runc, "fixed later than the releases at hand");
    std::filesystem::create_directories(work / "victim");
    std::filesystem::remove(bundle.rootfs() / "dev");
    std::filesystem::create_directory_symlink(work / "victim", bundle.rootfs() / "dev");
    for (const char* mount : {"/dev/pts", "/dev/shm", "/dev/mqueue", "/dev"})
        bundle.drop_mount(mount);
    bundle.config["root"]["readonly"] = false;
    container.run();
    EXPECT_TRUE(std::filesystem::is_empty(work / "victim"));
}

TEST_F(Devices, NotListedMeansNotAllowed) {
    REQUIRE_CGROUP();
    bundle.config["root"]["readonly"] = false;
    bundle.add_capabilities({"CAP_MKNOD"});
    // 10:229 is fuse; the rule of the default configuration denies everything. In /dev, because the rootfs may be on a
    // nodev mount, where every open is EACCES.
    auto seen = probe_all({"mknod", "/dev/fuse", "c", "10", "229", ",", "open", "/dev/fuse", "rw"});
    EXPECT_TRUE(seen[0]["error"] == "EPERM" || seen[1]["error"] == "EPERM") << seen[0] << seen[1];
}

TEST_F(Devices, OpeningADeniedDeviceIsEperm) {
    REQUIRE_CGROUP();
    bundle.linux_()["devices"] = {
        {{"path", "/dev/mem0"}, {"type", "c"}, {"major", 1}, {"minor", 1}, {"fileMode", 0666}}};
    EXPECT_EQ(probe({"open", "/dev/mem0", "r"})["error"], "EPERM");
}

TEST_F(Devices, AllowedForReadingOnly) {
    REQUIRE_CGROUP();
    bundle.linux_()["devices"] = {
        {{"path", "/dev/kmsg2"}, {"type", "c"}, {"major", 1}, {"minor", 11}, {"fileMode", 0666}}};
    bundle.linux_()["resources"]["devices"].push_back(
        {{"allow", true}, {"type", "c"}, {"major", 1}, {"minor", 11}, {"access", "r"}});
    auto seen = probe_all({"open", "/dev/kmsg2", "w", ",", "open", "/dev/kmsg2", "r"});
    EXPECT_EQ(seen[0]["error"], "EPERM");
    EXPECT_NE(seen[1]["error"], "EACCES");
}

TEST_F(Devices, AllowedByWildcard) {
    REQUIRE_CGROUP();
    bundle.linux_()["resources"]["devices"] = {{{"allow", true}, {"access", "rwm"}}};
    bundle.linux_()["devices"] = {
        {{"path", "/dev/kmsg2"}, {"type", "c"}, {"major", 1}, {"minor", 11}, {"fileMode", 0666}}};
    EXPECT_EQ(probe({"open", "/dev/kmsg2", "w"})["error"], "");
}

TEST_F(Devices, LastRuleWins) {
    REQUIRE_CGROUP();
    bundle.linux_()["devices"] = {
        {{"path", "/dev/kmsg2"}, {"type", "c"}, {"major", 1}, {"minor", 11}, {"fileMode", 0666}}};
    bundle.linux_()["resources"]["devices"] = {
        {{"allow", true}, {"access", "rwm"}},
        {{"allow", false}, {"type", "c"}, {"major", 1}, {"minor", 11}, {"access", "w"}}};
    EXPECT_EQ(probe({"open", "/dev/kmsg2", "w"})["error"], "EPERM");
}

TEST_F(Devices, DefaultsStayAllowed) {
    REQUIRE_CGROUP();
    auto seen = probe_all({"open", "/dev/null", "rw", ",", "open", "/dev/ptmx", "rw", ",", "open", "/dev/zero", "r"});
    for (const auto& each : seen)
        EXPECT_EQ(each["error"], "");
}

TEST_F(Devices, ExecIsUnderTheSameRules) {
    REQUIRE_CGROUP();
    bundle.linux_()["devices"] = {
        {{"path", "/dev/mem0"}, {"type", "c"}, {"major", 1}, {"minor", 1}, {"fileMode", 0666}}};
    start_probe({"serve"});
    EXPECT_EQ(exec_probe({"open", "/dev/mem0", "r"})["error"], "EPERM");
}
