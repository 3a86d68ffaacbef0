// Where a root filesystem may lie, and mounts on, over and beside each other.
#include <fcntl.h>
#include <poll.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

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

TEST_F(MountsPlaces, LinksOfAMountThatAreNotFollowed) {
    REQUIRE(facts().mount_setattr, "needs mount_setattr(2)");
    place_file(work / "source/file", "content");
    std::filesystem::create_symlink("file", work / "source/link");
    mount_at(work / "source/below", "tmpfs", "tmpfs", 0);
    place_file(work / "source/below/file", "below");
    std::filesystem::create_symlink("file", work / "source/below/link");
    bundle.add_mount("/one", "bind", work / "source", {"rbind", "nosymfollow"});
    bundle.add_mount("/all", "bind", work / "source", {"rbind", "rnosymfollow"});
    bundle.add_mount("/memory", "tmpfs", "tmpfs", {"nosymfollow"});
    auto seen = probe_all({"read", "/one/file", ",", "read", "/one/link", ",", "read", "/one/below/link", ",", "read",
                           "/all/link", ",", "read", "/all/below/link", ",", "mounts"});
    EXPECT_EQ(seen[0]["text"], "content");
    EXPECT_EQ(seen[1]["error"], "ELOOP");
    EXPECT_EQ(seen[2]["text"], "below") << "nosymfollow is for one mount";
    EXPECT_EQ(seen[3]["error"], "ELOOP");
    EXPECT_EQ(seen[4]["error"], "ELOOP");
    EXPECT_TRUE(contains(mount_options(seen[5], "/memory"), "nosymfollow"));
}

// Of binds and of new file systems, one mount or all below; two words in their order.
TEST_F(MountsPlaces, PropagationOfEveryForm) {
    const struct {
        const char* word;
        const char* tag;        ///< of the mount, in mountinfo
        const char* tag_below;  ///< of the mount below it
    } kForms[] = {
        {"private", "", ""},
        {"rprivate", "", ""},
        {"shared", " shared:", ""},
        {"rshared", " shared:", " shared:"},
        {"unbindable", " unbindable", ""},
        {"runbindable", " unbindable", " unbindable"},
        {"slave", "", ""},
        {"rslave", "", ""},
    };
    mount_at(work / "source", "tmpfs", "tmpfs", 0);
    mount_at(work / "source/below", "tmpfs", "tmpfs", 0);
    for (const auto& form : kForms) {
        bundle.add_mount("/bind-" + std::string(form.word), "bind", work / "source", {"rbind", form.word});
        bundle.add_mount("/new-" + std::string(form.word), "tmpfs", "tmpfs", {form.word});
    }
    const Json seen = probe({"mounts"});
    const auto has_tag = [&](const std::string& point, const std::string& tag) {
        const auto line = mount_line(seen, point);
        EXPECT_NE(line, "") << point;
        if (tag.empty()) return !contains(line, " shared:") && !contains(line, " unbindable");
        return contains(line, tag);
    };
    for (const auto& form : kForms) {
        EXPECT_TRUE(has_tag("/bind-" + std::string(form.word), form.tag)) << form.word << seen;
        EXPECT_TRUE(has_tag("/bind-" + std::string(form.word) + "/below", form.tag_below)) << form.word << seen;
        EXPECT_TRUE(has_tag("/new-" + std::string(form.word), form.tag)) << form.word << seen;
    }
}

TEST_F(MountsPlaces, SlaveThatSharesItsMounts) {
    mount_at(work / "source", "tmpfs", "tmpfs", 0);
    ASSERT_EQ(::mount(nullptr, (work / "source").c_str(), nullptr, MS_SHARED, nullptr), 0);
    bundle.add_mount("/mnt", "bind", work / "source", {"bind", "slave", "shared"});
    const auto line = mount_line(probe({"mounts"}), "/mnt");
    EXPECT_TRUE(contains(line, " shared:") && contains(line, " master:")) << line;
}

// ridmap reaches the mounts below, idmap does not; with and without a user namespace of the container's own.
TEST_F(MountsPlaces, IdMappedToTheBottom) {
    REQUIRE(facts().mount_setattr, "needs mount_setattr(2)");
    REQUIRE_ARCA("others map in other places");
    mount_at(work / "source", "tmpfs", "tmpfs", 0);
    place_file(work / "source/file", "x");
    mount_at(work / "source/below", "tmpfs", "tmpfs", 0);
    place_file(work / "source/below/file", "x");
    for (const bool own_users : {false, true}) {
        if (own_users) bundle.map_ids(100000, 65536);
        const unsigned host = own_users ? 100777 : 777;
        const Json map = {{{"containerID", 0}, {"hostID", host}, {"size", 1}}};
        for (const char* word : {"idmap", "ridmap"}) {
            const std::string point = std::string("/") + word;
            bundle.directory(point.substr(1));
            bundle.directory(point.substr(1) + "/below");
            bundle.drop_mount(point);
            bundle.add_mount(point, "bind", work / "source", {"rbind", word});
            bundle.mount_at(point)["uidMappings"] = map;
            bundle.mount_at(point)["gidMappings"] = map;
        }
        auto seen = probe_all({"stat", "/idmap/file", ",", "stat", "/idmap/below/file", ",", "stat", "/ridmap/file",
                               ",", "stat", "/ridmap/below/file"});
        EXPECT_EQ(seen[0]["uid"], 777) << own_users;
        EXPECT_EQ(seen[1]["uid"], own_users ? 65534 : 0) << own_users;
        EXPECT_EQ(seen[2]["uid"], 777) << own_users;
        EXPECT_EQ(seen[3]["uid"], 777) << own_users;
    }
}

// sysfs shows the network namespace of who mounts it: the joined one, not the host's.
TEST_F(MountsPlaces, SysfsOfAJoinedNetworkNamespace) {
    REQUIRE(facts().mount_setattr, "needs mount_setattr(2)");
    Running holder = Command({"unshare", "--net", "sleep", "60"}).start();
    const auto path = "/proc/" + std::to_string(holder.pid()) + "/ns/net";
    const auto ours = std::filesystem::read_symlink("/proc/self/ns/net");
    ASSERT_TRUE(eventually([&] { return std::filesystem::read_symlink(path) != ours; }));
    bundle.set_namespace("network", path);
    EXPECT_EQ(probe({"ls", "/sys/class/net"})["names"], Json({"lo"}));
    for (const bool own_users : {false, true}) {
        if (own_users) bundle.map_ids(100000, 65536);
        const auto seen = probe_all({"mounts", ",", "overwrite", "/sys/kernel/uevent_helper", "x"});
        EXPECT_NE(mount_line(seen[0], "/sys"), "") << own_users;
        EXPECT_NE(seen[1]["error"], "");
    }
}

// proc_pid_mounts(5): POLLPRI tells of every change of this mount namespace, also of one that is undone at once. Each
// wakes up whoever watches mounts, systemd and engines among them.
TEST_F(MountsPlaces, TheHostsMountsAreLeftAloneAllTheTime) {
    REQUIRE_ARCA("others make mounts of the host for a moment");
    const int mounts = open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC);
    ASSERT_GE(mounts, 0);
    const auto changed = [mounts] {
        pollfd entry{mounts, POLLPRI, 0};
        return poll(&entry, 1, 0) > 0;
    };
    bundle.add_mount("/mnt", "bind", work.path(), {"rbind", "rshared"});
    start_probe({"serve"});
    EXPECT_FALSE(changed()) << "by create and start";
    EXPECT_TRUE(container.exec({"/bin/probe", "echo", "x"}).ok());
    EXPECT_FALSE(changed()) << "by exec";
    EXPECT_TRUE(container.remove({"--force"}).ok());
    EXPECT_FALSE(changed()) << "by delete";
    mount_at(work / "control", "tmpfs", "tmpfs", 0);
    EXPECT_TRUE(changed()) << "this kernel tells of no change: it shows nothing";
    close(mounts);
}
