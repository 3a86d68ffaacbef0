// The state object of the specification (runtime.md#state), as hooks get it on stdin.
#pragma once

#include <string>

#include "arca/container.hpp"
#include "container/record.hpp"

namespace arca::container {

/// Compact JSON. pid 0 is left out, as the specification allows before there is one. A hook that runs inside of the
/// container gets the pid as it is seen there.
std::string hook_state(const Record& record, Status status, int pid);

}  // namespace arca::container
