// The loopback interface of a new network namespace.
#pragma once

#include "base/result.hpp"

namespace arca::network {

/// Sets `lo` up in the current network namespace (SIOCSIFFLAGS).
Result<> bring_loopback_up();

}  // namespace arca::network
