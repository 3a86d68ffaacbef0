#include "cgroup/plan.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cgroup/device_rules.hpp"

namespace arca::cgroup {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

host::Facts unified_host() {
    return {.cgroup_layout = host::CgroupLayout::Unified,
            .cgroup2_mount = "/sys/fs/cgroup",
            .own_cgroup = "/user.slice/user-1000.slice/run.scope"};
}

host::Facts legacy_host() {
    return {.cgroup_layout = host::CgroupLayout::Legacy,
            .v1_hierarchies = {{"pids", "/sys/fs/cgroup/pids", "/u/x"},
                               {"name=systemd", "/sys/fs/cgroup/systemd", "/s/y"}}};
}

host::Facts hybrid_host() {
    auto facts = legacy_host();
    facts.cgroup_layout = host::CgroupLayout::Hybrid;
    facts.cgroup2_mount = "/sys/fs/cgroup/unified";
    facts.own_cgroup = "/w/z";
    return facts;
}

spec::Config with_path(std::string path) {
    spec::Config config;
    config.linux_.cgroups_path = std::move(path);
    return config;
}

spec::Config with_pids_limit() {
    spec::Config config;
    config.linux_.resources.pids_limit = 5;
    return config;
}

struct PathCase {
    const char* cgroups_path;
    bool rootless;
    const char* expected;  ///< null: no cgroup
};

TEST(CgroupPlan, Path) {
    const PathCase cases[] = {
        {"/machine/web", false, "/machine/web"},
        {"//machine/./web/", false, "/machine/web"},
        {"/machine/web", true, "/machine/web"},
        {"machine/web", false, "/machine/web"},
        {"", false, "/web1"},
        {"", true, nullptr},
        {"web", true, "/user.slice/user-1000.slice/web"},
        {"system.slice:docker:1", false, "/system.slice:docker:1"},
    };
    for (const auto& c : cases) {
        std::vector<spec::Note> notes;
        auto made = plan(with_path(c.cgroups_path), unified_host(), {.id = "web1", .rootless = c.rootless}, notes);
        ASSERT_TRUE(made) << c.cgroups_path << made.error().message();
        const auto expected = c.expected != nullptr ? Location{Kind::V2, "/sys/fs/cgroup", c.expected} : Location{};
        EXPECT_EQ(made->location, expected) << c.cgroups_path;
        EXPECT_THAT(notes, IsEmpty()) << c.cgroups_path;
    }
}

TEST(CgroupPlan, ARelativePathDoesNotDependOnTheCaller) {
    std::vector<spec::Note> notes;
    auto elsewhere = unified_host();
    elsewhere.own_cgroup = "/system.slice/engine.service";
    auto here = plan(with_path("a/b"), unified_host(), {.id = "x"}, notes);
    auto there = plan(with_path("a/b"), elsewhere, {.id = "x"}, notes);
    ASSERT_TRUE(here && there);
    EXPECT_EQ(here->location, there->location);
}

TEST(CgroupPlan, RootlessBesideTheRootCgroup) {
    auto facts = unified_host();
    for (const char* own : {"/", "", "/only"}) {
        facts.own_cgroup = own;
        std::vector<spec::Note> notes;
        auto made = plan(with_path("web"), facts, {.id = "x", .rootless = true}, notes);
        ASSERT_TRUE(made) << own;
        EXPECT_EQ(made->location.path, "/web") << own;
    }
}

TEST(CgroupPlan, HostilePathsAreRefused) {
    const std::string long_name(256, 'a');
    for (const std::string& path : {std::string("/.."), std::string("/a/../b"), std::string("../x"), std::string("/"),
                                    std::string("//."), std::string("/a\nb"), "/a/" + long_name}) {
        std::vector<spec::Note> notes;
        auto made = plan(with_path(path), unified_host(), {.id = "x"}, notes);
        ASSERT_FALSE(made) << path;
        EXPECT_EQ(made.error().code(), Code::InvalidConfig);
        EXPECT_EQ(made.error().pointer(), "/linux/cgroupsPath");
    }
}

TEST(CgroupPlan, AHybridHostGetsOneInEveryHierarchy) {
    std::vector<spec::Note> notes;
    auto made = plan(with_path("/a"), hybrid_host(), {.id = "x"}, notes);
    ASSERT_TRUE(made);
    EXPECT_EQ(made->location,
              (Location{Kind::V1,
                        "/sys/fs/cgroup/unified",
                        "/a",
                        {{"pids", "/sys/fs/cgroup/pids", "/a"}, {"name=systemd", "/sys/fs/cgroup/systemd", "/a"}}}));
    // Without privileges it is beside the caller, wherever that is in each.
    made = plan(with_path("a"), hybrid_host(), {.id = "x", .rootless = true}, notes);
    ASSERT_TRUE(made);
    EXPECT_EQ(made->location.path, "/w/a");
    EXPECT_EQ(made->location.v1[0].path, "/u/a");
    EXPECT_EQ(made->location.v1[1].path, "/s/a");
}

TEST(CgroupPlan, LimitsGoWhereTheirControllerIs) {
    std::vector<spec::Note> notes;
    auto config = with_pids_limit();
    config.linux_.resources.hugepage_limits = {{"2MB", 0}};
    auto made = plan(config, hybrid_host(), {.id = "x"}, notes);
    ASSERT_TRUE(made);
    std::vector<std::string> files;
    for (const auto& write : made->writes)
        files.push_back(write.file);
    EXPECT_THAT(files, testing::ElementsAre("pids.max", "hugetlb.2MB.max", "hugetlb.2MB.rsvd.max"));

    made = plan(config, legacy_host(), {.id = "x"}, notes);
    ASSERT_FALSE(made);
    EXPECT_EQ(made.error().pointer(), "/linux/resources/hugepageLimits/0");
    EXPECT_THAT(made.error().message(), HasSubstr("no hierarchy of cgroup v1 with it is mounted"));
}

TEST(CgroupPlan, WithoutCgroupsLimitsAreAnError) {
    std::vector<spec::Note> notes;
    auto made = plan(with_pids_limit(), {}, {.id = "x"}, notes);
    ASSERT_FALSE(made);
    EXPECT_EQ(made.error().code(), Code::Unsupported);
    EXPECT_EQ(made.error().pointer(), "/linux/resources/pids/limit");
    EXPECT_THAT(made.error().message(), HasSubstr("no cgroup hierarchy is mounted"));

    spec::Config devices;
    devices.linux_.resources.devices = {{.allow = false}};
    made = plan(devices, {}, {.id = "x"}, notes);
    ASSERT_FALSE(made);
    EXPECT_EQ(made.error().pointer(), "/linux/resources/devices");
    EXPECT_THAT(made.error().message(), HasSubstr("no cgroup hierarchy is mounted"));
}

TEST(CgroupPlan, WithoutCgroupsAndLimitsThereIsANote) {
    std::vector<spec::Note> notes;
    auto made = plan({}, {}, {.id = "x"}, notes);
    ASSERT_TRUE(made);
    EXPECT_EQ(made->location.kind, Kind::None);
    EXPECT_FALSE(made->needs_device_filter);
    ASSERT_EQ(notes.size(), 1U);
    EXPECT_EQ(notes[0].text, "the container gets no cgroup: no cgroup hierarchy is mounted on /sys/fs/cgroup");
}

TEST(CgroupPlan, LimitsThatTheCallerGaveUpAreNoted) {
    for (const Wish& wish : {Wish{.id = "x", .manager = CgroupManager::Disabled}, Wish{.id = "x", .rootless = true}}) {
        for (const auto& facts : {unified_host(), legacy_host()}) {
            std::vector<spec::Note> notes;
            auto made = plan(with_pids_limit(), facts, wish, notes);
            ASSERT_TRUE(made) << made.error().message();
            EXPECT_EQ(made->location, Location{});
            EXPECT_THAT(made->writes, IsEmpty());
            EXPECT_FALSE(made->needs_device_filter);
            ASSERT_EQ(notes.size(), 1U);
            EXPECT_EQ(notes[0].pointer, "/linux/resources/pids/limit");
            EXPECT_THAT(notes[0].text, HasSubstr("not applied"));
        }
    }
}

TEST(CgroupPlan, DeviceRulesLostWithoutACgroupAreNotedOnlyWhereTheyMatter) {
    spec::Config config;
    config.linux_.resources.devices = {{.allow = false}};
    std::vector<spec::Note> notes;
    ASSERT_TRUE(plan(config, unified_host(), {.id = "x", .manager = CgroupManager::Disabled}, notes));
    ASSERT_EQ(notes.size(), 1U);
    EXPECT_EQ(notes[0].pointer, "/linux/resources/devices");
    notes.clear();
    ASSERT_TRUE(plan(config, unified_host(), {.id = "x", .rootless = true}, notes));
    EXPECT_THAT(notes, IsEmpty());
}

TEST(CgroupPlan, UnderSystemdTheCgroupIsAScopes) {
    std::vector<spec::Note> notes;
    spec::Config config;
    config.linux_.cgroups_path = "a-b.slice:web:1";
    config.linux_.resources.pids_limit = 7;
    auto made = plan(config, unified_host(), {.id = "x", .manager = CgroupManager::Systemd}, notes);
    ASSERT_TRUE(made) << made.error().message();
    EXPECT_EQ(made->location.kind, Kind::Systemd);
    EXPECT_EQ(made->location.path, "/a.slice/a-b.slice/web-1.scope");
    EXPECT_EQ(made->location.unit, "web-1.scope");
    EXPECT_THAT(made->location.bus, HasSubstr("/run/systemd/private"));
    ASSERT_TRUE(made->scope);
    EXPECT_THAT(made->scope->properties, testing::Contains(Property{"TasksMax", Value::uint64(7)}));
    EXPECT_FALSE(made->writes.empty()) << "what systemd rounds is written as well";
}

TEST(CgroupPlan, AUsersScopeIsBelowTheUsersManager) {
    std::vector<spec::Note> notes;
    auto host = unified_host();
    host.euid = 5;
    const Wish wish{
        .id = "x", .manager = CgroupManager::Systemd, .rootless = true, .environment = {"XDG_RUNTIME_DIR=/run/user/5"}};
    auto made = plan({}, host, wish, notes);
    ASSERT_TRUE(made) << made.error().message();
    EXPECT_EQ(made->location.path, "/user.slice/user-5.slice/user@5.service/user.slice/arca-x.scope");
    EXPECT_THAT(made->location.bus, testing::StartsWith("unix:path=/run/user/5/systemd/private"));
}

TEST(CgroupPlan, RootOfAUserNamespaceWithoutASessionUsesTheSystemsManager) {
    std::vector<spec::Note> notes;
    auto host = unified_host();
    host.in_initial_user_namespace = false;
    auto made = plan({}, host, {.id = "x", .manager = CgroupManager::Systemd, .rootless = true}, notes);
    ASSERT_TRUE(made) << made.error().message();
    EXPECT_EQ(made->location.path, "/system.slice/arca-x.scope");
}

TEST(CgroupPlan, TheSystemdManagerNeedsAUnifiedHost) {
    std::vector<spec::Note> notes;
    auto made = plan({}, legacy_host(), {.id = "x", .manager = CgroupManager::Systemd}, notes);
    ASSERT_FALSE(made);
    EXPECT_EQ(made.error().code(), Code::Unsupported);
    EXPECT_THAT(made.error().message(), HasSubstr("--systemd-cgroup"));
}

TEST(CgroupPlan, ARefusedCgroupIsTolerableOnlyForRootless) {
    std::vector<spec::Note> notes;
    EXPECT_TRUE(plan(with_path("/a"), unified_host(), {.id = "x", .rootless = true}, notes)->best_effort);
    EXPECT_FALSE(plan(with_path("/a"), unified_host(), {.id = "x"}, notes)->best_effort);
}

TEST(CgroupPlan, SharingIsAnExplicitWish) {
    std::vector<spec::Note> notes;
    spec::Config config;
    EXPECT_FALSE(plan(config, unified_host(), {.id = "x"}, notes)->shared);
    config.annotations["run.arca.cgroup.shared"] = "true";
    EXPECT_TRUE(plan(config, unified_host(), {.id = "x"}, notes)->shared);
}

TEST(CgroupPlan, AnUpdateWritesToTheCgroupThereIs) {
    std::vector<spec::Note> notes;
    const spec::Resources resources{.pids_limit = 5};
    auto writes = writes_for({Kind::V2, "/sys/fs/cgroup", "/a"}, resources, notes);
    ASSERT_TRUE(writes);
    ASSERT_EQ(writes->size(), 1U);
    EXPECT_EQ(writes->front().file, "pids.max");
    EXPECT_THAT(*writes_for({}, resources, notes), IsEmpty());
}

// ---- device rules ---------------------------------------------------------------------------------------------------

bool needs_filter(std::vector<spec::DeviceRule> rules, const host::Facts& facts = unified_host(),
                  bool rootless = false) {
    std::vector<spec::Note> notes;
    auto config = with_path("/a");
    config.linux_.resources.devices = std::move(rules);
    auto made = plan(config, facts, {.id = "x", .rootless = rootless}, notes);
    EXPECT_TRUE(made);
    return made && made->needs_device_filter;
}

TEST(DeviceRules, AFilterIsNeededUnlessTheLastWordAllowsAll) {
    const spec::DeviceRule allow_all{.allow = true};
    const spec::DeviceRule deny_all{.allow = false};
    const spec::DeviceRule deny_disk{.allow = false, .type = 'b', .major = 8, .minor = 0};
    EXPECT_TRUE(needs_filter({}));
    EXPECT_TRUE(needs_filter({deny_all}));
    EXPECT_TRUE(needs_filter({allow_all, deny_disk}));
    EXPECT_TRUE(needs_filter({{.allow = true, .access = "rw"}}));
    EXPECT_TRUE(needs_filter({{.allow = true, .type = 'c'}}));
    EXPECT_TRUE(needs_filter({{.allow = true, .major = 5}}));
    EXPECT_FALSE(needs_filter({allow_all}));
    EXPECT_FALSE(needs_filter({deny_all, allow_all}));
    EXPECT_FALSE(needs_filter({deny_all, {.allow = true, .access = "mwr"}, {.allow = true, .type = 'c', .major = 5}}));
}

TEST(DeviceRules, NoFilterWhereNoneCouldBeLoadedOrIsOfUse) {
    auto facts = unified_host();
    facts.in_initial_user_namespace = false;
    EXPECT_FALSE(needs_filter({{.allow = false}}, facts));
    EXPECT_FALSE(needs_filter({{.allow = false}}, unified_host(), true));
}

TEST(DeviceRules, DefaultsHaveTheLastWord) {
    const auto rules = effective_device_rules({{.allow = false}});
    ASSERT_GT(rules.size(), 1U);
    EXPECT_FALSE(rules.front().allow);
    EXPECT_EQ(std::ranges::count_if(rules, [](const auto& rule) { return !rule.allow; }), 1);
    const bool has_null = std::ranges::any_of(
        rules, [](const auto& rule) { return rule.allow && rule.type == 'c' && rule.major == 1 && rule.minor == 3; });
    EXPECT_TRUE(has_null);
}

}  // namespace
}  // namespace arca::cgroup
