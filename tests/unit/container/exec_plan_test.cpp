#include "container/exec_plan.hpp"

#include <gtest/gtest.h>

namespace arca::container {
namespace {

// CVE-2016-3697, CVE-2026-30892: what is not plainly a number must never become an id.
TEST(ExecUser, OnlyDigits) {
    for (const char* bad : {"", "root", "+1", "-1", " 1", "1 ", "1:", ":5", "1:abc", "1:-1", "0x0", "4294967296",
                            "4294967295", "1:2:3", "1\n"}) {
        spec::User user;
        EXPECT_FALSE(parse_user(bad, user)) << '"' << bad << '"';
    }
}

TEST(ExecUser, UidAloneLeavesTheGroup) {
    spec::User user;
    user.gid = 7;
    ASSERT_TRUE(parse_user("1000", user));
    EXPECT_EQ(user.uid, 1000U);
    EXPECT_EQ(user.gid, 7U);
    ASSERT_TRUE(parse_user("0:4294967294", user));
    EXPECT_EQ(user.uid, 0U);
    EXPECT_EQ(user.gid, 4294967294U);
}

spec::Process container_process() {
    spec::Process process;
    process.args = {"sh"};
    process.terminal = true;
    process.console_size = spec::ConsoleSize{24, 80};
    process.cwd = "/home";
    process.env = {"A=1"};
    process.user.additional_gids = {5};
    return process;
}

ExecOptions running(std::vector<std::string> args) {
    ExecOptions options;
    options.args = std::move(args);
    return options;
}

TEST(ExecProcess, TakesTheContainersAndWhatIsAsked) {
    auto options = running({"ls", "-la"});
    options.env = {"B=2"};
    options.additional_gids = {6};
    auto process = exec_process(container_process(), options);
    ASSERT_TRUE(process);
    EXPECT_EQ(process->args, options.args);
    EXPECT_FALSE(process->terminal) << "a terminal is asked for anew";
    EXPECT_FALSE(process->console_size);
    EXPECT_EQ(process->cwd, "/home");
    EXPECT_EQ(process->env, (std::vector<std::string>{"A=1", "B=2"}));
    EXPECT_EQ(process->user.additional_gids, (std::vector<std::uint32_t>{5, 6}));
}

TEST(ExecProcess, NeedsACommand) {
    EXPECT_FALSE(exec_process(container_process(), running({})));
}

// CVE-2022-29162
TEST(ExecProcess, AddedCapabilitiesAreNeverInheritable) {
    auto options = running({"true"});
    options.capabilities = {"CAP_NET_RAW"};
    auto process = exec_process(container_process(), options);
    ASSERT_TRUE(process);
    const std::vector<std::string> added = {"CAP_NET_RAW"};
    EXPECT_EQ(process->capabilities->bounding, added);
    EXPECT_EQ(process->capabilities->effective, added);
    EXPECT_EQ(process->capabilities->permitted, added);
    EXPECT_TRUE(process->capabilities->inheritable.empty());
    EXPECT_TRUE(process->capabilities->ambient.empty());
}

TEST(ExecProcess, UnknownCapabilityIsRefused) {
    auto options = running({"true"});
    options.capabilities = {"CAP_NONE"};
    EXPECT_FALSE(exec_process(container_process(), options));
}

}  // namespace
}  // namespace arca::container
