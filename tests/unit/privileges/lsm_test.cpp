#include "privileges/lsm.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "in_child.hpp"

namespace arca::privileges {
namespace {

using ::testing::AnyOf;
using ::testing::HasSubstr;

TEST(CheckLabels, OnlyWhatIsAskedForMustBeActive) {
    struct Row {
        SecurityModules modules;
        const char* profile;
        const char* label;
        const char* pointer;  ///< null: fine
    };
    for (const auto& row : {Row{{false, false}, "", "", nullptr}, Row{{true, false}, "docker-default", "", nullptr},
                            Row{{false, true}, "", "system_u:system_r:container_t:s0", nullptr},
                            Row{{false, true}, "docker-default", "", "/process/apparmorProfile"},
                            Row{{true, false}, "p", "l", "/process/selinuxLabel"},
                            Row{{false, false}, "p", "l", "/process/apparmorProfile"}}) {
        const auto result = check_labels(row.modules, row.profile, row.label);
        ASSERT_EQ(result.has_value(), row.pointer == nullptr);
        if (result) continue;
        EXPECT_EQ(result.error().pointer(), row.pointer);
        EXPECT_EQ(result.error().code(), Code::Unsupported);
        EXPECT_THAT(result.error().message(), HasSubstr("`/proc/self/attr/"));
    }
}

TEST(ExecLabels, NothingAskedForWritesNothing) {
    // An empty Procfs has no descriptor: any access would fail.
    EXPECT_TRUE(set_exec_labels(sys::Procfs(), "", ""));
    EXPECT_TRUE(set_keyring_label(sys::Procfs(), ""));
}

TEST(ExecLabels, WithoutTheModuleTheErrorShowsThePathInBackquotes) {
    const auto procfs = sys::Procfs::open();
    ASSERT_TRUE(procfs);
    const auto modules = active_security_modules();
    if (!modules.apparmor) {
        const auto result = set_exec_labels(*procfs, "docker-default", "");
        ASSERT_FALSE(result);
        EXPECT_EQ(result.error().code(), Code::Unsupported);
        EXPECT_EQ(result.error().pointer(), "/process/apparmorProfile");
        EXPECT_THAT(result.error().message(), HasSubstr("AppArmor profile docker-default"));
        EXPECT_THAT(result.error().message(),
                    AnyOf(HasSubstr("`/proc/self/attr/exec`"), HasSubstr("`/proc/self/attr/apparmor/exec`")));
    }
    if (!modules.selinux && !modules.apparmor) {
        const auto result = set_exec_labels(*procfs, "", "system_u:system_r:container_t:s0");
        ASSERT_FALSE(result);
        EXPECT_EQ(result.error().code(), Code::Unsupported);
        EXPECT_THAT(result.error().message(), HasSubstr("`/proc/self/attr/exec`"));
    }
}

TEST(ExecLabels, UnloadedProfileIsSaid) {
    if (!active_security_modules().apparmor) GTEST_SKIP() << "AppArmor is not active on this host";
    const auto procfs = sys::Procfs::open();
    ASSERT_TRUE(procfs);
    const auto result = set_exec_labels(*procfs, "arca-test-no-such-profile", "");
    ASSERT_FALSE(result);
    EXPECT_THAT(result.error().message(), HasSubstr("no profile of that name"));
}

TEST(ExecLabels, UnconfinedCanBeSetWhereAppArmorIsActive) {
    if (!active_security_modules().apparmor) GTEST_SKIP() << "AppArmor is not active on this host";
    ARCA_EXPECT_CHILD([]() -> std::string {
        auto procfs = sys::Procfs::open();
        if (!procfs) return procfs.error().message();
        ARCA_MUST(set_exec_labels(*procfs, "unconfined", ""));
        return "";
    });
}

}  // namespace
}  // namespace arca::privileges
