// Which descriptors the program gets.
#pragma once

#include <vector>

#include "base/result.hpp"

namespace arca::process {

/// Fails (naming it) unless 3 .. 3+count-1 are all open.
Result<> check_preserved(unsigned count);
/// In a process that has just been forked: closes everything from 3 on but the `preserved` first ones and `keep`, where
/// negative entries mean none.
Result<> close_others(std::vector<int> keep, unsigned preserved);
/// Everything from 3+count on is closed at execve, 3 .. 3+count-1 stay.
Result<> keep_first(unsigned count);
/// fchown of stdio to the container's user, so that the program may reopen /dev/stdout; except devices (/dev/null, the
/// caller's terminal) and what is not ours to give.
Result<> give_stdio_to(unsigned uid);

}  // namespace arca::process
