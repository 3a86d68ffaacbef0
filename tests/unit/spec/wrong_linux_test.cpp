#include <gtest/gtest.h>

#include "wrong.hpp"

namespace arca::spec::testing {
namespace {

void expect_wrong(const std::vector<Wrong>& table) {
    expect_each(table, [](std::string_view fragment) { return config_with("", "", fragment); });
}

/// Overrides the whole linux object.
void expect_wrong_alone(const std::vector<Wrong>& table) {
    expect_each(table,
                [](std::string_view fragment) { return config_with("\"linux\": {" + std::string(fragment) + "}"); });
}

TEST(WrongLinux, Namespaces) {
    expect_wrong_alone({
        {R"("namespaces": {})", "/linux/namespaces", "expected an array, got an object"},
        {R"("namespaces": ["pid"])", "/linux/namespaces/0", "expected an object, got string \"pid\""},
        {R"("namespaces": [{}])", "/linux/namespaces/0/type", "required, but missing"},
        {R"("namespaces": [{"type": "pids"}])", "/linux/namespaces/0/type",
         "unknown namespace type \"pids\"; did you mean \"pid\"?"},
        {R"("namespaces": [{"type": "device"}])", "/linux/namespaces/0/type",
         "unknown namespace type \"device\"; known are pid, network, mount, ipc, uts, user, cgroup, time"},
        {R"("namespaces": [{"type": 4}])", "/linux/namespaces/0/type", "expected a string, got number 4"},
        {R"("namespaces": [{"type": "pid"}, {"type": "uts"}, {"type": "pid"}])", "/linux/namespaces/2",
         "a second pid namespace"},
        {R"("namespaces": [{"type": "network", "path": "netns/a"}])", "/linux/namespaces/0/path",
         "expected an absolute path, got \"netns/a\""},
    });
}

TEST(WrongLinux, IdMappings) {
    expect_wrong({
        {R"("uidMappings": null)", "/linux/uidMappings", "required by the new user namespace, but empty or missing"},
        {R"("gidMappings": [])", "/linux/gidMappings", "required by the new user namespace, but empty or missing"},
        {R"("uidMappings": [{"hostID": 1, "size": 1}])", "/linux/uidMappings/0/containerID", "required, but missing"},
        {R"("uidMappings": [{"containerID": 0, "hostID": 1}])", "/linux/uidMappings/0/size", "required, but missing"},
        {R"("uidMappings": [{"containerID": 0, "hostID": 1, "size": 0}])", "/linux/uidMappings/0/size",
         "must be greater than 0"},
        {R"("gidMappings": [{"containerID": 1, "hostID": 1, "size": 4294967295}])", "/linux/gidMappings/0/size",
         "the mapping runs beyond the highest id, 4294967294"},
        {R"("gidMappings": [{"containerID": 0, "hostID": 0, "size": 10}, {"containerID": 9, "hostID": 10, "size": 1}])",
         "/linux/gidMappings/1", "ids in the container overlap those of entry 0"},
        {R"("gidMappings": [{"containerID": 0, "hostID": 5, "size": 10}, {"containerID": 10, "hostID": 0, "size": 6}])",
         "/linux/gidMappings/1", "ids on the host overlap those of entry 0"},
        {R"("gidMappings": [{"containerID": 0, "hostID": -5, "size": 10}])", "/linux/gidMappings/0/hostID",
         "expected an unsigned integer, got number -5"},
    });
    expect_wrong_alone({
        {R"("uidMappings": [{"containerID": 0, "hostID": 1, "size": 1}])", "/linux/uidMappings",
         "needs a user namespace in linux.namespaces"},
        {R"("gidMappings": [{"containerID": 0, "hostID": 1, "size": 1}])", "/linux/gidMappings",
         "needs a user namespace in linux.namespaces"},
    });
}

TEST(WrongLinux, TooManyIdMappings) {
    std::string list;
    for (unsigned i = 0; i < 341; ++i)
        list += (i == 0 ? "" : ", ") + ("{\"containerID\": " + std::to_string(i)) +
                ", \"hostID\": " + std::to_string(i) + ", \"size\": 1}";
    EXPECT_THAT(in_lines(parse_config(config_with("", "", "\"uidMappings\": [" + list + "]"))),
                ::testing::ElementsAre("/linux/uidMappings: 341 mappings; Linux allows 340"));
}

TEST(WrongLinux, TimeOffsets) {
    expect_wrong({
        {R"("timeOffsets": [])", "/linux/timeOffsets", "expected an object, got an array"},
        {R"("timeOffsets": {"realtime": {"secs": 1}})", "/linux/timeOffsets/realtime",
         "unknown clock; known are monotonic, boottime"},
        {R"("timeOffsets": {"boottime": {"secs": 1, "nanosecs": 1000000000}})", "/linux/timeOffsets/boottime/nanosecs",
         "1000000000 is out of range: expected 0 to 999999999"},
        {R"("timeOffsets": {"boottime": {"nanosecs": -1}})", "/linux/timeOffsets/boottime/nanosecs",
         "expected an unsigned integer, got number -1"},
    });
    expect_wrong_alone({
        {R"("timeOffsets": {"boottime": {"secs": 1}})", "/linux/timeOffsets",
         "needs a new time namespace in linux.namespaces"},
        {R"("namespaces": [{"type": "time", "path": "/proc/1/ns/time"}], "timeOffsets": {"boottime": {"secs": 1}})",
         "/linux/timeOffsets", "the clocks of a time namespace that is joined cannot be set"},
    });
}

TEST(WrongLinux, Sysctl) {
    expect_wrong({
        {R"("sysctl": {"kernel.core_pattern": "|/x"})", "/linux/sysctl/kernel.core_pattern",
         "no parameter of a namespace: it would change the host"},
        {R"("sysctl": {"kernel.shm": "1"})", "/linux/sysctl/kernel.shm",
         "no parameter of a namespace: it would change the host"},
        {R"("sysctl": {"kernel.hostname": "a"})", "/linux/sysctl/kernel.hostname",
         "the hostname is set by the property hostname"},
        {R"("sysctl": {"net.x\u0000": "1"})", std::string_view("/linux/sysctl/net.x\0", 20),
         "the name has a NUL byte in it"},
        {R"("sysctl": {"net..x": "1"})", "/linux/sysctl/net..x", "no name of a kernel parameter"},
        {R"("sysctl": {"net": "1"})", "/linux/sysctl/net", "no name of a kernel parameter"},
        {R"("sysctl": {"net/../kernel/core_pattern": "1"})", "/linux/sysctl/net~1..~1kernel~1core_pattern",
         "no name of a kernel parameter"},
        {R"("sysctl": {"net.//.kernel.core_pattern": "1"})", "/linux/sysctl/net.~1~1.kernel.core_pattern",
         "no name of a kernel parameter"},
        {R"("sysctl": {"net.ipv4.ip_forward": 1})", "/linux/sysctl/net.ipv4.ip_forward",
         "expected a string, got number 1"},
    });
    expect_wrong_alone({
        {R"("sysctl": {"net.ipv4.ip_forward": "1"})", "/linux/sysctl/net.ipv4.ip_forward",
         "needs a network namespace in linux.namespaces"},
        {R"("sysctl": {"kernel.msgmax": "1"})", "/linux/sysctl/kernel.msgmax",
         "needs an ipc namespace in linux.namespaces"},
        {R"("sysctl": {"fs/mqueue/msg_max": "1"})", "/linux/sysctl/fs~1mqueue~1msg_max",
         "needs an ipc namespace in linux.namespaces"},
        {R"("sysctl": {"kernel.domainname": "a"})", "/linux/sysctl/kernel.domainname",
         "needs a uts namespace in linux.namespaces"},
        {R"("sysctl": {"user.max_user_namespaces": "1"})", "/linux/sysctl/user.max_user_namespaces",
         "needs a user namespace in linux.namespaces"},
    });
}

TEST(WrongLinux, Devices) {
    expect_wrong({
        {R"("devices": [{"type": "c", "major": 1, "minor": 3}])", "/linux/devices/0/path", "required, but missing"},
        {R"("devices": [{"path": "dev/x", "type": "c", "major": 1, "minor": 3}])", "/linux/devices/0/path",
         "expected an absolute path, got \"dev/x\""},
        {R"("devices": [{"path": "/dev/x", "major": 1, "minor": 3}])", "/linux/devices/0/type",
         "required, but missing"},
        {R"("devices": [{"path": "/dev/x", "type": "x", "major": 1, "minor": 3}])", "/linux/devices/0/type",
         "unknown device type \"x\"; known are c, b, p, u"},
        {R"("devices": [{"path": "/dev/x", "type": "b", "minor": 3}])", "/linux/devices/0/major",
         "required, but missing"},
        {R"("devices": [{"path": "/dev/x", "type": "u", "major": 3}])", "/linux/devices/0/minor",
         "required, but missing"},
        {R"("devices": [{"path": "/dev/x", "type": "c", "major": -1, "minor": 3}])", "/linux/devices/0/major",
         "-1 is out of range: expected 0 to 4095"},
        {R"("devices": [{"path": "/dev/x", "type": "c", "major": 1, "minor": 1048576}])", "/linux/devices/0/minor",
         "1048576 is out of range: expected 0 to 1048575"},
        {R"("devices": [{"path": "/dev/x", "type": "c", "major": 1, "minor": 3, "fileMode": "0666"}])",
         "/linux/devices/0/fileMode", "expected an unsigned integer, got string \"0666\""},
    });
}

TEST(WrongLinux, NetDevices) {
    expect_wrong({
        {R"("netDevices": [])", "/linux/netDevices", "expected an object, got an array"},
        {R"("netDevices": {"eth0": "eth1"})", "/linux/netDevices/eth0", "expected an object, got string \"eth1\""},
        {R"("netDevices": {"abcdefghijklmnop": {"name": "a"}})", "/linux/netDevices/abcdefghijklmnop",
         "no name that a network device can have"},
        {R"("netDevices": {"eth0": {"name": "a/b"}})", "/linux/netDevices/eth0/name",
         "\"a/b\" is no name that a network device can have"},
        {R"("netDevices": {"eth0": {"name": "a b"}})", "/linux/netDevices/eth0/name",
         "\"a b\" is no name that a network device can have"},
        {R"("netDevices": {"eth0": {"name": "x"}, "eth1": {"name": "x"}})", "/linux/netDevices/eth1/name",
         "a second device named x"},
    });
    expect_wrong_alone({
        {R"("netDevices": {"eth0": {}})", "/linux/netDevices", "needs a network namespace in linux.namespaces"},
    });
}

TEST(WrongLinux, Paths) {
    expect_wrong({
        {R"("maskedPaths": "/proc/kcore")", "/linux/maskedPaths", "expected an array, got string \"/proc/kcore\""},
        {R"("maskedPaths": ["/a", "proc"])", "/linux/maskedPaths/1", "expected an absolute path, got \"proc\""},
        {R"("readonlyPaths": [""])", "/linux/readonlyPaths/0", "expected an absolute path, got \"\""},
        {R"("rootfsPropagation": "share")", "/linux/rootfsPropagation",
         "unknown propagation \"share\"; did you mean \"shared\"?"},
        {R"("rootfsPropagation": true)", "/linux/rootfsPropagation", "expected a string, got true"},
        {R"("cgroupsPath": 1)", "/linux/cgroupsPath", "expected a string, got number 1"},
        {R"("mountLabel": {})", "/linux/mountLabel", "expected a string, got an object"},
    });
    expect_wrong_alone({
        {R"("maskedPaths": ["/proc/kcore"])", "/linux/maskedPaths",
         "needs a mount namespace in linux.namespaces: it would cover paths of the host"},
        {R"("readonlyPaths": ["/proc/sys"])", "/linux/readonlyPaths",
         "needs a mount namespace in linux.namespaces: it would cover paths of the host"},
    });
}

TEST(WrongLinux, RdtPersonalityMemoryPolicy) {
    expect_wrong({
        {R"("intelRdt": {"closID": ".."})", "/linux/intelRdt/closID", "\"..\" is no name of one directory, nor \"/\""},
        {R"("intelRdt": {"closID": "a/b"})", "/linux/intelRdt/closID",
         "\"a/b\" is no name of one directory, nor \"/\""},
        {R"("intelRdt": {"schemata": "L3:0=f"})", "/linux/intelRdt/schemata",
         "expected an array, got string \"L3:0=f\""},
        {R"("intelRdt": {"enableMonitoring": 1})", "/linux/intelRdt/enableMonitoring",
         "expected true or false, got number 1"},
        {R"("personality": {})", "/linux/personality/domain", "required, but missing"},
        {R"("personality": {"domain": "LINUX64"})", "/linux/personality/domain",
         "unknown personality \"LINUX64\"; did you mean \"LINUX\"?"},
        {R"("personality": {"domain": "LINUX", "flags": ["ADDR_NO_RANDOMIZE"]})", "/linux/personality/flags",
         "the specification defines no personality flags"},
        {R"("memoryPolicy": {"nodes": "0"})", "/linux/memoryPolicy/mode", "required, but missing"},
        {R"("memoryPolicy": {"mode": "MPOL_BINDS", "nodes": "0"})", "/linux/memoryPolicy/mode",
         "unknown memory policy \"MPOL_BINDS\"; did you mean \"MPOL_BIND\"?"},
        {R"("memoryPolicy": {"mode": "MPOL_BIND", "nodes": "0-"})", "/linux/memoryPolicy/nodes",
         "\"0-\" is no list of memory nodes such as 0-3,7"},
        {R"("memoryPolicy": {"mode": "MPOL_BIND", "nodes": "0-4294967295"})", "/linux/memoryPolicy/nodes",
         "\"0-4294967295\" is no list of memory nodes such as 0-3,7"},
        {R"("memoryPolicy": {"mode": "MPOL_BIND"})", "/linux/memoryPolicy/nodes", "MPOL_BIND needs at least one node"},
        {R"("memoryPolicy": {"mode": "MPOL_LOCAL", "nodes": "1"})", "/linux/memoryPolicy/nodes",
         "MPOL_LOCAL takes no nodes"},
        {R"("memoryPolicy": {"mode": "MPOL_BIND", "nodes": "0", "flags": ["MPOL_F_STATIC"]})",
         "/linux/memoryPolicy/flags/0",
         "unknown memory policy flag \"MPOL_F_STATIC\"; known are MPOL_F_NUMA_BALANCING, MPOL_F_RELATIVE_NODES, "
         "MPOL_F_STATIC_NODES"},
        {R"("memoryPolicy": {"mode": "MPOL_BIND", "nodes": "0",
            "flags": ["MPOL_F_STATIC_NODES", "MPOL_F_RELATIVE_NODES"]})",
         "/linux/memoryPolicy/flags", "MPOL_F_RELATIVE_NODES and MPOL_F_STATIC_NODES exclude each other"},
        {R"("memoryPolicy": {"mode": "MPOL_INTERLEAVE", "nodes": "0", "flags": ["MPOL_F_NUMA_BALANCING"]})",
         "/linux/memoryPolicy/flags", "MPOL_F_NUMA_BALANCING goes with MPOL_BIND only"},
    });
}

}  // namespace
}  // namespace arca::spec::testing
