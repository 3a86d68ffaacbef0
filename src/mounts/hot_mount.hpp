// Mounts on a container that lives already. Sources are prepared outside, where their paths mean what the caller means,
// and attached inside, by descriptors alone: nothing of the container is asked for a path, not even /proc.
#pragma once

#include <string>
#include <vector>

#include "base/result.hpp"
#include "mounts/plan.hpp"
#include "sys/fd.hpp"
#include "sys/procfs.hpp"
#include "sys/root_dir.hpp"

namespace arca::mounts {

/// Binds and tmpfs; anything else belongs to the time when a container is made.
Result<> check_hot(const MountStep& step);

/// Outside: the detached bind of each step, with its attributes; nothing for a tmpfs, which is to belong to the
/// container's user namespace.
Result<std::vector<sys::Fd>> prepare_hot(const std::vector<MountStep>& steps);

/// Inside the container's mount and user namespace.
Result<> attach_hot(const MountStep& step, sys::FdRef prepared, sys::RootDir& root);
/// Detaches the topmost mount at `destination`; what still uses it keeps it. `procfs` is of outside.
Result<> detach_hot(const std::string& destination, const sys::RootDir& root, sys::FdRef procfs);

}  // namespace arca::mounts
