#include "cgroup/systemd_plan.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

namespace arca::cgroup {
namespace {
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

const std::vector<std::string> kNoEnvironment;

Write write(std::string file, std::string value) {
    return {.file = std::move(file), .value = std::move(value)};
}

ScopePlan scope(const std::string& path, std::map<std::string, std::string> annotations = {},
                Instance instance = Instance::System) {
    auto planned = plan_scope({"web", path, instance, std::move(annotations), kNoEnvironment}, {});
    EXPECT_TRUE(planned) << planned.error().message();
    return planned ? *planned : ScopePlan{};
}

std::string refusal(const std::string& path, std::map<std::string, std::string> annotations = {}) {
    auto planned = plan_scope({"web", path, Instance::System, std::move(annotations), kNoEnvironment}, {});
    return planned ? "accepted" : planned.error().message();
}

const Value* find(const ScopePlan& plan, const std::string& name) {
    auto found = std::ranges::find(plan.properties, name, &Property::name);
    return found == plan.properties.end() ? nullptr : &found->value;
}

TEST(SystemdScope, NamesAreMadeOfTheThreeParts) {
    EXPECT_EQ(scope("machine.slice:libpod:4f2a").unit, "libpod-4f2a.scope");
    EXPECT_EQ(scope("machine.slice:libpod:4f2a").slice, "machine.slice");
    EXPECT_EQ(scope(":docker:4f2a").slice, "system.slice");
    EXPECT_EQ(scope(":docker:4f2a", {}, Instance::User).slice, "user.slice");
    EXPECT_EQ(scope("").unit, "arca-web.scope");
    EXPECT_EQ(scope("").slice, "system.slice");
}

TEST(SystemdScope, AnIdWithCharactersThatNoUnitHasIsEscaped) {
    auto planned = plan_scope({"a+b", "", Instance::System, {}, kNoEnvironment}, {});
    ASSERT_TRUE(planned);
    EXPECT_EQ(planned->unit, "arca-a\\x2bb.scope");
}

TEST(SystemdScope, AnAnnotationNamesASubCgroup) {
    const std::string key = "run.oci.systemd.subgroup";
    EXPECT_EQ(scope("").subgroup, "");
    EXPECT_EQ(scope("", {{key, "container"}}).subgroup, "container");
    EXPECT_EQ(scope("", {{key, ""}}).subgroup, "");
    for (const char* name : {".", "..", "a/b", "/", "a\nb"})
        EXPECT_THAT(refusal("", {{key, name}}), HasSubstr("no name for a cgroup")) << name;
}

TEST(SystemdScope, OtherFormsOfThePathAreRefused) {
    for (const char* path : {"/a/b", "a.slice:b", "a.slice:b:c:d", "a.slice:b:"})
        EXPECT_THAT(refusal(path), HasSubstr("slice:prefix:name")) << path;
    EXPECT_THAT(refusal("a.slice:b:c/d"), HasSubstr("no name for a unit"));
    for (const char* path : {"a:b:c", "a--b.slice:b:c", "-a.slice:b:c", "a-.slice:b:c", "a/b.slice:b:c", ".slice:b:c"})
        EXPECT_THAT(refusal(path), HasSubstr("no name for a slice")) << path;
    EXPECT_THAT(refusal("a:b:c"), HasSubstr("/linux/cgroupsPath"));
}

TEST(SystemdScope, IsDelegatedInItsSliceAndForgottenWhenItEnds) {
    const auto plan = scope("a.slice:b:c");
    EXPECT_EQ(*find(plan, "Slice"), Value::string("a.slice"));
    EXPECT_EQ(*find(plan, "Delegate"), Value::boolean(true));
    EXPECT_EQ(*find(plan, "DefaultDependencies"), Value::boolean(false));
    EXPECT_EQ(*find(plan, "CollectMode"), Value::string("inactive-or-failed"));
    EXPECT_EQ(find(plan, "DeviceAllow"), nullptr) << "the device filter is ours alone";
}

TEST(SystemdScope, AnnotationsAddAndReplaceProperties) {
    const auto plan = scope("", {{"org.systemd.property.TimeoutStopUSec", "uint64 5"},
                                 {"org.systemd.property.RuntimeMaxSec", "1.5"},
                                 {"org.systemd.property.CollectMode", "'inactive'"},
                                 {"org.systemd.property.After", "['a.service', 'b.service']"},
                                 {"org.example", "nonsense"}});
    EXPECT_EQ(*find(plan, "TimeoutStopUSec"), Value::uint64(5));
    EXPECT_EQ(*find(plan, "RuntimeMaxUSec"), Value::uint64(1'500'000));
    EXPECT_EQ(*find(plan, "After"), Value::array("s", {Value::string("a.service"), Value::string("b.service")}));
    EXPECT_EQ(*find(plan, "CollectMode"), Value::string("inactive"));
    EXPECT_EQ(std::ranges::count(plan.properties, "CollectMode", &Property::name), 1);
}

TEST(SystemdScope, AnnotationsThatCannotBeAreNamed) {
    const std::pair<const char*, const char*> cases[] = {
        {"ab", "1"},
        {"Ab1", "1"},
        {"Slice", "'a.slice'"},
        {"PIDs", "@au [1]"},
        {"Description", "unquoted"},
        {"TimeoutStopSec", "'x'"},
        {"TimeoutStopSec", "-1"},
        {"TimeoutStopSec", "1e300"},
    };
    for (const auto& [name, text] : cases) {
        const auto key = std::string("org.systemd.property.") + name;
        EXPECT_THAT(refusal("", {{key, text}}), HasSubstr(key)) << name;
    }
}

TEST(SystemdPath, OfASlice) {
    EXPECT_EQ(*path_of_slice("system.slice"), "/system.slice");
    EXPECT_EQ(*path_of_slice("a-b-c.slice"), "/a.slice/a-b.slice/a-b-c.slice");
    EXPECT_EQ(*path_of_slice("-.slice"), "");
}

TEST(SystemdPath, OfAUsersInstance) {
    const std::string manager = "/user.slice/user-5.slice/user@5.service";
    EXPECT_EQ(root_of_instance(Instance::System, "/x", 0), "");
    EXPECT_EQ(root_of_instance(Instance::User, manager + "/app.slice/a.scope", 0), manager);
    EXPECT_EQ(root_of_instance(Instance::User, "/user.slice/user-5.slice/session-1.scope", 5), manager);
}

TEST(SystemdProperties, OfLimits) {
    EXPECT_THAT(properties_of({write("memory.max", "64"), write("memory.swap.max", "max"), write("pids.max", "7"),
                               write("cpu.weight", "50"), write("io.weight", "default 30")}),
                ElementsAre(Property{"MemoryMax", Value::uint64(64)}, Property{"MemorySwapMax", Value::uint64(~0ULL)},
                            Property{"TasksMax", Value::uint64(7)}, Property{"CPUWeight", Value::uint64(50)},
                            Property{"IOWeight", Value::uint64(30)}));
}

TEST(SystemdProperties, AQuotaIsRoundedUpToWhatSystemdCounts) {
    EXPECT_THAT(properties_of({write("cpu.max", "50000 100000")}),
                ElementsAre(Property{"CPUQuotaPeriodUSec", Value::uint64(100'000)},
                            Property{"CPUQuotaPerSecUSec", Value::uint64(500'000)}));
    EXPECT_EQ(properties_of({write("cpu.max", "1234 100000")})[1].value, Value::uint64(20'000));
    EXPECT_EQ(properties_of({write("cpu.max", "max 100000")})[1].value, Value::uint64(~0ULL));
    EXPECT_EQ(properties_of({write("cpu.max", "18446744073709551614 100000")}).size(), 2U);
}

TEST(SystemdProperties, CpusAreAMask) {
    EXPECT_THAT(properties_of({write("cpuset.cpus", "0-2,9")}),
                ElementsAre(Property{"AllowedCPUs", Value::bytes({0x07, 0x02})}));
    EXPECT_THAT(properties_of({write("cpuset.mems", "0")}),
                ElementsAre(Property{"AllowedMemoryNodes", Value::bytes({0x01})}));
    EXPECT_THAT(properties_of(
                    {write("cpuset.cpus", "all"), write("cpuset.cpus", "5-1"), write("cpuset.cpus", "0-99999999999")}),
                IsEmpty());
}

TEST(SystemdProperties, IdleIsAWeightOfNothing) {
    EXPECT_THAT(properties_of({write("cpu.idle", "1")}), ElementsAre(Property{"CPUWeight", Value::uint64(0)}));
    EXPECT_THAT(properties_of({write("cpu.idle", "0")}), IsEmpty());
}

TEST(SystemdProperties, ABlockWeightIsThatOfIoWeight) {
    auto weight = write("io.bfq.weight", "500");
    weight.if_absent = IfAbsent::UseOther;
    weight.other_file = "io.weight";
    weight.other_value = "4950";
    EXPECT_THAT(properties_of({weight}), ElementsAre(Property{"IOWeight", Value::uint64(4950)}));
}

TEST(SystemdProperties, OtherFilesAreLeftToTheFileSystem) {
    EXPECT_THAT(properties_of({write("hugetlb.2MB.max", "5"), write("io.max", "8:0 rbps=1"),
                               write("io.weight", "8:0 50"), write("memory.oom.group", "1")}),
                IsEmpty());
}

TEST(SystemdBusAddresses, SystemdItselfComesFirst) {
    EXPECT_EQ(bus_addresses(Instance::System, {}),
              "unix:path=/run/systemd/private;unix:path=/run/dbus/system_bus_socket");
    EXPECT_EQ(bus_addresses(Instance::System, {"DBUS_SYSTEM_BUS_ADDRESS=unix:path=/x"}), "unix:path=/x");
    EXPECT_EQ(bus_addresses(Instance::User, {"XDG_RUNTIME_DIR=/run/user/5", "DBUS_SESSION_BUS_ADDRESS=unix:path=/y"}),
              "unix:path=/run/user/5/systemd/private;unix:path=/y;unix:path=/run/user/5/bus");
    EXPECT_EQ(bus_addresses(Instance::User, {"XDG_RUNTIME_DIR=/a;b"}),
              "unix:path=/a%3bb/systemd/private;unix:path=/a%3bb/bus");
    EXPECT_EQ(bus_addresses(Instance::User, {}), "");
}

}  // namespace
}  // namespace arca::cgroup
