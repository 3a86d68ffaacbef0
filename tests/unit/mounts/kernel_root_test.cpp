// Devices, the change of root, masks and what is read-only, against the kernel.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/text.hpp"
#include "sys/mount_api.hpp"
#include "sys/syscalls.hpp"
#include "world.hpp"

namespace arca::mounts::test {
namespace {

class Sealing : public ::testing::TestWithParam<Identity> {
  protected:
    Scenario scenario() const {
        Scenario scenario;
        scenario.identity = GetParam();
        return scenario;
    }
};
INSTANTIATE_TEST_SUITE_P(As, Sealing, ::testing::Values(Identity::SameUser, Identity::NewUserNamespace),
                         [](const auto& which) { return name_of(which.param); });

DeviceNode device(std::string path, std::int64_t major, std::int64_t minor, std::uint32_t mode = 0666) {
    DeviceNode node;
    node.device = {.path = std::move(path),
                   .type = spec::DeviceType::Character,
                   .major = major,
                   .minor = minor,
                   .file_mode = mode};
    node.pointer = "/linux/devices/0";
    return node;
}

std::string describe_file(const std::string& path) {
    auto status = sys::fstatat(sys::FdRef::working_directory(), path, AT_SYMLINK_NOFOLLOW);
    if (!status) return "absent";
    if (S_ISCHR(status->st_mode))
        return text::cat("c ", ::major(status->st_rdev), ":", ::minor(status->st_rdev), " ",
                         text::octal(status->st_mode & 07777U));
    if (S_ISFIFO(status->st_mode)) return "p " + text::octal(status->st_mode & 07777U);
    if (S_ISLNK(status->st_mode)) {
        auto target = sys::readlinkat(sys::FdRef::working_directory(), path);
        return "-> " + (target ? *target : "?");
    }
    return S_ISDIR(status->st_mode) ? "directory" : "file";
}

std::string device_failure(Site& site, const Plan& plan) {
    auto root = prepare_root(plan);
    if (!site.good(root, "prepare_root")) return {};
    Sources none;
    return site.message(make_devices(plan, *root, none), "make_devices");
}

// ---- devices --------------------------------------------------------------------------------------------------------

TEST_P(Sealing, DevicesAndLinksOfDev) {
    auto play = scenario();
    play.container = [&](Site& site) {
        ::umask(077);
        auto plan = plan_for(site, play.identity);
        plan.mounts = {filesystem_step("proc", "/proc"), filesystem_step("tmpfs", "/dev", {"mode=0755"}),
                       filesystem_step("devpts", "/dev/pts", {"ptmxmode=0666"})};
        plan.devices = {device("/dev/null", 1, 3), device("/dev/tty", 5, 0)};
        // In a user namespace the host must have a node of that name.
        const bool bound = play.identity == Identity::NewUserNamespace || !started_by_root();
        if (!bound) plan.devices.push_back(device("/dev/sub/zero", 1, 5));
        DeviceNode fifo;
        fifo.device = {.path = "/dev/pipe", .type = spec::DeviceType::Fifo, .file_mode = 0622};
        plan.devices.push_back(fifo);
        if (!enter(site, plan)) return;
        site.equal(describe_file("/dev/null"), "c 1:3 0666", "/dev/null");
        site.equal(describe_file("/dev/tty"), "c 5:0 0666", "/dev/tty");
        if (!bound) site.equal(describe_file("/dev/sub/zero"), "c 1:5 0666", "/dev/sub/zero");
        site.equal(describe_file("/dev/pipe"), "p 0622", "/dev/pipe");
        site.equal(describe_file("/dev/fd"), "-> /proc/self/fd", "/dev/fd");
        site.equal(describe_file("/dev/stdin"), "-> /proc/self/fd/0", "/dev/stdin");
        site.equal(describe_file("/dev/stdout"), "-> /proc/self/fd/1", "/dev/stdout");
        site.equal(describe_file("/dev/stderr"), "-> /proc/self/fd/2", "/dev/stderr");
        site.equal(describe_file("/dev/ptmx"), "-> pts/ptmx", "/dev/ptmx");
        site.check(sys::open("/dev/null", O_RDWR).has_value(), "/dev/null opens");
        site.check(sys::open("/dev/ptmx", O_RDWR | O_NOCTTY).has_value(), "/dev/ptmx opens");
        site.check((::umask(0) & 077) == 077, "the umask is what it was");
    };
    expect_good(play);
}

TEST(Devices, HaveExactlyTheModeAndTheOwnerAskedFor) {
    if (!started_by_root()) GTEST_SKIP() << "needs mknod";
    Scenario play;
    play.container = [&](Site& site) {
        auto plan = plan_for(site, play.identity);
        auto node = device("/dev/x", 1, 7, 0620);
        node.device.uid = 5;
        node.device.gid = 6;
        plan.devices = {node};
        if (!mount_all(site, plan)) return;
        site.equal(describe_file(site.in_rootfs("/dev/x")), "c 1:7 0620", "/dev/x");
        auto status = sys::fstatat(sys::FdRef::working_directory(), site.in_rootfs("/dev/x"), 0);
        if (site.good(status, "stat")) site.check(status->st_uid == 5 && status->st_gid == 6, "its owner");
    };
    expect_good(play);
}

TEST_P(Sealing, ADeviceThatIsThereAlreadyMustBeTheSame) {
    auto play = scenario();
    play.host = [](Site& site) {
        site.directory(site.in_rootfs("/dev"));
        site.directory(site.in_rootfs("/dev/null"));
        site.link(site.in_rootfs("/dev/zero"), "/etc/passwd");
        if (started_by_root())
            site.good(sys::mknodat(sys::FdRef::working_directory(), site.in_rootfs("/dev/full"), S_IFCHR | 0600,
                                   ::makedev(1, 7)),
                      "mknod");
    };
    play.container = [&](Site& site) {
        auto plan = plan_for(site, play.identity);
        plan.devices = {device("/dev/null", 1, 3)};
        site.contains(device_failure(site, plan),
                      "/dev/null is a directory in the root filesystem, wanted a character device 1:3");
        plan.devices = {device("/dev/zero", 1, 5)};
        site.contains(device_failure(site, plan),
                      "/dev/zero is a symbolic link in the root filesystem, wanted a character device 1:5");
        if (!started_by_root() || play.identity == Identity::NewUserNamespace) return;
        plan.devices = {device("/dev/full", 1, 8)};
        site.contains(device_failure(site, plan), "/dev/full is a character device 1:7 in the root filesystem");
        plan.devices = {device("/dev/full", 1, 7)};
        mount_all(site, plan);
    };
    expect_good(play);
}

TEST_P(Sealing, ADeviceTheHostLacksCannotBeBound) {
    if (GetParam() == Identity::SameUser) GTEST_SKIP() << "it is made there";
    auto play = scenario();
    play.container = [&](Site& site) {
        auto plan = plan_for(site, play.identity);
        plan.devices = {device("/dev/arca-test", 1, 250)};
        site.contains(device_failure(site, plan), "neither at /dev/arca-test nor at /dev/char/1:250");
    };
    expect_good(play);
}

// ---- the change of root ---------------------------------------------------------------------------------------------

TEST_P(Sealing, WithoutPivotTheHostIsOutOfSightToo) {
    auto play = scenario();
    play.container = [&](Site& site) {
        auto plan = plan_for(site, play.identity);
        plan.no_pivot = true;
        plan.populate_dev = false;
        plan.mounts = {filesystem_step("proc", "/proc"), bind_step(site.on_host(""), "/data")};
        if (!enter(site, plan)) return;
        site.check(!site.exists("/etc/passwd"), "the host's files are gone");
        site.check(site.exists("/data/rootfs"), "what is bound is there");
        std::string seen;
        for (const auto& mount : site.mounts())
            if (mount.fs_type == "proc" || mount.fs_type == "sysfs") seen += mount.point + " ";
        // The kernel shows only mounts below the root of the process; what was covered stays covered.
        site.equal(seen, "/proc ", "the proc and sysfs mounts in sight");
        auto here = sys::fstatat(sys::FdRef::working_directory(), "/", 0);
        auto above = sys::fstatat(sys::FdRef::working_directory(), "/..", 0);
        site.check(here && above && here->st_ino == above->st_ino, "/ is the top");
    };
    expect_good(play);
}

TEST_P(Sealing, AMissingRootfsIsSaidSo) {
    auto play = scenario();
    play.container = [&](Site& site) {
        auto plan = plan_for(site, play.identity);
        plan.rootfs = site.on_host("/nowhere");
        const auto message = site.message(prepare_root(plan), "prepare_root");
        site.contains(message, "/root/path: root filesystem " + site.on_host("/nowhere") + " is missing");
        site.file(site.on_host("/file"));
        plan.rootfs = site.on_host("/file");
        site.contains(site.message(prepare_root(plan), "prepare_root"), "is no directory");
    };
    expect_good(play);
}

// ---- propagation ----------------------------------------------------------------------------------------------------

/// A shared volume on the host; in the container something is mounted into it.
Scenario with_shared_volume(Identity identity, std::optional<spec::RootfsPropagation> propagation,
                            std::vector<std::uint64_t> of_the_bind, const std::function<void(Site&)>& look) {
    Scenario play;
    play.identity = identity;
    play.host = [](Site& site) {
        site.directory(site.on_host("/volume"));
        site.good(sys::mount("tmpfs", site.on_host("/volume"), "tmpfs", 0, ""), "mount");
        site.good(sys::mount("none", site.on_host(""), "", MS_SHARED | MS_REC, ""), "making it shared");
        site.directory(site.on_host("/volume/from-container"));
    };
    play.container = [=](Site& site) {
        auto plan = plan_for(site, identity);
        plan.populate_dev = false;
        plan.root_propagation = propagation;
        auto volume = bind_step(site.on_host("/volume"), "/volume");
        volume.propagation = of_the_bind;
        plan.mounts = {filesystem_step("proc", "/proc"), volume};
        if (!seal(site, plan)) return;
        site.good(sys::mount("tmpfs", "/volume/from-container", "tmpfs", 0, ""), "mounting in the volume");
        if (look) look(site);
    };
    return play;
}

TEST_P(Sealing, NothingThatIsMountedInsideReachesTheHost) {
    auto play = with_shared_volume(GetParam(), {}, {MS_SHARED | MS_REC},
                                   [](Site& site) { site.check(!site.mount_at("/")->is_shared(), "/ is not shared"); });
    play.afterwards = [](Site& site) {
        site.check(!site.mount_at(site.on_host("/volume/from-container")), "the mount stays inside");
        site.check(!site.mount_at(site.in_rootfs("/volume")), "nor is the rootfs touched");
    };
    expect_good(play);
}

TEST(Propagation, OfASharedRootReachesTheHostThroughSharedVolumes) {
    auto play = with_shared_volume(Identity::SameUser, spec::RootfsPropagation{spec::Propagation::Shared, true}, {},
                                   [](Site& site) { site.check(site.mount_at("/")->is_shared(), "/ is shared"); });
    // The container's namespace ends before this is looked at, but its mounts on the host stay.
    play.afterwards = [](Site& site) {
        site.check(site.mount_at(site.on_host("/volume/from-container")).has_value(), "the mount is seen on the host");
        site.check(!site.mount_at(site.in_rootfs("/volume")), "the container's own mounts are not");
        site.check(!site.mount_at(site.in_rootfs("/proc")), "the container's own mounts are not");
    };
    expect_good(play);
}

TEST_P(Sealing, APrivateBindIsCutOff) {
    auto play = with_shared_volume(
        GetParam(), spec::RootfsPropagation{spec::Propagation::Slave, true}, {MS_PRIVATE | MS_REC},
        [](Site& site) { site.check(!site.mount_at("/volume")->is_slave(), "the volume is no slave"); });
    expect_good(play);
}

TEST_P(Sealing, ASlaveRootStillSeesTheHostsMounts) {
    auto play = with_shared_volume(GetParam(), spec::RootfsPropagation{spec::Propagation::Slave, true}, {},
                                   [](Site& site) { site.check(site.mount_at("/volume")->is_slave(), "a slave"); });
    expect_good(play);
}

TEST_P(Sealing, AnUnbindableRootCannotBeBoundAgain) {
    auto play = scenario();
    play.container = [&](Site& site) {
        auto plan = plan_for(site, play.identity);
        plan.populate_dev = false;
        plan.root_propagation = spec::RootfsPropagation{spec::Propagation::Unbindable, false};
        site.directory(site.in_rootfs("/x"));
        if (!seal(site, plan)) return;
        site.check(!sys::mount("/", "/x", "", MS_BIND, ""), "binding / is refused");
    };
    expect_good(play);
}

// ---- masks and read-only paths --------------------------------------------------------------------------------------

Plan sealed_plan(const Site& site, Identity identity) {
    auto plan = plan_for(site, identity);
    plan.mounts = {filesystem_step("proc", "/proc"), filesystem_step("tmpfs", "/dev")};
    plan.devices = {device("/dev/null", 1, 3)};
    return plan;
}

TEST_P(Sealing, MaskedPathsAreEmpty) {
    auto play = scenario();
    play.host = [](Site& site) {
        site.directory(site.in_rootfs("/secrets/inner"));
        site.directory(site.in_rootfs("/more"));
        site.file(site.in_rootfs("/more/file"));
        site.file(site.in_rootfs("/secret"), "secret");
        site.file(site.in_rootfs("/other"), "secret");
    };
    play.container = [&](Site& site) {
        auto plan = sealed_plan(site, play.identity);
        plan.masked_paths = {"/secrets", "/more",         "/secret",  "/other", "/missing", "/secret/below-a-file",
                             "/more",    "/proc/cmdline", "/proc/sys"};
        if (!seal(site, plan)) return;
        for (const char* path : {"/secrets", "/more", "/proc/sys"}) {
            site.check(site.names(path).empty(), text::cat(path, " is empty"));
            site.check(::mkdir(text::cat(path, "/new").c_str(), 0755) < 0, text::cat(path, " cannot be written"));
            auto status = sys::fstatat(sys::FdRef::working_directory(), path, 0);
            site.check(status && status->st_nlink == 2, text::cat(path, " has two links"));
        }
        site.equal(site.content("/secret"), "", "/secret");
        site.equal(site.content("/other"), "", "/other");
        site.equal(describe_file("/secret"), "c 1:3 0666", "/secret");
        site.equal(describe_file("/proc/cmdline"), "c 1:3 0666", "/proc/cmdline");
        auto first = sys::fstatat(sys::FdRef::working_directory(), "/secrets", 0);
        auto second = sys::fstatat(sys::FdRef::working_directory(), "/more", 0);
        site.check(first && second && first->st_dev == second->st_dev, "one tmpfs serves all directories");
        site.check(!sys::mount("none", "/secrets", "", MS_REMOUNT | MS_BIND, "") || ::mkdir("/secrets/new", 0755) < 0,
                   "a remount does not make it writable");
        site.check(!site.exists("/missing"), "nothing was made");
    };
    play.afterwards = [](Site& site) {
        site.equal(site.content(site.in_rootfs("/secret")), "secret", "below the mask");
    };
    expect_good(play);
}

TEST_P(Sealing, AMaskNeedsTheRealNull) {
    auto play = scenario();
    play.host = [](Site& site) {
        site.directory(site.in_rootfs("/dev"));
        site.file(site.in_rootfs("/evil"), "evil");
        site.link(site.in_rootfs("/dev/null"), "/evil");
        site.file(site.in_rootfs("/secret"), "secret");
    };
    play.container = [&](Site& site) {
        auto plan = plan_for(site, play.identity);
        plan.populate_dev = false;
        plan.masked_paths = {"/secret"};
        auto root = enter(site, plan);
        if (!root) return;
        site.contains(
            site.message(seal_root(plan, *root, {}), "seal_root"),
            "/linux/maskedPaths: masking /secret: masking files needs /dev/null: open(/dev/null): is a symbolic link");
        ::unlink("/dev/null");
        site.file("/dev/null", "plain");
        site.contains(site.message(seal_root(plan, *root, {}), "seal_root"), "which is a regular file");
    };
    expect_good(play);
}

TEST_P(Sealing, ReadOnlyPathsKeepWhatIsMountedBelow) {
    auto play = scenario();
    play.host = [](Site& site) { site.directory(site.in_rootfs("/conf/below")); };
    play.container = [&](Site& site) {
        auto plan = sealed_plan(site, play.identity);
        plan.mounts[0].attributes_set = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC;
        plan.mounts.push_back(filesystem_step("tmpfs", "/conf/below"));
        plan.readonly_paths = {"/conf", "/proc/sys", "/missing"};
        plan.masked_paths = {"/proc/sys/kernel"};
        if (!seal(site, plan)) return;
        site.check(::mkdir("/conf/new", 0755) < 0 && errno == EROFS, "/conf is read-only");
        site.check(::mkdir("/conf/below/new", 0755) == 0, "the mount below is not");
        const auto mount = *site.mount_at("/proc/sys");
        site.check(mount.has("ro") && mount.has("nosuid") && mount.has("noexec"),
                   "/proc/sys is ro and keeps its flags");
        site.check(site.names("/proc/sys/kernel").empty(), "the mask is on top");
    };
    expect_good(play);
}

TEST_P(Sealing, AReadOnlyRootKeepsItsFlags) {
    auto play = scenario();
    play.host = [](Site& site) {
        site.good(sys::mount("tmpfs", site.rootfs(), "tmpfs", MS_NOSUID | MS_NODEV, ""), "mount");
        site.directory(site.in_rootfs("/writable"));
    };
    play.container = [&](Site& site) {
        auto plan = sealed_plan(site, play.identity);
        plan.mounts.push_back(filesystem_step("tmpfs", "/writable"));
        plan.root_readonly = true;
        if (!seal(site, plan)) return;
        const auto mount = *site.mount_at("/");
        site.check(mount.has("ro") && mount.has("nosuid") && mount.has("nodev"), "/ is ro,nosuid,nodev");
        site.check(::mkdir("/new", 0755) < 0 && errno == EROFS, "/ cannot be written");
        site.check(::mkdir("/writable/new", 0755) == 0, "a mount in it can");
    };
    expect_good(play);
}

// ---- sysctl ---------------------------------------------------------------------------------------------------------

TEST_P(Sealing, KernelParametersOfTheContainer) {
    auto play = scenario();
    play.container = [&](Site& site) {
        auto procfs = sys::Procfs::open();
        if (!site.good(procfs, "procfs")) return;
        site.good(write_sysctls(*procfs, {{"net.ipv4.ip_unprivileged_port_start", "80"},
                                          {"net/ipv4/conf/lo/forwarding", "1"},
                                          {"net.ipv4.conf.lo.log_martians", "1"},
                                          {"kernel.msgmax", "4096"}}),
                  "write_sysctls");
        site.equal(*procfs->read("sys/net/ipv4/ip_unprivileged_port_start"), "80\n", "with dots");
        site.equal(*procfs->read("sys/net/ipv4/conf/lo/forwarding"), "1\n", "with slashes");
        site.equal(*procfs->read("sys/kernel/msgmax"), "4096\n", "of ipc");
        site.contains(site.message(write_sysctls(*procfs, {{"net.ipv4.arca", "1"}}), "an unknown one"),
                      "setting the sysctl net.ipv4.arca: /proc/sys/net/ipv4/arca: /linux/sysctl/net.ipv4.arca");
        site.contains(site.message(write_sysctls(*procfs, {{"net/../../self/comm", "x"}}), "a climbing one"),
                      "leads out of");
        // Both separators in one name: the first says which is which.
        site.contains(site.message(write_sysctls(*procfs, {{"net.ipv4.conf.eth0/1.forwarding", "1"}}), "eth0.1"),
                      "/proc/sys/net/ipv4/conf/eth0.1/forwarding");
    };
    expect_good(play);
}

}  // namespace
}  // namespace arca::mounts::test
