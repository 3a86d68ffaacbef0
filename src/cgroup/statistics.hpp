// What the kernel has counted for a cgroup, in one form for both versions of the interface. What a host does not count
// is absent or 0.
#pragma once

#include <array>
#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.hpp"

namespace arca::cgroup {

inline constexpr std::uint64_t kUnlimited = std::numeric_limits<std::uint64_t>::max();
using Counters = std::vector<std::pair<std::string, std::uint64_t>>;  ///< in the kernel's order

/// Documentation/accounting/psi.rst. Averages in hundredths of a percent.
struct Pressure {
    struct Line {
        std::array<std::uint64_t, 3> averages{};  ///< over 10, 60 and 300 seconds
        std::uint64_t total_us = 0;
        bool operator==(const Line&) const = default;
    };
    Line some;
    Line full;
    bool operator==(const Pressure&) const = default;
};

struct CpuStatistics {
    std::uint64_t total_ns = 0;
    std::uint64_t user_ns = 0;
    std::uint64_t kernel_ns = 0;
    std::vector<std::uint64_t> per_cpu_ns;  ///< only v1 counts them
    std::uint64_t periods = 0;
    std::uint64_t throttled_periods = 0;
    std::uint64_t throttled_ns = 0;
    std::uint64_t bursts = 0;
    std::uint64_t burst_ns = 0;
    std::optional<Pressure> pressure;
};

struct MemoryCounter {
    std::uint64_t limit = kUnlimited;
    std::uint64_t usage = 0;
    std::uint64_t peak = 0;
    std::uint64_t failures = 0;
};

struct MemoryStatistics {
    std::uint64_t cache = 0;
    MemoryCounter usage;
    MemoryCounter swap;  ///< memory and swap together, as v1 counts
    MemoryCounter kernel;
    MemoryCounter kernel_tcp;
    Counters raw;     ///< memory.stat
    Counters events;  ///< memory.events: low, high, max, oom, oom_kill, oom_group_kill
    std::optional<Pressure> pressure;
};

struct BlockIoEntry {
    std::uint64_t major = 0;
    std::uint64_t minor = 0;
    std::string operation;  ///< "Read", "Write", "Discard"
    std::uint64_t value = 0;
};

struct Statistics {
    CpuStatistics cpu;
    std::vector<std::uint16_t> cpus;  ///< of the cpuset, in effect
    std::vector<std::uint16_t> memory_nodes;
    MemoryStatistics memory;
    std::uint64_t processes = 0;
    std::uint64_t processes_limit = 0;  ///< 0: none, as runc tells it
    std::uint64_t processes_peak = 0;
    std::vector<BlockIoEntry> io_bytes;
    std::vector<BlockIoEntry> io_operations;
    std::optional<Pressure> io_pressure;
    std::map<std::string, MemoryCounter> huge_pages;  ///< "2MB"
    std::map<std::string, Counters> rdma;             ///< by device, in use
    std::map<std::string, MemoryCounter> misc;
};

// ---- the kernel's formats, pure ----
std::optional<Pressure> parse_pressure(std::string_view content);
/// "key number" a line.
Counters parse_counters(std::string_view content);
/// "8:0 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=5 dios=6" a line.
void parse_io_stat(std::string_view content, Statistics& into);
/// "0-3,7" (cpuset(7)).
std::vector<std::uint16_t> parse_list(std::string_view list);

}  // namespace arca::cgroup
