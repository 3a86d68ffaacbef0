#include "cgroup/resources.hpp"

#include <algorithm>
#include <cmath>
#include <map>

#include "base/text.hpp"

namespace arca::cgroup {

namespace {
constexpr const char* kBase = "/linux/resources";
constexpr std::int64_t kUnlimited = -1;

// Numbers below 0 mean "no limit" throughout the specification.
std::string number_or_max(std::int64_t value) {
    return value < 0 ? "max" : text::cat(value);
}

std::string device_name(std::int64_t major, std::int64_t minor) {
    return text::cat(major, ":", minor);
}

class Translation {
  public:
    explicit Translation(std::vector<spec::Note>& notes) : notes_(notes) {}

    Result<> memory(const spec::MemoryResources& memory);
    void cpu(const spec::CpuResources& cpu);
    void pids(std::int64_t limit);
    void block_io(const spec::BlockIoResources& block_io);
    Result<> hugepages(const std::vector<spec::HugepageLimit>& limits);
    void rdma(const std::map<std::string, spec::RdmaLimit>& devices);
    void network(const spec::NetworkResources& network);
    Result<> unified(const std::map<std::string, std::string>& entries);

    std::vector<Write> take() { return std::move(writes_); }

  private:
    Write& add(std::string_view controller, std::string_view file, std::string value, std::string_view entry) {
        writes_.push_back({.file = std::string(file),
                           .value = std::move(value),
                           .pointer = text::cat(kBase, "/", entry),
                           .controller = std::string(controller)});
        return writes_.back();
    }
    // "max" is what a new cgroup has: where the controller is absent there is nothing to do.
    Write& add_limit(std::string_view controller, std::string_view file, std::string value, std::string_view entry) {
        auto& write = add(controller, file, std::move(value), entry);
        if (write.value.starts_with("max")) write.if_absent = IfAbsent::Skip;
        return write;
    }
    void only_v1(std::string_view entry) {
        notes_.push_back({text::cat(kBase, "/", entry), "ignored: cgroup v2 has nothing like it"});
    }
    void cpu_bandwidth(const spec::CpuResources& cpu);
    void throttle(const spec::BlockIoResources& block_io);

    std::vector<Write> writes_;
    std::vector<spec::Note>& notes_;
};

// The specification counts memory and swap together, v2 swap alone. 0 is "unset" in both.
Result<std::optional<std::int64_t>> swap_alone(const spec::MemoryResources& memory) {
    const auto limit = memory.limit.value_or(0);
    const auto both = memory.swap.value_or(0);
    if (both == 0) return limit < 0 ? std::optional(kUnlimited) : std::nullopt;
    if (both < 0) return kUnlimited;
    auto invalid = [&](std::string text) {
        return fail(Error(Code::InvalidConfig, std::move(text)).at(text::cat(kBase, "/memory/swap")));
    };
    if (limit <= 0) return invalid("a limit of memory and swap together needs a limit of memory");
    if (both < limit)
        return invalid(text::cat("memory and swap together (", both, ") is less than memory alone (", limit, ")"));
    return both - limit;
}

Result<> Translation::memory(const spec::MemoryResources& memory) {
    // ORDER: swap first, so that lowering memory.max cannot push out more pages than may stay in swap.
    if (auto swap = TRY(swap_alone(memory))) {
        auto& write = add_limit("memory", "memory.swap.max", number_or_max(*swap), "memory/swap");
        if (*swap == 0) write.if_absent = IfAbsent::Skip;  // no swap accounting: no swap to forbid
        if (memory.check_before_update) write.usage_file = "memory.swap.current";
        if (!memory.swap) write.pointer = text::cat(kBase, "/memory/limit");
    }
    if (memory.limit.value_or(0) != 0) {
        auto& write = add_limit("memory", "memory.max", number_or_max(*memory.limit), "memory/limit");
        if (memory.check_before_update) write.usage_file = "memory.current";
    }
    if (memory.reservation.value_or(0) != 0)
        add("memory", "memory.low", number_or_max(*memory.reservation), "memory/reservation");
    if (memory.kernel.value_or(0) != 0) only_v1("memory/kernel");
    if (memory.kernel_tcp.value_or(0) != 0) only_v1("memory/kernelTCP");
    if (memory.swappiness) only_v1("memory/swappiness");
    if (memory.disable_oom_killer) only_v1("memory/disableOOMKiller");
    return {};
}

void Translation::cpu(const spec::CpuResources& cpu) {
    const bool idle = cpu.idle.value_or(0) != 0;
    if (cpu.idle) {
        auto& write = add("cpu", "cpu.idle", text::cat(*cpu.idle), "cpu/idle");
        if (!idle) write.if_absent = IfAbsent::Skip;  // since Linux 5.15
    }
    if (cpu.shares.value_or(0) != 0) {
        // The kernel refuses a weight for idle groups (sched_group_set_shares).
        if (idle)
            notes_.push_back({text::cat(kBase, "/cpu/shares"), "ignored: cpu.idle leaves no weight"});
        else
            add("cpu", "cpu.weight", text::cat(weight_from_shares(*cpu.shares)), "cpu/shares");
    }
    cpu_bandwidth(cpu);
    if (!cpu.cpus.empty()) add("cpuset", "cpuset.cpus", cpu.cpus, "cpu/cpus");
    if (!cpu.mems.empty()) add("cpuset", "cpuset.mems", cpu.mems, "cpu/mems");
    if (cpu.realtime_runtime_us.value_or(0) != 0) only_v1("cpu/realtimeRuntime");
    if (cpu.realtime_period_us.value_or(0) != 0) only_v1("cpu/realtimePeriod");
}

void Translation::cpu_bandwidth(const spec::CpuResources& cpu) {
    constexpr std::uint64_t kDefaultPeriod = 100'000;
    const auto quota = cpu.quota_us.value_or(0);
    const auto period = cpu.period_us.value_or(0);
    if (quota != 0 || period != 0) {
        auto value = text::cat(quota > 0 ? text::cat(quota) : "max", " ", period != 0 ? period : kDefaultPeriod);
        add_limit("cpu", "cpu.max", std::move(value), quota != 0 ? "cpu/quota" : "cpu/period");
    }
    if (cpu.burst_us) {
        auto& write = add("cpu", "cpu.max.burst", text::cat(*cpu.burst_us), "cpu/burst");
        if (*cpu.burst_us == 0) write.if_absent = IfAbsent::Skip;  // since Linux 5.14
    }
}

void Translation::pids(std::int64_t limit) {
    // 0 would let init itself start nothing; engines and their tests expect "one process".
    add_limit("pids", "pids.max", number_or_max(limit == 0 ? 1 : limit), "pids/limit");
}

void Translation::block_io(const spec::BlockIoResources& block_io) {
    auto weight = [&](std::string_view prefix, std::uint16_t value, std::string_view entry) {
        auto& write = add("io", "io.bfq.weight", text::cat(prefix, value), entry);
        write.if_absent = IfAbsent::UseOther;
        write.other_file = "io.weight";
        write.other_value = text::cat(prefix, io_weight(value));
    };
    if (block_io.weight.value_or(0) != 0) weight("", *block_io.weight, "blockIO/weight");
    if (block_io.leaf_weight.value_or(0) != 0) only_v1("blockIO/leafWeight");
    for (std::size_t i = 0; i < block_io.weight_device.size(); ++i) {
        const auto& device = block_io.weight_device[i];
        const auto entry = text::cat("blockIO/weightDevice/", i);
        if (device.weight.value_or(0) != 0)
            weight(text::cat(device_name(device.major, device.minor), " "), *device.weight, entry + "/weight");
        if (device.leaf_weight.value_or(0) != 0) only_v1(entry + "/leafWeight");
    }
    throttle(block_io);
}

// The four lists merged by device: one line of io.max each, so that no half of it is ever in force.
void Translation::throttle(const spec::BlockIoResources& block_io) {
    struct Line {
        std::string name;
        std::string limits;
        std::string entry;
    };
    std::vector<Line> lines;
    auto merge = [&](const std::vector<spec::ThrottleDevice>& devices, std::string_view key, std::string_view list) {
        for (std::size_t i = 0; i < devices.size(); ++i) {
            const auto name = device_name(devices[i].major, devices[i].minor);
            auto line = std::ranges::find(lines, name, &Line::name);
            if (line == lines.end()) line = lines.insert(lines.end(), {name, "", text::cat("blockIO/", list, "/", i)});
            const auto rate = devices[i].rate;  // 0 was "no limit" in v1; v2 refuses it
            line->limits += text::cat(" ", key, "=", rate == 0 ? "max" : text::cat(rate));
        }
    };
    merge(block_io.throttle_read_bps, "rbps", "throttleReadBpsDevice");
    merge(block_io.throttle_write_bps, "wbps", "throttleWriteBpsDevice");
    merge(block_io.throttle_read_iops, "riops", "throttleReadIOPSDevice");
    merge(block_io.throttle_write_iops, "wiops", "throttleWriteIOPSDevice");
    for (const auto& line : lines)
        add("io", "io.max", line.name + line.limits, line.entry);
}

Result<> Translation::hugepages(const std::vector<spec::HugepageLimit>& limits) {
    for (std::size_t i = 0; i < limits.size(); ++i) {
        const auto entry = text::cat("hugepageLimits/", i);
        if (limits[i].page_size.find_first_not_of("0123456789KMGTPB") != std::string::npos)
            return fail(Error(Code::InvalidConfig,
                              text::cat("\"", text::printable(limits[i].page_size), "\" is not a page size (2MB, 1GB)"))
                            .at(text::cat(kBase, "/", entry, "/pageSize")));
        const auto value = text::cat(limits[i].limit_bytes);
        // config-linux.md#huge-page-limits: reservations are limited too where the kernel counts them (since 5.7).
        add("hugetlb", text::cat("hugetlb.", limits[i].page_size, ".max"), value, entry);
        add("hugetlb", text::cat("hugetlb.", limits[i].page_size, ".rsvd.max"), value, entry).if_absent =
            IfAbsent::Skip;
    }
    return {};
}

void Translation::rdma(const std::map<std::string, spec::RdmaLimit>& devices) {
    for (const auto& [name, limit] : devices) {
        auto value = rdma_line(name, limit);
        if (!value.empty()) add("rdma", "rdma.max", std::move(value), text::cat("rdma/", name));
    }
}

void Translation::network(const spec::NetworkResources& network) {
    if (network.class_id.value_or(0) != 0) only_v1("network/classID");
    if (!network.priorities.empty()) only_v1("network/priorities");
}

Result<std::string> controller_of(const std::string& file) {
    auto dot = file.find('.');
    if (file.empty() || file.front() == '.' || file.contains('/') || dot == std::string::npos)
        return fail(Error(Code::InvalidConfig, text::cat("\"", text::printable(file), "\" is not a file of a cgroup"))
                        .at(pointer_to_unified(file)));
    if (file == "cgroup.procs" || file == "cgroup.threads")
        return fail(Error(Code::InvalidConfig, "processes cannot be moved by a resource").at(pointer_to_unified(file)));
    auto controller = file.substr(0, dot);
    return controller == "cgroup" ? std::string() : controller;
}

Result<> Translation::unified(const std::map<std::string, std::string>& entries) {
    for (const auto& [file, value] : entries) {
        const auto controller = TRY(controller_of(file));
        // config-linux.md#unified: where both are given, the entry of `unified` counts.
        if (!is_keyed_by_device(file)) std::erase_if(writes_, [&](const Write& write) { return write.file == file; });
        std::size_t written = 0;
        for (auto line : text::split(value, '\n')) {
            if (text::trim(line).empty()) continue;
            writes_.push_back({file, std::string(text::trim(line)), pointer_to_unified(file), controller});
            ++written;
        }
        // An empty value clears lists such as cpuset.cpus; write(2) of nothing would not reach the kernel.
        if (written == 0) writes_.push_back({file, "\n", pointer_to_unified(file), controller});
    }
    return {};
}
}  // namespace

// RFC 6901: "~" and "/" inside of a key.
std::string pointer_to_unified(std::string_view key) {
    auto pointer = text::cat(kBase, "/unified/");
    for (char c : key)
        pointer += c == '~' ? "~0" : c == '/' ? "~1" : std::string(1, c);
    return pointer;
}

std::string rdma_line(const std::string& device, const spec::RdmaLimit& limit) {
    std::string limits;
    if (limit.hca_handles) limits += text::cat(" hca_handle=", *limit.hca_handles);
    if (limit.hca_objects) limits += text::cat(" hca_object=", *limit.hca_objects);
    return limits.empty() ? limits : device + limits;
}

bool is_keyed_by_device(std::string_view file) {
    return file == "io.max" || file == "io.weight" || file == "io.bfq.weight" || file == "rdma.max";
}

std::uint64_t weight_from_shares(std::uint64_t shares) {
    constexpr std::uint64_t kLeast = 2;
    constexpr std::uint64_t kMost = 262'144;
    if (shares <= kLeast) return 1;
    if (shares >= kMost) return 10'000;
    const double log = std::log2(static_cast<double>(shares));
    const double exponent = (log * log + 125 * log) / 612.0 - 7.0 / 34.0;
    return static_cast<std::uint64_t>(std::ceil(std::pow(10.0, exponent)));
}

std::uint64_t io_weight(std::uint64_t weight) {
    const auto clamped = std::clamp<std::uint64_t>(weight, 10, 1000);
    return 1 + (clamped - 10) * 9999 / 990;
}

Result<std::vector<Write>> translate(const spec::Resources& resources, std::vector<spec::Note>& notes) {
    Translation translation(notes);
    if (resources.memory) TRY(translation.memory(*resources.memory));
    if (resources.cpu) translation.cpu(*resources.cpu);
    if (resources.pids_limit) translation.pids(*resources.pids_limit);
    if (resources.block_io) translation.block_io(*resources.block_io);
    TRY(translation.hugepages(resources.hugepage_limits));
    translation.rdma(resources.rdma);
    if (resources.network) translation.network(*resources.network);
    TRY(translation.unified(resources.unified));
    return translation.take();
}

}  // namespace arca::cgroup
