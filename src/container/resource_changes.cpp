#include "container/resource_changes.hpp"

#include <algorithm>

#include "base/text.hpp"

namespace arca::container {

namespace {
template<class Number>
bool is_given(const std::optional<Number>& number) {
    return number && *number != 0;
}

template<class Number>
void take(std::optional<Number>& into, const std::optional<Number>& from) {
    if (is_given(from)) into = from;
}

template<class Number>
void take_even_zero(std::optional<Number>& into, const std::optional<Number>& from) {
    if (from) into = from;
}

void take(std::string& into, const std::string& from) {
    if (!from.empty()) into = from;
}

void change(spec::MemoryResources& into, const spec::MemoryResources& from) {
    take(into.limit, from.limit);
    take(into.swap, from.swap);
    // Whoever lifts the limit of memory does not want to be stopped by that of memory and swap together.
    if (from.limit == -1 && !is_given(from.swap)) into.swap = -1;
    take(into.reservation, from.reservation);
    take(into.kernel, from.kernel);
    take(into.kernel_tcp, from.kernel_tcp);
    take_even_zero(into.swappiness, from.swappiness);
    into.disable_oom_killer |= from.disable_oom_killer;
    into.check_before_update = from.check_before_update;
}

// What is written for limit and for swap depends on both.
spec::MemoryResources applied_memory(const spec::MemoryResources& merged, const spec::MemoryResources& wanted) {
    auto applied = wanted;
    if (!is_given(wanted.limit) && !is_given(wanted.swap)) return applied;
    applied.limit = merged.limit;
    applied.swap = merged.swap;
    return applied;
}

void change(spec::CpuResources& into, const spec::CpuResources& from) {
    take(into.shares, from.shares);
    take(into.quota_us, from.quota_us);
    take_even_zero(into.burst_us, from.burst_us);
    take(into.period_us, from.period_us);
    take(into.realtime_runtime_us, from.realtime_runtime_us);
    take(into.realtime_period_us, from.realtime_period_us);
    take(into.cpus, from.cpus);
    take(into.mems, from.mems);
    take_even_zero(into.idle, from.idle);
}

spec::CpuResources applied_cpu(const spec::CpuResources& merged, const spec::CpuResources& wanted) {
    auto applied = wanted;
    if (is_given(wanted.quota_us) || is_given(wanted.period_us) || wanted.burst_us) {
        applied.quota_us = merged.quota_us;
        applied.period_us = merged.period_us;
        applied.burst_us = merged.burst_us;
    }
    if (is_given(wanted.shares) || wanted.idle) {
        applied.shares = merged.shares;
        applied.idle = merged.idle;
    }
    if (is_given(wanted.realtime_period_us) || is_given(wanted.realtime_runtime_us)) {
        applied.realtime_period_us = merged.realtime_period_us;
        applied.realtime_runtime_us = merged.realtime_runtime_us;
    }
    return applied;
}

/// Lists that say one thing for each key: what speaks of the same key is replaced, the rest stays.
template<class Element, class Key>
void change(std::vector<Element>& into, const std::vector<Element>& from, Key key) {
    for (const auto& element : from) {
        auto same = std::ranges::find_if(into, [&](const Element& known) { return key(known) == key(element); });
        if (same != into.end())
            *same = element;
        else
            into.push_back(element);
    }
}

template<class Value>
void change(std::map<std::string, Value>& into, const std::map<std::string, Value>& from) {
    for (const auto& [key, value] : from)
        into[key] = value;
}

void change(spec::BlockIoResources& into, const spec::BlockIoResources& from) {
    const auto device = [](const auto& entry) { return std::pair(entry.major, entry.minor); };
    take(into.weight, from.weight);
    take(into.leaf_weight, from.leaf_weight);
    change(into.weight_device, from.weight_device, device);
    change(into.throttle_read_bps, from.throttle_read_bps, device);
    change(into.throttle_write_bps, from.throttle_write_bps, device);
    change(into.throttle_read_iops, from.throttle_read_iops, device);
    change(into.throttle_write_iops, from.throttle_write_iops, device);
}

void change(spec::NetworkResources& into, const spec::NetworkResources& from) {
    take(into.class_id, from.class_id);
    change(into.priorities, from.priorities, [](const auto& entry) { return entry.name; });
}

template<class Part>
void change(std::optional<Part>& into, const std::optional<Part>& from) {
    if (!from) return;
    if (!into) into.emplace();
    change(*into, *from);
}
}  // namespace

ResourceChanges change_resources(const spec::Resources& saved, const spec::Resources& wanted) {
    ResourceChanges changes{saved, saved, wanted};
    auto& merged = changes.merged;
    // Of device rules the last one that speaks of a device counts.
    merged.devices.insert(merged.devices.end(), wanted.devices.begin(), wanted.devices.end());
    change(merged.memory, wanted.memory);
    change(merged.cpu, wanted.cpu);
    take_even_zero(merged.pids_limit, wanted.pids_limit);
    change(merged.block_io, wanted.block_io);
    change(merged.hugepage_limits, wanted.hugepage_limits, [](const auto& limit) { return limit.page_size; });
    change(merged.network, wanted.network);
    change(merged.rdma, wanted.rdma);
    change(merged.unified, wanted.unified);
    changes.applied.devices = merged.devices;
    if (wanted.memory) changes.applied.memory = applied_memory(*merged.memory, *wanted.memory);
    if (wanted.cpu) changes.applied.cpu = applied_cpu(*merged.cpu, *wanted.cpu);
    return changes;
}

namespace {
std::unexpected<Error> bad_rule(std::string_view text) {
    return fail(Code::Usage,
                text::cat("\"", text::printable(text), "\" is no device rule such as \"allow c 195:* rw\""));
}

bool read_number(std::string_view text, std::optional<std::int64_t>& out) {
    if (text == "*") return true;
    const auto number = text::to_uint(text);
    if (!number || *number > UINT32_MAX) return false;
    out = static_cast<std::int64_t>(*number);
    return true;
}
}  // namespace

Result<spec::DeviceRule> parse_device_rule(std::string_view text) {
    auto words = text::split(text, ' ');
    std::erase(words, "");
    spec::DeviceRule rule{.allow = true};
    if (!words.empty() && (words[0] == "allow" || words[0] == "deny")) {
        rule.allow = words[0] == "allow";
        words.erase(words.begin());
    }
    if (words.size() < 2 || words.size() > 3 || words[0].size() != 1 || !std::string_view("abc").contains(words[0]))
        return bad_rule(text);
    rule.type = words[0][0];
    const auto colon = words[1].find(':');
    if (colon == std::string_view::npos || !read_number(words[1].substr(0, colon), rule.major) ||
        !read_number(words[1].substr(colon + 1), rule.minor))
        return bad_rule(text);
    if (words.size() == 3) rule.access = words[2];
    if (rule.access.find_first_not_of("rwm") != std::string::npos) return bad_rule(text);
    return rule;
}

Result<spec::Resources> wanted_resources(const UpdateOptions& options) {
    spec::Resources wanted;
    wanted.memory = spec::MemoryResources{.limit = options.memory,
                                          .reservation = options.memory_reservation,
                                          .swap = options.memory_swap,
                                          .kernel = options.kernel_memory,
                                          .kernel_tcp = options.kernel_memory_tcp};
    wanted.cpu = spec::CpuResources{.shares = options.cpu_shares,
                                    .quota_us = options.cpu_quota_us,
                                    .burst_us = options.cpu_burst_us,
                                    .period_us = options.cpu_period_us,
                                    .realtime_runtime_us = options.cpu_realtime_runtime_us,
                                    .realtime_period_us = options.cpu_realtime_period_us,
                                    .cpus = options.cpuset_cpus,
                                    .mems = options.cpuset_mems,
                                    .idle = options.cpu_idle};
    wanted.pids_limit = options.pids_limit;
    if (options.block_io_weight) wanted.block_io = spec::BlockIoResources{.weight = options.block_io_weight};
    return wanted;
}

}  // namespace arca::container
