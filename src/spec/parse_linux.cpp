#include "base/text.hpp"
#include "spec/names.hpp"
#include "spec/readers.hpp"

namespace arca::spec {

namespace {
/// linux.netDevices: {"eth0": {"name": "container_eth0"}}; without a name the device keeps its own.
void read_net_devices(Cursor at, std::map<std::string, std::string>& out) {
    if (at.kind() != Kind::Object) return at.expected("an object");
    for (auto device = at.first(); device; device = device->next()) {
        auto& name = out[read_key(*device)];
        name = device->node().key;
        if (device->kind() == Kind::Null) continue;
        Object object(*device);
        std::string given;
        object.get("name", given);
        if (!given.empty()) name = given;
    }
}

void read_device_type(Cursor at, DeviceType& out) {
    static constexpr auto kTypes = std::to_array<std::string_view>({"c", "b", "p", "u"});
    auto index = read_name(at, kTypes, "device type");
    if (!index) return;
    constexpr DeviceType kMeaning[] = {DeviceType::Character, DeviceType::Block, DeviceType::Fifo,
                                       DeviceType::Character};
    out = kMeaning[*index];
}
}  // namespace

void read(Cursor at, Namespace& out) {
    Object object(at);
    if (auto type = object.demand("type"))
        if (auto index = read_name(*type, kNamespaceNames, "namespace type")) out.type = NamespaceType(*index);
    object.get("path", out.path);
}

void read(Cursor at, Device& out) {
    Object object(at);
    object.require("path", out.path);
    if (auto type = object.demand("type")) read_device_type(*type, out.type);
    if (out.type == DeviceType::Fifo) {
        object.get("major", out.major);
        object.get("minor", out.minor);
    } else {
        object.require("major", out.major);
        object.require("minor", out.minor);
    }
    object.get("fileMode", out.file_mode);
    out.file_mode &= 07777;  // some engines copy st_mode as it is, file type included
    object.get("uid", out.uid);
    object.get("gid", out.gid);
}

void read(Cursor at, IntelRdt& out) {
    Object object(at);
    object.get("closID", out.clos_id);
    object.get("schemata", out.schemata);
    object.get("l3CacheSchema", out.l3_cache_schema);
    object.get("memBwSchema", out.mem_bw_schema);
    object.get("enableMonitoring", out.enable_monitoring);
}

void read(Cursor at, MemoryPolicy& out) {
    Object object(at);
    if (auto mode = object.demand("mode"))
        if (auto index = read_name(*mode, kMemoryPolicyModes, "memory policy")) out.mode = kMemoryPolicyModes[*index];
    object.get("nodes", out.nodes);
    if (auto flags = object.find("flags")) read_names(*flags, kMemoryPolicyFlags, "memory policy flag", out.flags);
}

void read(Cursor at, PersonalityDomain& out) {
    Object object(at);
    if (auto domain = object.demand("domain"))
        if (auto index = read_name(*domain, kPersonalityDomains, "personality")) out = PersonalityDomain(*index);
    // config-linux.md#personality: "Currently no flag values are supported."
    std::vector<std::string> flags;
    object.get("flags", flags);
    if (!flags.empty())
        at.report().problem(pointer_join(at.pointer(), "flags"), "the specification defines no personality flags");
}

void read(Cursor at, TimeOffset& out) {
    Object object(at);
    object.get("secs", out.secs);
    object.get("nanosecs", out.nanosecs);
}

void read(Cursor at, RootfsPropagation& out) {
    auto index = read_name(at, kPropagations, "propagation");
    if (!index) return;
    out.type = Propagation(*index % 4);
    out.recursive = *index >= 4;
}

void read(Cursor at, Linux& out) {
    Object object(at);
    object.get("uidMappings", out.uid_mappings);
    object.get("gidMappings", out.gid_mappings);
    object.get("sysctl", out.sysctl);
    object.get("resources", out.resources);
    object.get("cgroupsPath", out.cgroups_path);
    object.get("namespaces", out.namespaces);
    object.get("devices", out.devices);
    if (auto devices = object.find("netDevices")) read_net_devices(*devices, out.net_devices);
    object.get("seccomp", out.seccomp);
    if (auto type = object.find_name("rootfsPropagation")) read(*type, out.rootfs_propagation);
    object.get("maskedPaths", out.masked_paths);
    object.get("readonlyPaths", out.readonly_paths);
    object.get("mountLabel", out.mount_label);
    object.get("intelRdt", out.intel_rdt);
    object.get("memoryPolicy", out.memory_policy);
    object.get("personality", out.personality);
    object.get("timeOffsets", out.time_offsets);
}

}  // namespace arca::spec
