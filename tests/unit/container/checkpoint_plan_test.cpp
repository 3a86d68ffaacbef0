#include "container/checkpoint_plan.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>

namespace arca::container {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::Pair;

Record a_record() {
    Record record;
    record.id = "web";
    record.pid = 4711;
    record.rootfs = "/b/rootfs";
    record.cgroup = {cgroup::Kind::V2, "/sys/fs/cgroup", "/machine/web", {}, "", ""};
    return record;
}

mounts::MountStep bind(const std::string& destination, const std::string& source) {
    mounts::MountStep step;
    step.kind = mounts::MountStep::Kind::Bind;
    step.destination = destination;
    step.source = source;
    step.pointer = "/mounts/0";
    return step;
}

TEST(CheckpointPlan, WhatIsAskedForIsSaid) {
    CheckpointOptions options;
    options.image.tcp_established = true;
    options.image.file_locks = true;
    options.image.cgroups = CgroupRestoring::Ignore;
    options.image.network_lock = NetworkLock::Nftables;
    options.image.empty_network = true;
    options.leave_running = true;
    options.tcp_skip_in_flight = true;
    options.page_server = "[fe80::1]:27000";
    const auto plan = plan_checkpoint(options, a_record(), {}, {3, 4, "/etc/criu/runc.conf"});
    ASSERT_TRUE(plan);
    EXPECT_EQ(plan->images_directory, 3);
    EXPECT_EQ(plan->work_directory, 4);
    EXPECT_EQ(plan->config_file, "/etc/criu/runc.conf");
    EXPECT_EQ(plan->log_file, "dump.log");
    EXPECT_EQ(plan->pid, 4711);
    EXPECT_EQ(plan->root, "/b/rootfs");
    EXPECT_TRUE(plan->tcp_established && plan->file_locks && plan->leave_running && plan->tcp_skip_in_flight);
    EXPECT_FALSE(plan->shell_job || plan->external_unix_sockets || plan->track_memory || plan->link_remap);
    EXPECT_EQ(plan->cgroup_mode, criu::CgroupMode::Ignore);
    EXPECT_EQ(plan->network_lock, criu::NetworkLock::Nftables);
    EXPECT_EQ(plan->empty_namespaces, static_cast<unsigned>(CLONE_NEWNET));
    EXPECT_EQ(plan->page_server, (criu::PageServer{"[fe80::1]", 27000}));
    EXPECT_EQ(plan->freeze_cgroup, "/sys/fs/cgroup/machine/web");
}

TEST(CheckpointPlan, MemoryIsTrackedForWhatComesAfter) {
    CheckpointOptions pre_dump;
    pre_dump.pre_dump = true;
    EXPECT_TRUE(plan_checkpoint(pre_dump, a_record(), {}, {})->track_memory);
    CheckpointOptions last;
    last.parent_path = "../pre";
    const auto plan = plan_checkpoint(last, a_record(), {}, {});
    EXPECT_TRUE(plan->track_memory);
    EXPECT_EQ(plan->parent_images, "../pre");
}

TEST(CheckpointPlan, OptionsThatCannotBeMeant) {
    CheckpointOptions absolute;
    absolute.parent_path = "/images";
    EXPECT_EQ(check_options(absolute).error().code(), Code::Usage);
    CheckpointOptions lazy;
    lazy.image.lazy_pages = true;
    EXPECT_EQ(check_options(lazy).error().code(), Code::Usage);
    for (const char* wrong : {"host", "host:", "host:0", "host:65536", "host:ssh"}) {
        CheckpointOptions options;
        options.page_server = wrong;
        const auto plan = plan_checkpoint(options, a_record(), {}, {});
        ASSERT_FALSE(plan) << wrong;
        EXPECT_EQ(plan.error().code(), Code::Usage);
    }
}

TEST(CheckpointPlan, WhatWouldComeBackWithoutItsRestrictionsIsRefused) {
    EXPECT_TRUE(check_restorable(a_record()));
    auto rootless = a_record();
    rootless.rootless = true;
    auto notifies = a_record();
    notifies.seccomp_listener = "/run/agent";
    auto landlocked = a_record();
    landlocked.annotations["run.arca.landlock"] = "";
    for (const auto& record : {rootless, notifies, landlocked}) {
        const auto checked = check_restorable(record);
        ASSERT_FALSE(checked);
        EXPECT_EQ(checked.error().code(), Code::Unsupported);
    }
}

TEST(CheckpointPlan, WhatIsTheHosts) {
    Sighting seen;
    seen.mount_points = {{"/var/run/data", "/run/data"}};
    seen.stdio = {StdioEntry{"file[17:4]", StdioEntry::Kind::Outside}, StdioEntry{"pipe:[9]", StdioEntry::Kind::Pipe},
                  StdioEntry{"/dev/null", StdioEntry::Kind::Inside}};
    seen.network_inode = 4026531840;
    seen.pid_inode = 7;
    const auto plan = plan_checkpoint({}, a_record(), seen, {});
    ASSERT_TRUE(plan);
    EXPECT_THAT(plan->external, ElementsAre("mnt[/run/data]:/var/run/data", "file[17:4]",
                                            "net[4026531840]:extRootNetNS", "pid[7]:extRootPidNS"));
}

TEST(CheckpointPlan, MountsOfTheHost) {
    mounts::Plan plan;
    plan.mounts = {bind("/data", "/srv/data"), mounts::MountStep{.destination = "/proc", .fs_type = "proc"}};
    auto remount = bind("/data", "");
    remount.remount = true;
    plan.mounts.push_back(remount);
    EXPECT_THAT(external_mounts(plan).value(), ElementsAre(ExternalMount{"/data", "/srv/data"}));
    plan.bind_devices = true;
    plan.devices.resize(1);
    plan.devices[0].device.path = "/dev/zero";
    EXPECT_THAT(external_mounts(plan).value(),
                ElementsAre(ExternalMount{"/data", "/srv/data"}, ExternalMount{"/dev/zero", "/dev/zero"}));
}

TEST(CheckpointPlan, AnIdMappedMountIsRefused) {
    mounts::Plan plan;
    plan.mounts = {bind("/data", "/srv/data")};
    plan.mounts[0].id_mapped = true;
    const auto external = external_mounts(plan);
    ASSERT_FALSE(external);
    EXPECT_EQ(external.error().code(), Code::Unsupported);
    EXPECT_EQ(external.error().pointer(), "/mounts/0");
}

TEST(CheckpointPlan, WhereTheFreezerIs) {
    cgroup::Location location{cgroup::Kind::V1, "/sys/fs/cgroup/unified", "/web", {}, "", ""};
    location.v1 = {{"cpu,cpuacct", "/sys/fs/cgroup/cpu", "/web"}, {"freezer", "/sys/fs/cgroup/freezer", "/web"}};
    EXPECT_EQ(freezer_path(location), "/sys/fs/cgroup/freezer/web");
    location.v1.pop_back();
    EXPECT_EQ(freezer_path(location), "") << "the unified hierarchy of a hybrid host freezes nothing of the others";
    EXPECT_EQ(freezer_path({}), "");
    auto shared = a_record();
    shared.cgroup_is_shared = true;
    EXPECT_EQ(plan_checkpoint({}, shared, {}, {})->freeze_cgroup, "");
}

TEST(RestorePlan, WhatIsAskedForIsSaid) {
    RestoreOptions options;
    options.tcp_close = true;
    options.lsm_profile = "selinux:a:b:c";
    options.lsm_mount_context = "a:b:c";
    LaunchPlan plan;
    plan.mounts.rootfs = "/b/rootfs";
    plan.namespaces.joined = {{spec::NamespaceType::Network, "/run/netns/a", ""},
                              {spec::NamespaceType::Ipc, "/proc/7/ns/ipc", ""},
                              {spec::NamespaceType::Uts, "/proc/7/ns/uts", ""}};
    const auto request = plan_restore(options, plan, {{"/data", "/srv/data"}}, {3, 4, ""}, {.network = 9});
    EXPECT_EQ(request.log_file, "restore.log");
    EXPECT_EQ(request.root, "/b/rootfs");
    EXPECT_TRUE(request.as_sibling);
    EXPECT_TRUE(request.tcp_close);
    EXPECT_EQ(request.lsm_profile, "selinux:a:b:c");
    EXPECT_EQ(request.lsm_mount_context, "a:b:c");
    EXPECT_THAT(request.external, ElementsAre("mnt[/data]:/srv/data"));
    EXPECT_THAT(request.joined, ElementsAre(Pair("ipc", "/proc/7/ns/ipc"), Pair("uts", "/proc/7/ns/uts")));
    EXPECT_THAT(request.inherited, ElementsAre(Pair("extRootNetNS", 9)));
}

TEST(RestorePlan, CgroupsOfTheNewContainer) {
    cgroup::Location location{cgroup::Kind::V1, "/sys/fs/cgroup/unified", "/new", {}, "", ""};
    location.v1 = {{"cpu,cpuacct", "/sys/fs/cgroup/cpu", "/new"}};
    EXPECT_THAT(cgroup_roots(location), ElementsAre(Pair("cpu,cpuacct", "/new"), Pair("", "/new")));
    EXPECT_THAT(cgroup_roots({}), IsEmpty());
}

TEST(Stdio, IsRememberedByName) {
    const Stdio stdio = {StdioEntry{"/dev/null", StdioEntry::Kind::Inside},
                         StdioEntry{"pipe:[1]", StdioEntry::Kind::Pipe}, StdioEntry{}};
    EXPECT_EQ(to_json(stdio), R"(["/dev/null","pipe:[1]",""])");
    EXPECT_THAT(parse_descriptors(to_json(stdio)).value(), ElementsAre("/dev/null", "pipe:[1]", ""));
    EXPECT_FALSE(parse_descriptors("{}"));
    EXPECT_FALSE(parse_descriptors("[1]"));
    EXPECT_FALSE(parse_descriptors("[\"a\""));
}

TEST(Stdio, EachOfTheHostsIsHandedOverOnce) {
    EXPECT_THAT(inherited_stdio({"file[17:4]", "pipe:[1]", "pipe:[1]"}),
                ElementsAre(Pair("file[17:4]", 0), Pair("pipe:[1]", 1)));
    EXPECT_THAT(inherited_stdio({"/dev/null", "tty[8801:18]", "socket:[3]"}), ElementsAre(Pair("tty[8801:18]", 1)));
    EXPECT_THAT(inherited_stdio({"", "", "", "pipe:[1]"}), IsEmpty()) << "only the first three are spoken of";
}

}  // namespace
}  // namespace arca::container
