// Ring 2: real cgroups of v1, in the hierarchies that this host has mounted.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>

#include "cgroup/cgroup.hpp"
#include "host/facts.hpp"
#include "private_hierarchy.hpp"
#include "sys/syscalls.hpp"

namespace arca::cgroup {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::UnorderedElementsAre;
using testing_support::child_in;
using testing_support::sleeper;

#define ASSERT_OK(expression)                                          \
    do {                                                               \
        const auto& checked = (expression);                            \
        ASSERT_TRUE(checked.has_value()) << checked.error().message(); \
    } while (false)

class KernelV1 : public testing::Test {
  protected:
    void SetUp() override {
        static int count = 0;
        auto facts = host::probe();
        ASSERT_OK(facts);
        if (geteuid() != 0 || facts->v1_hierarchies.empty()) GTEST_SKIP() << "needs root and mounted v1 hierarchies";
        spec::Config config;
        config.linux_.cgroups_path = text::cat("/arca-unit-v1-", getpid(), "-", ++count);
        std::vector<spec::Note> notes;
        auto made = plan(config, *facts, {.id = "x"}, notes);
        ASSERT_OK(made);
        plan_ = std::move(*made);
    }
    void TearDown() override {
        if (plan_.location.kind == Kind::None) return;
        auto group = Cgroup::open(plan_.location);
        ASSERT_OK(group);
        ASSERT_OK(group->kill_all());
        ASSERT_OK(group->wait_empty(5000));
        ASSERT_OK(group->remove());
        for (const auto& place : plan_.location.v1)
            EXPECT_FALSE(std::filesystem::exists(place.mount_point + place.path));
    }

    std::string directory(const std::string& controller) const {
        for (const auto& place : plan_.location.v1)
            for (auto name : text::split(place.controllers, ','))
                if (name == controller) return place.mount_point + place.path;
        return {};
    }
    std::string read(const std::string& controller, const std::string& file) const {
        return std::string(text::trim(sys::read_file(text::cat(directory(controller), "/", file)).value_or("?")));
    }

    Plan plan_;
};

#define REQUIRE_V1(controller) \
    if (directory(controller).empty()) GTEST_SKIP() << "no v1 hierarchy with " controller

TEST_F(KernelV1, IsMadeInEveryHierarchyAndProcessesAreInAllOfThem) {
    auto group = Cgroup::create(plan_);
    ASSERT_OK(group);
    EXPECT_TRUE(group->exists() && group->was_made_here());
    auto one = sleeper(*group);
    for (int i = 0; i < 500 && group->processes()->empty(); ++i)
        usleep(1000);
    for (const auto& place : plan_.location.v1)
        for (int i = 0; i <= 500; ++i) {
            const auto procs = sys::read_file(place.mount_point + place.path + "/cgroup.procs").value_or("?");
            if (procs == text::cat(one.pid(), "\n")) break;
            ASSERT_LT(i, 500) << place.controllers << ": " << procs;
            usleep(1000);
        }
    EXPECT_THAT(*group->processes(), ElementsAre(one.pid()));
    EXPECT_TRUE(*group->is_populated());
    auto again = Cgroup::create(plan_);
    ASSERT_FALSE(again);
    EXPECT_EQ(again.error().code(), Code::WrongState);
    EXPECT_THAT(again.error().message(), HasSubstr("container's cgroup is not empty"));
}

TEST_F(KernelV1, LimitsAreWrittenWhereTheirControllersAre) {
    REQUIRE_V1("memory");
    REQUIRE_V1("pids");
    std::vector<spec::Note> notes;
    spec::Resources resources;
    resources.memory = spec::MemoryResources{.limit = 64 << 20, .swap = 128 << 20};
    resources.pids_limit = 9;
    auto group = Cgroup::create(plan_);
    ASSERT_OK(group);
    ASSERT_OK(group->apply(*writes_for(plan_.location, resources, notes)));
    EXPECT_EQ(read("memory", "memory.limit_in_bytes"), "67108864");
    EXPECT_EQ(read("memory", "memory.memsw.limit_in_bytes"), "134217728");
    EXPECT_EQ(read("pids", "pids.max"), "9");
    // Whatever is lifted first, the other must follow, and the other way round.
    for (const std::int64_t factor : {4, 1}) {
        resources.memory = spec::MemoryResources{.limit = factor * (60 << 20), .swap = factor * (63 << 20)};
        ASSERT_OK(group->apply(*writes_for(plan_.location, resources, notes)));
        EXPECT_EQ(read("memory", "memory.limit_in_bytes"), text::cat(factor * (60 << 20)));
    }
}

TEST_F(KernelV1, CpusetsAreFilledFromAbove) {
    REQUIRE_V1("cpuset");
    for (auto& place : plan_.location.v1)
        place.path += "/below";
    plan_.location.path += "/below";
    auto group = Cgroup::create(plan_);
    ASSERT_OK(group);
    EXPECT_NE(read("cpuset", "cpuset.cpus"), "");
    EXPECT_NE(read("cpuset", "cpuset.mems"), "");
    ASSERT_OK(group->remove());
    for (auto& place : plan_.location.v1)
        place.path.resize(place.path.size() - 6);
    plan_.location.path.resize(plan_.location.path.size() - 6);
}

TEST_F(KernelV1, AValueOutOfBoundsIsExplained) {
    REQUIRE_V1("cpuset");
    auto group = Cgroup::create(plan_);
    ASSERT_OK(group);
    auto applied = group->apply(
        {{.file = "cpuset.cpus", .value = "4000", .pointer = "/linux/resources/cpu/cpus", .controller = "cpuset"}});
    ASSERT_FALSE(applied);
    EXPECT_EQ(applied.error().pointer(), "/linux/resources/cpu/cpus");
    EXPECT_THAT(applied.error().message(), HasSubstr("write(cpuset.cpus, \"4000\")"));
}

TEST_F(KernelV1, DevicesAreAllowedAndDenied) {
    REQUIRE_V1("devices");
    auto group = Cgroup::create(plan_);
    ASSERT_OK(group);
    const spec::DeviceRule deny_all{.allow = false};
    const spec::DeviceRule null{.allow = true, .type = 'c', .major = 1, .minor = 3, .access = "rw"};
    const spec::DeviceRule zero{.allow = true, .type = 'c', .major = 1, .minor = 5, .access = "r"};
    ASSERT_OK(group->install_device_filter({deny_all, null}));
    EXPECT_EQ(read("devices", "devices.list"), "c 1:3 rw");
    auto reader = child_in(*group, [] {
        if (!sys::open("/dev/null", O_RDONLY)) return 1;
        return sys::open("/dev/zero", O_RDONLY) ? 2 : 0;
    });
    EXPECT_EQ(reader.wait()->code, 0);
    ASSERT_OK(group->replace_device_filter({deny_all, zero}));
    EXPECT_EQ(read("devices", "devices.list"), "c 1:5 r");
}

TEST_F(KernelV1, FreezesThawsAndDiesFrozen) {
    REQUIRE_V1("freezer");
    auto group = Cgroup::create(plan_);
    ASSERT_OK(group);
    auto one = sleeper(*group);
    ASSERT_OK(group->freeze(5000));
    EXPECT_TRUE(*group->is_frozen());
    EXPECT_EQ(read("freezer", "freezer.state"), "FROZEN");
    ASSERT_OK(group->thaw(5000));
    EXPECT_FALSE(*group->is_frozen());
    ASSERT_OK(group->freeze(5000));
    ASSERT_OK(group->kill_all());
    EXPECT_EQ(one.wait()->signal, SIGKILL);
    ASSERT_OK(group->wait_empty(5000));
}

TEST_F(KernelV1, WithoutV2EachProcessIsKilledFrozen) {
    REQUIRE_V1("freezer");
    plan_.location.mount_point.clear();
    auto group = Cgroup::create(plan_);
    ASSERT_OK(group);
    auto forking = child_in(*group, [] {
        for (int i = 0; i < 100; ++i)
            if (fork() == 0) ::pause();
        ::pause();
        return 0;
    });
    for (int i = 0; i < 500 && group->processes()->size() < 50; ++i)
        usleep(1000);
    ASSERT_OK(group->kill_all());
    EXPECT_EQ(forking.wait()->signal, SIGKILL);
    ASSERT_OK(group->wait_empty(5000));
    EXPECT_THAT(*group->processes(), IsEmpty());
    EXPECT_EQ(read("freezer", "freezer.state"), "THAWED");
}

TEST_F(KernelV1, AProcessThatWasMovedInOneHierarchyAloneIsFound) {
    REQUIRE_V1("pids");
    auto group = Cgroup::create(plan_);
    ASSERT_OK(group);
    auto stranger = child_in(Cgroup(), [] {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        ::pause();
        return 0;
    });
    ASSERT_OK(sys::write_file_at(sys::FdRef::working_directory(), directory("pids") + "/cgroup.procs",
                                 text::cat(stranger.pid())));
    EXPECT_THAT(*group->processes(), UnorderedElementsAre(stranger.pid()));
    auto waited = group->wait_empty(20);
    ASSERT_FALSE(waited);
    EXPECT_THAT(waited.error().message(), HasSubstr(text::cat("1 process: pid ", stranger.pid(), " (")));
    ASSERT_OK(group->kill_all());
    EXPECT_EQ(stranger.wait()->signal, SIGKILL);
}

TEST_F(KernelV1, TheWayIntoSubCgroupsIsByController) {
    REQUIRE_V1("pids");
    auto group = Cgroup::create(plan_);
    ASSERT_OK(group);
    ASSERT_OK(sys::mkdirat(sys::FdRef::working_directory(), directory("pids") + "/sub", 0755));
    EXPECT_TRUE(group->entrance_below({"pids:sub"}));
    auto everywhere = group->entrance_below({"sub"});
    ASSERT_FALSE(everywhere);
    EXPECT_THAT(everywhere.error().message(), HasSubstr("no sub-cgroup sub in the hierarchy of"));
    auto unknown = group->entrance_below({"nonsense:sub"});
    ASSERT_FALSE(unknown);
    EXPECT_THAT(unknown.error().message(),
                HasSubstr("no cgroup v1 hierarchy of the container has a controller \"nonsense\""));
    EXPECT_FALSE(group->entrance_below({"pids:../x"}));
    auto twice = group->entrance_below({"pids:sub", "pids:/"});
    ASSERT_FALSE(twice);
    EXPECT_THAT(twice.error().message(), HasSubstr("two sub-cgroups are given for the hierarchy of pids"));
}

}  // namespace
}  // namespace arca::cgroup
