// The whole table of this process's descriptors.
#pragma once

#include <vector>

#include "base/result.hpp"

namespace arca::sys {

/// Closes every descriptor from 3 on but those in `keep` (close_range(2), since Linux 5.9). For a process that has just
/// been forked: what its parent had open must not live on in it.
Result<> close_all_except(std::vector<int> keep);

}  // namespace arca::sys
