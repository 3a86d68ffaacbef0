#include "cgroup/v1_resources.hpp"

#include <algorithm>

#include "base/text.hpp"

namespace arca::cgroup {

namespace {
constexpr const char* kBase = "/linux/resources";

std::string device_name(std::int64_t major, std::int64_t minor) {
    return text::cat(major, ":", minor);
}

class Translation {
  public:
    explicit Translation(std::vector<spec::Note>& notes) : notes_(notes) {}

    void memory(const spec::MemoryResources& memory);
    Result<> cpu(const spec::CpuResources& cpu);
    void pids(std::int64_t limit);
    void block_io(const spec::BlockIoResources& block_io);
    void hugepages(const std::vector<spec::HugepageLimit>& limits);
    void rdma(const std::map<std::string, spec::RdmaLimit>& devices);
    void network(const spec::NetworkResources& network);

    std::vector<Write> take() { return std::move(writes_); }

  private:
    Write& add(std::string_view controller, std::string_view file, std::string value, std::string_view entry) {
        writes_.push_back({.file = std::string(file),
                           .value = std::move(value),
                           .pointer = text::cat(kBase, "/", entry),
                           .controller = std::string(controller)});
        return writes_.back();
    }
    template<typename Number>
    Write* add_if_set(std::string_view controller, std::string_view file, const std::optional<Number>& value,
                      std::string_view entry) {
        if (value.value_or(0) == 0) return nullptr;  // 0 is how Go callers write "not given"
        return &add(controller, file, text::cat(*value), entry);
    }
    void weights(const spec::BlockIoResources& block_io);
    void throttle(const std::vector<spec::ThrottleDevice>& devices, std::string_view file, std::string_view list);

    std::vector<Write> writes_;
    std::vector<spec::Note>& notes_;
};

// Which of limit and memsw must come first depends on what they are now (the kernel wants limit <= memsw at any time):
// the one that is refused is tried again after the other (Cgroup::apply).
void Translation::memory(const spec::MemoryResources& memory) {
    if (memory.use_hierarchy)
        add("memory", "memory.use_hierarchy", "1", "memory/useHierarchy").if_absent = IfAbsent::Skip;
    add_if_set("memory", "memory.limit_in_bytes", memory.limit, "memory/limit");
    // Memory without a limit would still be bounded by what was allowed of memory and swap together.
    const bool all_unlimited = memory.limit == -1 && memory.swap.value_or(0) == 0;
    const auto swap = all_unlimited ? memory.limit : memory.swap;
    auto* write =
        add_if_set("memory", "memory.memsw.limit_in_bytes", swap, all_unlimited ? "memory/limit" : "memory/swap");
    if (write != nullptr && swap == -1) write->if_absent = IfAbsent::Skip;  // no swap accounting: nothing to lift
    add_if_set("memory", "memory.soft_limit_in_bytes", memory.reservation, "memory/reservation");
    if (memory.kernel.value_or(0) != 0)
        notes_.push_back({text::cat(kBase, "/memory/kernel"),
                          "ignored: kernel memory counts as memory, and Linux 5.16 removed a limit of its own"});
    add_if_set("memory", "memory.kmem.tcp.limit_in_bytes", memory.kernel_tcp, "memory/kernelTCP");
    if (memory.swappiness) add("memory", "memory.swappiness", text::cat(*memory.swappiness), "memory/swappiness");
    if (memory.disable_oom_killer) add("memory", "memory.oom_control", "1", "memory/disableOOMKiller");
}

Result<> Translation::cpu(const spec::CpuResources& cpu) {
    constexpr std::uint64_t kLeastShares = 2;  // MIN_SHARES and MAX_SHARES of kernel/sched/sched.h: it clamps silently
    constexpr std::uint64_t kMostShares = 262'144;
    const bool idle = cpu.idle.value_or(0) != 0;
    if (cpu.idle) {
        auto& write = add("cpu", "cpu.idle", text::cat(*cpu.idle), "cpu/idle");
        if (!idle) write.if_absent = IfAbsent::Skip;  // since Linux 5.15
    }
    const auto shares = cpu.shares.value_or(0);
    if (shares != 0 && (shares < kLeastShares || shares > kMostShares))
        return fail(Error(Code::InvalidConfig,
                          text::cat(shares, " is out of range: the ", shares < kLeastShares ? "minimum" : "maximum",
                                    " allowed cpu-shares is ", shares < kLeastShares ? kLeastShares : kMostShares))
                        .at(text::cat(kBase, "/cpu/shares")));
    if (shares != 0 && idle)
        notes_.push_back({text::cat(kBase, "/cpu/shares"), "ignored: cpu.idle leaves no weight"});
    else
        add_if_set("cpu", "cpu.shares", cpu.shares, "cpu/shares");
    add_if_set("cpu", "cpu.cfs_period_us", cpu.period_us, "cpu/period");
    add_if_set("cpu", "cpu.cfs_quota_us", cpu.quota_us, "cpu/quota");
    if (cpu.burst_us) {
        auto& write = add("cpu", "cpu.cfs_burst_us", text::cat(*cpu.burst_us), "cpu/burst");
        if (*cpu.burst_us == 0) write.if_absent = IfAbsent::Skip;  // since Linux 5.14
    }
    add_if_set("cpu", "cpu.rt_period_us", cpu.realtime_period_us, "cpu/realtimePeriod");
    add_if_set("cpu", "cpu.rt_runtime_us", cpu.realtime_runtime_us, "cpu/realtimeRuntime");
    if (!cpu.cpus.empty()) add("cpuset", "cpuset.cpus", cpu.cpus, "cpu/cpus");
    if (!cpu.mems.empty()) add("cpuset", "cpuset.mems", cpu.mems, "cpu/mems");
    return {};
}

void Translation::pids(std::int64_t limit) {
    // 0 would let init itself start nothing; engines and their tests expect "one process".
    auto& write =
        add("pids", "pids.max", limit < 0 ? "max" : text::cat(std::max<std::int64_t>(limit, 1)), "pids/limit");
    if (limit < 0) write.if_absent = IfAbsent::Skip;
}

// The names of CFQ, which went with Linux 5.0, then those of BFQ, which came with 4.12.
void Translation::weights(const spec::BlockIoResources& block_io) {
    const auto weight = [&](std::string_view cfq, std::string_view bfq, std::string value, std::string_view entry) {
        auto& write = add("blkio", cfq, value, entry);
        write.if_absent = IfAbsent::UseOther;
        write.other_file = bfq;
        write.other_value = std::move(value);
    };
    if (block_io.weight.value_or(0) != 0)
        weight("blkio.weight", "blkio.bfq.weight", text::cat(*block_io.weight), "blockIO/weight");
    add_if_set("blkio", "blkio.leaf_weight", block_io.leaf_weight, "blockIO/leafWeight");
    for (std::size_t i = 0; i < block_io.weight_device.size(); ++i) {
        const auto& device = block_io.weight_device[i];
        const auto entry = text::cat("blockIO/weightDevice/", i);
        const auto name = device_name(device.major, device.minor);
        if (device.weight.value_or(0) != 0)
            weight("blkio.weight_device", "blkio.bfq.weight_device", text::cat(name, " ", *device.weight),
                   entry + "/weight");
        if (device.leaf_weight.value_or(0) != 0)
            add("blkio", "blkio.leaf_weight_device", text::cat(name, " ", *device.leaf_weight), entry + "/leafWeight");
    }
}

void Translation::throttle(const std::vector<spec::ThrottleDevice>& devices, std::string_view file,
                           std::string_view list) {
    for (std::size_t i = 0; i < devices.size(); ++i)
        add("blkio", file, text::cat(device_name(devices[i].major, devices[i].minor), " ", devices[i].rate),
            text::cat("blockIO/", list, "/", i));
}

void Translation::block_io(const spec::BlockIoResources& block_io) {
    weights(block_io);
    throttle(block_io.throttle_read_bps, "blkio.throttle.read_bps_device", "throttleReadBpsDevice");
    throttle(block_io.throttle_write_bps, "blkio.throttle.write_bps_device", "throttleWriteBpsDevice");
    throttle(block_io.throttle_read_iops, "blkio.throttle.read_iops_device", "throttleReadIOPSDevice");
    throttle(block_io.throttle_write_iops, "blkio.throttle.write_iops_device", "throttleWriteIOPSDevice");
}

void Translation::hugepages(const std::vector<spec::HugepageLimit>& limits) {
    for (std::size_t i = 0; i < limits.size(); ++i) {
        const auto entry = text::cat("hugepageLimits/", i);
        const auto value = text::cat(limits[i].limit_bytes);
        add("hugetlb", text::cat("hugetlb.", limits[i].page_size, ".limit_in_bytes"), value, entry);
        // Reservations are limited too where the kernel counts them (since 5.7).
        add("hugetlb", text::cat("hugetlb.", limits[i].page_size, ".rsvd.limit_in_bytes"), value, entry).if_absent =
            IfAbsent::Skip;
    }
}

void Translation::rdma(const std::map<std::string, spec::RdmaLimit>& devices) {
    for (const auto& [name, limit] : devices) {
        auto value = rdma_line(name, limit);
        if (!value.empty()) add("rdma", "rdma.max", std::move(value), text::cat("rdma/", name));
    }
}

void Translation::network(const spec::NetworkResources& network) {
    add_if_set("net_cls", "net_cls.classid", network.class_id, "network/classID");
    for (std::size_t i = 0; i < network.priorities.size(); ++i)
        add("net_prio", "net_prio.ifpriomap",
            text::cat(network.priorities[i].name, " ", network.priorities[i].priority),
            text::cat("network/priorities/", i));
}

void forget_cpu_but_cpuset(spec::Resources& resources) {
    if (resources.cpu) resources.cpu = spec::CpuResources{.cpus = resources.cpu->cpus, .mems = resources.cpu->mems};
}

void forget_cpuset(spec::Resources& resources) {
    if (!resources.cpu) return;
    resources.cpu->cpus.clear();
    resources.cpu->mems.clear();
}

/// Takes out what the v1 controller of that name does.
void forget(spec::Resources& resources, std::string_view controller) {
    if (controller == "memory") resources.memory.reset();
    if (controller == "cpu") forget_cpu_but_cpuset(resources);
    if (controller == "cpuset") forget_cpuset(resources);
    if (controller == "pids") resources.pids_limit.reset();
    if (controller == "blkio") resources.block_io.reset();
    if (controller == "hugetlb") resources.hugepage_limits.clear();
    if (controller == "rdma") resources.rdma.clear();
    if (controller == "net_cls" && resources.network) resources.network->class_id.reset();
    if (controller == "net_prio" && resources.network) resources.network->priorities.clear();
    // The keys of `unified` are files of v2, where some controllers have other names.
    std::erase_if(resources.unified, [&](const auto& entry) {
        const auto name = std::string_view(entry.first).substr(0, entry.first.find('.'));
        return (name == "io" ? "blkio" : name) == controller;
    });
}

constexpr auto kControllers = std::to_array<std::string_view>(
    {"memory", "cpu", "cpuset", "pids", "blkio", "hugetlb", "rdma", "net_cls", "net_prio"});

Result<> refuse_unified(const std::map<std::string, std::string>& entries) {
    if (entries.empty()) return {};
    const auto& file = entries.begin()->first;
    return fail(Error(Code::Unsupported, text::cat("\"", text::printable(file),
                                                   "\" is a file of cgroup v2; this host has the controller in "
                                                   "a hierarchy of v1: use the typed properties"))
                    .at(pointer_to_unified(file)));
}
}  // namespace

bool has_controller(const std::vector<V1Place>& places, std::string_view controller) {
    return std::ranges::any_of(places, [&](const V1Place& place) {
        const auto names = text::split(place.controllers, ',');
        return std::ranges::find(names, controller) != names.end();
    });
}

ByVersion divide(const spec::Resources& resources, const std::vector<V1Place>& places) {
    ByVersion parts{resources, resources};
    parts.v1.unified.clear();
    for (const auto controller : kControllers) {
        const bool is_v1 = has_controller(places, controller);
        forget(is_v1 ? parts.v2 : parts.v1, controller);
    }
    for (const auto& entry : resources.unified)
        if (!parts.v2.unified.contains(entry.first)) parts.v1.unified.insert(entry);
    return parts;
}

Result<std::vector<Write>> translate_v1(const spec::Resources& resources, std::vector<spec::Note>& notes) {
    TRY(refuse_unified(resources.unified));
    Translation translation(notes);
    if (resources.memory) translation.memory(*resources.memory);
    if (resources.cpu) TRY(translation.cpu(*resources.cpu));
    if (resources.pids_limit) translation.pids(*resources.pids_limit);
    if (resources.block_io) translation.block_io(*resources.block_io);
    translation.hugepages(resources.hugepage_limits);
    translation.rdma(resources.rdma);
    if (resources.network) translation.network(*resources.network);
    return translation.take();
}

}  // namespace arca::cgroup
