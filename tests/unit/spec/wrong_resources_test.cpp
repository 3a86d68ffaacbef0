#include <gtest/gtest.h>

#include "wrong.hpp"

namespace arca::spec::testing {
namespace {

void expect_wrong(const std::vector<Wrong>& table) {
    for (const auto& row : table) {
        SCOPED_TRACE(row.fragment);
        auto parsed = parse_resources("{" + std::string(row.fragment) + "}");
        EXPECT_THAT(in_lines(parsed), ::testing::ElementsAre(std::string(row.pointer) + ": " + std::string(row.text)));
    }
}

TEST(WrongResources, PointersWithinConfig) {
    expect_each({{R"("resources": {"memory": {"limit": "1G"}})", "/linux/resources/memory/limit",
                  "expected an integer, got string \"1G\""},
                 {R"("resources": {"memory": {"limit": 10, "swap": 5}})", "/linux/resources/memory/swap",
                  "5 is memory and swap together and cannot be below the limit of memory, 10"}},
                [](std::string_view fragment) { return config_with("", "", fragment); });
}

TEST(WrongResources, Devices) {
    expect_wrong({
        {R"("devices": {})", "/devices", "expected an array, got an object"},
        {R"("devices": [{"access": "rwm"}])", "/devices/0/allow", "required, but missing"},
        {R"("devices": [{"allow": true, "type": "p"}])", "/devices/0/type",
         "unknown device type \"p\"; known are a, b, c"},
        {R"("devices": [{"allow": true, "access": "rx"}])", "/devices/0/access",
         "\"rx\" has other letters than r, w, m"},
        {R"("devices": [{"allow": true, "major": -2}])", "/devices/0/major", "-2 is out of range: expected 0 or more"},
        {R"("devices": [{"allow": true, "minor": "*"}])", "/devices/0/minor", "expected an integer, got string \"*\""},
    });
}

TEST(WrongResources, MemoryAndCpu) {
    expect_wrong({
        {R"("memory": [])", "/memory", "expected an object, got an array"},
        {R"("memory": {"limit": -2})", "/memory/limit", "-2 is out of range: expected -1 or more"},
        {R"("memory": {"limit": 9223372036854775808})", "/memory/limit",
         "9223372036854775808 is out of range: expected -9223372036854775808 to 9223372036854775807"},
        {R"("memory": {"limit": 1e9})", "/memory/limit", "expected an integer, got number 1e9"},
        {R"("memory": {"reservation": -9})", "/memory/reservation", "-9 is out of range: expected -1 or more"},
        {R"("memory": {"limit": 100, "swap": 99})", "/memory/swap",
         "99 is memory and swap together and cannot be below the limit of memory, 100"},
        {R"("memory": {"limit": -1, "swap": 99})", "/memory/swap",
         "memory without a limit cannot be combined with a limit for memory and swap"},
        {R"("memory": {"swappiness": 101})", "/memory/swappiness", "101 is out of range: expected 0 to 100"},
        {R"("memory": {"disableOOMKiller": "no"})", "/memory/disableOOMKiller",
         "expected true or false, got string \"no\""},
        {R"("cpu": {"shares": -1})", "/cpu/shares", "expected an unsigned integer, got number -1"},
        {R"("cpu": {"quota": "max"})", "/cpu/quota", "expected an integer, got string \"max\""},
        {R"("cpu": {"cpus": 3})", "/cpu/cpus", "expected a string, got number 3"},
        {R"("cpu": {"cpus": "0-"})", "/cpu/cpus", "\"0-\" is no list of processors such as 0-3,7"},
        {R"("cpu": {"cpus": "0,two"})", "/cpu/cpus", "\"0,two\" is no list of processors such as 0-3,7"},
        {R"("cpu": {"cpus": "0-7:2"})", "/cpu/cpus", "\"0-7:2\" is no list of processors such as 0-3,7"},
        {R"("cpu": {"mems": "0;1"})", "/cpu/mems", "\"0;1\" is no list of memory nodes such as 0-3,7"},
        {R"("cpu": {"idle": 2})", "/cpu/idle", "2 is out of range: expected 0 or 1"},
        {R"("cpu": {"realtimeRuntime": 20, "realtimePeriod": 10})", "/cpu/realtimeRuntime",
         "20 is more than the whole period, 10"},
        {R"("pids": 5)", "/pids", "expected an object, got number 5"},
        {R"("pids": {"limit": "5"})", "/pids/limit", "expected an integer, got string \"5\""},
    });
}

TEST(WrongResources, ListsThatTheKernelReadsAreGood) {
    for (const char* list : {"", "0", "0-3,7", "0-3, 7", "0,,1", "0-1023:2/256", "2-N", "all", "all:1/2"}) {
        auto parsed = parse_resources(std::string("{\"cpu\": {\"cpus\": \"") + list + "\"}}");
        EXPECT_THAT(in_lines(parsed), ::testing::IsEmpty()) << list;
    }
}

TEST(WrongResources, Others) {
    expect_wrong({
        {R"("blockIO": {"weight": 9})", "/blockIO/weight", "9 is out of range: expected 10 to 1000"},
        {R"("blockIO": {"weight": 65536})", "/blockIO/weight", "65536 is out of range: expected 0 to 65535"},
        {R"("blockIO": {"leafWeight": 1001})", "/blockIO/leafWeight", "1001 is out of range: expected 10 to 1000"},
        {R"("blockIO": {"weightDevice": [{"major": 8, "minor": 0}]})", "/blockIO/weightDevice/0",
         "must have a weight or a leafWeight"},
        {R"("blockIO": {"weightDevice": [{"major": 8, "minor": -1, "weight": 10}]})", "/blockIO/weightDevice/0/minor",
         "-1 is out of range: expected 0 or more"},
        {R"("blockIO": {"throttleReadBpsDevice": [{"major": 8, "minor": 0}]})", "/blockIO/throttleReadBpsDevice/0/rate",
         "required, but missing"},
        {R"("blockIO": {"throttleWriteIOPSDevice": [{"major": -8, "minor": 0, "rate": 1}]})",
         "/blockIO/throttleWriteIOPSDevice/0/major", "-8 is out of range: expected 0 or more"},
        {R"("hugepageLimits": [{"limit": 1}])", "/hugepageLimits/0/pageSize", "required, but missing"},
        {R"("hugepageLimits": [{"pageSize": "2mb", "limit": 1}])", "/hugepageLimits/0/pageSize",
         "\"2mb\" is no page size such as 64KB, 2MB or 1GB"},
        {R"("hugepageLimits": [{"pageSize": "02MB", "limit": 1}])", "/hugepageLimits/0/pageSize",
         "\"02MB\" is no page size such as 64KB, 2MB or 1GB"},
        {R"("hugepageLimits": [{"pageSize": "MB", "limit": 1}])", "/hugepageLimits/0/pageSize",
         "\"MB\" is no page size such as 64KB, 2MB or 1GB"},
        {R"("hugepageLimits": [{"pageSize": "2MB", "limit": 1}, {"pageSize": "2MB", "limit": 2}])",
         "/hugepageLimits/1/pageSize", "a second limit for pages of 2MB"},
        {R"("network": {"classID": "1:1"})", "/network/classID", "expected an unsigned integer, got string \"1:1\""},
        {R"("network": {"priorities": [{"name": "", "priority": 1}]})", "/network/priorities/0/name",
         "must not be empty"},
        {R"("rdma": {"mlx5_1": {"hcaHandles": -1}})", "/rdma/mlx5_1/hcaHandles",
         "expected an unsigned integer, got number -1"},
        {R"("rdma": {"mlx5_1": {}})", "/rdma/mlx5_1", "must have hcaHandles or hcaObjects"},
        {R"("rdma": {"mlx5_1": 3})", "/rdma/mlx5_1", "expected an object, got number 3"},
        {R"("unified": {"../cgroup.procs": "1"})", "/unified/..~1cgroup.procs",
         "expected the name of a file of the cgroup"},
        {R"("unified": {"..": "1"})", "/unified/..", "expected the name of a file of the cgroup"},
        {R"("unified": {"memory.high": 1})", "/unified/memory.high", "expected a string, got number 1"},
    });
}

}  // namespace
}  // namespace arca::spec::testing
