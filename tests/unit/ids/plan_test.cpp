#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/text.hpp"
#include "ids/id_maps.hpp"

namespace arca::ids {
namespace {

using testing::HasSubstr;
using Map = std::vector<spec::IdMapping>;

const host::Facts kRoot{.euid = 0, .egid = 0};
const host::Facts kAlice{.euid = 1000, .egid = 1001};

spec::Config with_maps(Map uids, Map gids) {
    spec::Config config;
    config.linux_.namespaces = {{spec::NamespaceType::User, ""}};
    config.linux_.uid_mappings = std::move(uids);
    config.linux_.gid_mappings = std::move(gids);
    return config;
}

spec::Config with_user(spec::Config config, spec::User user) {
    config.process.emplace().user = std::move(user);
    return config;
}

const Map kWide = {{0, 100000, 65536}};

TEST(IdPlan, WithoutAUserNamespaceThereIsNothingToDo) {
    auto made = plan({}, kRoot);
    ASSERT_TRUE(made);
    EXPECT_FALSE(made->new_user_namespace);
    EXPECT_EQ(to_host(made->uids, 7), 7U);
}

TEST(IdPlan, AJoinedNamespaceHasItsMaps) {
    auto config = with_maps(kWide, {});
    config.linux_.namespaces[0].path = "/proc/1/ns/user";
    auto made = plan(config, kAlice);
    ASSERT_TRUE(made) << made.error().message();
    EXPECT_FALSE(made->new_user_namespace);
    EXPECT_EQ(to_host(made->uids, 1), 100001U);
}

struct WriterCase {
    const char* what;
    host::Facts facts;
    Map uids;
    Map gids;
    Writer writer;
    bool deny_setgroups;
};

TEST(IdPlan, WhoWrites) {
    const WriterCase cases[] = {
        {"root", kRoot, kWide, kWide, Writer::Direct, false},
        {"root, one line", kRoot, {{0, 0, 1}}, {{0, 0, 1}}, Writer::Direct, false},
        {"a user's own ids", kAlice, {{0, 1000, 1}}, {{0, 1001, 1}}, Writer::Direct, true},
        {"a user's own uid, but a range of groups", kAlice, {{0, 1000, 1}}, kWide, Writer::Helpers, false},
        {"own ids and a range", kAlice, {{0, 1000, 1}, {1, 100000, 9}}, {{0, 1001, 1}}, Writer::Helpers, false},
        {"somebody else's id", kAlice, {{0, 1002, 1}}, {{0, 1001, 1}}, Writer::Helpers, false},
        {"more than the own id", kAlice, {{0, 1000, 2}}, {{0, 1001, 1}}, Writer::Helpers, false},
    };
    for (const auto& c : cases) {
        auto made = plan(with_maps(c.uids, c.gids), c.facts);
        ASSERT_TRUE(made) << c.what << ": " << made.error().message();
        EXPECT_TRUE(made->new_user_namespace) << c.what;
        EXPECT_EQ(made->writer, c.writer) << c.what;
        EXPECT_EQ(made->deny_setgroups, c.deny_setgroups) << c.what;
    }
}

struct BadCase {
    const char* pointer;
    const char* text;
    Map uids;
    Map gids;
};

TEST(IdPlan, MapsThatCannotWorkAreRefused) {
    Map many;
    for (std::uint32_t i = 0; i < 341; ++i)
        many.push_back({i, i, 1});
    const BadCase cases[] = {
        {"/linux/uidMappings", "at least one", {}, kWide},
        {"/linux/gidMappings", "at least one", kWide, {}},
        {"/linux/uidMappings", "has 341 entries, the kernel takes 340", many, kWide},
        {"/linux/uidMappings/0/size", "must not be 0", {{0, 5, 0}}, kWide},
        {"/linux/gidMappings/1", "beyond the largest id", kWide, {{0, 0, 1}, {1, 4294967000, 1000}}},
        {"/linux/gidMappings/1", "beyond the largest id", kWide, {{0, 0, 1}, {4294967295, 5, 1}}},
        {"/linux/uidMappings/1", "container ids are mapped by /linux/uidMappings/0", {{0, 0, 10}, {9, 50, 1}}, kWide},
        {"/linux/uidMappings/2",
         "host ids are mapped by /linux/uidMappings/0",
         {{0, 100, 10}, {20, 300, 1}, {10, 91, 10}},
         kWide},
        {"/linux/uidMappings", "does not map id 0", {{1, 100, 10}}, kWide},
        {"/linux/gidMappings", "does not map id 0", kWide, {{1, 100, 10}}},
    };
    for (const auto& c : cases) {
        auto made = plan(with_maps(c.uids, c.gids), kRoot);
        ASSERT_FALSE(made) << c.pointer << " " << c.text;
        EXPECT_EQ(made.error().code(), Code::InvalidConfig);
        EXPECT_EQ(made.error().pointer(), c.pointer) << c.text;
        EXPECT_THAT(made.error().message(), HasSubstr(c.text));
    }
}

TEST(IdPlan, TheLastIdCanBeMapped) {
    EXPECT_TRUE(plan(with_maps({{0, 0, 4294967295}}, {{0, 4294967294, 1}}), kRoot));
}

TEST(IdPlan, MapsWithoutANamespaceAreRefused) {
    auto config = with_maps({}, kWide);
    config.linux_.namespaces.clear();
    auto made = plan(config, kRoot);
    ASSERT_FALSE(made);
    EXPECT_EQ(made.error().pointer(), "/linux/gidMappings");
}

TEST(IdPlan, TheProcessMustBeMapped) {
    const auto config = with_maps({{0, 100000, 10}}, {{0, 100000, 20}});
    EXPECT_TRUE(plan(with_user(config, {.uid = 9, .gid = 19, .additional_gids = {10, 19}}), kRoot));
    auto pointer_of = [&](spec::User user) {
        return plan(with_user(config, std::move(user)), kRoot).error().pointer();
    };
    EXPECT_EQ(pointer_of({.uid = 10}), "/process/user/uid");
    EXPECT_EQ(pointer_of({.gid = 20}), "/process/user/gid");
    EXPECT_EQ(pointer_of({.additional_gids = {5, 20}}), "/process/user/additionalGids/1");
}

TEST(IdPlan, AdditionalGroupsNeedSetgroups) {
    const auto config = with_maps({{0, 1000, 1}}, {{0, 1001, 1}});
    const spec::User user{.additional_gids = {0}};
    auto made = plan(with_user(config, user), kAlice);
    ASSERT_FALSE(made);
    EXPECT_EQ(made.error().pointer(), "/process/user/additionalGids");
    EXPECT_TRUE(plan(with_user(config, user), kRoot));
}

TEST(IdMaps, ToHost) {
    const Map map = {{0, 1000, 1}, {1, 100000, 10}, {4294967290, 5, 4}};
    EXPECT_EQ(to_host(map, 0), 1000U);
    EXPECT_EQ(to_host(map, 1), 100000U);
    EXPECT_EQ(to_host(map, 10), 100009U);
    EXPECT_EQ(to_host(map, 11), std::nullopt);
    EXPECT_EQ(to_host(map, 4294967293), 8U);
    EXPECT_EQ(to_host(map, 4294967294), std::nullopt);
    EXPECT_EQ(to_host({}, 12), 12U);
    EXPECT_TRUE(is_mapped(map, 100009));
    EXPECT_FALSE(is_mapped(map, 0));
    EXPECT_FALSE(is_mapped({}, 12));
}

}  // namespace
}  // namespace arca::ids
