// linux.resources as writes to files of a v2 cgroup: the conversions between what the specification counts (in the
// units of v1) and what cgroup v2 takes. Pure; which files exist is found out when they are written.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "spec/types.hpp"

namespace arca::cgroup {

enum class IfAbsent : std::uint8_t {
    Fail,
    Skip,      ///< what is asked for is what a kernel without the file does anyway
    UseOther,  ///< other_file and other_value do the same
};

/// One write(2) to one file of the cgroup.
struct Write {
    std::string file;  ///< "memory.max"
    std::string value;
    std::string pointer;     ///< "/linux/resources/memory/limit"
    std::string controller;  ///< "memory"; empty for files of the core
    IfAbsent if_absent = IfAbsent::Fail;
    std::string other_file;
    std::string other_value;
    std::string usage_file;  ///< not empty: refuse when it says more than `value` (memory.checkBeforeUpdate)
    bool operator==(const Write&) const = default;
};

/// In the order in which they must happen. What only v1 can do becomes a note; what contradicts itself is an error.
Result<std::vector<Write>> translate(const spec::Resources& resources, std::vector<spec::Note>& notes);

/// "mlx5_0 hca_handle=2 hca_object=2000", what rdma.max takes; empty where nothing is limited.
std::string rdma_line(const std::string& device, const spec::RdmaLimit& limit);
/// "/linux/resources/unified/KEY"
std::string pointer_to_unified(std::string_view key);

/// Files that hold a line for each device: a line that is written adds to what is there, it does not replace it.
bool is_keyed_by_device(std::string_view file);

/// cpu.shares (2 to 262144) as cpu.weight (1 to 10000): a quadratic curve in log2(shares) through (2, 1), (1024, 100)
/// and (262144, 10000), so that the default of v1 meets the default of v2.
std::uint64_t weight_from_shares(std::uint64_t shares);
/// blockIO weight (10 to 1000) as io.weight (1 to 10000), linear.
std::uint64_t io_weight(std::uint64_t weight);

}  // namespace arca::cgroup
