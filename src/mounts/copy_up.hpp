// tmpcopyup: what a directory holds, copied into the tmpfs that is about to hide it.
#pragma once

#include "base/result.hpp"
#include "sys/fd.hpp"

namespace arca::mounts {

/// Content, ownership, modes and extended attributes, without following links or crossing into other mounts.
/// `from` and `to` may be O_PATH descriptors.
Result<> copy_directory(sys::FdRef from, sys::FdRef to);

}  // namespace arca::mounts
