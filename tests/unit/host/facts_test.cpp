#include "host/facts.hpp"

#include <gtest/gtest.h>
#include <linux/magic.h>
#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sys/syscalls.hpp"

namespace arca::host {
namespace {

constexpr const char* kHybrid =
    "4:memory:/outer\n"
    "1:cpu,cpuacct:/\n"
    "9:name=systemd:/\n"
    "0::/user.slice/a:b (deleted)\n";

struct LayoutCase {
    const char* what;
    CgroupEvidence evidence;
    CgroupLayout expected;
};

TEST(Facts, LayoutIsToldFromMagicNumbers) {
    const LayoutCase cases[] = {
        {"unified", {CGROUP2_SUPER_MAGIC, 0, "0::/\n"}, CgroupLayout::Unified},
        {"hybrid", {TMPFS_MAGIC, CGROUP2_SUPER_MAGIC, kHybrid}, CgroupLayout::Hybrid},
        {"legacy", {TMPFS_MAGIC, 0, "3:cpuset:/\n0::/\n"}, CgroupLayout::Legacy},
        {"legacy, one hierarchy on the root", {CGROUP_SUPER_MAGIC, 0, "3:cpuset:/\n"}, CgroupLayout::Legacy},
        {"empty directory of sysfs", {SYSFS_MAGIC, 0, "0::/\n"}, CgroupLayout::None},
        {"tmpfs nobody filled", {TMPFS_MAGIC, 0, "0::/\n"}, CgroupLayout::None},
        {"v1 known to the kernel but not mounted", {SYSFS_MAGIC, 0, "3:cpuset:/\n"}, CgroupLayout::None},
        {"nothing", {}, CgroupLayout::None},
    };
    for (const auto& c : cases)
        EXPECT_EQ(classify(c.evidence), c.expected) << c.what;
}

TEST(Facts, OwnPathIsTheLineOfTheUnifiedHierarchy) {
    EXPECT_EQ(cgroup2_path("0::/\n"), "/");
    EXPECT_EQ(cgroup2_path(kHybrid), "/user.slice/a:b");
    EXPECT_EQ(cgroup2_path("3:cpuset:/\n"), "");
    EXPECT_EQ(cgroup2_path(""), "");
}

TEST(Facts, ControllersOfV1AreFoundInSharedHierarchiesToo) {
    EXPECT_TRUE(is_v1_controller(kHybrid, "memory"));
    EXPECT_TRUE(is_v1_controller(kHybrid, "cpuacct"));
    EXPECT_FALSE(is_v1_controller(kHybrid, "pids"));
    EXPECT_FALSE(is_v1_controller(kHybrid, ""));
}

TEST(Facts, MountedHierarchiesAreThoseOfTheKernelsList) {
    constexpr const char* kMounts =
        "20 1 0:3 / /proc rw - proc proc rw\n"
        "30 1 0:29 / /somewhere/else rw - cgroup cgroup rw,cpu,cpuacct\n"
        "31 1 0:30 / /sys/fs/cgroup/cpu,cpuacct rw,nosuid shared:9 - cgroup cgroup rw,cpu,cpuacct\n"
        "32 1 0:31 /outer /sys/fs/cgroup/me\\040mory rw - cgroup cgroup rw,memory\n"
        "33 1 0:32 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,xattr,name=systemd\n"
        "34 1 0:33 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n";
    const std::string memberships = std::string(kHybrid) + "7:pids:/not/mounted\n3:cpuset:/\n";
    const std::vector<V1Hierarchy> expected = {
        {"memory", "/sys/fs/cgroup/me mory", "/"},
        {"cpu,cpuacct", "/sys/fs/cgroup/cpu,cpuacct", "/"},
        {"name=systemd", "/sys/fs/cgroup/systemd", "/"},
    };
    EXPECT_EQ(find_v1_hierarchies(memberships, kMounts), expected);
    EXPECT_EQ(find_v1_hierarchies("4:memory:/outer/in\n", kMounts).at(0).own_path, "/in");
    EXPECT_TRUE(find_v1_hierarchies("0::/\n", kMounts).empty());
}

TEST(Facts, ProbeAgreesWithTheHost) {
    auto facts = probe();
    ASSERT_TRUE(facts) << facts.error().message();
    EXPECT_EQ(facts->euid, geteuid());
    EXPECT_EQ(facts->egid, getegid());
    const bool has_v2 = facts->cgroup_layout == CgroupLayout::Unified || facts->cgroup_layout == CgroupLayout::Hybrid;
    EXPECT_EQ(has_v2, !facts->cgroup2_mount.empty());
    if (has_v2) {
        EXPECT_TRUE(sys::read_file(facts->cgroup2_mount + "/cgroup.controllers"));
        EXPECT_TRUE(facts->own_cgroup.starts_with('/'));
    }
}

TEST(Facts, AUserNamespaceIsNoticed) {
    pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
        if (unshare(CLONE_NEWUSER) < 0) _exit(77);
        auto initial = in_initial_user_namespace();
        _exit(initial && !*initial ? 0 : 1);
    }
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFEXITED(status));
    if (WEXITSTATUS(status) == 77) GTEST_SKIP() << "this host refuses user namespaces";
    EXPECT_EQ(WEXITSTATUS(status), 0);
}

TEST(ResctrlMount, IsFoundByItsType) {
    EXPECT_EQ(resctrl_mount("21 1 0:5 / /proc rw - proc proc rw\n"
                            "30 1 0:6 / /sys/fs/resctrl rw,nosuid shared:9 - resctrl resctrl rw\n"),
              "/sys/fs/resctrl");
    EXPECT_EQ(resctrl_mount("30 1 0:6 / /resctrl rw - tmpfs resctrl rw\n"), "");
}

}  // namespace
}  // namespace arca::host
