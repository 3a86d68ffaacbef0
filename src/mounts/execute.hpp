// Carries a mount plan out, in init (Zone B: own mount namespace, full rights in its user namespace, host paths still
// visible until pivot). No decisions but fallbacks that the kernel forces.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "mounts/plan.hpp"
#include "sys/fd.hpp"
#include "sys/procfs.hpp"
#include "sys/root_dir.hpp"

namespace arca::mounts {

/// Detached clones of bind sources, opened before a user namespace is entered (the mapped root may not be able to walk
/// to them) and inherited by init; empty entries are resolved by init itself, after earlier mounts were made.
struct Sources {
    std::vector<sys::Fd> mounts;   ///< one per plan.mounts entry
    std::vector<sys::Fd> devices;  ///< one per plan.devices entry, when they are bound
};
/// In the parent. Opens only what init could not: nothing unless plan.new_user_namespace. What cannot be opened here
/// either is left empty, for init to try again and to explain; id-mapped mounts are made here, and their failure told.
Result<Sources> open_sources(const Plan& plan);

/// Whether the kernel id-maps the bind sources of the plan, tried on clones that nobody sees. One error for each that
/// it does not. Sources that cannot be cloned here (absent, no rights) say nothing.
std::vector<Error> try_id_maps(const Plan& plan);

/// A mount of procfs or sysfs below which something is to be sealed. By descriptor, because whoever may rename in the
/// root directory meanwhile (it may be shared) could put another name in the place of the mount point.
struct KernelView {
    std::string destination;
    sys::RootDir root;
};
using KernelViews = std::vector<KernelView>;

/// Makes / of the new mount namespace a slave or private tree, binds the root filesystem on itself, opens it.
Result<sys::RootDir> prepare_root(const Plan& plan);
/// All mounts in order. A mount on "/" replaces `root`.
Result<KernelViews> make_mounts(const Plan& plan, sys::RootDir& root, Sources& sources);
/// For a container whose mounts somebody else makes (CRIU): the mount points on the root filesystem itself.
Result<> make_mount_points(const Plan& plan, const sys::RootDir& root);
/// Default and configured devices, /dev/fd and the other links, /dev/ptmx.
Result<> make_devices(const Plan& plan, const sys::RootDir& root, Sources& sources);
/// pivot_root(".", ".") and detaching of the old root; MS_MOVE and chroot with no_pivot. Returns the new root.
Result<sys::RootDir> enter_root(const Plan& plan, const sys::RootDir& root);
/// After the console is bound: masked paths, read-only paths, root read-only, rootfs propagation.
Result<> seal_root(const Plan& plan, const sys::RootDir& root, const KernelViews& views);

/// linux.sysctl, through the private procfs (which belongs to the container's namespaces: opened in init).
Result<> write_sysctls(const sys::Procfs& procfs, const std::map<std::string, std::string>& sysctls);

}  // namespace arca::mounts
