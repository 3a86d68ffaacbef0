// The kernel's statistics, parsed.
#include "cgroup/statistics.hpp"

#include <gmock/gmock.h>
#include <unistd.h>

#include "private_hierarchy.hpp"

namespace arca::cgroup {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::Pair;

TEST(Statistics, Pressure) {
    auto pressure = parse_pressure(
        "some avg10=1.05 avg60=0.00 avg300=12.30 total=123456\n"
        "full avg10=0.50 avg60=0.00 avg300=100.00 total=7\n");
    ASSERT_TRUE(pressure);
    EXPECT_THAT(pressure->some.averages, ElementsAre(105, 0, 1230));
    EXPECT_EQ(pressure->some.total_us, 123456U);
    EXPECT_THAT(pressure->full.averages, ElementsAre(50, 0, 10000));
    EXPECT_FALSE(parse_pressure(""));
}

TEST(Statistics, Counters) {
    EXPECT_THAT(parse_counters("anon 4096\nfile 0\nbroken\nx y\n"), ElementsAre(Pair("anon", 4096), Pair("file", 0)));
}

TEST(Statistics, BlockIo) {
    Statistics all;
    parse_io_stat("8:0 rbytes=10 wbytes=20 rios=1 wios=2 dbytes=0 dios=0\n253:16 rbytes=5\n(unknown)\n", all);
    ASSERT_EQ(all.io_bytes.size(), 4U);
    EXPECT_EQ(all.io_bytes[1].operation, "Write");
    EXPECT_EQ(all.io_bytes[1].value, 20U);
    EXPECT_EQ(all.io_bytes[3].major, 253U);
    EXPECT_EQ(all.io_bytes[3].minor, 16U);
    ASSERT_EQ(all.io_operations.size(), 3U);
    EXPECT_EQ(all.io_operations[0].operation, "Read");
}

TEST(Statistics, Lists) {
    EXPECT_THAT(parse_list("0-2,5\n"), ElementsAre(0, 1, 2, 5));
    EXPECT_THAT(parse_list("\n"), IsEmpty());
    EXPECT_THAT(parse_list("x,1-y,7"), ElementsAre(7));
}

class KernelStatistics : public testing_support::CgroupTest {};

TEST_F(KernelStatistics, AreReadFromACgroup) {
    auto group = Cgroup::create(plan_at());
    ASSERT_TRUE(group) << group.error().message();
    {
        auto busy = testing_support::child_in(*group, [] {
            volatile unsigned long sum = 0;
            for (unsigned long i = 0; i < 50'000'000; ++i)
                sum = sum + i;
            return 0;
        });
        ASSERT_TRUE(busy.wait());
    }
    auto all = group->statistics();
    ASSERT_TRUE(all) << all.error().message();
    EXPECT_GT(all->cpu.total_ns, 0U) << "cpu.stat is there without the controller";
    EXPECT_EQ(all->cpu.pressure.has_value(), access(directory("/cpu.pressure").c_str(), F_OK) == 0);
}

TEST_F(KernelStatistics, OfACgroupThatIsGoneAreAnErrorOrEmpty) {
    auto group = Cgroup::create(plan_at());
    ASSERT_TRUE(group && group->remove());
    auto all = group->statistics();
    EXPECT_TRUE(!all || all->cpu.total_ns == 0);
}

}  // namespace
}  // namespace arca::cgroup
