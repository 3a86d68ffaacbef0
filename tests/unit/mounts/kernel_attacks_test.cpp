// Hostile root filesystems: what CVEs were made of. The canary is the host, looked at afterwards.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/fs.h>
#include <sched.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <chrono>

#include "base/text.hpp"
#include "sys/mount_api.hpp"
#include "sys/process.hpp"
#include "sys/syscalls.hpp"
#include "world.hpp"

namespace arca::mounts::test {
namespace {

class Attack : public ::testing::TestWithParam<Identity> {
  protected:
    /// The host has a directory /outside with one file, "canary".
    Scenario scenario(std::function<void(Site&)> hostile_rootfs, std::function<void(Site&)> container) const {
        Scenario play;
        play.identity = GetParam();
        play.host = [hostile_rootfs = std::move(hostile_rootfs)](Site& site) {
            site.directory(site.on_host("/outside"));
            site.file(site.on_host("/outside/canary"), "alive");
            if (hostile_rootfs) hostile_rootfs(site);
        };
        play.container = std::move(container);
        play.afterwards = [](Site& site) {
            site.equal(text::join(site.names(site.on_host("/outside")), " "), "canary", "what is outside");
            site.equal(site.content(site.on_host("/outside/canary")), "alive", "the canary");
        };
        return play;
    }
    /// Before the root changes: nothing is mounted on the host's part of the tree.
    static void check_outside(Site& site) {
        site.equal(site.content(site.on_host("/outside/canary")), "alive", "the canary as the container sees it");
        for (const auto& mount : site.mounts())
            if (mount.point.starts_with(site.on_host("/outside"))) site.fail("mounted outside: " + mount.point);
    }
    Plan plan_with(const Site& site, std::vector<MountStep> steps) const {
        auto plan = plan_for(site, GetParam());
        plan.populate_dev = false;
        plan.mounts = std::move(steps);
        return plan;
    }
    static std::string failure(Site& site, const Plan& plan) {
        auto root = prepare_root(plan);
        if (!site.good(root, "prepare_root")) return {};
        Sources none;
        return site.message(make_mounts(plan, *root, none), "make_mounts");
    }
};
INSTANTIATE_TEST_SUITE_P(As, Attack, ::testing::Values(Identity::SameUser, Identity::NewUserNamespace),
                         [](const auto& which) { return name_of(which.param); });

DeviceNode null_device() {
    DeviceNode node;
    node.device = {.path = "/dev/null", .type = spec::DeviceType::Character, .major = 1, .minor = 3};
    return node;
}

// CVE-2026-41579, CVE-2026-47766: /dev of the image leads out.
TEST_P(Attack, DevIsALink) {
    for (const char* how : {"absolute", "climbing", "dangling"}) {
        const auto target = [how](const Site& site) {
            if (how == std::string_view("absolute")) return site.on_host("/outside");
            if (how == std::string_view("climbing")) return std::string("../outside");
            return std::string("../../../../../not/there");
        };
        expect_good(scenario([&](Site& site) { site.link(site.in_rootfs("/dev"), target(site)); },
                             [&](Site& site) {
                                 auto plan = plan_with(site, {});
                                 plan.populate_dev = true;
                                 plan.devices = {null_device()};
                                 mount_all(site, plan);
                                 check_outside(site);
                                 const auto inside = how == std::string_view("absolute")   ? site.on_host("/outside")
                                                     : how == std::string_view("climbing") ? "/outside"
                                                                                           : "/not/there";
                                 site.check(site.exists(site.in_rootfs(inside + std::string("/null"))),
                                            "the device is where the link leads within the root");
                             }));
    }
}

// CVE-2021-30465, CVE-2024-45310.
TEST_P(Attack, ADestinationLeadsOut) {
    expect_good(scenario(
        [](Site& site) {
            site.link(site.in_rootfs("/absolute"), site.on_host("/outside"));
            site.link(site.in_rootfs("/climbing"), "../../../../../../../.." + site.on_host("/outside"));
            site.directory(site.in_rootfs("/a/b"));
            site.link(site.in_rootfs("/a/b/up"), "../../../..");
            site.file(site.on_host("/file"), "bound");
        },
        [&](Site& site) {
            const auto outside = site.on_host("/outside");
            mount_all(site, plan_with(site, {filesystem_step("tmpfs", "/absolute"),
                                             filesystem_step("tmpfs", "/climbing/deeper"),
                                             bind_step(site.on_host("/file"), "/absolute/canary"),
                                             bind_step(site.on_host("/file"), "/a/b/up/../../" + outside + "/canary"),
                                             bind_step(site.on_host("/file"), "/climbing/new/file")}));
            check_outside(site);
            site.check(site.mount_at(site.in_rootfs(outside)).has_value(), "mounted within the root instead");
            site.check(site.mount_at(site.in_rootfs(outside + "/deeper")).has_value(),
                       "mounted within the root instead");
        }));
}

TEST_P(Attack, ADestinationDangles) {
    expect_good(scenario(
        [](Site& site) {
            site.file(site.on_host("/file"), "bound");
            site.link(site.in_rootfs("/file"), site.on_host("/outside/made"));
            site.link(site.in_rootfs("/directory"), "../outside/made-too/deep");
            site.link(site.in_rootfs("/chain"), "chain2");
            site.link(site.in_rootfs("/chain2"), "/x/y/z");
        },
        [&](Site& site) {
            mount_all(site, plan_with(site, {bind_step(site.on_host("/file"), "/file"),
                                             filesystem_step("tmpfs", "/directory"),
                                             bind_step(site.on_host("/file"), "/chain")}));
            check_outside(site);
            site.equal(site.content(site.in_rootfs(site.on_host("/outside/made"))), "bound", "made within the root");
            site.check(site.mount_at(site.in_rootfs("/outside/made-too/deep")).has_value(), "made within the root");
            site.equal(site.content(site.in_rootfs("/x/y/z")), "bound", "through two links");
        }));
}

TEST_P(Attack, LinksGoInCircles) {
    expect_good(scenario(
        [](Site& site) {
            site.link(site.in_rootfs("/a"), "b");
            site.link(site.in_rootfs("/b"), "a");
        },
        [&](Site& site) {
            site.contains(failure(site, plan_with(site, {filesystem_step("tmpfs", "/a/x")})), "ELOOP");
            site.file(site.on_host("/file"));
            site.contains(failure(site, plan_with(site, {bind_step(site.on_host("/file"), "/a")})), "ELOOP");
        }));
}

// CVE-2019-19921, CVE-2023-27561, CVE-2023-28642, CVE-2025-54867.
TEST_P(Attack, ProcOrSysIsALink) {
    expect_good(scenario(
        [](Site& site) {
            site.directory(site.in_rootfs("/etc"));
            site.link(site.in_rootfs("/proc"), "/etc");
            site.link(site.in_rootfs("/sys"), site.on_host("/outside"));
        },
        [&](Site& site) {
            site.contains(failure(site, plan_with(site, {filesystem_step("proc", "/proc")})),
                          "must be mounted on ordinary directory; /proc in " + site.rootfs() + " is a symbolic link");
            site.contains(failure(site, plan_with(site, {filesystem_step("sysfs", "/sys")})),
                          "must be mounted on ordinary directory");
            check_outside(site);
        }));
}

// CVE-2019-16884: a fake /proc takes the label.
TEST_P(Attack, SomethingElseCoversProc) {
    expect_good(scenario(
        [](Site& site) {
            site.directory(site.on_host("/fake/self/attr"));
            site.file(site.on_host("/fake/file"), "fake");
            site.link(site.in_rootfs("/elsewhere"), "/proc");
            site.link(site.in_rootfs("/trigger"), "/proc/cmdline");
        },
        [&](Site& site) {
            const auto proc = filesystem_step("proc", "/proc");
            const auto refused = [&](MountStep step) {
                site.contains(failure(site, plan_with(site, {proc, std::move(step)})), "only procfs may cover /proc");
            };
            refused(bind_step(site.on_host("/fake"), "/proc"));
            refused(bind_step(site.on_host("/fake"), "/proc/self/attr"));
            refused(bind_step(site.on_host("/fake/file"), "/proc/cmdline"));
            refused(bind_step(site.on_host("/fake"), "/elsewhere"));
            refused(bind_step(site.on_host("/fake/file"), "/elsewhere/self/attr/exec"));
            refused(bind_step(site.on_host("/fake/file"), "/trigger"));
            refused(filesystem_step("tmpfs", "/elsewhere"));
            refused(filesystem_step("mqueue", "/elsewhere/acpi"));
            // Before procfs is there, the plain directory would take it.
            site.contains(failure(site, plan_with(site, {bind_step(site.on_host("/fake"), "/proc")})),
                          "only procfs may cover /proc");
            // A part of procfs is not all of it.
            site.contains(failure(site, plan_with(site, {bind_step("/proc/sys", "/proc")})),
                          "only procfs may cover /proc");
            auto own = bind_step("/proc", "/proc");
            own.recursive_bind = true;
            mount_all(site, plan_with(site, {own}));
            mount_all(site, plan_with(site, {proc, bind_step(site.on_host("/fake/file"), "/proc/uptime"),
                                             bind_step("/proc/version", "/proc/loadavg")}));
            site.equal(site.content(site.in_rootfs("/proc/uptime")), "fake", "a file of lxcfs");
        }));
}

TEST_P(Attack, AMaskedPathLeadsOut) {
    expect_good(scenario(
        [](Site& site) {
            site.directory(site.in_rootfs("/inside"));
            site.file(site.in_rootfs("/inside/file"), "seen");
            site.link(site.in_rootfs("/masked"), site.on_host("/outside/canary"));
            site.link(site.in_rootfs("/masked-directory"), "../../../../outside");
            site.link(site.in_rootfs("/masked-inside"), "inside/file");
        },
        [&](Site& site) {
            auto plan = plan_with(site, {filesystem_step("tmpfs", "/dev")});
            plan.populate_dev = true;
            plan.devices = {null_device()};
            plan.masked_paths = {"/masked", "/masked-directory", "/masked-inside"};
            plan.readonly_paths = {"/masked", "/masked-directory"};
            if (!seal(site, plan)) return;
            site.equal(site.content("/inside/file"), "", "what the link leads to within the root");
        }));
}

// ---- races ----------------------------------------------------------------------------------------------------------

constexpr auto kRaceTime = std::chrono::milliseconds(2000);

/// A process that exchanges two names as fast as it can, as another container that shares the volume would.
sys::Child exchange_forever(Site& site, const std::string& a, const std::string& b) {
    auto cloned = sys::clone3({});
    if (!site.good(cloned, "clone3")) return {};
    if (!cloned->is_child) return std::move(cloned->child);
    for (;;)
        ::syscall(SYS_renameat2, AT_FDCWD, a.c_str(), AT_FDCWD, b.c_str(), RENAME_EXCHANGE);
}

TEST_P(Attack, ARacerExchangesDirectoriesAndLinks) {
    auto play = scenario(
        [](Site& site) {
            site.directory(site.in_rootfs("/volume/directory"));
            site.link(site.in_rootfs("/volume/link"), site.on_host("/outside"));
            site.file(site.on_host("/file"), "bound");
        },
        {});
    play.container = [&](Site& site) {
        auto plan = plan_with(site, {filesystem_step("tmpfs", "/volume/directory/tmpfs"),
                                     bind_step(site.on_host("/file"), "/volume/directory/new/file"),
                                     bind_step(site.on_host("/file"), "/volume/directory/canary"),
                                     filesystem_step("mqueue", "/volume/directory")});
        plan.populate_dev = true;
        auto node = null_device();
        node.device.path = "/volume/directory/null";
        plan.devices = {node};
        auto root = prepare_root(plan);
        if (!site.good(root, "prepare_root")) return;
        const auto racer = exchange_forever(site, site.in_rootfs("/volume/directory"), site.in_rootfs("/volume/link"));
        const auto end = std::chrono::steady_clock::now() + kRaceTime;
        int rounds = 0;
        int made = 0;
        for (; site.report().empty() && std::chrono::steady_clock::now() < end; ++rounds) {
            Sources none;
            // Both outcomes are good, as long as the host is left alone.
            made += make_mounts(plan, *root, none) ? 1 : 0;
            (void)make_devices(plan, *root, none);
            if (rounds % 16 == 15) {
                check_outside(site);
                for (const auto& mount : site.mounts())
                    if (mount.point.starts_with(site.in_rootfs("/"))) (void)sys::umount2(mount.point, MNT_DETACH);
            }
        }
        check_outside(site);
        site.check(rounds > 20 && made > 0, text::cat("some of ", rounds, " rounds got through"));
    };
    expect_good(play);
}

// CVE-2019-19921: procfs must be at /proc or nowhere.
TEST_P(Attack, ARacerExchangesProc) {
    auto play = scenario(
        [](Site& site) {
            site.directory(site.in_rootfs("/proc"));
            site.directory(site.in_rootfs("/fake"));
            site.link(site.in_rootfs("/link"), "/fake");
        },
        {});
    play.container = [&](Site& site) {
        auto plan = plan_with(site, {filesystem_step("proc", "/proc")});
        auto root = prepare_root(plan);
        if (!site.good(root, "prepare_root")) return;
        const auto racer = exchange_forever(site, site.in_rootfs("/proc"), site.in_rootfs("/link"));
        const auto end = std::chrono::steady_clock::now() + kRaceTime;
        int refused = 0;
        int rounds = 0;
        for (; site.report().empty() && std::chrono::steady_clock::now() < end; ++rounds) {
            Sources none;
            auto made = make_mounts(plan, *root, none);
            if (!made) {
                ++refused;
                const auto text = made.error().message();
                // ENOTDIR: the link was there when the mount was looked at; ENOENT, EBUSY: between two names.
                if (text.find("ordinary directory") == std::string::npos &&
                    text.find("no longer") == std::string::npos && text.find("ENOTDIR") == std::string::npos &&
                    text.find("ELOOP") == std::string::npos)
                    site.fail("an odd error: " + text);
            }
            for (const auto& mount : site.mounts()) {
                if (mount.point.starts_with(site.in_rootfs("/fake"))) site.fail("procfs is at " + mount.point);
                if (mount.point.starts_with(site.in_rootfs("/"))) (void)sys::umount2(mount.point, MNT_DETACH);
            }
        }
        site.check(refused > 0, text::cat("the racer was met in some of ", rounds, " rounds"));
    };
    expect_good(play);
}

}  // namespace
}  // namespace arca::mounts::test
