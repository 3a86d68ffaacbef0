// Where a root filesystem may lie, and mounts on, over and beside each other.
#include <sys/mount.h>
#include <sys/stat.h>

#include "harness/container.hpp"

using namespace integration;

class MountsPlaces : public ContainerTest {
  protected:
    void SetUp() override {
        ContainerTest::SetUp();
        REQUIRE_ROOT();
    }
    void TearDown() override {
        for (auto point = mounted_.rbegin(); point != mounted_.rend(); ++point)
            ::umount2(point->c_str(), MNT_DETACH);
        ContainerTest::TearDown();
    }
    void mount_at(const std::filesystem::path& point, const char* source, const char* type, unsigned long flags,
                  const std::string& data = "") {
        std::filesystem::create_directories(point);
        ASSERT_EQ(::mount(source, point.c_str(), type, flags, data.c_str()), 0) << point;
        mounted_.push_back(point);
    }
    static void place_file(const std::filesystem::path& path, const std::string& content) {
        std::filesystem::create_directories(path.parent_path());
        write_file(path, content);
    }
    /// The root filesystem moves to `place`, which is mounted already.
    void move_rootfs(const std::filesystem::path& place) {
        std::filesystem::copy(bundle.rootfs(), place,
                              std::filesystem::copy_options::recursive | std::filesystem::copy_options::copy_symlinks);
        bundle.config["root"]["path"] = place.string();
    }
    void expect_it_runs() {
        for (const Arguments& options : {Arguments{}, Arguments{"--no-pivot"}}) {
            Output output = container.run(options);
            EXPECT_EQ(output.out, "hello\n") << output;
        }
    }

  private:
    std::vector<std::filesystem::path> mounted_;
};

TEST_F(MountsPlaces, RootOnATmpfs) {
    mount_at(work / "place", "tmpfs", "tmpfs", 0);
    move_rootfs(work / "place");
    expect_it_runs();
}

TEST_F(MountsPlaces, RootInADirectoryOfATmpfs) {
    mount_at(work / "place", "tmpfs", "tmpfs", 0);
    std::filesystem::create_directories(work / "place/deep");
    move_rootfs(work / "place/deep");
    expect_it_runs();
}

TEST_F(MountsPlaces, RootOnAnOverlay) {
    mount_at(work / "layers", "tmpfs", "tmpfs", 0);
    for (const char* name : {"upper", "work"})
        std::filesystem::create_directories(work / "layers" / name);
    const auto data = "lowerdir=" + bundle.rootfs().string() + ",upperdir=" + (work / "layers/upper").string() +
                      ",workdir=" + (work / "layers/work").string();
    mount_at(work / "merged", "overlay", "overlay", 0, data);
    bundle.config["root"]["path"] = (work / "merged").string();
    expect_it_runs();
}

TEST_F(MountsPlaces, RootByASymbolicLink) {
    std::filesystem::create_directory_symlink(bundle.rootfs(), work / "link");
    std::filesystem::create_directory_symlink(work / "link", work / "second");
    bundle.config["root"]["path"] = (work / "second").string();
    expect_it_runs();
}

TEST_F(MountsPlaces, RootThatIsReadOnlyOnTheHost) {
    mount_at(work / "place", "tmpfs", "tmpfs", 0);
    for (const char* name : {"dev/pts", "dev/shm", "dev/mqueue", "sys/fs/cgroup"})
        std::filesystem::create_directories(bundle.rootfs() / name);
    move_rootfs(work / "place");
    ASSERT_EQ(::mount("none", (work / "place").c_str(), nullptr, MS_REMOUNT | MS_BIND | MS_RDONLY, nullptr), 0);
    expect_it_runs();
}

TEST_F(MountsPlaces, RootBelowEveryKindOfPropagation) {
    for (unsigned long type : {MS_SHARED, MS_PRIVATE, MS_SLAVE, MS_UNBINDABLE}) {
        const auto place = work / ("parent" + std::to_string(type));
        mount_at(place, "tmpfs", "tmpfs", 0);
        if (type == MS_SLAVE) {
            ASSERT_EQ(::mount("none", place.c_str(), nullptr, MS_SHARED, nullptr), 0);
        }
        ASSERT_EQ(::mount("none", place.c_str(), nullptr, type, nullptr), 0);
        std::filesystem::create_directories(place / "root");
        move_rootfs(place / "root");
        Output output = container.run();
        EXPECT_EQ(output.out, "hello\n") << type << output;
    }
}

TEST_F(MountsPlaces, OneDestinationTwice) {
    place_file(work / "first/name", "first");
    place_file(work / "second/name", "second");
    bundle.add_mount("/mnt", "bind", work / "first", {"bind"});
    bundle.add_mount("/mnt/", "bind", work / "second", {"bind", "ro"});
    auto seen = probe_all({"read", "/mnt/name", ",", "mounts"});
    EXPECT_EQ(seen[0]["text"], "second");
    int found = 0;
    const Json table = seen[1].at("mountinfo");
    for (const std::string line : table)
        found += contains(line, " /mnt ") ? 1 : 0;
    EXPECT_EQ(found, 2);
}

TEST_F(MountsPlaces, NestedInEachOther) {
    place_file(work / "outer/name", "outer");
    std::filesystem::create_directories(work / "outer/inner");
    place_file(work / "inner/name", "inner");
    bundle.add_mount("/mnt", "bind", work / "outer", {"bind"});
    bundle.add_mount("/mnt/inner", "bind", work / "inner", {"bind"});
    bundle.add_mount("/mnt/inner/deep/deeper", "tmpfs", "tmpfs", {"size=64k"});
    auto seen =
        probe_all({"read", "/mnt/name", ",", "read", "/mnt/inner/name", ",", "statfs", "/mnt/inner/deep/deeper"});
    EXPECT_EQ(seen[0]["text"], "outer");
    EXPECT_EQ(seen[1]["text"], "inner");
    EXPECT_EQ(seen[2]["type"], 0x01021994);
}

TEST_F(MountsPlaces, AFileOverAFileOfAMount) {
    place_file(work / "directory/name", "below");
    write_file(work / "over", "over");
    bundle.add_mount("/mnt", "bind", work / "directory", {"bind", "ro"});
    bundle.add_mount("/mnt/name", "bind", work / "over", {"bind"});
    EXPECT_EQ(probe({"read", "/mnt/name"})["text"], "over");
    EXPECT_EQ(read_file(work / "directory/name"), "below");
}

TEST_F(MountsPlaces, SourceWithDots) {
    place_file(bundle.path() / "beside/name", "found");
    bundle.add_mount("/mnt", "bind", "rootfs/../beside/.", {"bind"});
    EXPECT_EQ(probe({"read", "/mnt/name"})["text"], "found");
}

TEST_F(MountsPlaces, CopiedLink) {
    REQUIRE_ARCA("an option of crun");
    std::filesystem::create_symlink("/somewhere/else", work / "link");
    bundle.add_mount("/etc/copied", "bind", work / "link", {"bind", "copy-symlink"});
    EXPECT_EQ(probe({"readlink", "/etc/copied"})["target"], "/somewhere/else");
}

TEST_F(MountsPlaces, ProcThatHidesOthers) {
    bundle.mount_at("/proc")["options"] = {"hidepid=2", "subset=pid"};
    bundle.linux_().erase("maskedPaths");
    bundle.linux_().erase("readonlyPaths");
    auto seen = probe_all({"mounts", ",", "lstat", "/proc/meminfo"});
    const auto options = mount_options(seen[0], "/proc");
    EXPECT_TRUE(contains(options, "subset=pid")) << options;
    EXPECT_TRUE(contains(options, "hidepid=")) << options;
    EXPECT_EQ(seen[1]["error"], "ENOENT");
}

TEST_F(MountsPlaces, OverlayWithItsData) {
    mount_at(work / "layers", "tmpfs", "tmpfs", 0);
    for (const char* name : {"lower", "upper", "work"})
        std::filesystem::create_directories(work / "layers" / name);
    place_file(work / "layers/lower/name", "lower");
    bundle.add_mount("/mnt", "overlay", "overlay",
                     {"lowerdir=" + (work / "layers/lower").string(), "upperdir=" + (work / "layers/upper").string(),
                      "workdir=" + (work / "layers/work").string()});
    auto seen = probe_all({"read", "/mnt/name", ",", "write", "/mnt/new", "x"});
    EXPECT_EQ(seen[0]["text"], "lower");
    EXPECT_EQ(seen[1]["error"], "");
    EXPECT_TRUE(std::filesystem::exists(work / "layers/upper/new"));
}
