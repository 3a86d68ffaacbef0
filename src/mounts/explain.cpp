#include "mounts/explain.hpp"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/statvfs.h>

#include "base/text.hpp"
#include "mounts/options.hpp"
#include "sys/mount_api.hpp"
#include "sys/syscalls.hpp"

namespace arca::mounts {

namespace {

struct NamedMagic {
    long magic;
    std::string_view name;
};
// Those of statfs(2) that lie below a container or its volumes.
constexpr NamedMagic kFilesystems[] = {
    {EXT4_SUPER_MAGIC, "ext4"},
    {XFS_SUPER_MAGIC, "xfs"},
    {BTRFS_SUPER_MAGIC, "btrfs"},
    {TMPFS_MAGIC, "tmpfs"},
    {PROC_SUPER_MAGIC, "proc"},
    {SYSFS_MAGIC, "sysfs"},
    {NFS_SUPER_MAGIC, "nfs"},
    {FUSE_SUPER_MAGIC, "fuse"},
    {OVERLAYFS_SUPER_MAGIC, "overlay"},
    {RAMFS_MAGIC, "ramfs"},
    {V9FS_MAGIC, "9p"},
    {DEVPTS_SUPER_MAGIC, "devpts"},
    {SQUASHFS_MAGIC, "squashfs"},
    {CGROUP2_SUPER_MAGIC, "cgroup2"},
    {0xff534d42, "cifs"},
    {0x2fc12fc1, "zfs"},
};

struct LockedFlag {
    std::uint64_t attribute;
    unsigned long statvfs_flag;
};
constexpr LockedFlag kLockable[] = {
    {MOUNT_ATTR_RDONLY, ST_RDONLY}, {MOUNT_ATTR_NOSUID, ST_NOSUID},         {MOUNT_ATTR_NODEV, ST_NODEV},
    {MOUNT_ATTR_NOEXEC, ST_NOEXEC}, {MOUNT_ATTR_NODIRATIME, ST_NODIRATIME},
};

std::string_view policy_of(unsigned long statvfs_flags) {
    if ((statvfs_flags & ST_NOATIME) != 0) return "noatime";
    return (statvfs_flags & ST_RELATIME) != 0 ? "relatime" : "strictatime";
}

std::string_view policy_asked_for(std::uint64_t attributes) {
    if ((attributes & MOUNT_ATTR_NOATIME) != 0) return "noatime";
    return (attributes & MOUNT_ATTR_STRICTATIME) != 0 ? "strictatime" : "relatime";
}

std::string first_failing_component(const std::string& path, int wanted_errno) {
    for (auto end = path.find('/', 1);; end = path.find('/', end + 1)) {
        auto prefix = path.substr(0, end);
        auto status = sys::fstatat(sys::FdRef::working_directory(), prefix, 0);
        if (!status && status.error().errnum() == wanted_errno) return prefix;
        if (end == std::string::npos) return {};
    }
}

std::string where_a_link_leads(const std::string& path) {
    auto target = sys::readlinkat(sys::FdRef::working_directory(), path);
    return target ? text::cat(", a symbolic link to ", *target) : "";
}

}  // namespace

std::string_view describe_type(mode_t mode) {
    switch (mode & S_IFMT) {
        case S_IFDIR:
            return "a directory";
        case S_IFREG:
            return "a regular file";
        case S_IFLNK:
            return "a symbolic link";
        case S_IFCHR:
            return "a character device";
        case S_IFBLK:
            return "a block device";
        case S_IFIFO:
            return "a fifo";
        case S_IFSOCK:
            return "a socket";
        default:
            return "of unknown type";
    }
}

std::string filesystem_name(long magic) {
    for (const auto& known : kFilesystems)
        if (known.magic == magic) return std::string(known.name);
    return text::cat("of type ", text::hex(static_cast<unsigned long>(magic)));
}

Error explain_source(Error error, const MountStep& step) {
    const auto errnum = error.errnum();
    std::string what = text::cat("bind source ", step.source, " cannot be opened");
    if (errnum == ENOENT || errnum == ENOTDIR) {
        const auto missing = first_failing_component(step.source, errnum);
        what = text::cat("bind source ", step.source, errnum == ENOENT ? " is missing" : " cannot be reached");
        if (!missing.empty())
            what += text::cat(
                errnum == ENOENT ? "; first missing component: " : "; a component above is no directory: ", missing,
                where_a_link_leads(missing));
    } else if (errnum == EACCES) {
        const auto closed = first_failing_component(step.source, EACCES);
        if (!closed.empty()) what += text::cat("; this user may not search the directory above ", closed);
    } else if (errnum == EINVAL && !step.recursive_bind) {
        what += "; file systems mounted below it are locked in this user namespace: rbind would be allowed";
    } else if (errnum == ELOOP) {
        what += "; too many symbolic links";
    }
    return Error(Code::System, text::printable(what), errnum);
}

Error explain_attributes(Error error, sys::FdRef tree, const MountStep& step) {
    struct statvfs status {};
    if (error.errnum() != EPERM || ::fstatvfs(tree.number(), &status) < 0) return error;
    const auto cleared = step.attributes_clear | step.recursive_clear;
    std::uint64_t locked = 0;
    for (const auto& flag : kLockable)
        if ((status.f_flag & flag.statvfs_flag) != 0) locked |= flag.attribute & cleared;
    auto wanted = names_of_cleared(locked);
    auto kept = names_of_set(locked);
    const auto asked = policy_asked_for(step.attributes_set | step.recursive_set);
    // The access time policy is locked in every mount of a more privileged namespace.
    if ((cleared & MOUNT_ATTR__ATIME) != 0 && asked != policy_of(status.f_flag)) {
        wanted.emplace_back(asked);
        kept.emplace_back(policy_of(status.f_flag));
    }
    if (wanted.empty()) return error;
    return Error(Code::System,
                 text::cat(step.pointer, " asks for ", text::join(wanted, ","), " but the host mount of ", step.source,
                           " is ", text::join(kept, ","), " and locked in this user namespace"),
                 EPERM);
}

Error explain_id_map(Error error, sys::FdRef tree, const MountStep& step) {
    auto status = sys::fstatfs(tree);
    if (!status) return error;
    const auto name = filesystem_name(status->f_type);
    if (error.errnum() == EINVAL)
        return std::move(error).hinting(text::cat("the file system ", name, " at ", step.source,
                                                  " does not support id-mapped mounts on this kernel"));
    if (error.errnum() == EPERM)
        return std::move(error).hinting(text::cat("the mount of ", step.source, " (", name,
                                                  ") is id-mapped already, or its file system belongs to another user "
                                                  "namespace"));
    return error;
}

}  // namespace arca::mounts
