#include "spec/names.hpp"
#include "spec/readers.hpp"

namespace arca::spec {

namespace {
/// -1 is how some engines write "any"; the specification leaves the number out.
void get_device_number(Object& object, std::string_view name, std::optional<std::int64_t>& out) {
    object.get(name, out);
    if (out == -1) out.reset();
}
}  // namespace

void read(Cursor at, DeviceRule& out) {
    static constexpr auto kTypes = std::to_array<std::string_view>({"a", "b", "c"});
    Object object(at);
    object.require("allow", out.allow);
    if (auto type = object.find_name("type"))
        if (auto index = read_name(*type, kTypes, "device type")) out.type = kTypes[*index].front();
    get_device_number(object, "major", out.major);
    get_device_number(object, "minor", out.minor);
    object.get("access", out.access);
}

void read(Cursor at, MemoryResources& out) {
    Object object(at);
    object.get("limit", out.limit);
    object.get("reservation", out.reservation);
    object.get("swap", out.swap);
    object.get("kernel", out.kernel);
    object.get("kernelTCP", out.kernel_tcp);
    object.get("swappiness", out.swappiness);
    object.get("disableOOMKiller", out.disable_oom_killer);
    object.get("useHierarchy", out.use_hierarchy);
    object.get("checkBeforeUpdate", out.check_before_update);
}

void read(Cursor at, CpuResources& out) {
    Object object(at);
    object.get("shares", out.shares);
    object.get("quota", out.quota_us);
    object.get("burst", out.burst_us);
    object.get("period", out.period_us);
    object.get("realtimeRuntime", out.realtime_runtime_us);
    object.get("realtimePeriod", out.realtime_period_us);
    object.get("cpus", out.cpus);
    object.get("mems", out.mems);
    object.get("idle", out.idle);
}

void read(Cursor at, WeightDevice& out) {
    Object object(at);
    object.require("major", out.major);
    object.require("minor", out.minor);
    object.get("weight", out.weight);
    object.get("leafWeight", out.leaf_weight);
}

void read(Cursor at, ThrottleDevice& out) {
    Object object(at);
    object.require("major", out.major);
    object.require("minor", out.minor);
    object.require("rate", out.rate);
}

void read(Cursor at, BlockIoResources& out) {
    Object object(at);
    object.get("weight", out.weight);
    object.get("leafWeight", out.leaf_weight);
    object.get("weightDevice", out.weight_device);
    object.get("throttleReadBpsDevice", out.throttle_read_bps);
    object.get("throttleWriteBpsDevice", out.throttle_write_bps);
    object.get("throttleReadIOPSDevice", out.throttle_read_iops);
    object.get("throttleWriteIOPSDevice", out.throttle_write_iops);
}

void read(Cursor at, HugepageLimit& out) {
    Object object(at);
    object.require("pageSize", out.page_size);
    object.require("limit", out.limit_bytes);
}

void read(Cursor at, InterfacePriority& out) {
    Object object(at);
    object.require("name", out.name);
    object.require("priority", out.priority);
}

void read(Cursor at, NetworkResources& out) {
    Object object(at);
    object.get("classID", out.class_id);
    object.get("priorities", out.priorities);
}

void read(Cursor at, RdmaLimit& out) {
    Object object(at);
    object.get("hcaHandles", out.hca_handles);
    object.get("hcaObjects", out.hca_objects);
}

void read(Cursor at, Resources& out) {
    Object object(at);
    object.get("devices", out.devices);
    object.get("memory", out.memory);
    object.get("cpu", out.cpu);
    if (auto pids = object.find("pids")) {
        Object members(*pids);
        members.get("limit", out.pids_limit);
    }
    object.get("blockIO", out.block_io);
    object.get("hugepageLimits", out.hugepage_limits);
    object.get("network", out.network);
    object.get("rdma", out.rdma);
    object.get("unified", out.unified);
}

}  // namespace arca::spec
