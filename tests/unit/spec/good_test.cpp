#include <gtest/gtest.h>

#include "spec/number_list.hpp"
#include "wrong.hpp"

namespace arca::spec::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

Config good(std::string_view json) {
    auto parsed = parse_config(json);
    EXPECT_THAT(in_lines(parsed), IsEmpty());
    EXPECT_THAT(in_lines(parsed.notes), IsEmpty());
    return std::move(parsed.value);
}

TEST(Good, SmallestConfig) {
    auto config = good(R"({"ociVersion": "1.0.0", "root": {"path": "."}})");
    EXPECT_EQ(config.oci_version, "1.0.0");
    EXPECT_EQ(config.root.path, ".");
    EXPECT_FALSE(config.process.has_value());
    EXPECT_THAT(config.linux_.namespaces, IsEmpty());
}

TEST(Good, VersionsOfTheSameMajor) {
    for (auto version : {"1.0.0", "1.0.2-dev", "1.2.1", "1.99.0", "1.1.0+dev", "1.3.0-rc.1+build.5", "1.0.0-rc5"}) {
        SCOPED_TRACE(version);
        good(std::string(R"({"root": {"path": "r"}, "ociVersion": ")") + version + "\"}");
    }
}

TEST(Good, NullsAsGoWritesThem) {
    auto config = good(R"({"ociVersion": "1.0.2", "root": {"path": "r", "readonly": null}, "hostname": null,
        "mounts": null, "hooks": null, "annotations": {"a": null, "b": "c"}, "windows": {"layerFolders": null},
        "solaris": {"x": 1}, "vm": {}, "zos": null, "freebsd": {},
        "process": {"args": ["sh"], "cwd": "/", "env": null, "user": {"uid": 0, "gid": 0, "additionalGids": null,
            "username": "joe", "umask": null}, "capabilities": {"bounding": null, "ambient": []}, "rlimits": null,
            "commandLine": "x", "oomScoreAdj": null, "consoleSize": null, "scheduler": null},
        "linux": {"namespaces": null, "resources": {"devices": null, "memory": null, "cpu": {"shares": null,
            "quota": null}, "pids": null, "blockIO": {"weightDevice": null}, "unified": null}, "sysctl": null,
            "seccomp": null, "rootfsPropagation": "", "maskedPaths": null, "timeOffsets": null, "netDevices": null}})");
    EXPECT_EQ(config.annotations, (std::map<std::string, std::string>{{"a", ""}, {"b", "c"}}));
    EXPECT_FALSE(config.process->oom_score_adj.has_value());
    EXPECT_FALSE(config.linux_.resources.memory.has_value());
    ASSERT_TRUE(config.linux_.resources.cpu.has_value());
    EXPECT_FALSE(config.linux_.resources.cpu->shares.has_value());
    EXPECT_FALSE(config.linux_.rootfs_propagation.has_value());
}

TEST(Good, Process) {
    auto config = good(config_with("", R"("terminal": true, "consoleSize": {"height": 24, "width": 80},
        "user": {"uid": 4294967294, "gid": 7, "umask": 18, "additionalGids": [5, 6]}, "env": ["A=b=c", "B="],
        "capabilities": {"bounding": ["cap_kill", "CAP_KILL", "CAP_CHOWN"]},
        "rlimits": [{"type": "RLIMIT_NOFILE", "soft": 1024, "hard": 18446744073709551615}], "noNewPrivileges": true,
        "apparmorProfile": "p", "selinuxLabel": "l", "oomScoreAdj": -1000,
        "scheduler": {"policy": "SCHED_DEADLINE", "runtime": 1, "deadline": 2, "flags": ["SCHED_FLAG_RECLAIM"]},
        "ioPriority": {"class": "IOPRIO_CLASS_IDLE", "priority": 7},
        "execCPUAffinity": {"initial": "0-3,7", "final": "1"})"));
    const auto& process = *config.process;
    EXPECT_EQ(process.console_size->height, 24);
    EXPECT_EQ(process.console_size->width, 80);
    EXPECT_EQ(process.user.uid, 4294967294U);
    EXPECT_EQ(process.user.umask, 022U);
    EXPECT_THAT(process.user.additional_gids, ElementsAre(5, 6));
    EXPECT_THAT(process.env, ElementsAre("A=b=c", "B="));
    EXPECT_THAT(process.capabilities->bounding, ElementsAre("CAP_KILL", "CAP_CHOWN"));
    EXPECT_EQ(process.rlimits.at(0).hard, ~0ULL);
    EXPECT_EQ(process.oom_score_adj, -1000);
    EXPECT_EQ(process.scheduler->policy, "SCHED_DEADLINE");
    EXPECT_EQ(process.io_priority->io_class, "IOPRIO_CLASS_IDLE");
    EXPECT_EQ(process.exec_cpu_affinity->initial, "0-3,7");
}

TEST(Good, DockerLike) {
    auto config =
        good(R"({"ociVersion": "1.2.0", "process": {"terminal": true, "consoleSize": {"height": 0, "width": 0},
      "user": {"uid": 0, "gid": 0, "additionalGids": [0, 10]}, "args": ["sh"], "env": ["PATH=/bin", "HOSTNAME=x"],
      "cwd": "/", "capabilities": {"bounding": ["CAP_CHOWN"], "effective": ["CAP_CHOWN"], "permitted": ["CAP_CHOWN"]},
      "apparmorProfile": "docker-default", "oomScoreAdj": 0}, "root": {"path": "/var/lib/docker/overlay2/x/merged"},
      "hostname": "x", "mounts": [{"destination": "/proc", "type": "proc", "source": "proc",
        "options": ["nosuid", "noexec", "nodev"]}, {"destination": "/etc/hosts", "type": "bind",
        "source": "/var/lib/docker/containers/x/hosts", "options": ["rbind", "rprivate"]}],
      "hooks": {"prestart": [{"path": "/proc/1/exe", "args": ["libnetwork-setkey", "-exec-root=/run/docker"]}]},
      "linux": {"sysctl": {"net.ipv4.ip_unprivileged_port_start": "0", "net/ipv4/conf/eth0.1/forwarding": "1"},
       "resources": {"devices": [{"allow": false, "access": "rwm"},
        {"allow": true, "type": "c", "major": 1, "minor": 5, "access": "rwm"},
        {"allow": true, "type": "a", "major": -1, "minor": -1}, {"allow": true, "type": ""}],
        "memory": {"limit": 0, "swap": 0, "disableOOMKiller": false}, "cpu": {"shares": 0}, "pids": {"limit": 0},
        "blockIO": {"weight": 0}}, "cgroupsPath": "system.slice:docker:x",
       "namespaces": [{"type": "mount"}, {"type": "network", "path": "/var/run/docker/netns/x"}, {"type": "uts"},
        {"type": "pid"}, {"type": "ipc"}, {"type": "cgroup"}],
       "devices": [{"path": "/dev/fuse", "type": "c", "major": 10, "minor": 229, "fileMode": 8630, "uid": 0, "gid": 5},
        {"path": "/dev/fifo", "type": "p"}],
       "seccomp": {"defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 1, "architectures": ["SCMP_ARCH_X86_64"],
        "syscalls": [{"names": ["accept"], "action": "SCMP_ACT_ALLOW"}, {"names": ["personality"],
         "action": "SCMP_ACT_ALLOW", "args": [{"index": 0, "value": 18446744073709551615, "op": "SCMP_CMP_EQ"}]},
         {"names": ["clone"], "action": "SCMP_ACT_ERRNO", "errnoRet": 38, "args": [{"index": 0, "value": 2114060288,
          "valueTwo": 0, "op": "SCMP_CMP_MASKED_EQ"}]}]},
       "maskedPaths": ["/proc/asound"], "readonlyPaths": ["/proc/bus"], "rootfsPropagation": "rslave"}})");
    const auto& settings = config.linux_;
    EXPECT_EQ(config.hooks.prestart.at(0).pointer, "/hooks/prestart/0");
    EXPECT_EQ(settings.resources.devices.at(0).type, 'a');
    EXPECT_EQ(settings.resources.devices.at(1).minor, 5);
    EXPECT_FALSE(settings.resources.devices.at(2).major.has_value());
    EXPECT_EQ(settings.resources.pids_limit, 0);
    EXPECT_EQ(find_namespace(config, NamespaceType::Network)->path, "/var/run/docker/netns/x");
    EXPECT_EQ(settings.devices.at(0).file_mode, 0666U);
    EXPECT_EQ(settings.devices.at(1).type, DeviceType::Fifo);
    EXPECT_EQ(settings.seccomp->syscalls.at(1).args.at(0).value, ~0ULL);
    EXPECT_EQ(settings.seccomp->syscalls.at(2).errno_ret, 38U);
    EXPECT_EQ(settings.seccomp->syscalls.at(2).args.at(0).op, SeccompOperator::MaskedEqual);
    EXPECT_FALSE(settings.seccomp->flags.has_value());
    EXPECT_EQ(settings.rootfs_propagation->type, Propagation::Slave);
    EXPECT_TRUE(settings.rootfs_propagation->recursive);
}

TEST(Good, LinuxOfVersion13) {
    auto config = good(config_with("", "", R"("timeOffsets": {"boottime": {"secs": -5, "nanosecs": 999999999}},
        "netDevices": {"eth0": {"name": "c0"}, "eth1": {}, "eth2": {"name": "net%d"}, "eth3": {"name": "net%d"}},
        "memoryPolicy": {"mode": "MPOL_PREFERRED", "flags": ["MPOL_F_STATIC_NODES"]},
        "personality": {"domain": "LINUX32", "flags": []},
        "intelRdt": {"closID": "/", "schemata": ["L3:0=f"], "enableMonitoring": true},
        "sysctl": {"kernel.msgmax": "1", "fs.mqueue.msg_max": "2", "kernel.domainname": "d", "user.max_pid_namespaces": "5"},
        "seccomp": {"defaultAction": "SCMP_ACT_ALLOW", "flags": [], "listenerPath": "/l", "listenerMetadata": "m",
            "syscalls": [{"names": ["mount"], "action": "SCMP_ACT_NOTIFY"}]},
        "resources": {"memory": {"limit": 5, "swap": 5}, "hugepageLimits": [{"pageSize": "64KB", "limit": 0}],
            "rdma": {"m": {"hcaHandles": 3}}, "unified": {"memory.high": "5"}, "pids": {},
            "blockIO": {"weightDevice": [{"major": 8, "minor": 0, "leafWeight": 10}]},
            "network": {"classID": 7, "priorities": [{"name": "lo", "priority": 3}]}})"));
    const auto& settings = config.linux_;
    EXPECT_EQ(settings.time_offsets.at("boottime").secs, -5);
    EXPECT_EQ(settings.net_devices.at("eth0"), "c0");
    EXPECT_EQ(settings.net_devices.at("eth1"), "eth1");
    EXPECT_EQ(settings.personality, PersonalityDomain::Linux32);
    EXPECT_EQ(settings.intel_rdt->clos_id, "/");
    ASSERT_TRUE(settings.seccomp->flags.has_value());
    EXPECT_THAT(*settings.seccomp->flags, IsEmpty());
    EXPECT_EQ(settings.resources.memory->swap, 5);
    EXPECT_FALSE(settings.resources.pids_limit.has_value());
    EXPECT_EQ(settings.resources.rdma.at("m").hca_handles, 3U);
    EXPECT_EQ(settings.resources.block_io->weight_device.at(0).leaf_weight, 10);
    EXPECT_EQ(settings.resources.network->priorities.at(0).name, "lo");
}

TEST(Good, EveryNamespaceAndPropagationHasItsValue) {
    constexpr std::pair<std::string_view, NamespaceType> kTypes[] = {
        {"pid", NamespaceType::Pid},  {"network", NamespaceType::Network}, {"mount", NamespaceType::Mount},
        {"ipc", NamespaceType::Ipc},  {"uts", NamespaceType::Uts},         {"cgroup", NamespaceType::Cgroup},
        {"time", NamespaceType::Time}};
    for (auto [text, type] : kTypes) {
        auto config = good(R"({"ociVersion": "1.0.0", "root": {"path": "."}, "linux": {"namespaces": [{"type": ")" +
                           std::string(text) + "\"}]}}");
        EXPECT_EQ(config.linux_.namespaces.at(0).type, type) << text;
    }
    constexpr std::pair<std::string_view, Propagation> kPropagations[] = {{"private", Propagation::Private},
                                                                          {"shared", Propagation::Shared},
                                                                          {"slave", Propagation::Slave},
                                                                          {"unbindable", Propagation::Unbindable}};
    for (auto [text, type] : kPropagations)
        for (std::string_view prefix : {"", "r"}) {
            auto config =
                good(config_with("", "", "\"rootfsPropagation\": \"" + std::string(prefix) + std::string(text) + "\""));
            EXPECT_EQ(config.linux_.rootfs_propagation->type, type) << text;
            EXPECT_EQ(config.linux_.rootfs_propagation->recursive, prefix == "r") << text;
        }
}

TEST(Good, EverySeccompNameHasItsValue) {
    constexpr std::pair<std::string_view, SeccompAction> kActions[] = {
        {"SCMP_ACT_KILL", SeccompAction::Kill},   {"SCMP_ACT_KILL_THREAD", SeccompAction::KillThread},
        {"SCMP_ACT_TRAP", SeccompAction::Trap},   {"SCMP_ACT_KILL_PROCESS", SeccompAction::KillProcess},
        {"SCMP_ACT_ERRNO", SeccompAction::Errno}, {"SCMP_ACT_TRACE", SeccompAction::Trace},
        {"SCMP_ACT_ALLOW", SeccompAction::Allow}, {"SCMP_ACT_LOG", SeccompAction::Log}};
    for (auto [text, action] : kActions) {
        auto config = good(config_with("", "", "\"seccomp\": {\"defaultAction\": \"" + std::string(text) + "\"}"));
        EXPECT_EQ(config.linux_.seccomp->default_action, action) << text;
    }
    constexpr std::pair<std::string_view, SeccompOperator> kOperators[] = {
        {"SCMP_CMP_NE", SeccompOperator::NotEqual},          {"SCMP_CMP_LT", SeccompOperator::LessThan},
        {"SCMP_CMP_LE", SeccompOperator::LessOrEqual},       {"SCMP_CMP_EQ", SeccompOperator::Equal},
        {"SCMP_CMP_GE", SeccompOperator::GreaterOrEqual},    {"SCMP_CMP_GT", SeccompOperator::GreaterThan},
        {"SCMP_CMP_MASKED_EQ", SeccompOperator::MaskedEqual}};
    for (auto [text, op] : kOperators) {
        auto config = good(config_with("", "",
                                       R"("seccomp": {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["x"],)"
                                       R"("action": "SCMP_ACT_KILL", "args": [{"index": 1, "value": 2, "op": ")" +
                                           std::string(text) + "\"}]}]}"));
        EXPECT_EQ(config.linux_.seccomp->syscalls.at(0).args.at(0).op, op) << text;
    }
}

TEST(Good, LastOfDuplicateKeysCounts) {
    auto config = good(R"({"root": {"path": "a", "path": "b"}, "ociVersion": 5, "ociVersion": "1.0.0",
                           "annotations": {"k": "1", "k": "2"}})");
    EXPECT_EQ(config.root.path, "b");
    EXPECT_EQ(config.annotations.at("k"), "2");
}

TEST(Good, JoinedUserNamespaceNeedsNoMappings) {
    good(R"({"ociVersion": "1.0.0", "root": {"path": "."},
             "linux": {"namespaces": [{"type": "user", "path": "/proc/5/ns/user"}]}})");
}

TEST(Good, EscapesAndUnicode) {
    auto config = good(R"({"ociVersion": "1.0.0", "root": {"path": "a\/\u00e9\ud83d\ude00"}})");
    EXPECT_EQ(config.root.path, "a/\xc3\xa9\xf0\x9f\x98\x80");
}

TEST(NumberList, Ranges) {
    EXPECT_EQ(parse_number_list("0-3,7"), (std::vector<NumberRange>{{0, 3}, {7, 7}}));
    EXPECT_EQ(parse_number_list(" 1 , 65535"), (std::vector<NumberRange>{{1, 1}, {65535, 65535}}));
    for (auto wrong : {"", ",", "1,", "a", "1-", "-1", "2-1", "1-2-3", "65536", "0x1", "1;2"})
        EXPECT_FALSE(parse_number_list(wrong).has_value()) << wrong;
}

}  // namespace
}  // namespace arca::spec::testing
