// Writing limits, and saying why one was refused.
#pragma once

#include <functional>
#include <vector>

#include "base/result.hpp"
#include "cgroup/resources.hpp"
#include "sys/fd.hpp"

namespace arca::cgroup {

using DirectoryFor = std::function<sys::FdRef(const Write&)>;

/// Each to its file in the directory that is the one for it.
Result<> apply_writes(const std::vector<Write>& writes, const DirectoryFor& directory_for);

/// The same for limits that are in force: when one is refused, those written before it are put back.
Result<> update_writes(const std::vector<Write>& writes, const DirectoryFor& directory_for);

}  // namespace arca::cgroup
