#include "spec/resources_json.hpp"

#include "spec/json_writer.hpp"

namespace arca::spec {

namespace {
template<class Value>
void member(JsonWriter& out, std::string_view name, const std::optional<Value>& content) {
    if (content) out.member(name, *content);
}

void member(JsonWriter& out, std::string_view name, const std::string& content) {
    if (!content.empty()) out.member(name, content);
}

void only_true(JsonWriter& out, std::string_view name, bool content) {
    if (content) out.member(name, true);
}

void write(JsonWriter& out, const DeviceRule& rule) {
    out.member("allow", rule.allow);
    out.member("type", std::string(1, rule.type));
    member(out, "major", rule.major);
    member(out, "minor", rule.minor);
    member(out, "access", rule.access);
}

void write(JsonWriter& out, const WeightDevice& device) {
    out.member("major", device.major);
    out.member("minor", device.minor);
    member(out, "weight", device.weight);
    member(out, "leafWeight", device.leaf_weight);
}

void write(JsonWriter& out, const ThrottleDevice& device) {
    out.member("major", device.major);
    out.member("minor", device.minor);
    out.member("rate", device.rate);
}

void write(JsonWriter& out, const HugepageLimit& limit) {
    out.member("pageSize", limit.page_size);
    out.member("limit", limit.limit_bytes);
}

void write(JsonWriter& out, const InterfacePriority& priority) {
    out.member("name", priority.name);
    out.member("priority", priority.priority);
}

template<class Element>
void list(JsonWriter& out, std::string_view name, const std::vector<Element>& elements) {
    if (elements.empty()) return;
    out.key(name);
    out.begin_array();
    for (const auto& element : elements) {
        out.begin_object();
        write(out, element);
        out.end_object();
    }
    out.end_array();
}

void write(JsonWriter& out, const MemoryResources& memory) {
    member(out, "limit", memory.limit);
    member(out, "reservation", memory.reservation);
    member(out, "swap", memory.swap);
    member(out, "kernel", memory.kernel);
    member(out, "kernelTCP", memory.kernel_tcp);
    member(out, "swappiness", memory.swappiness);
    only_true(out, "disableOOMKiller", memory.disable_oom_killer);
    only_true(out, "useHierarchy", memory.use_hierarchy);
    only_true(out, "checkBeforeUpdate", memory.check_before_update);
}

void write(JsonWriter& out, const CpuResources& cpu) {
    member(out, "shares", cpu.shares);
    member(out, "quota", cpu.quota_us);
    member(out, "burst", cpu.burst_us);
    member(out, "period", cpu.period_us);
    member(out, "realtimeRuntime", cpu.realtime_runtime_us);
    member(out, "realtimePeriod", cpu.realtime_period_us);
    member(out, "cpus", cpu.cpus);
    member(out, "mems", cpu.mems);
    member(out, "idle", cpu.idle);
}

void write(JsonWriter& out, const BlockIoResources& io) {
    member(out, "weight", io.weight);
    member(out, "leafWeight", io.leaf_weight);
    list(out, "weightDevice", io.weight_device);
    list(out, "throttleReadBpsDevice", io.throttle_read_bps);
    list(out, "throttleWriteBpsDevice", io.throttle_write_bps);
    list(out, "throttleReadIOPSDevice", io.throttle_read_iops);
    list(out, "throttleWriteIOPSDevice", io.throttle_write_iops);
}

void write(JsonWriter& out, const NetworkResources& network) {
    member(out, "classID", network.class_id);
    list(out, "priorities", network.priorities);
}

template<class Value>
void object(JsonWriter& out, std::string_view name, const std::optional<Value>& content) {
    if (!content) return;
    out.key(name);
    out.begin_object();
    write(out, *content);
    out.end_object();
}

void rdma(JsonWriter& out, const std::map<std::string, RdmaLimit>& devices) {
    if (devices.empty()) return;
    out.key("rdma");
    out.begin_object();
    for (const auto& [name, limit] : devices) {
        out.key(name);
        out.begin_object();
        member(out, "hcaHandles", limit.hca_handles);
        member(out, "hcaObjects", limit.hca_objects);
        out.end_object();
    }
    out.end_object();
}
}  // namespace

std::string to_json(const Resources& resources) {
    JsonWriter out("");
    out.begin_object();
    list(out, "devices", resources.devices);
    object(out, "memory", resources.memory);
    object(out, "cpu", resources.cpu);
    if (resources.pids_limit) {
        out.key("pids");
        out.begin_object();
        out.member("limit", *resources.pids_limit);
        out.end_object();
    }
    object(out, "blockIO", resources.block_io);
    list(out, "hugepageLimits", resources.hugepage_limits);
    object(out, "network", resources.network);
    rdma(out, resources.rdma);
    if (!resources.unified.empty()) out.member("unified", resources.unified);
    out.end_object();
    return out.take();
}

}  // namespace arca::spec
