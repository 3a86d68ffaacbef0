// The schema that readers of `runc events` parse: names, what is left out when it is 0, and what is not.
#include "container/events_json.hpp"

#include <gtest/gtest.h>

namespace arca::container {
namespace {

constexpr auto kNoLimit = "18446744073709551615";

TEST(EventsJson, WithoutAnyStatistics) {
    const std::string none = std::string(R"({"limit":)") + kNoLimit + R"(,"failcnt":0})";
    EXPECT_EQ(stats_event("web", {}),
              R"({"type":"stats","id":"web","data":{"cpu":{"usage":{"kernel":0,"user":0},"throttling":{}},)"
              R"("cpuset":{"cpu_exclusive":0,"mem_hardwall":0,"mem_exclusive":0,"memory_migrate":0,)"
              R"("memory_spread_page":0,"memory_spread_slab":0,"memory_pressure":0,"sched_load_balance":0,)"
              R"("sched_relax_domain_level":0},"memory":{"usage":)" +
                  none + R"(,"swap":)" + none + R"(,"kernel":)" + none + R"(,"kernelTCP":)" + none +
                  R"(},"pids":{},"blkio":{},"hugetlb":{},"intel_rdt":{},"network_interfaces":null}})");
}

TEST(EventsJson, WithEverything) {
    cgroup::Statistics all;
    all.cpu = {.total_ns = 3000,
               .user_ns = 2000,
               .kernel_ns = 1000,
               .per_cpu_ns = {1, 2},
               .periods = 4,
               .throttled_periods = 2,
               .throttled_ns = 9,
               .bursts = 1,
               .burst_ns = 8,
               .pressure = cgroup::Pressure{{{105, 0, 1230}, 7}, {}}};
    all.cpus = {0, 3};
    all.memory_nodes = {0};
    all.memory.cache = 5;
    all.memory.usage = {.limit = 100, .usage = 50, .peak = 60, .failures = 2};
    all.memory.raw = {{"anon", 1}};
    all.memory.events = {{"oom_kill", 1}};
    all.processes = 3;
    all.processes_limit = 10;
    all.processes_peak = 4;
    all.io_bytes = {{8, 0, "Read", 512}};
    all.huge_pages["2MB"] = {.usage = 2, .failures = 1};
    all.rdma["mlx"] = {{"hca_handle", 1}};
    all.misc["sev"] = {.limit = 9, .usage = 1};
    const auto json = stats_event("web", all);
    for (const char* part :
         {R"("cpu":{"usage":{"total":3000,"percpu":[1,2],"kernel":1000,"user":2000},"throttling":{"periods":4,)"
          R"("throttledPeriods":2,"throttledTime":9,"bursts":1,"burstTime":8},"psi":{"some":{"avg10":1.05,)"
          R"("avg60":0.00,"avg300":12.30,"total":7},"full":{"avg10":0.00,"avg60":0.00,"avg300":0.00,"total":0}}})",
          R"("cpuset":{"cpus":[0,3],"cpu_exclusive":0,"mems":[0],)",
          R"("memory":{"cache":5,"usage":{"limit":100,"usage":50,"max":60,"failcnt":2},)",
          R"("raw":{"anon":1},"events":{"oom_kill":1}})", R"("pids":{"current":3,"limit":10,"peak":4})",
          R"("blkio":{"ioServiceBytesRecursive":[{"major":8,"op":"Read","value":512}]})",
          R"("hugetlb":{"2MB":{"usage":2,"failcnt":1}})", R"("rdma":{"mlx":{"hca_handle":1}})",
          R"("misc":{"sev":{"limit":9,"usage":1,"failcnt":0}})"})
        EXPECT_NE(json.find(part), std::string::npos) << part << "\n" << json;
}

TEST(EventsJson, Oom) {
    EXPECT_EQ(oom_event("web"), R"({"type":"oom","id":"web"})");
}

}  // namespace
}  // namespace arca::container
