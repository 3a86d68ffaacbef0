// Attributes a process passes on to the program it executes: limits, scheduling, priorities, personality, umask.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "spec/types.hpp"
#include "sys/process.hpp"

namespace arca::process {

/// prlimit(2) on this process; the error names the limit, both values, and the config entry /process/rlimits/N.
Result<> set_rlimits(const std::vector<spec::Rlimit>& limits);
/// Raises hard limits alone, those that have to be, of a process (0: this one) that is about to be in a user namespace
/// where nobody may raise any: prlimit(2) asks for CAP_SYS_RESOURCE in the initial one. What is refused here is
/// refused, and told, by set_rlimits.
void raise_hard_limits_of(pid_t pid, const std::vector<spec::Rlimit>& limits) noexcept;
/// Absent: untouched. Lowering without CAP_SYS_RESOURCE is refused by the kernel: `tolerant` (rootless) then leaves it.
enum class OomPolicy : std::uint8_t { Strict, Tolerant };
/// From outside of the container: through the host's /proc, which the caller stands in.
Result<> set_oom_score_adj(pid_t pid, std::int32_t value, OomPolicy policy);
Result<> set_scheduler(const spec::Scheduler& scheduler);
Result<> set_io_priority(const spec::IoPriority& priority);
Result<> set_personality(spec::PersonalityDomain domain);
Result<> set_memory_policy(const spec::MemoryPolicy& policy);
/// All CPUs that the cpuset allows: a pinned caller must not pin the container.
void reset_affinity() noexcept;
/// sched_setaffinity from a list "0-3,7"; empty: unchanged.
Result<> set_affinity(const std::string& cpu_list);
using sys::reset_signals;

}  // namespace arca::process
