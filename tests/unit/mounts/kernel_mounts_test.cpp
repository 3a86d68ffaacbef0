// make_mounts against the kernel, as the same user and in a new user namespace.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.hpp"
#include "sys/mount_api.hpp"
#include "sys/syscalls.hpp"
#include "world.hpp"

namespace arca::mounts::test {
namespace {

class Mounting : public ::testing::TestWithParam<Identity> {
  protected:
    Scenario scenario() const {
        Scenario scenario;
        scenario.identity = GetParam();
        return scenario;
    }
    /// The message of the failure to make these mounts.
    static std::string failure(Site& site, Plan plan, std::vector<MountStep> steps) {
        plan.mounts = std::move(steps);
        auto root = prepare_root(plan);
        if (!site.good(root, "prepare_root")) return {};
        Sources sources;
        return site.message(make_mounts(plan, *root, sources), "make_mounts");
    }
};
INSTANTIATE_TEST_SUITE_P(As, Mounting, ::testing::Values(Identity::SameUser, Identity::NewUserNamespace),
                         [](const auto& which) { return name_of(which.param); });

TEST_P(Mounting, TheMountsOfAnOrdinaryContainer) {
    auto play = scenario();
    play.host = [](Site& site) {
        site.directory(site.on_host("/volume"));
        site.file(site.on_host("/volume/content"), "kept");
    };
    play.container = [&](Site& site) {
        auto plan = plan_for(site, play.identity);
        auto dev = filesystem_step("tmpfs", "/dev", {"mode=755", "size=65536k"});
        dev.attributes_set = MOUNT_ATTR_NOSUID | MOUNT_ATTR_STRICTATIME;
        dev.attributes_clear = MOUNT_ATTR__ATIME;
        auto proc = filesystem_step("proc", "/proc");
        proc.attributes_set = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC;
        auto sysfs = filesystem_step("sysfs", "/sys");
        sysfs.attributes_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC;
        auto cgroup = filesystem_step("cgroup", "/sys/fs/cgroup");
        cgroup.attributes_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC;
        auto volume = bind_step(site.on_host("/volume"), "/srv/volume");
        volume.attributes_set = MOUNT_ATTR_RDONLY;
        volume.recursive_bind = true;
        volume.propagation = {MS_PRIVATE | MS_REC};
        plan.mounts = {proc,
                       dev,
                       filesystem_step("devpts", "/dev/pts", {"newinstance", "ptmxmode=0666", "mode=0620"}),
                       filesystem_step("tmpfs", "/dev/shm", {"mode=1777", "size=64k"}),
                       filesystem_step("mqueue", "/dev/mqueue"),
                       sysfs,
                       cgroup,
                       volume};
        auto root = enter(site, plan);
        if (!root) return;
        const auto type_at = [&](const char* path) {
            auto mount = site.mount_at(path);
            return mount ? mount->fs_type : "nothing";
        };
        site.equal(type_at("/proc"), "proc", "/proc");
        site.equal(type_at("/dev"), "tmpfs", "/dev");
        site.equal(type_at("/dev/pts"), "devpts", "/dev/pts");
        site.equal(type_at("/dev/shm"), "tmpfs", "/dev/shm");
        site.equal(type_at("/dev/mqueue"), "mqueue", "/dev/mqueue");
        site.equal(type_at("/sys"), "sysfs", "/sys");
        site.equal(type_at("/sys/fs/cgroup"), "cgroup2", "/sys/fs/cgroup");
        site.check(site.mount_at("/sys")->has("ro") && site.mount_at("/sys")->has("nosuid"), "/sys is ro,nosuid");
        site.check(site.mount_at("/proc")->has("rw") && site.mount_at("/proc")->has("noexec"), "/proc is rw,noexec");
        site.check(!site.mount_at("/dev")->has("relatime"), "/dev is strictatime");
        site.equal(site.mode("/dev/shm"), "01777", "mode of /dev/shm");
        site.equal(site.content("/srv/volume/content"), "kept", "what the volume holds");
        site.check(site.mount_at("/srv/volume")->has("ro"), "the volume is read-only");
        site.check(!site.mount_at("/srv/volume")->is_slave(), "the volume is private");
        site.check(site.mount_at("/sys/fs/cgroup")->root == "/", "the cgroup namespace's root is seen");
        site.check(!site.exists(site.rootfs()), "the host is out of sight");
        site.equal(site.content("/proc/self/comm"), site.content("/proc/1/comm"), "process 1 of the own pid namespace");
    };
    play.afterwards = [](Site& site) {
        site.check(site.names(site.rootfs()).size() == 4, "mount points were made in the rootfs");
        site.check(!site.mount_at(site.in_rootfs("/proc")), "the host has none of the mounts");
    };
    expect_good(play);
}

// ---- binds ----------------------------------------------------------------------------------------------------------

TEST_P(Mounting, ABindKeepsTheFlagsOfItsSource) {
    auto play = scenario();
    play.host = [](Site& site) {
        site.directory(site.on_host("/media"));
        site.good(
            sys::mount("tmpfs", site.on_host("/media"), "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_NOATIME, ""),
            "mount");
    };
    play.container = [&](Site& site) {
        auto plan = plan_for(site, play.identity);
        plan.populate_dev = false;
        auto readonly = bind_step(site.on_host("/media"), "/readonly");
        readonly.attributes_set = MOUNT_ATTR_RDONLY;
        plan.mounts = {bind_step(site.on_host("/media"), "/plain"), readonly};
        if (!mount_all(site, plan)) return;
        for (const char* place : {"/plain", "/readonly"}) {
            const auto mount = *site.mount_at(site.in_rootfs(place));
            for (const char* flag : {"nosuid", "nodev", "noexec", "noatime"})
                site.check(mount.has(flag), text::cat(place, " is ", flag));
        }
        site.check(site.mount_at(site.in_rootfs("/plain"))->has("rw"), "/plain is rw");
        site.check(site.mount_at(site.in_rootfs("/readonly"))->has("ro"), "/readonly is ro");
    };
    expect_good(play);
}

TEST_P(Mounting, WhatIsClearedExplicitlyIsClearedUnlessItIsLocked) {
    auto play = scenario();
    play.host = [](Site& site) {
        site.directory(site.on_host("/media"));
        site.good(sys::mount("tmpfs", site.on_host("/media"), "tmpfs", MS_NOSUID | MS_RDONLY, ""), "mount");
    };
    play.container = [&](Site& site) {
        auto step = bind_step(site.on_host("/media"), "/media");
        step.attributes_clear = MOUNT_ATTR_NOSUID;
        auto plan = plan_for(site, play.identity);
        plan.populate_dev = false;
        if (play.identity == Identity::NewUserNamespace) {
            const auto message = failure(site, plan, {step});
            site.contains(message, "/mounts/0 asks for suid but the host mount of " + site.on_host("/media"));
            site.contains(message, "is nosuid and locked in this user namespace");
            step.attributes_clear = MOUNT_ATTR__ATIME;
            step.attributes_set = MOUNT_ATTR_NOATIME;
            site.contains(failure(site, plan, {step}), "/mounts/0 asks for noatime but the host mount of " +
                                                           site.on_host("/media") + " is relatime and locked");
            return;
        }
        plan.mounts = {step};
        if (!mount_all(site, plan)) return;
        site.check(!site.mount_at(site.in_rootfs("/media"))->has("nosuid"), "nosuid is gone");
        site.check(site.mount_at(site.in_rootfs("/media"))->has("ro"), "ro is kept");
    };
    expect_good(play);
}

TEST_P(Mounting, RecursiveAttributesReachTheMountsBelow) {
    auto play = scenario();
    play.host = [](Site& site) {
        site.directory(site.on_host("/tree/below"));
        site.good(sys::mount("tmpfs", site.on_host("/tree"), "tmpfs", 0, ""), "mount");
        site.directory(site.on_host("/tree/below"));
        site.good(sys::mount("tmpfs", site.on_host("/tree/below"), "tmpfs", 0, ""), "mount");
    };
    play.container = [&](Site& site) {
        auto plain = bind_step(site.on_host("/tree"), "/plain");
        plain.recursive_bind = true;
        plain.attributes_set = MOUNT_ATTR_RDONLY;
        auto recursive = bind_step(site.on_host("/tree"), "/recursive");
        recursive.recursive_bind = true;
        recursive.recursive_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID;
        recursive.attributes_clear = MOUNT_ATTR_NOSUID;
        auto plan = plan_for(site, play.identity);
        plan.populate_dev = false;
        plan.mounts = {plain, recursive};
        if (!mount_all(site, plan)) return;
        site.check(site.mount_at(site.in_rootfs("/plain"))->has("ro"), "plain: ro");
        site.check(site.mount_at(site.in_rootfs("/plain/below"))->has("rw"), "plain, below: rw");
        site.check(site.mount_at(site.in_rootfs("/recursive"))->has("ro"), "recursive: ro");
        site.check(!site.mount_at(site.in_rootfs("/recursive"))->has("nosuid"), "the plain form comes last");
        site.check(site.mount_at(site.in_rootfs("/recursive/below"))->has("ro"), "recursive, below: ro");
        site.check(site.mount_at(site.in_rootfs("/recursive/below"))->has("nosuid"), "recursive, below: nosuid");
    };
    expect_good(play);
}

TEST_P(Mounting, AnEarlierMountCanBeASource) {
    auto play = scenario();
    play.container = [&](Site& site) {
        auto plan = plan_for(site, play.identity);
        plan.populate_dev = false;
        plan.mounts = {filesystem_step("tmpfs", "/first", {"mode=0700"}),
                       bind_step(site.in_rootfs("/first"), "/second")};
        if (!mount_all(site, plan)) return;
        site.equal(site.mount_at(site.in_rootfs("/second"))->fs_type, "tmpfs", "/second");
        site.equal(site.mode(site.in_rootfs("/second")), "0700", "mode of /second");
    };
    expect_good(play);
}

TEST_P(Mounting, AFileOnAFileAndOnNothing) {
    auto play = scenario();
    play.host = [](Site& site) {
        site.file(site.on_host("/conf"), "new");
        site.file(site.in_rootfs("/old"), "old");
    };
    play.container = [&](Site& site) {
        auto plan = plan_for(site, play.identity);
        plan.populate_dev = false;
        plan.mounts = {bind_step(site.on_host("/conf"), "/old"), bind_step(site.on_host("/conf"), "/etc/app/conf")};
        if (!mount_all(site, plan)) return;
        site.equal(site.content(site.in_rootfs("/old")), "new", "/old");
        site.equal(site.content(site.in_rootfs("/etc/app/conf")), "new", "/etc/app/conf");
    };
    play.afterwards = [](Site& site) {
        site.equal(site.content(site.in_rootfs("/old")), "old", "the file below");
        site.equal(site.content(site.in_rootfs("/etc/app/conf")), "", "the mount point that was made");
    };
    expect_good(play);
}

TEST_P(Mounting, DirectoriesAndFilesDoNotMix) {
    auto play = scenario();
    play.host = [](Site& site) {
        site.directory(site.on_host("/directory"));
        site.file(site.on_host("/file"));
        site.directory(site.in_rootfs("/directory"));
        site.file(site.in_rootfs("/file"));
    };
    play.container = [&](Site& site) {
        auto plan = plan_for(site, play.identity);
        const auto onto_directory = failure(site, plan, {bind_step(site.on_host("/file"), "/directory")});
        site.contains(onto_directory, "target is a directory, source is a regular file: not a directory (ENOTDIR)");
        site.contains(onto_directory, "bind " + site.on_host("/file") + " -> /directory");
        site.contains(onto_directory, "/mounts/0");
        site.contains(failure(site, plan, {bind_step(site.on_host("/directory"), "/file")}),
                      "target is a regular file, source is a directory: not a directory (ENOTDIR)");
        site.contains(failure(site, plan, {filesystem_step("tmpfs", "/file")}),
                      "target is a regular file, source is a directory: not a directory (ENOTDIR)");
    };
    expect_good(play);
}

TEST_P(Mounting, AMissingSourceIsNamedToTheFirstComponent) {
    auto play = scenario();
    play.host = [](Site& site) {
        site.file(site.on_host("/file"));
        site.link(site.on_host("/dangling"), "nowhere");
    };
    play.container = [&](Site& site) {
        const auto plan = plan_for(site, play.identity);
        const auto missing = failure(site, plan, {bind_step(site.on_host("/a/b/c"), "/x")});
        site.contains(missing, "bind source " + site.on_host("/a/b/c") +
                                   " is missing; first missing component: " + site.on_host("/a") + ": absent (ENOENT)");
        site.contains(failure(site, plan, {bind_step(site.on_host("/dangling/x"), "/x")}),
                      "first missing component: " + site.on_host("/dangling") + ", a symbolic link to nowhere");
        site.contains(failure(site, plan, {bind_step(site.on_host("/file/x"), "/x")}),
                      "a component above is no directory");
        site.check(!site.exists(site.in_rootfs("/x")), "no mount point was made for it");
    };
    expect_good(play);
}

TEST_P(Mounting, ALinkAsSourceIsCopiedWhenAskedFor) {
    auto play = scenario();
    play.host = [](Site& site) {
        site.file(site.on_host("/file"), "content");
        site.link(site.on_host("/link"), "file");
    };
    play.container = [&](Site& site) {
        auto plan = plan_for(site, play.identity);
        plan.populate_dev = false;
        auto copied = bind_step(site.on_host("/link"), "/copied");
        copied.copy_symlink = true;
        plan.mounts = {copied, bind_step(site.on_host("/link"), "/followed")};
        if (!mount_all(site, plan)) return;
        auto target = sys::readlinkat(sys::FdRef::working_directory(), site.in_rootfs("/copied"));
        if (site.good(target, "readlink")) site.equal(*target, "file", "where the link leads");
        site.equal(site.content(site.in_rootfs("/followed")), "content", "/followed");
    };
    expect_good(play);
}

// The source lies below a directory that only the host's root may search.
TEST(BindSources, ThatTheMappedRootCannotReachAreOpenedByTheParent) {
    if (!started_by_root()) GTEST_SKIP() << "needs an unmapped owner";
    std::optional<Sources> sources;
    Scenario play;
    play.identity = Identity::NewUserNamespace;
    play.host = [&](Site& site) {
        site.directory(site.on_host("/closed/inner"));
        site.file(site.on_host("/closed/inner/file"), "content");
        site.set_mode(site.on_host("/closed"), 0700);
        site.owner(site.on_host("/closed"), 70000, 70000);
        auto plan = plan_for(site, play.identity);
        plan.mounts = {bind_step(site.on_host("/closed/inner"), "/x")};
        auto opened = open_sources(plan);
        if (site.good(opened, "open_sources")) sources = std::move(*opened);
    };
    play.container = [&](Site& site) {
        auto plan = plan_for(site, play.identity);
        plan.mounts = {bind_step(site.on_host("/closed/inner"), "/x")};
        auto root = prepare_root(plan);
        if (!site.good(root, "prepare_root")) return;
        Sources none;
        site.contains(site.message(make_mounts(plan, *root, none), "without them"),
                      "this user may not search the directory above " + site.on_host("/closed/inner"));
        if (!site.good(make_mounts(plan, *root, *sources), "make_mounts")) return;
        site.equal(site.content(site.in_rootfs("/x/file")), "content", "/x/file");
        site.check(!sources->mounts[0], "the descriptor is closed");
    };
    expect_good(play);
}

TEST(MountPoints, InADirectoryOfAnUnmappedOwnerAreExplained) {
    if (!started_by_root()) GTEST_SKIP() << "needs an unmapped owner";
    Scenario play;
    play.identity = Identity::NewUserNamespace;
    play.host = [](Site& site) {
        site.directory(site.in_rootfs("/srv"));
        site.owner(site.in_rootfs("/srv"), 70000, 70000);
    };
    play.container = [&](Site& site) {
        auto plan = plan_for(site, play.identity);
        plan.mounts = {filesystem_step("tmpfs", "/srv/a/b")};
        auto root = prepare_root(plan);
        if (!site.good(root, "prepare_root")) return;
        Sources none;
        site.contains(site.message(make_mounts(plan, *root, none), "make_mounts"),
                      "/srv in " + site.rootfs() + " belongs to a user that this user namespace does not map");
    };
    expect_good(play);
}

TEST(BindSources, AreNotOpenedWithoutAUserNamespace) {
    Scenario play;
    play.container = [&](Site& site) {
        auto plan = plan_for(site, play.identity);
        plan.mounts = {bind_step("/", "/x")};
        auto sources = open_sources(plan);
        if (site.good(sources, "open_sources")) site.check(!sources->mounts.at(0), "nothing is open");
    };
    expect_good(play);
}

// ---- file systems ---------------------------------------------------------------------------------------------------

TEST_P(Mounting, ATmpfsLooksLikeWhatItCovers) {
    auto play = scenario();
    play.host = [](Site& site) { site.directory(site.in_rootfs("/covered"), 0751); };
    play.container = [&](Site& site) {
        auto plan = plan_for(site, play.identity);
        plan.populate_dev = false;
        plan.mounts = {filesystem_step("tmpfs", "/covered"), filesystem_step("tmpfs", "/new")};
        auto asked = filesystem_step("tmpfs", "/asked", {"mode=0711"});
        plan.mounts.push_back(asked);
        if (!mount_all(site, plan)) return;
        site.equal(site.mode(site.in_rootfs("/covered")), "0751", "over a directory");
        site.equal(site.mode(site.in_rootfs("/new")), "01777", "over nothing");
        site.equal(site.mode(site.in_rootfs("/asked")), "0711", "as asked for");
    };
    expect_good(play);
}

TEST_P(Mounting, AReadOnlyTmpfsIsFilledFirst) {
    auto play = scenario();
    play.host = [](Site& site) { site.file(site.on_host("/conf"), "content"); };
    play.container = [&](Site& site) {
        auto plan = plan_for(site, play.identity);
        auto dev = filesystem_step("tmpfs", "/dev");
        dev.attributes_set = MOUNT_ATTR_RDONLY;
        auto run_directory = filesystem_step("tmpfs", "/run");
        run_directory.attributes_set = MOUNT_ATTR_RDONLY;
        plan.mounts = {filesystem_step("proc", "/proc"), dev, run_directory,
                       bind_step(site.on_host("/conf"), "/run/app/conf")};
        plan.devices = {{.device = {.path = "/dev/null", .type = spec::DeviceType::Character, .major = 1, .minor = 3}}};
        if (!seal(site, plan)) return;
        site.check(site.mount_at("/dev")->has("ro"), "/dev is read-only");
        site.check(site.mount_at("/run")->has("ro"), "/run is read-only");
        site.equal(site.content("/run/app/conf"), "content", "what is in it");
        site.check(site.exists("/dev/null"), "the device is there");
    };
    expect_good(play);
}

TEST_P(Mounting, ATmpfsCanBeginAsACopy) {
    auto play = scenario();
    play.host = [](Site& site) {
        site.directory(site.in_rootfs("/etc/deep/er"), 0700);
        site.file(site.in_rootfs("/etc/deep/er/file"), std::string(100000, 'x'));
        site.set_mode(site.in_rootfs("/etc/deep/er/file"), 04750);
        site.link(site.in_rootfs("/etc/link"), "deep/er");
        ::mkfifo(site.in_rootfs("/etc/fifo").c_str(), 0622);
        if (started_by_root()) site.owner(site.in_rootfs("/etc/deep"), 12, 34);
    };
    play.container = [&](Site& site) {
        auto plan = plan_for(site, play.identity);
        plan.populate_dev = false;
        auto step = filesystem_step("tmpfs", "/etc");
        step.copy_up = true;
        plan.mounts = {step};
        if (!mount_all(site, plan)) return;
        site.check(site.mount_at(site.in_rootfs("/etc")).has_value(), "it is mounted");
        site.equal(site.content(site.in_rootfs("/etc/deep/er/file")), std::string(100000, 'x'), "content");
        site.equal(site.mode(site.in_rootfs("/etc/deep/er/file")), "04750", "mode of the file");
        site.equal(site.mode(site.in_rootfs("/etc/deep/er")), "0700", "mode of the directory");
        auto target = sys::readlinkat(sys::FdRef::working_directory(), site.in_rootfs("/etc/link"));
        if (site.good(target, "readlink")) site.equal(*target, "deep/er", "the link");
        auto fifo = sys::fstatat(sys::FdRef::working_directory(), site.in_rootfs("/etc/fifo"), 0);
        site.check(fifo && S_ISFIFO(fifo->st_mode), "the fifo is one");
        auto deep = sys::fstatat(sys::FdRef::working_directory(), site.in_rootfs("/etc/deep"), 0);
        if (started_by_root()) site.check(deep && deep->st_uid == 12 && deep->st_gid == 34, "the owner is kept");
        site.file(site.in_rootfs("/etc/new"));
    };
    play.afterwards = [](Site& site) {
        site.check(!site.exists(site.in_rootfs("/etc/new")), "the image is untouched");
    };
    expect_good(play);
}

TEST_P(Mounting, TheKernelNamesTheOptionThatItRefuses) {
    auto play = scenario();
    play.container = [&](Site& site) {
        const auto plan = plan_for(site, play.identity);
        site.contains(failure(site, plan, {filesystem_step("tmpfs", "/x", {"size=64k", "roo"})}),
                      "Unknown parameter 'roo'");
        site.contains(failure(site, plan, {filesystem_step("tmpfs", "/x", {"mode=rwx"})}), "Bad value for 'mode'");
        const auto unknown = failure(site, plan, {filesystem_step("arcafs", "/x")});
        site.contains(unknown, "this kernel has no file system \"arcafs\"");
        site.contains(unknown, "arcafs -> /x (/mounts/0)");
    };
    expect_good(play);
}

// Without SELinux the kernel does not know the option; that it says so shows who was given it.
TEST_P(Mounting, TheLabelIsAnOptionOfEveryFileSystemThatTakesOne) {
    if (::access("/sys/fs/selinux/enforce", F_OK) == 0) GTEST_SKIP() << "SELinux takes the option";
    auto play = scenario();
    play.container = [&](Site& site) {
        auto plan = plan_for(site, play.identity);
        plan.mount_label = "system_u:object_r:container_file_t:s0:c1,c2";
        site.contains(failure(site, plan, {filesystem_step("tmpfs", "/x")}), "Unknown parameter 'context'");
        site.contains(failure(site, plan, {filesystem_step("devpts", "/x")}), "context");
        plan.mount_context = "rootcontext";
        site.contains(failure(site, plan, {filesystem_step("tmpfs", "/x")}), "Unknown parameter 'rootcontext'");
        site.contains(failure(site, plan, {filesystem_step("mqueue", "/x")}), "fsetxattr(security.selinux");
        plan.populate_dev = false;
        plan.mounts = {filesystem_step("proc", "/proc"), filesystem_step("sysfs", "/sys")};
        (void)mount_all(site, plan);
    };
    expect_good(play);
}

// Each lower directory is short, all together are more than fsconfig(2) takes for one value.
TEST_P(Mounting, AnOverlayOfManyLayers) {
    auto play = scenario();
    constexpr int kLayers = 12;
    play.host = [](Site& site) {
        for (int i = 0; i < kLayers; ++i) {
            site.directory(site.on_host(text::cat("/layers/with-a-long-name-", i)));
            site.file(site.on_host(text::cat("/layers/with-a-long-name-", i, "/file-", i)), "x");
        }
    };
    play.container = [&](Site& site) {
        std::vector<std::string> lower;
        for (int i = 0; i < kLayers; ++i)
            lower.push_back(site.on_host(text::cat("/layers/with-a-long-name-", i)));
        auto plan = plan_for(site, play.identity);
        plan.populate_dev = false;
        plan.mounts = {filesystem_step("overlay", "/merged", {"lowerdir=" + text::join(lower, ":")})};
        plan.mounts[0].attributes_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID;
        plan.mounts[0].propagation = {MS_SHARED};
        if (!mount_all(site, plan)) return;
        site.check(site.names(site.in_rootfs("/merged")).size() == kLayers, "all layers are seen");
        const auto mount = *site.mount_at(site.in_rootfs("/merged"));
        site.check(mount.has("ro") && mount.has("nosuid"), "with its flags");
        site.check(mount.is_shared(), "with its propagation");
    };
    expect_good(play);
}

TEST_P(Mounting, SysfsIsBoundWhenItCannotBeMounted) {
    if (GetParam() == Identity::SameUser) GTEST_SKIP() << "it can";
    auto play = scenario();
    play.without = CLONE_NEWNET;
    play.container = [&](Site& site) {
        auto plan = plan_for(site, play.identity);
        plan.populate_dev = false;
        plan.mounts = {filesystem_step("sysfs", "/sys")};
        plan.mounts[0].attributes_set = MOUNT_ATTR_NOSUID;
        if (!mount_all(site, plan)) return;
        for (const auto& mount : site.mounts())
            if (mount.point.starts_with(site.in_rootfs("/sys")))
                site.check(mount.has("ro"), mount.point + " is read-only");
        site.check(site.exists(site.in_rootfs("/sys/kernel")), "there is something in it");
    };
    expect_good(play);
}

TEST_P(Mounting, ARefusedProcfsIsExplained) {
    if (GetParam() == Identity::SameUser) GTEST_SKIP() << "it is not refused";
    auto play = scenario();
    play.without = CLONE_NEWPID;
    play.container = [&](Site& site) {
        const auto message = failure(site, plan_for(site, play.identity), {filesystem_step("proc", "/proc")});
        site.contains(message, "refused (EPERM)");
        site.contains(message, "a bind mount of /proc is possible instead");
    };
    expect_good(play);
}

TEST_P(Mounting, TheHostsCgroupNamespaceShowsTheOwnCgroupOnly) {
    auto play = scenario();
    play.without = CLONE_NEWCGROUP;
    play.container = [&](Site& site) {
        std::string hierarchy;
        for (const auto& mount : site.mounts())
            if (mount.fs_type == "cgroup2") hierarchy = mount.point;
        if (hierarchy.empty()) return site.skip("no cgroup v2 hierarchy");
        auto plan = plan_for(site, play.identity);
        plan.populate_dev = false;
        plan.private_cgroup_namespace = false;
        plan.cgroup2_mount = hierarchy;
        plan.mounts = {filesystem_step("cgroup", "/sys/fs/cgroup")};
        plan.mounts[0].attributes_set = MOUNT_ATTR_RDONLY;
        if (!mount_all(site, plan)) return;
        const auto mount = *site.mount_at(site.in_rootfs("/sys/fs/cgroup"));
        site.equal(mount.fs_type, "cgroup2", "what is mounted");
        site.check(mount.has("ro"), "it is read-only");
        plan.cgroup_path = "/not/there";
        site.contains(failure(site, plan, plan.mounts), "binding the cgroup hierarchy");
        plan.cgroup2_mount.clear();
        auto root = prepare_root(plan);
        Sources none;
        if (site.good(root, "prepare_root")) site.good(make_mounts(plan, *root, none), "without a hierarchy");
    };
    expect_good(play);
}

TEST_P(Mounting, WhatIsMountedCanBeChanged) {
    auto play = scenario();
    play.container = [&](Site& site) {
        auto plan = plan_for(site, play.identity);
        plan.populate_dev = false;
        auto change = filesystem_step("", "/t", {"size=128k"});
        change.remount = true;
        change.attributes_set = MOUNT_ATTR_RDONLY;
        plan.mounts = {filesystem_step("tmpfs", "/t", {"size=64k"}), change};
        if (!mount_all(site, plan)) return;
        const auto mount = *site.mount_at(site.in_rootfs("/t"));
        site.check(mount.has("ro"), "it is read-only");
        site.equal(text::join(mount.superblock_options, ",").substr(0, 30).find("size=128k") != std::string::npos
                       ? "128k"
                       : "no",
                   "128k", "size");
        change.destination = "/t/..";
        change.data.clear();
        site.directory(site.in_rootfs("/plain"));
        change.destination = "/plain";
        site.contains(failure(site, plan, {change}), "nothing is mounted at /plain");
    };
    expect_good(play);
}

TEST_P(Mounting, OnTheRootItself) {
    auto play = scenario();
    play.host = [](Site& site) {
        site.directory(site.on_host("/other"));
        site.file(site.on_host("/other/here"), "other");
    };
    play.container = [&](Site& site) {
        auto plan = plan_for(site, play.identity);
        plan.mounts = {filesystem_step("tmpfs", "/"), bind_step(site.on_host("/other"), "/"),
                       filesystem_step("proc", "/proc"), filesystem_step("tmpfs", "/dev")};
        if (!enter(site, plan)) return;
        site.equal(site.content("/here"), "other", "the root");
        site.equal(site.mount_at("/proc")->fs_type, "proc", "/proc");
    };
    play.afterwards = [](Site& site) {
        site.check(site.names(site.rootfs()).empty(), "the covered rootfs is untouched");
        site.check(site.exists(site.on_host("/other/proc")), "the new root is used");
    };
    expect_good(play);
}

// ---- id-mapped mounts -----------------------------------------------------------------------------------------------

Scenario id_mapped(Identity identity, std::optional<Sources>& sources, bool from_parent) {
    Scenario play;
    play.identity = identity;
    const auto plan_of = [identity](const Site& site) {
        auto plan = plan_for(site, identity);
        plan.populate_dev = false;
        auto step = bind_step(site.on_host("/data"), "/data");
        step.id_mapped = true;
        step.uid_mappings = {{0, 1000, 10}};
        step.gid_mappings = {{0, 2000, 10}};
        step.attributes_set = MOUNT_ATTR_RDONLY;
        plan.mounts = {step, step};
        plan.mounts[1].destination = "/again";
        return plan;
    };
    play.host = [=, &sources](Site& site) {
        site.directory(site.on_host("/data"));
        site.file(site.on_host("/data/file"));
        site.owner(site.on_host("/data/file"), 3, 4);
        if (!from_parent) return;
        auto opened = open_sources(plan_of(site));
        if (site.good(opened, "open_sources")) sources = std::move(*opened);
    };
    play.container = [=, &sources](Site& site) {
        const auto plan = plan_of(site);
        auto root = prepare_root(plan);
        if (!site.good(root, "prepare_root")) return;
        Sources none;
        if (!site.good(make_mounts(plan, *root, from_parent ? *sources : none), "make_mounts")) return;
        for (const char* file : {"/data/file", "/again/file"}) {
            auto status = sys::fstatat(sys::FdRef::working_directory(), site.in_rootfs(file), 0);
            if (site.good(status, "stat"))
                site.equal(text::cat(status->st_uid, ":", status->st_gid), "1003:2004", "the owner as seen");
        }
        site.check(site.mount_at(site.in_rootfs("/data"))->has("ro"), "it is read-only");
    };
    return play;
}

TEST(IdMappedMounts, ShowOtherOwners) {
    if (!started_by_root()) GTEST_SKIP() << "needs root on the host";
    std::optional<Sources> sources;
    expect_good(id_mapped(Identity::SameUser, sources, false));
}

TEST(IdMappedMounts, AreMadeByTheParentOfAUserNamespace) {
    if (!started_by_root()) GTEST_SKIP() << "needs root on the host";
    std::optional<Sources> sources;
    expect_good(id_mapped(Identity::NewUserNamespace, sources, true));
}

TEST(IdMappedMounts, OfFileSystemsThatCannotAreExplained) {
    if (!started_by_root()) GTEST_SKIP() << "needs root on the host";
    Scenario play;
    play.container = [&](Site& site) {
        auto plan = plan_for(site, play.identity);
        auto step = bind_step("/proc/sys", "/x");
        step.id_mapped = true;
        step.uid_mappings = step.gid_mappings = {{0, 1000, 10}};
        plan.mounts = {step};
        auto root = prepare_root(plan);
        if (!site.good(root, "prepare_root")) return;
        Sources none;
        site.contains(site.message(make_mounts(plan, *root, none), "make_mounts"),
                      "the file system proc at /proc/sys does not support id-mapped mounts");
    };
    expect_good(play);
}

TEST(IdMappedMounts, OfMountsThatAreMappedAlreadyAreExplained) {
    if (!started_by_root()) GTEST_SKIP() << "needs root on the host";
    Scenario play;
    play.container = [&](Site& site) {
        auto plan = plan_for(site, play.identity);
        auto first = bind_step(site.on_host("/data"), "/once");
        first.id_mapped = true;
        first.uid_mappings = first.gid_mappings = {{0, 1000, 10}};
        auto second = first;
        second.source = site.in_rootfs("/once");
        second.destination = "/twice";
        plan.mounts = {first, second};
        auto root = prepare_root(plan);
        if (!site.good(root, "prepare_root")) return;
        Sources none;
        site.contains(
            site.message(make_mounts(plan, *root, none), "make_mounts"),
            text::cat("refused (EPERM) (the mount of ", second.source,
                      " (tmpfs) is id-mapped already, or its file system belongs to another user namespace)"));
    };
    play.host = [](Site& site) { site.directory(site.on_host("/data")); };
    expect_good(play);
}

}  // namespace
}  // namespace arca::mounts::test
