// What openat2(2) does with RESOLVE_* bits, component by component: for kernels before 5.6, and inside of containers
// whose seccomp filter does not know the call.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.hpp"
#include "sys/fd.hpp"

namespace arca::sys {

/// No name is ever resolved but a single component relative to a descriptor, without following it; ".." goes back to a
/// descriptor that the walk came by, so that no rename meanwhile can lead it out. Opens what exists; does not create.
Result<Fd> walk(FdRef directory, const std::string& path, std::uint64_t flags, std::uint64_t resolve);

}  // namespace arca::sys
