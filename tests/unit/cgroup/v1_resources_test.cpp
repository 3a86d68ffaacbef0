#include "cgroup/v1_resources.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/text.hpp"

namespace arca::cgroup {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::vector<std::string> lines_of(const std::vector<Write>& writes) {
    std::vector<std::string> lines;
    for (const auto& write : writes)
        lines.push_back(text::cat(write.file, "=", write.value));
    return lines;
}

std::vector<std::string> translated(const spec::Resources& resources) {
    std::vector<spec::Note> notes;
    auto writes = translate_v1(resources, notes);
    EXPECT_TRUE(writes) << writes.error().message();
    EXPECT_THAT(notes, IsEmpty());
    return writes ? lines_of(*writes) : std::vector<std::string>{};
}

TEST(V1Resources, Memory) {
    EXPECT_THAT(translated({.memory = spec::MemoryResources{.limit = 100,
                                                            .reservation = 50,
                                                            .swap = 300,
                                                            .kernel_tcp = 7,
                                                            .swappiness = 0,
                                                            .disable_oom_killer = true,
                                                            .use_hierarchy = true}}),
                ElementsAre("memory.use_hierarchy=1", "memory.limit_in_bytes=100", "memory.memsw.limit_in_bytes=300",
                            "memory.soft_limit_in_bytes=50", "memory.kmem.tcp.limit_in_bytes=7", "memory.swappiness=0",
                            "memory.oom_control=1"));
}

TEST(V1Resources, MemoryWithoutALimitHasNoneWithSwapEither) {
    EXPECT_THAT(translated({.memory = spec::MemoryResources{.limit = -1}}),
                ElementsAre("memory.limit_in_bytes=-1", "memory.memsw.limit_in_bytes=-1"));
    EXPECT_THAT(translated({.memory = spec::MemoryResources{.limit = 5, .swap = -1}}),
                ElementsAre("memory.limit_in_bytes=5", "memory.memsw.limit_in_bytes=-1"));
    EXPECT_THAT(translated({.memory = spec::MemoryResources{.limit = 0, .swap = 0}}), IsEmpty());
}

TEST(V1Resources, AKernelLimitIsNoted) {
    std::vector<spec::Note> notes;
    auto writes = translate_v1({.memory = spec::MemoryResources{.kernel = 5}}, notes);
    ASSERT_TRUE(writes);
    EXPECT_THAT(*writes, IsEmpty());
    ASSERT_EQ(notes.size(), 1U);
    EXPECT_EQ(notes[0].pointer, "/linux/resources/memory/kernel");
}

TEST(V1Resources, CpuAndCpuset) {
    EXPECT_THAT(translated({.cpu = spec::CpuResources{.shares = 512,
                                                      .quota_us = -1,
                                                      .burst_us = 0,
                                                      .period_us = 50'000,
                                                      .realtime_runtime_us = 900,
                                                      .realtime_period_us = 1000,
                                                      .cpus = "0-1",
                                                      .mems = "0"}}),
                ElementsAre("cpu.shares=512", "cpu.cfs_period_us=50000", "cpu.cfs_quota_us=-1", "cpu.cfs_burst_us=0",
                            "cpu.rt_period_us=1000", "cpu.rt_runtime_us=900", "cpuset.cpus=0-1", "cpuset.mems=0"));
}

TEST(V1Resources, SharesOutOfRangeAreRefused) {
    for (std::uint64_t shares : {1U, 262'145U}) {
        std::vector<spec::Note> notes;
        auto writes = translate_v1({.cpu = spec::CpuResources{.shares = shares}}, notes);
        ASSERT_FALSE(writes) << shares;
        EXPECT_EQ(writes.error().pointer(), "/linux/resources/cpu/shares");
        EXPECT_THAT(writes.error().message(), HasSubstr("allowed cpu-shares is"));
    }
}

TEST(V1Resources, Pids) {
    EXPECT_THAT(translated({.pids_limit = 0}), ElementsAre("pids.max=1"));
    EXPECT_THAT(translated({.pids_limit = -1}), ElementsAre("pids.max=max"));
    EXPECT_THAT(translated({.pids_limit = 9}), ElementsAre("pids.max=9"));
}

TEST(V1Resources, BlockIo) {
    spec::BlockIoResources io{.weight = 100, .leaf_weight = 20};
    io.weight_device = {{.major = 8, .minor = 0, .weight = 300, .leaf_weight = 30}};
    io.throttle_read_bps = {{8, 0, 1024}};
    io.throttle_write_iops = {{8, 16, 0}};
    std::vector<spec::Note> notes;
    auto writes = translate_v1({.block_io = io}, notes);
    ASSERT_TRUE(writes);
    EXPECT_THAT(lines_of(*writes),
                ElementsAre("blkio.weight=100", "blkio.leaf_weight=20", "blkio.weight_device=8:0 300",
                            "blkio.leaf_weight_device=8:0 30", "blkio.throttle.read_bps_device=8:0 1024",
                            "blkio.throttle.write_iops_device=8:16 0"));
    EXPECT_EQ((*writes)[0].if_absent, IfAbsent::UseOther);
    EXPECT_EQ((*writes)[0].other_file, "blkio.bfq.weight");
    EXPECT_EQ((*writes)[2].other_file, "blkio.bfq.weight_device");
    EXPECT_EQ((*writes)[2].other_value, "8:0 300");
}

TEST(V1Resources, TheRest) {
    spec::Resources resources;
    resources.hugepage_limits = {{"2MB", 4'194'304}};
    resources.rdma = {{"mlx5_1", {.hca_handles = 3, .hca_objects = 10'000}}};
    resources.network = spec::NetworkResources{.class_id = 0x100001, .priorities = {{"eth0", 500}, {"lo", 1}}};
    EXPECT_THAT(translated(resources),
                ElementsAre("hugetlb.2MB.limit_in_bytes=4194304", "hugetlb.2MB.rsvd.limit_in_bytes=4194304",
                            "rdma.max=mlx5_1 hca_handle=3 hca_object=10000", "net_cls.classid=1048577",
                            "net_prio.ifpriomap=eth0 500", "net_prio.ifpriomap=lo 1"));
}

TEST(V1Resources, FilesOfV2AreRefused) {
    std::vector<spec::Note> notes;
    auto writes = translate_v1({.unified = {{"memory.high", "1"}}}, notes);
    ASSERT_FALSE(writes);
    EXPECT_EQ(writes.error().code(), Code::Unsupported);
    EXPECT_EQ(writes.error().pointer(), "/linux/resources/unified/memory.high");
}

TEST(V1Resources, AHybridHostDividesByController) {
    const std::vector<V1Place> places = {
        {"cpu,cpuacct", "/c", "/a"}, {"blkio", "/b", "/a"}, {"name=systemd", "/s", "/a"}};
    spec::Resources resources;
    resources.cpu = spec::CpuResources{.shares = 5, .cpus = "1"};
    resources.pids_limit = 5;
    resources.block_io = spec::BlockIoResources{.weight = 10};
    resources.unified = {{"io.max", "x"}, {"memory.high", "y"}, {"cgroup.max.depth", "3"}};
    const auto parts = divide(resources, places);
    EXPECT_TRUE(parts.v1.cpu && parts.v1.cpu->shares == 5 && parts.v1.cpu->cpus.empty());
    EXPECT_TRUE(parts.v2.cpu && !parts.v2.cpu->shares && parts.v2.cpu->cpus == "1");
    EXPECT_TRUE(parts.v1.block_io && !parts.v2.block_io);
    EXPECT_TRUE(!parts.v1.pids_limit && parts.v2.pids_limit);
    EXPECT_TRUE(parts.v1.unified.contains("io.max") && parts.v1.unified.size() == 1);
    EXPECT_TRUE(parts.v2.unified.contains("memory.high") && parts.v2.unified.contains("cgroup.max.depth"));
}

}  // namespace
}  // namespace arca::cgroup
