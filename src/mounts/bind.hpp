// Bind mounts: a detached clone of the source (open_tree(2)) that keeps the source's flags, changed before it is seen.
#pragma once

#include "base/result.hpp"
#include "mounts/id_map.hpp"
#include "mounts/plan.hpp"
#include "sys/fd.hpp"
#include "sys/root_dir.hpp"

namespace arca::mounts {

/// The clone of step.source, id-mapped when asked for; `inherited` (may be empty) is what the parent opened.
Result<sys::Fd> clone_source(const MountStep& step, sys::Fd inherited, MappingNamespaces& namespaces);
Result<sys::Fd> mount_bind(const MountStep& step, sys::RootDir& root, sys::Fd inherited, MappingNamespaces& namespaces);

}  // namespace arca::mounts
