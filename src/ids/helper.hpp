// newuidmap(1) and newgidmap(1): found, run, listened to.
#pragma once

#include <string>
#include <vector>

#include "base/result.hpp"
#include "sys/process.hpp"

namespace arca::ids {

/// First executable of that name in the PATH of `environment`; empty when there is none.
std::string find_helper(const std::string& name, const std::vector<std::string>& environment);

struct HelperOutcome {
    sys::ExitStatus status;
    std::string said;  ///< stdout and stderr, shortened
};
/// Runs it to its end, at most some seconds.
Result<HelperOutcome> run_helper(const std::string& path, const std::vector<std::string>& arguments,
                                 const std::vector<std::string>& environment);

}  // namespace arca::ids
