#include <sys/mount.h>

#include "harness/container.hpp"

using namespace integration;

class Rootfs : public ContainerTest {};

TEST_F(Rootfs, ReadOnly) {
    auto seen = probe_all({"write", "/file", "x", ",", "write", "/dev/shm/x", "y", ",", "mounts"});
    EXPECT_EQ(seen[0]["error"], "EROFS");
    EXPECT_EQ(seen[1]["error"], "");
    EXPECT_TRUE(contains(mount_options(seen[2], "/"), ",ro,"));
}

TEST_F(Rootfs, Writable) {
    bundle.config["root"]["readonly"] = false;
    EXPECT_EQ(probe({"write", "/file", "x"})["error"], "");
    EXPECT_EQ(read_file(bundle.rootfs() / "file"), "x");
}

TEST_F(Rootfs, WritableIsTheDefault) {
    bundle.config["root"].erase("readonly");
    EXPECT_EQ(probe({"write", "/file", "x"})["error"], "");
}

TEST_F(Rootfs, AbsolutePath) {
    std::filesystem::rename(bundle.rootfs(), work / "elsewhere");
    bundle.config["root"]["path"] = (work / "elsewhere").string();
    EXPECT_EQ(container.run().out, "hello\n");
}

TEST_F(Rootfs, MissingIsRefused) {
    bundle.config["root"]["path"] = "absent";
    expect_create_fails("absent");
}

TEST_F(Rootfs, AFileIsRefused) {
    write_file(bundle.path() / "plain", "");
    bundle.config["root"]["path"] = "plain";
    expect_create_fails(facts().kind == Kind::Arca ? "plain" : "");
}

TEST_F(Rootfs, HostIsOutOfReach) {
    write_file(work / "secret", "secret");
    std::filesystem::create_symlink(work / "secret", bundle.rootfs() / "link");
    auto seen =
        probe_all({"read", "/link", ",", "read", "/../../../../../.." + (work / "secret").string(), ",", "ls", "/"});
    EXPECT_EQ(seen[0]["error"], "ENOENT");
    EXPECT_EQ(seen[1]["error"], "ENOENT");
    EXPECT_FALSE(contains(seen[2].dump(), "config.json"));
}

TEST_F(Rootfs, NothingOfTheHostIsMounted) {
    for (const std::string line : probe({"mounts"})["mountinfo"])
        EXPECT_FALSE(contains(line, root().string())) << line;
}

TEST_F(Rootfs, WithoutPivotRoot) {
    bundle.args({"/bin/probe", "ls", "/"});
    Output output = container.run({"--no-pivot"});
    ASSERT_TRUE(output.ok()) << output;
    EXPECT_TRUE(contains(output.out, "\"bin\""));
    EXPECT_FALSE(contains(output.out, "\"boot\""));
}

TEST_F(Rootfs, PropagationPrivate) {
    REQUIRE_ROOT();
    bundle.linux_()["rootfsPropagation"] = "private";
    std::string line = mount_line(probe({"mounts"}), "/");
    EXPECT_FALSE(contains(line, "shared:")) << line;
    EXPECT_FALSE(contains(line, "master:")) << line;
}

TEST_F(Rootfs, PropagationShared) {
    REQUIRE_ROOT();
    REQUIRE_RUNC(1, 2, "applies the propagation to the new root");
    bundle.linux_()["rootfsPropagation"] = "shared";
    EXPECT_TRUE(contains(mount_line(probe({"mounts"}), "/"), "shared:"));
}

TEST_F(Rootfs, PropagationSlave) {
    REQUIRE_ROOT();
    SKIP_FOR(Runc, "makes the mount of the rootfs private first");
    const std::string rootfs = bundle.rootfs();
    ASSERT_EQ(mount(rootfs.c_str(), rootfs.c_str(), nullptr, MS_BIND, nullptr), 0);
    ASSERT_EQ(mount(nullptr, rootfs.c_str(), nullptr, MS_SHARED, nullptr), 0);
    for (const char* kind : {"slave", "rslave"}) {
        bundle.linux_()["rootfsPropagation"] = kind;
        std::string line = mount_line(probe({"mounts"}), "/");
        EXPECT_TRUE(contains(line, "master:")) << kind << ": " << line;
        EXPECT_FALSE(contains(line, "shared:")) << kind << ": " << line;
    }
    umount2(rootfs.c_str(), MNT_DETACH);
}

TEST_F(Rootfs, PropagationUnbindable) {
    REQUIRE_ROOT();
    SKIP_FOR(Runc, "applies it too early and cannot bind the root any more");
    bundle.linux_()["rootfsPropagation"] = "unbindable";
    EXPECT_TRUE(contains(mount_line(probe({"mounts"}), "/"), "unbindable"));
}

TEST_F(Rootfs, UnknownPropagationIsRefused) {
    bundle.linux_()["rootfsPropagation"] = "nonsense";
    expect_create_fails("nonsense");
}

TEST_F(Rootfs, FlagsOfItsMountAreKept) {
    REQUIRE_ROOT();
    SKIP_FOR(Runc, "drops flags that are not locked");
    ASSERT_EQ(mount(bundle.rootfs().c_str(), bundle.rootfs().c_str(), nullptr, MS_BIND, nullptr), 0);
    ASSERT_EQ(mount(nullptr, bundle.rootfs().c_str(), nullptr, MS_REMOUNT | MS_BIND | MS_NODEV | MS_NOSUID, nullptr),
              0);
    std::string options = mount_options(probe({"mounts"}), "/");
    umount2(bundle.rootfs().c_str(), MNT_DETACH);
    for (const char* flag : {",ro,", ",nodev,", ",nosuid,"})
        EXPECT_TRUE(contains(options, flag)) << options;
}

TEST_F(Rootfs, OnAMountWithSubmounts) {
    REQUIRE_ROOT();
    bundle.directory("sub");
    ASSERT_EQ(mount("tmpfs", (bundle.rootfs() / "sub").c_str(), "tmpfs", 0, nullptr), 0);
    write_file(bundle.rootfs() / "sub/file", "in the submount");
    Json seen = probe({"read", "/sub/file"});
    umount2((bundle.rootfs() / "sub").c_str(), MNT_DETACH);
    EXPECT_EQ(seen["text"], "in the submount");
}

TEST_F(Rootfs, SharedParentMountIsNotAnObstacle) {
    // pivot_root(2) refuses a shared parent; a runtime makes it private first, in its own namespace only.
    REQUIRE_ROOT();
    ASSERT_EQ(mount(work.path().c_str(), work.path().c_str(), nullptr, MS_BIND, nullptr), 0);
    ASSERT_EQ(mount(nullptr, work.path().c_str(), nullptr, MS_SHARED, nullptr), 0);
    Output output = container.run();
    EXPECT_EQ(output.out, "hello\n") << output;
    EXPECT_TRUE(contains(read_file("/proc/self/mountinfo"), "shared:"));
    umount2(work.path().c_str(), MNT_DETACH);
}
