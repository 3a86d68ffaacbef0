#include "arca/error.hpp"

#include <gmock/gmock.h>

#include <cerrno>
#include <regex>
#include <set>

#include "base/progress.hpp"
#include "base/result.hpp"

namespace arca {
namespace {

using testing::HasSubstr;

TEST(Error, MessageHasFramesOutermostFirstThenTextErrnoAndHint) {
    auto error = Error(Code::System, "mount(tmpfs, /x)", EBUSY).with("mounting /mounts/7").with("create web");
    EXPECT_EQ(std::move(error).hinting("something is mounted there").message(),
              "create web: mounting /mounts/7: mount(tmpfs, /x): device or resource busy (EBUSY) (something is mounted "
              "there)");
}

TEST(Error, PointerIsShownOnceAndTheInnermostWins) {
    EXPECT_EQ(Error(Code::InvalidConfig, "wrong").at("/root").message(), "/root: wrong");
    EXPECT_EQ(Error(Code::InvalidConfig, "wrong").at("/mounts/3").with("mounting /mounts/3").message(),
              "mounting /mounts/3: wrong");
    EXPECT_EQ(Error(Code::InvalidConfig, "/root is wrong").at("/root").message(), "/root is wrong");
    EXPECT_EQ(Error(Code::InvalidConfig, "wrong").at("/process/user").at("/process").pointer(), "/process/user");
}

TEST(Error, TheFirstHintWins) {
    EXPECT_EQ(Error(Code::System, "x").hinting("first").hinting("second").hint(), "first");
}

TEST(Error, WhatFailedBecauseOfItIsToldLastAndChangesNothing) {
    auto error = also(Error(Code::HookFailed, "the hook failed", EIO).at("/hooks"), {});
    EXPECT_EQ(error.message(), "/hooks: the hook failed: input/output error (EIO)");
    error = also(std::move(error), fail(Error(Code::System, "rmdir(/x)", EBUSY).hinting("it holds 1 process")));
    error = also(std::move(error), fail(Code::Timeout, "nobody ends"));
    EXPECT_EQ(std::move(error).hinting("advice").message(),
              "/hooks: the hook failed: input/output error (EIO) (advice) (also: rmdir(/x): device or resource busy "
              "(EBUSY) (it holds 1 process); nobody ends)");
    EXPECT_EQ(error.code(), Code::HookFailed);
    EXPECT_EQ(error.errnum(), EIO);
}

TEST(Error, RemembersTheStepInWhichItWasMade) {
    progress::enter(Step::Mounts);
    Error error(Code::System, "x");
    progress::enter(Step::Pivot);
    EXPECT_EQ(error.step(), Step::Mounts);
    EXPECT_EQ(std::move(error).in(Step::Exec).step(), Step::Exec);
    progress::finish();
}

TEST(Error, CodeCanBeReplacedAndErrnoStays) {
    auto error = Error(Code::System, "x", EIO).as(Code::HookFailed);
    EXPECT_EQ(error.code(), Code::HookFailed);
    EXPECT_EQ(error.errnum(), EIO);
}

// Docker and podman classify a failure by these words, whatever it was that failed (exit codes 125, 126, 127).
TEST(DescribeErrno, NeverUsesTheWordsThatEnginesLookFor) {
    const std::regex engines(
        "no such file or directory|permission denied|operation not permitted|executable file not found|does not exist|"
        "no such process|container not running|process already finished|invalid process",
        std::regex::icase);
    for (int errnum = 1; errnum < 200; ++errnum)
        EXPECT_FALSE(std::regex_search(describe_errno(errnum), engines)) << describe_errno(errnum);
}

TEST(DescribeErrno, HasWordsAndTheName) {
    EXPECT_EQ(describe_errno(ENOENT), "absent (ENOENT)");
    EXPECT_EQ(describe_errno(EACCES), "refused (EACCES)");
    EXPECT_EQ(describe_errno(EPERM), "refused (EPERM)");
    EXPECT_EQ(describe_errno(ESRCH), "the process is gone (ESRCH)");
    EXPECT_EQ(describe_errno(ENOSPC), "no space left on device (ENOSPC)");
    EXPECT_EQ(describe_errno(4000), "unknown error (errno 4000)");
}

TEST(Codes, AllHaveNamesOfTheirOwn) {
    std::set<std::string_view> names;
    for (int code = 0; code <= static_cast<int>(Code::System); ++code)
        EXPECT_TRUE(names.insert(name(static_cast<Code>(code))).second) << name(static_cast<Code>(code));
    EXPECT_FALSE(names.contains("?"));
}

// ---- TRY

Result<int> half(int number) {
    if (number % 2 != 0) return fail(Code::Usage, "odd");
    return number / 2;
}

Result<int> quarter(int number) {
    return TRY_CTX(half(TRY(half(number))), "second half");
}

Result<std::unique_ptr<int>> boxed(int number) {
    auto value = TRY(half(number));
    return std::make_unique<int>(value);
}

TEST(Try, GivesTheValueOrReturnsTheError) {
    EXPECT_EQ(*quarter(8), 2);
    EXPECT_EQ(quarter(7).error().message(), "odd");
    EXPECT_EQ(quarter(6).error().message(), "second half: odd");
}

TEST(Try, MovesValues) {
    auto unboxed = []() -> Result<int> {
        auto box = TRY(boxed(4));
        return *box;
    };
    EXPECT_EQ(*unboxed(), 2);
}

TEST(Try, BuildsTheFrameOnlyOnFailure) {
    int built = 0;
    auto frame = [&] {
        ++built;
        return std::string("frame");
    };
    auto run = [&](int number) -> Result<int> { return TRY_CTX(half(number), frame()); };
    EXPECT_TRUE(run(2));
    EXPECT_EQ(built, 0);
    EXPECT_FALSE(run(1));
    EXPECT_EQ(built, 1);
}

}  // namespace
}  // namespace arca
