#include "base/text.hpp"
#include "spec/validate.hpp"

namespace arca::spec {

namespace {
void validate_at_least(const std::optional<std::int64_t>& value, std::int64_t lowest, const std::string& pointer,
                       Report& report) {
    if (value && *value < lowest)
        report.problem(pointer, text::cat(*value, " is out of range: expected ", lowest, " or more"));
}

void validate_device_rule(const DeviceRule& rule, const std::string& base, Report& report) {
    if (auto bad = rule.access.find_first_not_of("rwm"); bad != std::string::npos)
        report.problem(base + "/access",
                       text::cat("\"", text::printable(rule.access), "\" has other letters than r, w, m"));
    validate_at_least(rule.major, 0, base + "/major", report);
    validate_at_least(rule.minor, 0, base + "/minor", report);
}

/// Sizes: -1 means no limit, 0 means not given (that is how Go callers write it).
void validate_memory(const MemoryResources& memory, const std::string& base, Report& report) {
    validate_at_least(memory.limit, -1, base + "/limit", report);
    validate_at_least(memory.reservation, -1, base + "/reservation", report);
    validate_at_least(memory.swap, -1, base + "/swap", report);
    validate_at_least(memory.kernel, -1, base + "/kernel", report);
    validate_at_least(memory.kernel_tcp, -1, base + "/kernelTCP", report);
    auto limit = memory.limit.value_or(0);
    auto swap = memory.swap.value_or(0);
    if (swap > 0 && limit > 0 && swap < limit) {
        report.problem(base + "/swap", text::cat(swap,
                                                 " is memory and swap together and cannot be below the limit of "
                                                 "memory, ",
                                                 limit));
    } else if (swap > 0 && limit == -1) {
        report.problem(base + "/swap", "memory without a limit cannot be combined with a limit for memory and swap");
    }
    if (memory.swappiness && *memory.swappiness > 100)
        report.problem(base + "/swappiness", text::cat(*memory.swappiness, " is out of range: expected 0 to 100"));
}

/// "0-3", "0-1023:2/256" (the first 2 of every 256), "N" for the last one, "all": what the kernel's bitmap_parselist()
/// reads. Which numbers a host has is for the kernel to say.
bool is_cpuset_range(std::string_view part) {
    auto colon = part.find(':');
    auto range = part.substr(0, colon);
    auto is_end = [](std::string_view end) { return end == "N" || text::to_uint(end).has_value(); };
    auto dash = range.find('-');
    if (range != "all" && !is_end(range.substr(0, dash))) return false;
    if (dash != std::string_view::npos && !is_end(range.substr(dash + 1))) return false;
    if (colon == std::string_view::npos) return true;
    auto group = text::split(part.substr(colon + 1), '/');
    return group.size() == 2 && text::to_uint(group[0]) && text::to_uint(group[1]);
}

void validate_cpuset(std::string_view list, std::string_view what, const std::string& pointer, Report& report) {
    for (auto part : text::split(list, ',')) {
        part = text::trim(part);
        if (part.empty() || is_cpuset_range(part)) continue;
        report.problem(pointer, text::cat("\"", text::printable(list), "\" is no list of ", what, " such as 0-3,7"));
        return;
    }
}

void validate_cpu(const CpuResources& cpu, const std::string& base, Report& report) {
    if (cpu.idle && *cpu.idle != 0 && *cpu.idle != 1)
        report.problem(base + "/idle", text::cat(*cpu.idle, " is out of range: expected 0 or 1"));
    validate_cpuset(cpu.cpus, "processors", base + "/cpus", report);
    validate_cpuset(cpu.mems, "memory nodes", base + "/mems", report);
    auto runtime = cpu.realtime_runtime_us.value_or(0);
    auto period = cpu.realtime_period_us.value_or(0);
    if (runtime > 0 && period > 0 && static_cast<std::uint64_t>(runtime) > period)
        report.problem(base + "/realtimeRuntime", text::cat(runtime, " is more than the whole period, ", period));
}

/// config-linux.md#block-io: 10 to 1000; 0 is how Go callers write "not given".
void validate_weight(const std::optional<std::uint16_t>& weight, const std::string& pointer, Report& report) {
    if (weight && *weight != 0 && (*weight < 10 || *weight > 1000))
        report.problem(pointer, text::cat(*weight, " is out of range: expected 10 to 1000"));
}

template<class Device>
void validate_numbers(const Device& device, const std::string& base, Report& report) {
    validate_at_least(device.major, 0, base + "/major", report);
    validate_at_least(device.minor, 0, base + "/minor", report);
}

void validate_throttles(const std::vector<ThrottleDevice>& devices, const std::string& base, Report& report) {
    for (std::size_t i = 0; i < devices.size(); ++i)
        validate_numbers(devices[i], pointer_join(base, i), report);
}

void validate_block_io(const BlockIoResources& io, const std::string& base, Report& report) {
    validate_weight(io.weight, base + "/weight", report);
    validate_weight(io.leaf_weight, base + "/leafWeight", report);
    for (std::size_t i = 0; i < io.weight_device.size(); ++i) {
        auto place = pointer_join(base + "/weightDevice", i);
        const auto& device = io.weight_device[i];
        validate_numbers(device, place, report);
        validate_weight(device.weight, place + "/weight", report);
        validate_weight(device.leaf_weight, place + "/leafWeight", report);
        if (!device.weight && !device.leaf_weight) report.problem(place, "must have a weight or a leafWeight");
    }
    validate_throttles(io.throttle_read_bps, base + "/throttleReadBpsDevice", report);
    validate_throttles(io.throttle_write_bps, base + "/throttleWriteBpsDevice", report);
    validate_throttles(io.throttle_read_iops, base + "/throttleReadIOPSDevice", report);
    validate_throttles(io.throttle_write_iops, base + "/throttleWriteIOPSDevice", report);
}

/// "64KB", "2MB", "1GB": part of the name of a file of the hugetlb controller.
bool is_page_size(std::string_view size) {
    auto digits = size.find_first_not_of("0123456789");
    if (digits == 0 || digits == std::string_view::npos || size.front() == '0') return false;
    auto unit = size.substr(digits);
    return unit == "KB" || unit == "MB" || unit == "GB";
}

void validate_hugepages(const std::vector<HugepageLimit>& limits, const std::string& base, Report& report) {
    for (std::size_t i = 0; i < limits.size(); ++i) {
        auto place = pointer_join(base, i) + "/pageSize";
        if (!is_page_size(limits[i].page_size))
            report.problem(place, text::cat("\"", text::printable(limits[i].page_size),
                                            "\" is no page size such as 64KB, 2MB or 1GB"));
        for (std::size_t j = 0; j < i; ++j)
            if (limits[j].page_size == limits[i].page_size) {
                report.problem(place, text::cat("a second limit for pages of ", text::printable(limits[i].page_size)));
                break;
            }
    }
}

/// config-linux.md#unified: each key is a file of the cgroup's own directory.
void validate_unified(const std::map<std::string, std::string>& unified, const std::string& base, Report& report) {
    for (const auto& [key, value] : unified)
        if (key.empty() || key == "." || key == ".." || key.find('/') != std::string::npos)
            report.problem(pointer_join(base, key), "expected the name of a file of the cgroup");
}

/// config-linux.md#rdma: at least one of the two.
void validate_rdma(const std::map<std::string, RdmaLimit>& devices, const std::string& base, Report& report) {
    for (const auto& [name, limit] : devices)
        if (!limit.hca_handles && !limit.hca_objects)
            report.problem(pointer_join(base, name), "must have hcaHandles or hcaObjects");
}

void validate_network(const NetworkResources& network, const std::string& base, Report& report) {
    for (std::size_t i = 0; i < network.priorities.size(); ++i)
        if (network.priorities[i].name.empty())
            report.problem(pointer_join(base + "/priorities", i) + "/name", "must not be empty");
}
}  // namespace

void validate(const Resources& resources, std::string_view base, Report& report) {
    std::string place(base);
    for (std::size_t i = 0; i < resources.devices.size(); ++i)
        validate_device_rule(resources.devices[i], pointer_join(place + "/devices", i), report);
    if (resources.memory) validate_memory(*resources.memory, place + "/memory", report);
    if (resources.cpu) validate_cpu(*resources.cpu, place + "/cpu", report);
    if (resources.block_io) validate_block_io(*resources.block_io, place + "/blockIO", report);
    validate_hugepages(resources.hugepage_limits, place + "/hugepageLimits", report);
    if (resources.network) validate_network(*resources.network, place + "/network", report);
    validate_rdma(resources.rdma, place + "/rdma", report);
    validate_unified(resources.unified, place + "/unified", report);
}

}  // namespace arca::spec
