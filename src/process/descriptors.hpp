// Which descriptors the program gets.
#pragma once

#include "base/result.hpp"

namespace arca::process {

/// Fails (naming it) unless 3 .. 3+count-1 are all open.
Result<> check_preserved(unsigned count);
/// Everything from 3+count on is closed at execve (close_range(CLOSE_RANGE_CLOEXEC), since Linux 5.11; else closed one
/// by one), 3 .. 3+count-1 stay.
Result<> keep_first(unsigned count);
/// fchown of stdio to the container's user, except /dev/null and what is not ours to give (as runc does, so that the
/// program may reopen /dev/stdout).
Result<> give_stdio_to(unsigned uid);

}  // namespace arca::process
