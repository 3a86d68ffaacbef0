// What an update changes, and what it has to write for it.
#include "container/resource_changes.hpp"

#include <gmock/gmock.h>

#include "spec/parse.hpp"
#include "spec/resources_json.hpp"

namespace arca::container {
namespace {

spec::Resources resources(std::string_view json) {
    auto parsed = spec::parse_resources(json);
    EXPECT_TRUE(parsed.problems.empty()) << json;
    return parsed.value;
}

struct Row {
    const char* saved;
    const char* wanted;
    const char* merged;
    const char* applied;
};

void expect_each(const std::vector<Row>& rows) {
    for (const auto& row : rows) {
        SCOPED_TRACE(row.wanted);
        const auto changes = change_resources(resources(row.saved), resources(row.wanted));
        EXPECT_EQ(spec::to_json(changes.merged), row.merged);
        EXPECT_EQ(spec::to_json(changes.applied), row.applied);
    }
}

TEST(ResourceChanges, Memory) {
    expect_each({
        {R"({"memory":{"limit":10,"swap":20}})", R"({"memory":{"limit":15}})", R"({"memory":{"limit":15,"swap":20}})",
         R"({"memory":{"limit":15,"swap":20}})"},
        {R"({"memory":{"limit":10,"swap":20}})", R"({"memory":{"swap":30}})", R"({"memory":{"limit":10,"swap":30}})",
         R"({"memory":{"limit":10,"swap":30}})"},
        {R"({"memory":{"limit":10,"swap":20}})", R"({"memory":{"limit":-1}})", R"({"memory":{"limit":-1,"swap":-1}})",
         R"({"memory":{"limit":-1,"swap":-1}})"},
        {R"({"memory":{"limit":10,"swap":20}})", R"({"memory":{"limit":0,"swap":0,"reservation":5}})",
         R"({"memory":{"limit":10,"reservation":5,"swap":20}})", R"({"memory":{"limit":0,"reservation":5,"swap":0}})"},
        {R"({})", R"({"memory":{"limit":7}})", R"({"memory":{"limit":7}})", R"({"memory":{"limit":7}})"},
    });
}

TEST(ResourceChanges, TheCheckBeforeIsOfOneUpdate) {
    expect_each({
        {R"({"memory":{"limit":10,"checkBeforeUpdate":true}})", R"({"memory":{"limit":15}})",
         R"({"memory":{"limit":15}})", R"({"memory":{"limit":15}})"},
    });
}

TEST(ResourceChanges, Processors) {
    expect_each({
        {R"({"cpu":{"shares":512,"quota":10,"period":20}})", R"({"cpu":{"quota":5}})",
         R"({"cpu":{"shares":512,"quota":5,"period":20}})", R"({"cpu":{"quota":5,"period":20}})"},
        {R"({"cpu":{"quota":10,"burst":3,"period":20}})", R"({"cpu":{"period":40,"quota":0}})",
         R"({"cpu":{"quota":10,"burst":3,"period":40}})", R"({"cpu":{"quota":10,"burst":3,"period":40}})"},
        {R"({"cpu":{"quota":10,"burst":3}})", R"({"cpu":{"burst":0}})", R"({"cpu":{"quota":10,"burst":0}})",
         R"({"cpu":{"quota":10,"burst":0}})"},
        {R"({"cpu":{"shares":512}})", R"({"cpu":{"idle":0}})", R"({"cpu":{"shares":512,"idle":0}})",
         R"({"cpu":{"shares":512,"idle":0}})"},
        {R"({"cpu":{"cpus":"0-1","mems":"0"}})", R"({"cpu":{"cpus":"1","mems":""}})",
         R"({"cpu":{"cpus":"1","mems":"0"}})", R"({"cpu":{"cpus":"1"}})"},
    });
}

TEST(ResourceChanges, ListsChangeByTheirKey) {
    expect_each({
        {R"({"hugepageLimits":[{"pageSize":"2MB","limit":1},{"pageSize":"1GB","limit":2}]})",
         R"({"hugepageLimits":[{"pageSize":"1GB","limit":3}]})",
         R"({"hugepageLimits":[{"pageSize":"2MB","limit":1},{"pageSize":"1GB","limit":3}]})",
         R"({"hugepageLimits":[{"pageSize":"1GB","limit":3}]})"},
        {R"({"blockIO":{"throttleReadBpsDevice":[{"major":8,"minor":0,"rate":1}]}})",
         R"({"blockIO":{"throttleReadBpsDevice":[{"major":8,"minor":16,"rate":2}]}})",
         R"({"blockIO":{"throttleReadBpsDevice":[{"major":8,"minor":0,"rate":1},{"major":8,"minor":16,"rate":2}]}})",
         R"({"blockIO":{"throttleReadBpsDevice":[{"major":8,"minor":16,"rate":2}]}})"},
        {R"({"unified":{"memory.high":"1","pids.max":"2"}})", R"({"unified":{"pids.max":"3"}})",
         R"({"unified":{"memory.high":"1","pids.max":"3"}})", R"({"unified":{"pids.max":"3"}})"},
        {R"({"rdma":{"a":{"hcaHandles":1}}})", R"({"rdma":{"b":{"hcaObjects":2}}})",
         R"({"rdma":{"a":{"hcaHandles":1},"b":{"hcaObjects":2}}})", R"({"rdma":{"b":{"hcaObjects":2}}})"},
    });
}

TEST(ResourceChanges, DeviceRulesAreAppendedAndAppliedAsAWhole) {
    expect_each({
        {R"({"devices":[{"allow":false,"type":"a"}]})", R"({"devices":[{"allow":true,"type":"c","major":1}]})",
         R"({"devices":[{"allow":false,"type":"a"},{"allow":true,"type":"c","major":1}]})",
         R"({"devices":[{"allow":false,"type":"a"},{"allow":true,"type":"c","major":1}]})"},
    });
}

TEST(ResourceChanges, JsonKeepsEveryProperty) {
    constexpr auto kAll =
        R"({"devices":[{"allow":true,"type":"c","major":1,"minor":3,"access":"rw"}],)"
        R"("memory":{"limit":1,"reservation":2,"swap":3,"kernel":4,"kernelTCP":5,"swappiness":6,)"
        R"("disableOOMKiller":true,"useHierarchy":true,"checkBeforeUpdate":true},)"
        R"("cpu":{"shares":1024,"quota":-1,"burst":2,"period":3,"realtimeRuntime":4,"realtimePeriod":5,)"
        R"("cpus":"0","mems":"1","idle":1},"pids":{"limit":0},)"
        R"("blockIO":{"weight":10,"leafWeight":20,"weightDevice":[{"major":1,"minor":2,"weight":30,"leafWeight":40}],)"
        R"("throttleReadBpsDevice":[{"major":1,"minor":2,"rate":3}],)"
        R"("throttleWriteBpsDevice":[{"major":1,"minor":2,"rate":4}],)"
        R"("throttleReadIOPSDevice":[{"major":1,"minor":2,"rate":5}],)"
        R"("throttleWriteIOPSDevice":[{"major":1,"minor":2,"rate":6}]},)"
        R"("hugepageLimits":[{"pageSize":"2MB","limit":7}],)"
        R"("network":{"classID":8,"priorities":[{"name":"eth0","priority":9}]},)"
        R"("rdma":{"mlx":{"hcaHandles":1,"hcaObjects":2}},"unified":{"memory.high":"10"}})";
    EXPECT_EQ(spec::to_json(resources(kAll)), kAll);
}

TEST(ResourceChanges, WhatIsWrongOnlyTogetherIsFound) {
    const auto changes =
        change_resources(resources(R"({"memory":{"limit":10,"swap":20}})"), resources(R"({"memory":{"limit":30}})"));
    const auto problems = spec::check_resources(changes.merged);
    ASSERT_EQ(problems.size(), 1U);
    EXPECT_EQ(problems[0].pointer, "/memory/swap");
}

TEST(ResourceChanges, DeviceRules) {
    auto rule = parse_device_rule("deny  b 8:* wm");
    ASSERT_TRUE(rule);
    EXPECT_FALSE(rule->allow);
    EXPECT_EQ(rule->type, 'b');
    EXPECT_EQ(rule->major, 8);
    EXPECT_FALSE(rule->minor);
    EXPECT_EQ(rule->access, "wm");
    rule = parse_device_rule("a *:*");
    ASSERT_TRUE(rule);
    EXPECT_TRUE(rule->allow && rule->type == 'a' && !rule->major && rule->access.empty());
    for (const char* wrong :
         {"", "allow", "c", "c 1", "c 1:", "c :1", "x 1:3", "c 1:3 rwx", "c -1:3", "c 1:4294967296"})
        EXPECT_FALSE(parse_device_rule(wrong)) << wrong;
}

}  // namespace
}  // namespace arca::container
