#include "container/plan.hpp"

#include <gmock/gmock.h>
#include <sched.h>

namespace arca::container {
namespace {

using spec::NamespaceType;

spec::Config base_config() {
    spec::Config config;
    config.oci_version = "1.3.0";
    config.root.path = "rootfs";
    config.process.emplace();
    config.process->args = {"/bin/true"};
    config.process->cwd = "/";
    config.linux_.namespaces = {{NamespaceType::Pid, ""}, {NamespaceType::Mount, ""}};
    return config;
}

host::Facts root_on_v2() {
    host::Facts facts;
    facts.cgroup_layout = host::CgroupLayout::Unified;
    facts.cgroup2_mount = "/sys/fs/cgroup";
    facts.own_cgroup = "/";
    return facts;
}

CreateOptions options() {
    CreateOptions result;
    result.id = "web";
    result.bundle = "/bundle";
    return result;
}

Result<LaunchPlan> plan_of(const spec::Config& config) {
    return plan(config, root_on_v2(), options(), {});
}

TEST(Plan, OneCloneIsEnoughForNewNamespaces) {
    auto config = base_config();
    for (auto type : {NamespaceType::Network, NamespaceType::Ipc, NamespaceType::Uts, NamespaceType::Cgroup})
        config.linux_.namespaces.push_back({type, ""});
    auto result = plan_of(config);
    ASSERT_TRUE(result) << result.error().message();
    EXPECT_FALSE(result->namespaces.intermediate);
    EXPECT_EQ(result->namespaces.created,
              std::uint64_t{CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS});
    EXPECT_TRUE(result->namespaces.new_cgroup) << "unshared by init, inside of its cgroup";
}

TEST(Plan, JoiningNetworkAndIpcNeedsNoIntermediate) {
    auto config = base_config();
    config.linux_.namespaces.push_back({NamespaceType::Network, "/proc/1/ns/net"});
    config.linux_.namespaces.push_back({NamespaceType::Ipc, "/proc/1/ns/ipc"});
    auto result = plan_of(config);
    ASSERT_TRUE(result);
    EXPECT_FALSE(result->namespaces.intermediate);
    ASSERT_EQ(result->namespaces.joined.size(), 2U);
    EXPECT_EQ(result->namespaces.joined[1].pointer, "/linux/namespaces/3");
}

struct IntermediateCase {
    const char* name;
    std::vector<spec::Namespace> namespaces;
    bool intermediate;
};
class Intermediate : public testing::TestWithParam<IntermediateCase> {};

TEST_P(Intermediate, OnlyWhereInitMustBeBornInside) {
    auto config = base_config();
    config.linux_.namespaces = GetParam().namespaces;
    const auto* user = spec::find_namespace(config, NamespaceType::User);
    if (user != nullptr && user->path.empty())
        config.linux_.uid_mappings = config.linux_.gid_mappings = {{0, 100000, 65536}};
    auto result = plan_of(config);
    ASSERT_TRUE(result) << result.error().message();
    EXPECT_EQ(result->namespaces.intermediate, GetParam().intermediate);
}

INSTANTIATE_TEST_SUITE_P(
    All, Intermediate,
    testing::Values(
        IntermediateCase{"new_user", {{NamespaceType::Mount, ""}, {NamespaceType::User, ""}}, false},
        IntermediateCase{"joined_pid", {{NamespaceType::Mount, ""}, {NamespaceType::Pid, "/proc/1/ns/pid"}}, true},
        IntermediateCase{"joined_user", {{NamespaceType::Mount, ""}, {NamespaceType::User, "/proc/1/ns/user"}}, true},
        IntermediateCase{"new_time", {{NamespaceType::Mount, ""}, {NamespaceType::Time, ""}}, true},
        IntermediateCase{"joined_net_new_user",
                         {{NamespaceType::Mount, ""}, {NamespaceType::User, ""}, {NamespaceType::Network, "/n"}},
                         true}),
    [](const auto& tested) { return tested.param.name; });

TEST(Plan, NetworkDevicesOfTheHostNeedRoot) {
    auto config = base_config();
    config.linux_.net_devices["eth0"] = "eth1";
    auto result = plan_of(config);
    ASSERT_TRUE(result) << result.error().message();
    ASSERT_EQ(result->net_devices.size(), 1U);
    EXPECT_EQ(result->net_devices[0].name, "eth1");
    Caller caller;
    caller.rootless = Tristate::Yes;
    const auto refused = plan(config, root_on_v2(), options(), caller);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().pointer(), "/linux/netDevices/eth0");
}

TEST(Plan, ResctrlIsWhereTheHostHasIt) {
    auto config = base_config();
    config.linux_.intel_rdt.emplace();
    EXPECT_EQ(plan_of(config).error().pointer(), "/linux/intelRdt");
    auto facts = root_on_v2();
    facts.resctrl_mount = "/sys/fs/resctrl";
    EXPECT_EQ(plan(config, facts, options(), {})->rdt->root, "/sys/fs/resctrl");
}

TEST(Plan, AServiceManagerThatWaitsIsToldThroughASocketOfTheContainer) {
    Caller caller;
    caller.notify_directory = "/run/arca/web/notify";
    auto config = base_config();
    auto result = plan(config, root_on_v2(), options(), caller);
    ASSERT_TRUE(result) << result.error().message();
    EXPECT_EQ(result->mounts.mounts.back().destination, "/run/notify");
    EXPECT_EQ(result->mounts.mounts.back().source, "/run/arca/web/notify");
    EXPECT_THAT(result->process->env, testing::Contains("NOTIFY_SOCKET=/run/notify/notify.sock"));
    EXPECT_THAT(plan_of(config)->process->env,
                testing::Not(testing::Contains("NOTIFY_SOCKET=/run/notify/notify.sock")));
}

TEST(Plan, AListenerThatNobodyNotifiesIsIgnored) {
    auto config = base_config();
    auto& profile = config.linux_.seccomp.emplace();
    profile.listener_path = "/run/agent.sock";
    EXPECT_TRUE(plan_of(config));
    profile.syscalls.push_back({{"mkdir"}, spec::SeccompAction::Notify, {}, {}});
    EXPECT_EQ(plan_of(config)->seccomp_listener, "/run/agent.sock");
}

TEST(Plan, TheAgentIsNamedByThePropertyTheAnnotationOrTheEnvironment) {
    auto config = base_config();
    auto& profile = config.linux_.seccomp.emplace();
    profile.syscalls.push_back({{"mkdir"}, spec::SeccompAction::Notify, {}, {}});
    EXPECT_EQ(plan_of(config).error().pointer(), "/linux/seccomp/listenerPath");
    Caller caller;
    caller.seccomp_receiver = "/run/of-the-environment";
    EXPECT_EQ(plan(config, root_on_v2(), options(), caller)->seccomp_listener, "/run/of-the-environment");
    config.annotations["run.oci.seccomp.receiver"] = "/run/of-the-annotation";
    EXPECT_EQ(plan(config, root_on_v2(), options(), caller)->seccomp_listener, "/run/of-the-annotation");
    profile.listener_path = "/run/agent.sock";
    EXPECT_EQ(plan(config, root_on_v2(), options(), caller)->seccomp_listener, "/run/agent.sock");
    profile.listener_path = "agent.sock";
    EXPECT_EQ(plan_of(config).error().pointer(), "/linux/seccomp/listenerPath");
}

TEST(Plan, ListenDescriptorsBecomeEnvironmentAndAreKept) {
    Caller caller;
    caller.listen_descriptors = 2;
    caller.listen_names = "a:b";
    auto asked = options();
    asked.preserve_fds = 1;
    auto result = plan(base_config(), root_on_v2(), asked, caller);
    ASSERT_TRUE(result);
    EXPECT_EQ(result->process->preserved_descriptors, 3U);
    EXPECT_EQ(result->process->env, (std::vector<std::string>{"LISTEN_FDS=2", "LISTEN_PID=1", "LISTEN_FDNAMES=a:b"}));
}

TEST(Plan, ARelativeRootIsBelowTheBundle) {
    auto result = plan_of(base_config());
    ASSERT_TRUE(result);
    EXPECT_EQ(result->mounts.rootfs, "/bundle/rootfs");
}

TEST(Plan, NoProcessIsAPlanThatCannotStart) {
    auto config = base_config();
    config.process.reset();
    auto result = plan_of(config);
    ASSERT_TRUE(result);
    EXPECT_FALSE(result->process);
}

TEST(Plan, TextAndJsonTellTheSame) {
    auto result = plan_of(base_config());
    ASSERT_TRUE(result);
    EXPECT_NE(to_text(*result).find("/bundle/rootfs"), std::string::npos);
    EXPECT_NE(to_json(*result).find("\"/bundle/rootfs\""), std::string::npos);
}

}  // namespace
}  // namespace arca::container
