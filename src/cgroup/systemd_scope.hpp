// The life of a scope: started around a process, changed, ended. What was decided is in systemd_plan; the talking is
// systemd_bus's.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "base/result.hpp"
#include "cgroup/systemd_plan.hpp"

namespace arca::cgroup {

/// Makes the unit with `pid` in it, and returns when systemd has moved it there. When it fails nothing is left, but for
/// the process, which the caller ends.
Result<> start_scope(const ScopePlan& plan, pid_t pid);

/// For `update`: systemd would else undo what is written into the files when it next looks at the unit.
Result<> set_properties(const std::string& bus, const std::string& unit, const std::vector<Property>& properties);

/// What may still run in a scope when it is stopped, and what to do about it: systemd would ask politely first.
enum class Inhabitants : std::uint8_t { None, Kill };

/// Returns when the unit has stopped. Gone already is success.
Result<> stop_scope(const std::string& bus, const std::string& unit, Inhabitants inhabitants);

/// The cgroup of a process ("/system.slice/web.scope") as this process sees it.
Result<std::string> cgroup_of(pid_t pid);

}  // namespace arca::cgroup
