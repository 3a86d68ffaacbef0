// New instances of file systems, configured option by option (fsconfig(2)) so that the kernel names the one it refuses.
#pragma once

#include <string>

#include "base/result.hpp"
#include "mounts/plan.hpp"
#include "sys/fd.hpp"
#include "sys/root_dir.hpp"

namespace arca::mounts {

/// "ro" of a tmpfs and of /dev waits until the mounts, devices and hooks that need to write are done.
bool becomes_readonly_late(const MountStep& step);

/// A new instance, mounted nowhere yet.
Result<sys::Fd> make_detached(const MountStep& step, const std::string& fs_type);
/// With the container's SELinux label as an option, for file systems that take one.
MountStep labelled(const Plan& plan, const MountStep& step);
Result<> attach_filesystem(sys::Fd tree, sys::FdRef target, const MountStep& step, sys::RootDir& root);

Result<> mount_filesystem(const Plan& plan, const MountStep& step, sys::RootDir& root);
/// These two return the root of the mount: what is sealed below it is looked up there.
Result<sys::Fd> mount_proc(const MountStep& step, sys::RootDir& root);
Result<sys::Fd> mount_sysfs(const Plan& plan, const MountStep& step, sys::RootDir& root);
Result<> mount_mqueue(const Plan& plan, const MountStep& step, sys::RootDir& root);
/// The container's part of the cgroup v2 hierarchy, or of all hierarchies of v1.
Result<> mount_cgroup(const Plan& plan, const MountStep& step, sys::RootDir& root);
/// Attributes, propagation and data of what is mounted at the destination already.
Result<> remount(const MountStep& step, const sys::RootDir& root);

}  // namespace arca::mounts
