// Paths below the mount point of a hierarchy, resolved beneath it and nowhere else.
#pragma once

#include <string>
#include <string_view>

#include "base/result.hpp"
#include "cgroup/plan.hpp"
#include "sys/fd.hpp"

namespace arca::cgroup {

Result<sys::Fd> open_mount(const std::string& mount_point);
/// `path` as in Location ("/a/b", "/" for the root), O_PATH.
Result<sys::Fd> open_beneath(sys::FdRef mount, std::string_view path);

/// "/a" of "/a/b", "/" of "/a".
std::string_view parent_of(std::string_view path);
std::string_view name_of(std::string_view path);

/// The nearest cgroup above `path`, or itself, whose cgroup.freeze says 1; empty when there is none.
std::string find_frozen(sys::FdRef mount, std::string_view path);

}  // namespace arca::cgroup
