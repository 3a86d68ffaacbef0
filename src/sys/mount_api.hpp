// The mount API that works on descriptors (fsopen(2), open_tree(2), move_mount(2), mount_setattr(2)) and the older
// mount(2). The one file that knows which of <sys/mount.h> and <linux/mount.h> to include: they contradict each other.
#pragma once

#include <linux/mount.h>

#include <cstdint>
#include <string>

#include "base/result.hpp"
#include "sys/fd.hpp"

// Since Linux 5.10 and 5.14; the headers of Debian 12 have them, older ones may not.
#ifndef MOUNT_ATTR_NOSYMFOLLOW
#define MOUNT_ATTR_NOSYMFOLLOW 0x00200000
#endif
#ifndef MS_NOSYMFOLLOW
#define MS_NOSYMFOLLOW 256
#endif

// Of <sys/mount.h>, umount2(2).
#ifndef MNT_DETACH
#define MNT_DETACH 2
#endif

namespace arca::sys {

Result<Fd> fsopen(const std::string& fs_type);
/// FSCONFIG_SET_STRING, or FSCONFIG_SET_FLAG when `value` is null. On failure the kernel's own sentence ("tmpfs:
/// Unknown parameter 'roo'") is read from the context and becomes part of the error.
Result<> fsconfig_set(FdRef context, const std::string& key, const std::string* value);
Result<> fsconfig_create(FdRef context);
/// `attributes`: MOUNT_ATTR_* bits.
Result<Fd> fsmount(FdRef context, std::uint64_t attributes);

/// open_tree(2); OPEN_TREE_CLOEXEC is added. With OPEN_TREE_CLONE the result is a detached mount.
Result<Fd> open_tree(FdRef directory, const std::string& path, unsigned flags);
/// A detached clone of what `source` refers to.
enum class Depth : std::uint8_t { One, Recursive };
Result<Fd> clone_tree(FdRef source, Depth depth);
/// Attaches a detached mount on what `target` refers to.
Result<> move_mount(FdRef tree, FdRef target);

struct MountAttributes {
    std::uint64_t set = 0;
    std::uint64_t clear = 0;
    std::uint64_t propagation = 0;  ///< MS_PRIVATE, MS_SLAVE, MS_SHARED or MS_UNBINDABLE
    int user_namespace = -1;        ///< for MOUNT_ATTR_IDMAP
};
/// ENOSYS whenever the call itself is refused, by an old kernel or by an outer seccomp filter.
Result<> mount_setattr(FdRef mount, Depth depth, const MountAttributes& attributes);
bool is_refused(const Result<>& call);
/// The same for a mount that is attached already, with mount(2) where mount_setattr(2) is refused: what that could not
/// do to a detached one is done late.
Result<> change_attached(FdRef mount, Depth depth, const MountAttributes& attributes);

/// mount(2) on a path: "/" with propagation flags, or fd_path() of a descriptor.
Result<> mount(const std::string& source, const std::string& target, const std::string& type, unsigned long flags,
               const std::string& data);
Result<> umount2(const std::string& target, int flags);
Result<> pivot_root(const std::string& new_root, const std::string& put_old);
Result<> chroot(const std::string& path);

}  // namespace arca::sys
