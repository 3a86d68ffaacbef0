#include "privileges/landlock.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/landlock.h>
#include <unistd.h>

#include "../support/temporary_directory.hpp"
#include "in_child.hpp"

namespace arca::privileges {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::vector<std::string> described(std::string_view annotation) {
    std::vector<std::string> out;
    const auto rules = parse_landlock(annotation);
    if (!rules) return {rules.error().message()};
    for (const auto& rule : *rules)
        out.push_back(describe(rule));
    return out;
}

TEST(ParseLandlock, Rules) {
    EXPECT_THAT(described("rx /"), ElementsAre("rx /"));
    EXPECT_THAT(described(" rx /usr ;rw /tmp;;wxr  /with blank/x; "),
                ElementsAre("rx /usr", "rw /tmp", "rwx /with blank/x"));
    EXPECT_EQ(parse_landlock("x /a")->front().access, LANDLOCK_ACCESS_FS_EXECUTE);
}

TEST(ParseLandlock, WhatIsNoRuleIsNamed) {
    for (const char* wrong : {"", " ; ", "rx", "rx relative", "/", "rq /", "r,x /", "/x rw"}) {
        const auto rules = parse_landlock(wrong);
        ASSERT_FALSE(rules) << wrong;
        EXPECT_EQ(rules.error().code(), Code::InvalidConfig);
        EXPECT_EQ(rules.error().pointer(), "/annotations/run.arca.landlock");
    }
}

TEST(CheckLandlock, AKernelThatDoesLessIsRefused) {
    const auto rules = parse_landlock("rx /");
    ASSERT_TRUE(rules);
    EXPECT_TRUE(check_landlock(*rules, 3));
    EXPECT_TRUE(check_landlock(*rules, 99));
    EXPECT_TRUE(check_landlock({}, 0));
    EXPECT_THAT(check_landlock(*rules, 0).error().message(), HasSubstr("not active on this host"));
    EXPECT_THAT(check_landlock(*rules, 2).error().message(), HasSubstr("has version 2 of Landlock"));
    EXPECT_EQ(check_landlock(*rules, 2).error().code(), Code::Unsupported);
}

class KernelLandlock : public testing::Test {
  protected:
    void SetUp() override {
        if (landlock_version() < 3) GTEST_SKIP() << "this kernel has no Landlock that arca uses";
        if (::geteuid() != 0) GTEST_SKIP() << "needs CAP_SYS_ADMIN";
        ::mkdir((directory.path() + "/open").c_str(), 0755);
        ::mkdir((directory.path() + "/closed").c_str(), 0755);
        for (const char* name : {"/open/file", "/closed/file", "/single"})
            ::close(::open((directory.path() + name).c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0644));
    }
    /// The errno of open(2).
    static int opening(const std::string& path, int flags) {
        const int fd = ::open(path.c_str(), flags | O_CLOEXEC, 0644);
        const int errnum = fd < 0 ? errno : 0;
        if (fd >= 0) ::close(fd);
        return errnum;
    }
    arca::test::TemporaryDirectory directory;
};

TEST_F(KernelLandlock, AllowsWhatARuleSaysAndNothingElse) {
    const auto base = directory.path();
    ARCA_EXPECT_CHILD([&]() -> std::string {
        const auto root = sys::RootDir::open(base);
        if (!root) return "open";
        ARCA_MUST(restrict_files(*parse_landlock("r /; rw /open; w /single"), *root));
        if (opening(base + "/closed/file", O_RDONLY) != 0) return "what may be read";
        if (opening(base + "/closed/file", O_WRONLY) != EACCES) return "what may only be read";
        if (opening(base + "/closed/new", O_WRONLY | O_CREAT) != EACCES) return "a new file";
        if (::truncate((base + "/closed/file").c_str(), 0) == 0) return "truncate";
        if (::rename((base + "/closed/file").c_str(), (base + "/open/stolen").c_str()) == 0) return "rename";
        if (opening(base + "/open/new", O_WRONLY | O_CREAT) != 0) return "a new file where it may be";
        if (opening(base + "/single", O_WRONLY) != 0) return "a rule for a file";
        return "";
    });
}

TEST_F(KernelLandlock, PathsAreLookedUpInsideOfTheRoot) {
    const auto base = directory.path();
    ASSERT_EQ(::symlink("/closed", (base + "/link").c_str()), 0);
    ARCA_EXPECT_CHILD([&]() -> std::string {
        const auto root = sys::RootDir::open(base);
        if (!root) return "open";
        ARCA_MUST(restrict_files(*parse_landlock("r /link"), *root));
        if (opening(base + "/closed/file", O_RDONLY) != 0) return "the link was not followed inside";
        return opening(base + "/open/file", O_RDONLY) == EACCES ? "" : "nothing was restricted";
    });
}

TEST_F(KernelLandlock, APathThatIsMissingIsAnError) {
    const auto root = sys::RootDir::open(directory.path());
    ASSERT_TRUE(root);
    const auto result = restrict_files(*parse_landlock("r /absent"), *root);
    ASSERT_FALSE(result);
    EXPECT_THAT(result.error().message(), HasSubstr("/absent"));
    EXPECT_EQ(result.error().pointer(), "/annotations/run.arca.landlock");
}

}  // namespace
}  // namespace arca::privileges
