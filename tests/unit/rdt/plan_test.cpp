#include "rdt/plan.hpp"

#include <gmock/gmock.h>

namespace arca::rdt {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

Plan must_plan(const spec::IntelRdt& wanted) {
    auto result = plan(wanted, "web", "/sys/fs/resctrl");
    if (result) return std::move(*result);
    ADD_FAILURE() << result.error().message();
    return {};
}

TEST(RdtPlan, WithoutAnIdTheGroupIsTheContainers) {
    spec::IntelRdt wanted;
    wanted.schemata = {"L3:0=f"};
    const auto made = must_plan(wanted);
    EXPECT_EQ(made.kind, Plan::Group::Own);
    EXPECT_EQ(made.group, "web");
    EXPECT_EQ(made.monitor, "");
}

TEST(RdtPlan, AnIdAloneNamesAGroupThatMustBeThere) {
    EXPECT_EQ(must_plan({.clos_id = "gold"}).kind, Plan::Group::Named);
    EXPECT_EQ(must_plan({.clos_id = "gold", .mem_bw_schema = "MB:0=50"}).kind, Plan::Group::Shared);
    EXPECT_EQ(must_plan({.clos_id = "/"}).group, "");
}

TEST(RdtPlan, SchemataInTheOrderOfTheSpecification) {
    spec::IntelRdt wanted;
    wanted.l3_cache_schema = "L3:0=f;1=f\nMB:0=10\n";
    wanted.mem_bw_schema = "MB:0=50";
    wanted.schemata = {"L2:0=3", "  "};
    EXPECT_THAT(must_plan(wanted).schemata, ElementsAre("L3:0=f;1=f", "MB:0=50", "L2:0=3"));
    EXPECT_THAT(must_plan({.enable_monitoring = true}).schemata, IsEmpty());
    EXPECT_EQ(must_plan({.enable_monitoring = true}).monitor, "web");
}

TEST(RdtPlan, NeedsResctrl) {
    const auto result = plan({}, "web", "");
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code(), Code::Unsupported);
    EXPECT_EQ(result.error().pointer(), "/linux/intelRdt");
}

}  // namespace
}  // namespace arca::rdt
