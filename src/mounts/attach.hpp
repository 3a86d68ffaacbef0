// Detached mounts: what a step asks of them, and where they go. Everything here works on descriptors.
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <string>

#include "base/result.hpp"
#include "mounts/plan.hpp"
#include "sys/fd.hpp"
#include "sys/root_dir.hpp"

namespace arca::mounts {

/// The mount point of `step`, made when missing: a directory (0755), or for sources that are none an empty file.
Result<sys::Fd> open_target(const sys::RootDir& root, const MountStep& step, mode_t source_mode);
/// The same for proc and sysfs, whose last component may not be a symbolic link (CVE-2019-19921, CVE-2023-27561).
Result<sys::Fd> open_ordinary_directory(const sys::RootDir& root, const MountStep& step);
/// After the mount: what is found at the destination is of that file system (statfs(2) f_type).
Result<> verify_mounted(const sys::RootDir& root, const MountStep& step, long magic);

/// CVE-2019-16884: nothing but procfs, or one of a few files, covers what is in /proc, whatever way led there.
Result<> check_cover(sys::FdRef target, sys::FdRef tree, const MountStep& step);

/// What a mount is to become: before it is attached, so that nobody ever sees it otherwise, or after where only
/// mount(2) is left to do it.
enum class When : std::uint8_t { Detached, Attached };
/// Attributes and propagation. Done: false when it has to be done again once the mount is attached.
Result<bool> set_attributes(sys::FdRef tree, const MountStep& step, When when);
Result<bool> set_propagation(sys::FdRef tree, const MountStep& step, When when);

/// move_mount(2), with a failure explained by looking at both sides.
Result<> attach(sys::FdRef tree, sys::FdRef target, const sys::RootDir& root, const MountStep& step);

}  // namespace arca::mounts
