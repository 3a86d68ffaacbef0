#include "cgroup/resources.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace arca::cgroup {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

/// "file=value" of each write, "?" after what may be skipped.
std::vector<std::string> lines(const std::vector<Write>& writes) {
    std::vector<std::string> out;
    for (const auto& write : writes)
        out.push_back(write.file + "=" + write.value + (write.if_absent == IfAbsent::Skip ? "?" : ""));
    return out;
}

std::vector<std::string> translated(const spec::Resources& resources) {
    std::vector<spec::Note> notes;
    auto writes = translate(resources, notes);
    if (!writes) return {"error: " + writes.error().message()};
    return lines(*writes);
}

std::vector<std::string> noted(const spec::Resources& resources) {
    std::vector<spec::Note> notes;
    EXPECT_TRUE(translate(resources, notes));
    std::vector<std::string> pointers;
    for (const auto& note : notes)
        pointers.push_back(note.pointer);
    return pointers;
}

TEST(Resources, SharesBecomeWeightOnTheCurveOfTheOtherRuntimes) {
    const std::pair<std::uint64_t, std::uint64_t> table[] = {
        {2, 1},          {3, 2},          {10, 4},     {100, 17},   {512, 59},           {1000, 99},
        {1024, 100},     {1025, 101},     {2048, 174}, {4096, 303}, {8192, 532},         {65536, 3023},
        {262143, 10000}, {262144, 10000}, {0, 1},      {1, 1},      {UINT64_MAX, 10000},
    };
    for (auto [shares, weight] : table)
        EXPECT_EQ(weight_from_shares(shares), weight) << shares;
}

TEST(Resources, BlockIoWeightIsLinear) {
    EXPECT_EQ(io_weight(10), 1U);
    EXPECT_EQ(io_weight(100), 910U);
    EXPECT_EQ(io_weight(500), 4950U);
    EXPECT_EQ(io_weight(1000), 10000U);
    EXPECT_EQ(io_weight(1), 1U);
    EXPECT_EQ(io_weight(2000), 10000U);
}

struct MemoryCase {
    const char* what;
    spec::MemoryResources memory;
    std::vector<std::string> expected;
};

TEST(Resources, Memory) {
    const MemoryCase cases[] = {
        {"nothing", {}, {}},
        {"zero is unset", {.limit = 0, .reservation = 0, .swap = 0}, {}},
        {"limit alone leaves swap", {.limit = 1 << 20}, {"memory.max=1048576"}},
        {"both", {.limit = 1000, .swap = 3000}, {"memory.swap.max=2000", "memory.max=1000"}},
        {"equal means no swap", {.limit = 1000, .swap = 1000}, {"memory.swap.max=0?", "memory.max=1000"}},
        {"unlimited swap", {.limit = 1000, .swap = -1}, {"memory.swap.max=max?", "memory.max=1000"}},
        {"unlimited memory frees swap too", {.limit = -1}, {"memory.swap.max=max?", "memory.max=max?"}},
        {"reservation is memory.low", {.limit = 9, .reservation = 5}, {"memory.max=9", "memory.low=5"}},
        {"unlimited reservation", {.reservation = -1}, {"memory.low=max"}},
        {"swap without memory",
         {.swap = 5},
         {"error: /linux/resources/memory/swap: a limit of memory and swap together needs a limit of memory"}},
        {"swap with unlimited memory",
         {.limit = -1, .swap = 5},
         {"error: /linux/resources/memory/swap: a limit of memory and swap together needs a limit of memory"}},
        {"swap below memory",
         {.limit = 10, .swap = 5},
         {"error: /linux/resources/memory/swap: memory and swap together (5) is less than memory alone (10)"}},
    };
    for (const auto& c : cases)
        EXPECT_EQ(translated({.memory = c.memory}), c.expected) << c.what;
}

TEST(Resources, CheckBeforeUpdateComparesWithUsage) {
    std::vector<spec::Note> notes;
    auto writes = translate({.memory = {{.limit = 10, .swap = 30, .check_before_update = true}}}, notes);
    ASSERT_TRUE(writes);
    ASSERT_EQ(writes->size(), 2U);
    EXPECT_EQ((*writes)[0].usage_file, "memory.swap.current");
    EXPECT_EQ((*writes)[1].usage_file, "memory.current");
}

struct CpuCase {
    const char* what;
    spec::CpuResources cpu;
    std::vector<std::string> expected;
};

TEST(Resources, Cpu) {
    const CpuCase cases[] = {
        {"zero is unset", {.shares = 0, .quota_us = 0, .period_us = 0}, {}},
        {"shares", {.shares = 1024}, {"cpu.weight=100"}},
        {"quota alone takes the default period", {.quota_us = 50000}, {"cpu.max=50000 100000"}},
        {"quota and period", {.quota_us = 5000, .period_us = 10000}, {"cpu.max=5000 10000"}},
        {"period alone", {.period_us = 10000}, {"cpu.max=max 10000?"}},
        {"no quota", {.quota_us = -1}, {"cpu.max=max 100000?"}},
        {"burst", {.quota_us = 9, .burst_us = 5, .period_us = 10}, {"cpu.max=9 10", "cpu.max.burst=5"}},
        {"no burst", {.burst_us = 0}, {"cpu.max.burst=0?"}},
        {"idle takes the weight away", {.shares = 2, .idle = 1}, {"cpu.idle=1"}},
        {"not idle first, then weight", {.shares = 2, .idle = 0}, {"cpu.idle=0?", "cpu.weight=1"}},
        {"sets", {.cpus = "0-1", .mems = "0"}, {"cpuset.cpus=0-1", "cpuset.mems=0"}},
    };
    for (const auto& c : cases)
        EXPECT_EQ(translated({.cpu = c.cpu}), c.expected) << c.what;
}

TEST(Resources, Pids) {
    EXPECT_THAT(translated({.pids_limit = 7}), ElementsAre("pids.max=7"));
    EXPECT_THAT(translated({.pids_limit = 0}), ElementsAre("pids.max=1"));
    EXPECT_THAT(translated({.pids_limit = -1}), ElementsAre("pids.max=max?"));
    EXPECT_THAT(translated({}), IsEmpty());
}

TEST(Resources, WeightGoesToBfqOrElseToIoWeight) {
    std::vector<spec::Note> notes;
    auto writes = translate({.block_io = {{.weight = 500, .weight_device = {{8, 16, 100, {}}}}}}, notes);
    ASSERT_TRUE(writes);
    ASSERT_EQ(writes->size(), 2U);
    EXPECT_EQ((*writes)[0], (Write{"io.bfq.weight", "500", "/linux/resources/blockIO/weight", "io", IfAbsent::UseOther,
                                   "io.weight", "4950", ""}));
    EXPECT_EQ((*writes)[1], (Write{"io.bfq.weight", "8:16 100", "/linux/resources/blockIO/weightDevice/0/weight", "io",
                                   IfAbsent::UseOther, "io.weight", "8:16 910", ""}));
}

TEST(Resources, ThrottlesAreMergedByDevice) {
    spec::BlockIoResources block_io;
    block_io.throttle_read_bps = {{8, 0, 1000}, {8, 16, 7}};
    block_io.throttle_write_bps = {{8, 0, 2000}};
    block_io.throttle_read_iops = {{8, 16, 0}};
    block_io.throttle_write_iops = {{8, 0, 4}};
    EXPECT_THAT(translated({.block_io = block_io}),
                ElementsAre("io.max=8:0 rbps=1000 wbps=2000 wiops=4", "io.max=8:16 rbps=7 riops=max"));
}

TEST(Resources, HugepagesLimitReservationsWhereTheyAreCounted) {
    EXPECT_THAT(translated({.hugepage_limits = {{"2MB", 4096}}}),
                ElementsAre("hugetlb.2MB.max=4096", "hugetlb.2MB.rsvd.max=4096?"));
    EXPECT_THAT(translated({.hugepage_limits = {{"../../x", 4096}}}),
                ElementsAre("error: /linux/resources/hugepageLimits/0/pageSize: \"../../x\" is not a page size (2MB, "
                            "1GB)"));
}

TEST(Resources, Rdma) {
    EXPECT_THAT(translated({.rdma = {{"mlx5_1", {3, 10000}}, {"mlx4_0", {{}, 1}}, {"none", {}}}}),
                ElementsAre("rdma.max=mlx4_0 hca_object=1", "rdma.max=mlx5_1 hca_handle=3 hca_object=10000"));
}

TEST(Resources, UnifiedOverridesAndIsWrittenLineByLine) {
    spec::Resources resources;
    resources.memory = {.limit = 10, .reservation = 5};
    resources.block_io = {.throttle_read_bps = {{8, 0, 1}}};
    resources.unified = {{"memory.max", "20"}, {"io.max", "8:0 rbps=2\n8:16 wbps=3\n"}, {"cgroup.max.depth", "2"}};
    EXPECT_THAT(translated(resources), ElementsAre("memory.low=5", "io.max=8:0 rbps=1", "cgroup.max.depth=2",
                                                   "io.max=8:0 rbps=2", "io.max=8:16 wbps=3", "memory.max=20"));
}

TEST(Resources, UnifiedEntriesKnowTheirController) {
    std::vector<spec::Note> notes;
    auto writes = translate({.unified = {{"cgroup.max.depth", "2"}, {"cpuset.cpus", ""}}}, notes);
    ASSERT_TRUE(writes);
    ASSERT_EQ(writes->size(), 2U);
    EXPECT_EQ((*writes)[0].controller, "");
    EXPECT_EQ((*writes)[1].controller, "cpuset");
    EXPECT_EQ((*writes)[1].value, "\n");
    EXPECT_EQ((*writes)[1].pointer, "/linux/resources/unified/cpuset.cpus");
}

TEST(Resources, UnifiedNamesMustBeFilesOfACgroup) {
    for (const char* name : {"", "memory", "../memory.max", "a/b.c", ".hidden", "cgroup.procs", "cgroup.threads"}) {
        std::vector<spec::Note> notes;
        auto writes = translate({.unified = {{name, "1"}}}, notes);
        ASSERT_FALSE(writes) << name;
        EXPECT_EQ(writes.error().code(), Code::InvalidConfig) << name;
    }
    std::vector<spec::Note> notes;
    EXPECT_EQ(translate({.unified = {{"a/b~c", "1"}}}, notes).error().pointer(), "/linux/resources/unified/a~1b~0c");
}

TEST(Resources, WhatOnlyV1CanDoIsNoted) {
    spec::Resources resources;
    resources.memory = {.kernel = 5, .kernel_tcp = 5, .swappiness = 0, .disable_oom_killer = true};
    resources.cpu = {.shares = 5, .realtime_runtime_us = 5, .realtime_period_us = 5, .idle = 1};
    resources.block_io = {.leaf_weight = 10, .weight_device = {{8, 0, {}, 10}}};
    resources.network = {.class_id = 5, .priorities = {{"eth0", 1}}};
    EXPECT_THAT(noted(resources),
                ElementsAre("/linux/resources/memory/kernel", "/linux/resources/memory/kernelTCP",
                            "/linux/resources/memory/swappiness", "/linux/resources/memory/disableOOMKiller",
                            "/linux/resources/cpu/shares", "/linux/resources/cpu/realtimeRuntime",
                            "/linux/resources/cpu/realtimePeriod", "/linux/resources/blockIO/leafWeight",
                            "/linux/resources/blockIO/weightDevice/0/leafWeight", "/linux/resources/network/classID",
                            "/linux/resources/network/priorities"));
    // What is zero or absent asks for nothing: engines send such fields always.
    resources.memory = {.kernel = 0, .kernel_tcp = 0};
    resources.cpu = {.realtime_runtime_us = 0, .realtime_period_us = 0};
    resources.block_io = {.leaf_weight = 0};
    resources.network = {.class_id = 0};
    EXPECT_THAT(noted(resources), IsEmpty());
}

}  // namespace
}  // namespace arca::cgroup
