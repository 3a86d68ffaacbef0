// Device rules as a BPF program (BPF_PROG_TYPE_CGROUP_DEVICE). Pure: the tests interpret what comes out of here.
#pragma once

#include <linux/bpf.h>

#include <vector>

#include "base/result.hpp"
#include "spec/types.hpp"

namespace arca::cgroup {

/// The last rule that speaks of a device and of an access decides about it; what no rule speaks of is denied. A request
/// for several accesses at once is granted when each of them is.
Result<std::vector<bpf_insn>> device_program(const std::vector<spec::DeviceRule>& rules);

}  // namespace arca::cgroup
