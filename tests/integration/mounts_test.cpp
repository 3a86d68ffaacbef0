#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "harness/container.hpp"

using namespace integration;

class Mounts : public ContainerTest {
  protected:
    std::filesystem::path source(const std::string& name = "source") {
        std::filesystem::create_directories(work / name);
        write_file(work / name / "file", "content of " + name);
        return work / name;
    }
    void bind(const std::vector<std::string>& options, const std::string& destination = "/mnt") {
        bundle.add_mount(destination, "bind", source().string(), options);
    }
    Json mounts() { return probe({"mounts"}); }
};

TEST_F(Mounts, BindOfADirectory) {
    bind({"bind"});
    EXPECT_EQ(probe({"read", "/mnt/file"})["text"], "content of source");
}

TEST_F(Mounts, BindOfAFile) {
    bundle.add_mount("/etc/hosts", "bind", (source() / "file").string(), {"bind"});
    EXPECT_EQ(probe({"read", "/etc/hosts"})["text"], "content of source");
}

TEST_F(Mounts, BindWithoutType) {
    bundle.config["mounts"].push_back({{"destination", "/mnt"}, {"source", source().string()}, {"options", {"bind"}}});
    EXPECT_EQ(probe({"read", "/mnt/file"})["text"], "content of source");
}

TEST_F(Mounts, BindSourceRelativeToTheBundle) {
    std::filesystem::create_directories(bundle.path() / "data");
    write_file(bundle.path() / "data/file", "relative");
    bundle.add_mount("/mnt", "bind", "data", {"bind"});
    EXPECT_EQ(probe({"read", "/mnt/file"})["text"], "relative");
}

TEST_F(Mounts, BindReadOnly) {
    bind({"bind", "ro"});
    auto seen = probe_all({"write", "/mnt/new", "x", ",", "mounts"});
    EXPECT_EQ(seen[0]["error"], "EROFS");
    EXPECT_TRUE(contains(mount_options(seen[1], "/mnt"), ",ro,"));
    write_file(work / "source/host", "still writable for us");
    EXPECT_TRUE(std::filesystem::exists(work / "source/host"));
}

TEST_F(Mounts, BindIsWritableByDefault) {
    bind({"bind"});
    EXPECT_EQ(probe({"write", "/mnt/new", "x"})["error"], "");
    EXPECT_EQ(read_file(work / "source/new"), "x");
}

TEST_F(Mounts, BindFlags) {
    REQUIRE_ROOT();  // access time modes are locked for others
    bind({"bind", "nosuid", "nodev", "noexec", "noatime"});
    std::string options = mount_options(mounts(), "/mnt");
    for (const char* flag : {",nosuid,", ",nodev,", ",noexec,", ",noatime,"})
        EXPECT_TRUE(contains(options, flag)) << options;
}

TEST_F(Mounts, PlainBindLeavesSubmountsOut) {
    REQUIRE_ROOT();
    source();
    std::filesystem::create_directories(work / "source/sub");
    ASSERT_EQ(mount("tmpfs", (work / "source/sub").c_str(), "tmpfs", 0, nullptr), 0);
    write_file(work / "source/sub/deep", "deep");
    bind({"bind"});
    EXPECT_EQ(probe({"ls", "/mnt/sub"})["names"], Json::array());
    umount2((work / "source/sub").c_str(), MNT_DETACH);
}

TEST_F(Mounts, RecursiveBindTakesSubmountsAlong) {
    REQUIRE_ROOT();
    source();
    std::filesystem::create_directories(work / "source/sub");
    ASSERT_EQ(mount("tmpfs", (work / "source/sub").c_str(), "tmpfs", 0, nullptr), 0);
    write_file(work / "source/sub/deep", "deep");
    bind({"rbind", "ro"});
    auto seen = probe_all({"read", "/mnt/sub/deep", ",", "write", "/mnt/sub/new", "x", ",", "write", "/mnt/new", "x"});
    EXPECT_EQ(seen[0]["text"], "deep");
    EXPECT_EQ(seen[1]["error"], "") << "ro is not recursive";
    EXPECT_EQ(seen[2]["error"], "EROFS");
    umount2((work / "source/sub").c_str(), MNT_DETACH);
}

TEST_F(Mounts, RecursiveReadOnly) {
    REQUIRE(facts().mount_setattr, "needs mount_setattr(2)");
    REQUIRE_ROOT();
    source();
    std::filesystem::create_directories(work / "source/sub");
    ASSERT_EQ(mount("tmpfs", (work / "source/sub").c_str(), "tmpfs", 0, nullptr), 0);
    bind({"rbind", "rro"});
    auto seen = probe_all({"write", "/mnt/new", "x", ",", "write", "/mnt/sub/new", "x"});
    EXPECT_EQ(seen[0]["error"], "EROFS");
    EXPECT_EQ(seen[1]["error"], "EROFS");
    umount2((work / "source/sub").c_str(), MNT_DETACH);
}

TEST_F(Mounts, RecursiveAttributes) {
    REQUIRE(facts().mount_setattr, "needs mount_setattr(2)");
    REQUIRE_ROOT();
    source();
    std::filesystem::create_directories(work / "source/sub");
    ASSERT_EQ(mount("tmpfs", (work / "source/sub").c_str(), "tmpfs", 0, nullptr), 0);
    bind({"rbind", "rnosuid", "rnodev", "rnoexec", "rnoatime"});
    std::string options = mount_options(mounts(), "/mnt/sub");
    for (const char* flag : {",nosuid,", ",nodev,", ",noexec,", ",noatime,"})
        EXPECT_TRUE(contains(options, flag)) << options;
    umount2((work / "source/sub").c_str(), MNT_DETACH);
}

TEST_F(Mounts, FlagsOfTheSourceAreKept) {
    REQUIRE_ROOT();
    REQUIRE_RUNC(1, 2, "flags of the source are kept");
    SKIP_FOR(Crun, "clears flags that are not locked");
    source();
    ASSERT_EQ(mount("tmpfs", (work / "source").c_str(), "tmpfs", MS_NOSUID | MS_NODEV, nullptr), 0);
    bind({"bind", "ro"});
    std::string options = mount_options(mounts(), "/mnt");
    for (const char* flag : {",ro,", ",nosuid,", ",nodev,"})
        EXPECT_TRUE(contains(options, flag)) << options;
    umount2((work / "source").c_str(), MNT_DETACH);
}

TEST_F(Mounts, PropagationShared) {
    REQUIRE_ROOT();
    bind({"bind", "shared"});
    EXPECT_TRUE(contains(mount_line(mounts(), "/mnt"), " shared:")) << mount_line(mounts(), "/mnt");
}

TEST_F(Mounts, PropagationSlaveReceivesMounts) {
    REQUIRE_ROOT();
    source();
    ASSERT_EQ(mount((work / "source").c_str(), (work / "source").c_str(), nullptr, MS_BIND, nullptr), 0);
    ASSERT_EQ(mount(nullptr, (work / "source").c_str(), nullptr, MS_SHARED, nullptr), 0);
    std::filesystem::create_directories(work / "source/sub");
    bind({"rbind", "rslave"});
    bundle.linux_()["rootfsPropagation"] = "slave";
    start_probe({"serve"});
    ASSERT_EQ(mount("tmpfs", (work / "source/sub").c_str(), "tmpfs", 0, nullptr), 0);
    write_file(work / "source/sub/later", "later");
    EXPECT_EQ(exec_probe({"read", "/mnt/sub/later"})["text"], "later");
    container.remove({"--force"});
    umount2((work / "source/sub").c_str(), MNT_DETACH);
    umount2((work / "source").c_str(), MNT_DETACH);
}

TEST_F(Mounts, PropagationPrivateReceivesNothing) {
    REQUIRE_ROOT();
    source();
    ASSERT_EQ(mount((work / "source").c_str(), (work / "source").c_str(), nullptr, MS_BIND, nullptr), 0);
    ASSERT_EQ(mount(nullptr, (work / "source").c_str(), nullptr, MS_SHARED, nullptr), 0);
    std::filesystem::create_directories(work / "source/sub");
    bind({"rbind", "rprivate"});
    start_probe({"serve"});
    ASSERT_EQ(mount("tmpfs", (work / "source/sub").c_str(), "tmpfs", 0, nullptr), 0);
    write_file(work / "source/sub/later", "later");
    EXPECT_EQ(exec_probe({"ls", "/mnt/sub"})["names"], Json::array());
    container.remove({"--force"});
    umount2((work / "source/sub").c_str(), MNT_DETACH);
    umount2((work / "source").c_str(), MNT_DETACH);
}

TEST_F(Mounts, Tmpfs) {
    bundle.add_mount("/mnt", "tmpfs", "tmpfs", {"nosuid", "size=1m", "mode=0711"});
    auto seen = probe_all({"stat", "/mnt", ",", "statfs", "/mnt", ",", "mounts", ",", "write", "/mnt/x", "y"});
    EXPECT_EQ(seen[0]["mode"], 0711);
    EXPECT_EQ(seen[1]["blocks"].get<long>() * seen[1]["block_size"].get<long>(), 1048576);
    EXPECT_TRUE(contains(mount_options(seen[2], "/mnt"), ",nosuid,"));
    EXPECT_EQ(seen[3]["error"], "");
}

TEST_F(Mounts, TmpfsReadOnly) {
    bundle.add_mount("/mnt", "tmpfs", "tmpfs", {"ro"});
    EXPECT_EQ(probe({"write", "/mnt/x", "y"})["error"], "EROFS");
}

TEST_F(Mounts, TmpfsBadOptionIsNamed) {
    bundle.add_mount("/mnt", "tmpfs", "tmpfs", {"nonsense=1"});
    Output output = container.create();
    EXPECT_EQ(output.status, 1);
    EXPECT_TRUE(contains(output.err, "/mnt")) << output;
    SKIP_FOR(Runc, "does not name the option");
    SKIP_FOR(Crun, "does not name the option");
    EXPECT_TRUE(contains(output.err, "nonsense")) << output;
}

TEST_F(Mounts, TmpfsCopyUp) {
    bundle.config["root"]["readonly"] = false;
    bundle.file("data/inner/file", "kept", 0640);
    bundle.add_mount("/data", "tmpfs", "tmpfs", {"tmpcopyup"});
    auto seen =
        probe_all({"read", "/data/inner/file", ",", "stat", "/data/inner/file", ",", "write", "/data/new", "x"});
    EXPECT_EQ(seen[0]["text"], "kept");
    EXPECT_EQ(seen[1]["mode"], 0640);
    EXPECT_FALSE(std::filesystem::exists(bundle.rootfs() / "data/new"));
}

TEST_F(Mounts, DevptsWithItsOptions) {
    auto seen = probe_all({"stat", "/dev/pts/ptmx", ",", "mounts", ",", "open", "/dev/ptmx", "rw"});
    EXPECT_EQ(seen[0]["mode"], 0666);
    EXPECT_TRUE(contains(mount_options(seen[1], "/dev/pts"), ",noexec,"));
    EXPECT_EQ(seen[2]["error"], "");
}

TEST_F(Mounts, MqueueSysfsProc) {
    Json seen = mounts();
    EXPECT_TRUE(contains(mount_line(seen, "/dev/mqueue"), " - mqueue ")) << seen;
    EXPECT_TRUE(contains(mount_line(seen, "/proc"), " - proc ")) << seen;
    EXPECT_TRUE(contains(mount_line(seen, "/sys"), " - sysfs ")) << seen;
    EXPECT_TRUE(contains(mount_options(seen, "/sys"), ",ro,"));
}

TEST_F(Mounts, ProcShowsTheContainersProcesses) {
    Json names = probe({"ls", "/proc"})["names"];
    EXPECT_NE(std::find(names.begin(), names.end(), "1"), names.end());
    EXPECT_EQ(std::count_if(names.begin(), names.end(),
                            [](const Json& name) {
                                return std::isdigit(static_cast<unsigned char>(name.get<std::string>()[0])) != 0;
                            }),
              1);
}

TEST_F(Mounts, ProcWithOptions) {
    bundle.mount_at("/proc")["options"] = {"nosuid", "hidepid=2"};
    EXPECT_TRUE(contains(mount_options(mounts(), "/proc"), "hidepid=")) << mounts();
}

TEST_F(Mounts, CgroupReadOnly) {
    REQUIRE_CGROUP();
    auto seen = probe_all({"mounts", ",", "mkdir", "/sys/fs/cgroup/new", ",", "read", "/sys/fs/cgroup/cgroup.procs"});
    EXPECT_TRUE(contains(mount_line(seen[0], "/sys/fs/cgroup"), " - cgroup2 ")) << seen[0];
    EXPECT_EQ(seen[1]["error"], "EROFS");
    EXPECT_EQ(seen[2]["text"], "1\n");
}

TEST_F(Mounts, CgroupWritable) {
    REQUIRE_CGROUP();
    bundle.mount_at("/sys/fs/cgroup")["options"] = {"nosuid", "noexec", "nodev", "rw"};
    EXPECT_EQ(probe({"mkdir", "/sys/fs/cgroup/new"})["error"], "");
}

TEST_F(Mounts, InListedOrder) {
    bundle.add_mount("/mnt", "tmpfs", "tmpfs", {});
    bundle.add_mount("/mnt/inner", "bind", source().string(), {"bind"});
    EXPECT_EQ(probe({"read", "/mnt/inner/file"})["text"], "content of source");
}

TEST_F(Mounts, LaterMountHidesAnEarlierOne) {
    bundle.add_mount("/mnt/inner", "bind", source().string(), {"bind"});
    bundle.add_mount("/mnt", "tmpfs", "tmpfs", {});
    EXPECT_EQ(probe({"ls", "/mnt"})["names"], Json::array());
}

TEST_F(Mounts, MissingDestinationIsMadeAsItsSourceIs) {
    bundle.config["root"]["readonly"] = false;
    bundle.add_mount("/made/dir", "bind", source().string(), {"bind"});
    bundle.add_mount("/made/file", "bind", (source() / "file").string(), {"bind"});
    auto seen = probe_all({"stat", "/made/dir", ",", "stat", "/made/file", ",", "stat", "/made"});
    EXPECT_EQ(seen[0]["type"], "directory");
    EXPECT_EQ(seen[1]["type"], "file");
    EXPECT_EQ(seen[2]["mode"], 0755);
}

TEST_F(Mounts, DestinationThroughASymlinkStaysInside) {
    // CVE-2021-30465 and its relatives: the link's target is the container's, not the host's.
    std::filesystem::create_directories(work / "outside");
    std::filesystem::create_symlink(work / "outside", bundle.rootfs() / "link");
    bundle.config["root"]["readonly"] = false;
    bind({"bind"}, "/link");
    Output output = container.run();
    EXPECT_TRUE(std::filesystem::is_empty(work / "outside"));
    EXPECT_FALSE(contains(read_file("/proc/self/mountinfo"), (work / "outside").string()));
    if (!output.ok()) return;
    EXPECT_TRUE(std::filesystem::exists(bundle.rootfs().string() + (work / "outside").string()));
}

TEST_F(Mounts, DestinationThroughDotDotStaysInside) {
    std::filesystem::create_symlink("../../../../../../etc", bundle.rootfs() / "up");
    bind({"bind"}, "/up");
    EXPECT_EQ(probe({"read", "/etc/file"})["text"], "content of source");
}

TEST_F(Mounts, RelativeDestinationIsBelowTheRoot) {
    bind({"bind"}, "mnt");
    EXPECT_EQ(probe({"read", "/mnt/file"})["text"], "content of source");
}

TEST_F(Mounts, MissingSourceIsRefused) {
    bundle.add_mount("/mnt", "bind", (work / "absent").string(), {"bind"});
    Output output = container.create();
    EXPECT_EQ(output.status, 1);
    EXPECT_TRUE(contains(output.err, (work / "absent").string())) << output;
    EXPECT_FALSE(std::filesystem::exists(root() / container.id));
}

TEST_F(Mounts, MissingSourceIsNotWordedAsAMissingProgram) {
    REQUIRE_ARCA("podman and docker read these words as status 127");
    bundle.add_mount("/mnt", "bind", (work / "absent").string(), {"bind"});
    Output output = container.create();
    EXPECT_FALSE(contains(output.err, "no such file or directory")) << output;
    EXPECT_TRUE(contains(output.err, "/mounts/" + std::to_string(bundle.config["mounts"].size() - 1))) << output;
}

TEST_F(Mounts, DirectoryOverAFileIsRefused) {
    bundle.file("target", "a file");
    bind({"bind"}, "/target");
    Output output = container.create();
    EXPECT_EQ(output.status, 1);
    EXPECT_TRUE(contains(output.err, "/target")) << output;
}

TEST_F(Mounts, FileOverADirectoryIsRefused) {
    bundle.directory("target");
    bundle.add_mount("/target", "bind", (source() / "file").string(), {"bind"});
    Output output = container.create();
    EXPECT_EQ(output.status, 1);
    EXPECT_TRUE(contains(output.err, "/target")) << output;
}

TEST_F(Mounts, UnknownFileSystemIsRefused) {
    bundle.add_mount("/mnt", "nonsensefs", "none", {});
    Output output = container.create();
    EXPECT_EQ(output.status, 1);
    EXPECT_TRUE(contains(output.err, "/mnt")) << output;
}

TEST_F(Mounts, ProcOverASymlinkIsRefused) {
    // CVE-2019-19921, CVE-2023-27561
    std::filesystem::remove(bundle.rootfs() / "proc");
    std::filesystem::create_directories(bundle.rootfs() / "elsewhere");
    std::filesystem::create_symlink("elsewhere", bundle.rootfs() / "proc");
    expect_create_fails("proc");
}

TEST_F(Mounts, BindOverProcIsRefused) {
    // CVE-2019-16884
    SKIP_FOR(Crun, "checks when it writes instead");
    bundle.add_mount("/proc/self/attr", "bind", source().string(), {"bind"});
    expect_create_fails("/proc");
}

TEST_F(Mounts, TmpfsOverProcIsRefused) {
    SKIP_FOR(Crun, "checks when it writes instead");
    bundle.add_mount("/proc", "tmpfs", "tmpfs", {});
    expect_create_fails("/proc");
}

TEST_F(Mounts, LxcfsMayCoverSomeFilesOfProc) {
    bundle.add_mount("/proc/uptime", "bind", (source() / "file").string(), {"bind"});
    EXPECT_EQ(probe({"read", "/proc/uptime"})["text"], "content of source");
}

TEST_F(Mounts, DevBoundFromTheHostIsLeftAlone) {
    REQUIRE_ROOT();
    std::filesystem::create_directories(work / "dev");
    ASSERT_EQ(mknod((work / "dev/null").c_str(), S_IFCHR | 0666, makedev(1, 3)), 0);
    for (const char* mount : {"/dev/pts", "/dev/shm", "/dev/mqueue"})
        bundle.drop_mount(mount);
    bundle.drop_mount("/dev");
    bundle.add_mount("/dev", "bind", (work / "dev").string(), {"rbind"});
    EXPECT_EQ(probe({"ls", "/dev"})["names"], Json({"null"}));
}

TEST_F(Mounts, NothingLeaksToTheHost) {
    REQUIRE_ROOT();
    bind({"bind"});
    std::string before = read_file("/proc/self/mountinfo");
    start_probe({"serve"});
    EXPECT_EQ(read_file("/proc/self/mountinfo"), before);
}

TEST_F(Mounts, HundredsOfMounts) {
    auto path = source().string();
    for (int i = 0; i < 300; ++i)
        bundle.add_mount("/mnt/" + std::to_string(i), "bind", path, {"bind", "ro"});
    bundle.config["root"]["readonly"] = false;
    EXPECT_EQ(probe({"read", "/mnt/299/file"})["text"], "content of source");
}

TEST_F(Mounts, IdMapped) {
    REQUIRE(facts().mount_setattr, "needs mount_setattr(2)");
    REQUIRE_ROOT();
    REQUIRE_RUNC(1, 2, "id-mapped mounts without a user namespace");
    Json maps = {{{"containerID", 0}, {"hostID", 1000}, {"size", 1}}};
    bundle.config["mounts"].push_back({{"destination", "/mnt"},
                                       {"type", "bind"},
                                       {"source", source().string()},
                                       {"options", {"bind", "idmap"}},
                                       {"uidMappings", maps},
                                       {"gidMappings", maps}});
    Output output = container.create();
    if (!output.ok() && contains(output.err, "EINVAL")) GTEST_SKIP() << "this file system has no id-mapped mounts";
    container.remove({"-f"});
    EXPECT_EQ(probe({"stat", "/mnt/file"})["uid"], 1000);
}

TEST_F(Mounts, IdMappedWithTheContainersMaps) {
    REQUIRE(facts().mount_setattr, "needs mount_setattr(2)");
    REQUIRE_ROOT();
    REQUIRE_RUNC(1, 2, "id-mapped mounts");
    bundle.map_ids(100000, 65536);
    auto path = source();
    ASSERT_EQ(chown((path / "file").c_str(), 5, 5), 0);
    bundle.directory("mnt");
    bundle.directory("mnt");  // the mapped root may not make it in a root filesystem of the host's root
    bundle.add_mount("/mnt", "bind", path.string(), {"bind", "idmap"});
    EXPECT_EQ(probe({"stat", "/mnt/file"})["uid"], 5);
}
