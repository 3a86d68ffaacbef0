#include "cgroup/v1_devices.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/text.hpp"
#include "cgroup/device_rules.hpp"

namespace arca::cgroup {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::vector<std::string> writes(const DeviceList& from, const std::vector<spec::DeviceRule>& rules) {
    auto list = device_list(rules);
    EXPECT_TRUE(list) << list.error().message();
    std::vector<std::string> out;
    if (list)
        for (const auto& write : device_writes(from, *list))
            out.push_back(text::cat(std::string_view(write.file).substr(8), " ", write.value));
    return out;
}

const spec::DeviceRule kAllowAll{.allow = true};
const spec::DeviceRule kDenyAll{.allow = false};
const DeviceList kNew{.allows_by_default = true, .exceptions = {}};  // as a cgroup below the root begins

TEST(V1Devices, WhatIsAllowedAfterEverythingWasDenied) {
    EXPECT_THAT(writes(kNew, {kDenyAll,
                              {.allow = true, .type = 'c', .major = 1, .minor = 3, .access = "rwm"},
                              {.allow = true, .type = 'b', .access = "m"}}),
                ElementsAre("deny a", "allow c 1:3 rwm", "allow b *:* m"));
}

TEST(V1Devices, WhatIsDeniedAfterEverythingWasAllowed) {
    const std::vector<spec::DeviceRule> rules = {kAllowAll,
                                                 {.allow = false, .type = 'b', .major = 8, .minor = 0, .access = "w"}};
    EXPECT_THAT(writes(kNew, rules), ElementsAre("allow a", "deny b 8:0 w"));
}

TEST(V1Devices, TheDefaultsAreAmongWhatIsAllowed) {
    const auto all = writes(kNew, effective_device_rules({kDenyAll}));
    EXPECT_EQ(all.front(), "deny a");
    EXPECT_THAT(all, testing::Contains("allow c 1:3 rwm"));
    EXPECT_THAT(all, testing::Contains("allow c *:* m"));
    EXPECT_THAT(all, testing::Contains("allow c 136:* rwm"));
}

TEST(V1Devices, TheLastRuleDecides) {
    const spec::DeviceRule allow_null{.allow = true, .type = 'c', .major = 1, .minor = 3};
    const spec::DeviceRule deny_null{.allow = false, .type = 'c', .major = 1, .minor = 3, .access = "w"};
    EXPECT_THAT(writes(kNew, {kDenyAll, allow_null, deny_null}), ElementsAre("deny a", "allow c 1:3 rm"));
    EXPECT_THAT(writes(kNew, {kDenyAll, deny_null, allow_null}), ElementsAre("deny a", "allow c 1:3 rwm"));
    EXPECT_THAT(writes(kNew, {allow_null, kDenyAll}), ElementsAre("deny a"));
    EXPECT_THAT(writes(kNew, {kDenyAll, kAllowAll}), ElementsAre("allow a"));
}

TEST(V1Devices, ARuleForAllTypesIsOneForEach) {
    EXPECT_THAT(writes(kNew, {kDenyAll, {.allow = true, .type = 'a', .major = 7, .access = "r"}}),
                ElementsAre("deny a", "allow b 7:* r", "allow c 7:* r"));
}

TEST(V1Devices, APartOfWhatAWiderRuleGaveCannotBeTakenBack) {
    auto list = device_list(
        {kDenyAll, {.allow = true, .type = 'c', .major = 1}, {.allow = false, .type = 'c', .major = 1, .minor = 3}});
    ASSERT_FALSE(list);
    EXPECT_EQ(list.error().code(), Code::Unsupported);
    EXPECT_EQ(list.error().pointer(), "/linux/resources/devices");
    EXPECT_THAT(list.error().message(), HasSubstr("deny c 1:3 rwm"));
}

TEST(V1Devices, AnUpdateWritesTheDifference) {
    const auto before = parse_device_list("c 1:3 rwm\nc 1:5 rw\nb *:* m\n");
    EXPECT_FALSE(before.allows_by_default);
    EXPECT_EQ(before.exceptions.size(), 3U);
    EXPECT_THAT(writes(before, {kDenyAll,
                                {.allow = true, .type = 'c', .major = 1, .minor = 3, .access = "r"},
                                {.allow = true, .type = 'c', .major = 1, .minor = 5, .access = "rw"},
                                {.allow = true, .type = 'c', .major = 1, .minor = 7, .access = "r"}}),
                ElementsAre("deny c 1:3 wm", "deny b *:* m", "allow c 1:7 r"));
}

TEST(V1Devices, TheListOfAnOpenGroupIsRead) {
    EXPECT_EQ(parse_device_list("a *:* rwm\n"), kNew);
    EXPECT_THAT(parse_device_list("").exceptions, IsEmpty());
}

}  // namespace
}  // namespace arca::cgroup
