// The end of a cgroup: itself and what the container made below it, bottom-up.
#pragma once

#include <functional>
#include <string>

#include "base/result.hpp"
#include "cgroup/files.hpp"
#include "sys/fd.hpp"

namespace arca::cgroup {

/// Waits for the last process; false when time has run out.
using AwaitEmpty = std::function<Result<bool>(Deadline)>;

/// `directory` is what was opened at `path` of the hierarchy: a namesake that was made since is left alone.
Result<> remove_group(const std::string& mount_point, const std::string& path, sys::FdRef directory,
                      const AwaitEmpty& await_empty);

}  // namespace arca::cgroup
