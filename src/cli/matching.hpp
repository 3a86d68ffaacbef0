// One command on many containers (--regex).
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "cli/commands.hpp"

namespace arca::cli {

/// Carries `act` out on every container whose id matches. Each failure is told on standard error, the others follow,
/// and the outcome says how many there were.
Result<> for_each_match(const Session& session, const std::string& pattern, std::string_view operation,
                        const std::function<Result<>(const std::string& id)>& act);

}  // namespace arca::cli
