// The host's ps(1), whose table `arca ps` filters.
#pragma once

#include <string>
#include <vector>

#include "arca/error.hpp"

namespace arca::cli {

/// What `ps ARGUMENTS` prints; without arguments, `ps -ef`.
Result<std::string> run_host_ps(std::vector<std::string> arguments);

}  // namespace arca::cli
