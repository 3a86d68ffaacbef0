// Controllers on the way down to a cgroup: which are enabled for its children, which can be, and why one cannot.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "cgroup/resources.hpp"
#include "sys/fd.hpp"

namespace arca::cgroup {

/// A controller that something in the config needs.
struct Need {
    std::string controller;
    std::string pointer;  ///< the first entry of config.json that needs it
};
std::vector<Need> controllers_needed(const std::vector<Write>& writes);

/// Enables what is needed for the children of `parent` ("/a/b" or "/"), from the root of the hierarchy down. Reads
/// before it writes: where all is enabled already, one file is read.
Result<> enable_controllers(sys::FdRef mount, std::string_view parent, const std::vector<Need>& needs);
/// Enables whatever the cgroup offers; what is refused is left. For cgroups that were just made: who looks at
/// statistics finds them as in any other cgroup.
void enable_all_controllers(sys::FdRef directory);

/// Says why a controller is not to be had, from `offered` (cgroup.controllers) and `memberships` (/proc/self/cgroup).
Error missing_controller(const Need& need, std::string_view cgroup, std::string_view offered,
                         std::string_view memberships);

}  // namespace arca::cgroup
