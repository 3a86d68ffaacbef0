#include "private_hierarchy.hpp"

#include <fcntl.h>
#include <linux/magic.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>

#include "sys/syscalls.hpp"

namespace arca::cgroup::testing_support {

namespace {
struct PrivateMount {
    std::string path;
    std::string reason;

    PrivateMount() {
        char name[] = "/tmp/arca-cgroup-XXXXXX";
        if (unshare(CLONE_NEWNS) < 0 || mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) < 0 ||
            mkdtemp(name) == nullptr || mount("cgroup2", name, "cgroup2", 0, nullptr) < 0) {
            reason = std::string("a private mount of cgroup2 was refused: ") + strerror(errno);
            rmdir(name);
            return;
        }
        path = name;
    }
    ~PrivateMount() {
        if (path.empty()) return;
        umount2(path.c_str(), MNT_DETACH);
        rmdir(path.c_str());
    }
};
}  // namespace

const std::string& private_mount(std::string& reason) {
    static const PrivateMount mount;
    reason = mount.reason;
    return mount.path;
}

void CgroupTest::SetUp() {
    static int count = 0;
    std::string reason;
    mount_ = private_mount(reason);
    if (mount_.empty()) GTEST_SKIP() << reason;
    path_ = text::cat("/arca-unit-", getpid(), "-", ++count);
}

void CgroupTest::TearDown() {
    if (mount_.empty()) return;
    auto group = Cgroup::open(at());
    ASSERT_TRUE(group) << group.error().message();
    ASSERT_TRUE(group->kill_all());
    ASSERT_TRUE(group->thaw(1000));
    ASSERT_TRUE(group->wait_empty(5000));
    auto removed = group->remove();
    ASSERT_TRUE(removed) << removed.error().message();
    EXPECT_NE(access(directory().c_str(), F_OK), 0);
}

Location CgroupTest::at(const std::string& below) const {
    return {Kind::V2, mount_, path_ + below};
}

Plan CgroupTest::plan_at(const std::string& below) const {
    Plan plan;
    plan.location = at(below);
    return plan;
}

std::string CgroupTest::directory(const std::string& below) const {
    return mount_ + path_ + below;
}

std::string CgroupTest::read(const std::string& file, const std::string& below) const {
    return std::string(text::trim(sys::read_file(directory(below) + "/" + file).value_or("?")));
}

sys::Child child_in(const Cgroup& group, const std::function<int()>& body) {
    auto entrance = group.entrance();
    EXPECT_TRUE(entrance) << entrance.error().message();
    if (!entrance) return {};
    auto cloned = sys::clone3({.cgroup = entrance->birthplace.ref()});
    EXPECT_TRUE(cloned) << cloned.error().message();
    if (!cloned) return {};
    if (cloned->is_child) _exit(enter(*entrance) ? body() : 99);
    return std::move(cloned->child);
}

sys::Child sleeper(const Cgroup& group) {
    return child_in(group, [] {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        for (;;)
            ::pause();
        return 0;
    });
}

}  // namespace arca::cgroup::testing_support
