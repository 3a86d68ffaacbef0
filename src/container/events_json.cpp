#include "container/events_json.hpp"

#include "spec/json_writer.hpp"

namespace arca::container {

namespace {
using cgroup::Statistics;
using spec::JsonWriter;

// Go leaves a number of 0 out where the schema says "omitempty".
void unless_zero(JsonWriter& out, std::string_view name, std::uint64_t number) {
    if (number != 0) out.member(name, number);
}

void line(JsonWriter& out, std::string_view name, const cgroup::Pressure::Line& pressure) {
    constexpr std::array<std::string_view, 3> kNames = {"avg10", "avg60", "avg300"};
    out.key(name);
    out.begin_object();
    for (std::size_t i = 0; i < kNames.size(); ++i) {
        out.key(kNames[i]);
        out.hundredths(pressure.averages[i]);
    }
    out.member("total", pressure.total_us);
    out.end_object();
}

void pressure(JsonWriter& out, const std::optional<cgroup::Pressure>& pressure) {
    if (!pressure) return;
    out.key("psi");
    out.begin_object();
    line(out, "some", pressure->some);
    line(out, "full", pressure->full);
    out.end_object();
}

void counters(JsonWriter& out, std::string_view name, const cgroup::Counters& counters) {
    if (counters.empty()) return;
    out.key(name);
    out.begin_object();
    for (const auto& [key, number] : counters)
        out.member(key, number);
    out.end_object();
}

void cpu(JsonWriter& out, const cgroup::CpuStatistics& cpu) {
    out.key("cpu");
    out.begin_object();
    out.key("usage");
    out.begin_object();
    unless_zero(out, "total", cpu.total_ns);
    if (!cpu.per_cpu_ns.empty()) out.member("percpu", cpu.per_cpu_ns);
    out.member("kernel", cpu.kernel_ns);
    out.member("user", cpu.user_ns);
    out.end_object();
    out.key("throttling");
    out.begin_object();
    unless_zero(out, "periods", cpu.periods);
    unless_zero(out, "throttledPeriods", cpu.throttled_periods);
    unless_zero(out, "throttledTime", cpu.throttled_ns);
    unless_zero(out, "bursts", cpu.bursts);
    unless_zero(out, "burstTime", cpu.burst_ns);
    out.end_object();
    pressure(out, cpu.pressure);
    out.end_object();
}

// All of it, because readers of the schema look for it; v2 has only the two lists.
void cpuset(JsonWriter& out, const Statistics& all) {
    out.key("cpuset");
    out.begin_object();
    if (!all.cpus.empty()) out.member("cpus", all.cpus);
    out.member("cpu_exclusive", 0);
    if (!all.memory_nodes.empty()) out.member("mems", all.memory_nodes);
    for (const char* name : {"mem_hardwall", "mem_exclusive", "memory_migrate", "memory_spread_page",
                             "memory_spread_slab", "memory_pressure", "sched_load_balance", "sched_relax_domain_level"})
        out.member(name, 0);
    out.end_object();
}

void entry(JsonWriter& out, std::string_view name, const cgroup::MemoryCounter& counter) {
    out.key(name);
    out.begin_object();
    out.member("limit", counter.limit);
    unless_zero(out, "usage", counter.usage);
    unless_zero(out, "max", counter.peak);
    out.member("failcnt", counter.failures);
    out.end_object();
}

void memory(JsonWriter& out, const cgroup::MemoryStatistics& memory) {
    out.key("memory");
    out.begin_object();
    unless_zero(out, "cache", memory.cache);
    entry(out, "usage", memory.usage);
    entry(out, "swap", memory.swap);
    entry(out, "kernel", memory.kernel);
    entry(out, "kernelTCP", memory.kernel_tcp);
    counters(out, "raw", memory.raw);
    counters(out, "events", memory.events);
    pressure(out, memory.pressure);
    out.end_object();
}

void pids(JsonWriter& out, const Statistics& all) {
    out.key("pids");
    out.begin_object();
    unless_zero(out, "current", all.processes);
    unless_zero(out, "limit", all.processes_limit);
    unless_zero(out, "peak", all.processes_peak);
    out.end_object();
}

void io_list(JsonWriter& out, std::string_view name, const std::vector<cgroup::BlockIoEntry>& entries) {
    if (entries.empty()) return;
    out.key(name);
    out.begin_array();
    for (const auto& entry : entries) {
        out.begin_object();
        unless_zero(out, "major", entry.major);
        unless_zero(out, "minor", entry.minor);
        if (!entry.operation.empty()) out.member("op", entry.operation);
        unless_zero(out, "value", entry.value);
        out.end_object();
    }
    out.end_array();
}

void block_io(JsonWriter& out, const Statistics& all) {
    out.key("blkio");
    out.begin_object();
    io_list(out, "ioServiceBytesRecursive", all.io_bytes);
    io_list(out, "ioServicedRecursive", all.io_operations);
    pressure(out, all.io_pressure);
    out.end_object();
}

void huge_pages(JsonWriter& out, const Statistics& all) {
    out.key("hugetlb");
    out.begin_object();
    for (const auto& [size, counter] : all.huge_pages) {
        out.key(size);
        out.begin_object();
        unless_zero(out, "usage", counter.usage);
        unless_zero(out, "max", counter.peak);
        out.member("failcnt", counter.failures);
        out.end_object();
    }
    out.end_object();
}

void rdma(JsonWriter& out, const Statistics& all) {
    if (all.rdma.empty()) return;
    out.key("rdma");
    out.begin_object();
    for (const auto& [device, in_use] : all.rdma)
        counters(out, device, in_use);
    out.end_object();
}

void misc(JsonWriter& out, const Statistics& all) {
    if (all.misc.empty()) return;
    out.key("misc");
    out.begin_object();
    for (const auto& [resource, counter] : all.misc)
        entry(out, resource, counter);
    out.end_object();
}

void head(JsonWriter& out, std::string_view type, std::string_view id) {
    out.begin_object();
    out.member("type", type);
    out.member("id", id);
}
}  // namespace

std::string stats_event(std::string_view id, const Statistics& all) {
    JsonWriter out("");
    head(out, "stats", id);
    out.key("data");
    out.begin_object();
    cpu(out, all.cpu);
    cpuset(out, all);
    memory(out, all.memory);
    pids(out, all);
    block_io(out, all);
    huge_pages(out, all);
    out.key("intel_rdt");
    out.begin_object();
    out.end_object();
    out.key("network_interfaces");
    out.null();
    rdma(out, all);
    misc(out, all);
    out.end_object();
    out.end_object();
    return out.take();
}

std::string oom_event(std::string_view id) {
    JsonWriter out("");
    head(out, "oom", id);
    out.end_object();
    return out.take();
}

}  // namespace arca::container
