#include "privileges/lsm.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "../support/temporary_directory.hpp"
#include "in_child.hpp"
#include "sys/syscalls.hpp"

namespace arca::privileges {
namespace {

using ::testing::AnyOf;
using ::testing::HasSubstr;

TEST(CheckLabels, OnlyWhatIsAskedForMustBeActive) {
    struct Row {
        SecurityModules modules;
        const char* profile;
        const char* label;
        const char* mount_label;
        const char* pointer;  ///< null: fine
    };
    constexpr auto kLabel = "system_u:system_r:container_t:s0";
    for (const auto& row :
         {Row{{false, false}, "", "", "", nullptr}, Row{{true, false}, "p", "", "", nullptr},
          Row{{false, true}, "", kLabel, kLabel, nullptr}, Row{{false, true}, "p", "", "", "/process/apparmorProfile"},
          Row{{true, false}, "p", kLabel, "", "/process/selinuxLabel"},
          Row{{true, false}, "", "", kLabel, "/linux/mountLabel"},
          Row{{false, false}, "p", kLabel, kLabel, "/process/apparmorProfile"}}) {
        const auto result = check_labels(row.modules, {row.profile, row.label, row.mount_label});
        ASSERT_EQ(result.has_value(), row.pointer == nullptr);
        if (result) continue;
        EXPECT_EQ(result.error().pointer(), row.pointer);
        EXPECT_EQ(result.error().code(), Code::Unsupported);
        EXPECT_THAT(result.error().message(), HasSubstr("`/proc/self/attr/"));
    }
}

TEST(ActiveModules, AsSysfsTells) {
    arca::test::TemporaryDirectory sysfs;
    EXPECT_EQ(active_security_modules(sysfs.path()), (SecurityModules{false, false}));
    sysfs.file("module/apparmor/parameters/enabled", "N\n");
    EXPECT_EQ(active_security_modules(sysfs.path()), (SecurityModules{false, false}));
    sysfs.file("module/apparmor/parameters/enabled", "Y\n");
    EXPECT_EQ(active_security_modules(sysfs.path()), (SecurityModules{true, false}));
    sysfs.file("fs/selinux/enforce", "0");
    EXPECT_EQ(active_security_modules(sysfs.path()), (SecurityModules{true, true}));
}

TEST(ShowsProfile, WithItsModeAndNothingElse) {
    EXPECT_TRUE(shows_profile("docker-default (enforce)", "docker-default"));
    EXPECT_TRUE(shows_profile("unconfined", "unconfined"));
    EXPECT_TRUE(shows_profile("name (odd) (complain)", "name (odd)"));
    EXPECT_TRUE(shows_profile("a//&b (enforce)", "b//&a"));
    EXPECT_FALSE(shows_profile("", "docker-default"));
    EXPECT_FALSE(shows_profile("docker-default-2 (enforce)", "docker-default"));
    EXPECT_FALSE(shows_profile("unconfined", "docker-default"));
    EXPECT_FALSE(shows_profile("", "a//&b"));
}

TEST(ShowsLabel, TheRangeMayBeWrittenInAnotherWay) {
    EXPECT_TRUE(shows_label("u:r:container_t:s0:c1,c2", "u:r:container_t:s0:c2,c1"));
    EXPECT_TRUE(shows_label("u:r:container_t", "u:r:container_t"));
    EXPECT_FALSE(shows_label("u:r:unconfined_t:s0", "u:r:container_t:s0"));
    EXPECT_FALSE(shows_label("", "u:r:container_t:s0"));
}

/// A directory of plain files in the place of /proc/self/attr.
class AttributeFiles : public testing::Test {
  protected:
    Result<> write(const std::string& profile, const std::string& label) {
        const auto attributes = sys::open(directory.path(), O_PATH | O_DIRECTORY);
        return attributes ? write_exec_labels(*attributes, profile, label)
                          : Result<>(fail(Code::System, "no directory"));
    }
    std::string content(const char* name) { return sys::read_file(directory / name).value_or("(unreadable)"); }
    arca::test::TemporaryDirectory directory;
};

TEST_F(AttributeFiles, OfSelinux) {
    directory.file("exec", "");
    EXPECT_TRUE(write("", "u:r:container_t:s0:c1,c2"));
    EXPECT_EQ(content("exec"), "u:r:container_t:s0:c1,c2");
}

// A plain file shows what was written to it, "exec NAME", where the kernel's would show the profile's name.
TEST_F(AttributeFiles, OfApparmorWhoseLossIsNoticed) {
    directory.file("apparmor/exec", "");
    directory.file("exec", "");
    const auto result = write("docker-default", "");
    EXPECT_EQ(content("apparmor/exec"), "exec docker-default");
    EXPECT_EQ(content("exec"), "");
    ASSERT_FALSE(result);
    EXPECT_THAT(result.error().message(), HasSubstr("\"exec docker-default\" is read back from "
                                                    "`/proc/self/attr/apparmor/exec`"));
}

TEST_F(AttributeFiles, OfApparmorBeforeLinux58) {
    directory.file("exec", "");
    EXPECT_FALSE(write("docker-default", ""));
    EXPECT_EQ(content("exec"), "exec docker-default");
}

TEST_F(AttributeFiles, ALabelThatIsNotKeptIsAnError) {
    directory.file("exec", "u:r:unconfined_t:s0-and-more-than-is-written-here:x");
    const auto result = write("", "u:r:c");
    ASSERT_FALSE(result);
    EXPECT_THAT(result.error().message(), HasSubstr("is read back from `/proc/self/attr/exec`"));
    EXPECT_EQ(result.error().pointer(), "/process/selinuxLabel");
}

TEST_F(AttributeFiles, ThatAreLinksOrMissing) {
    const auto missing = write("", "u:r:c:s0");
    ASSERT_FALSE(missing);
    EXPECT_EQ(missing.error().code(), Code::Unsupported);
    directory.file("elsewhere", "");
    ASSERT_EQ(::symlink("elsewhere", (directory / "exec").c_str()), 0);
    EXPECT_FALSE(write("", "u:r:c:s0"));
    EXPECT_EQ(content("elsewhere"), "");
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
