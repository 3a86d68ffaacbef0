// Why a mount failed, found out by looking after the failure; never guessed from the configuration.
#pragma once

#include <sys/stat.h>

#include <string>

#include "base/result.hpp"
#include "mounts/plan.hpp"
#include "sys/fd.hpp"

namespace arca::mounts {

/// "a directory", "a regular file", "a symbolic link", ...
std::string_view describe_type(mode_t mode);
/// The bind source could not be opened: names the first component that is missing or closed.
Error explain_source(Error error, const MountStep& step);
/// Names the attribute that the source has locked (mount_namespaces(7)) and the step wants cleared.
Error explain_attributes(Error error, sys::FdRef tree, const MountStep& step);
/// Why the kernel did not id-map the mount (mount_setattr(2), "ID-mapped mounts").
Error explain_id_map(Error error, sys::FdRef tree, const MountStep& step);
/// "ext4", "nfs", or the magic number.
std::string filesystem_name(long magic);

}  // namespace arca::mounts
