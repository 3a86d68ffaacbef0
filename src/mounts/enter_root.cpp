// From the host's view of files to the container's: the root filesystem as a mount of its own, and then as /.
#include <fcntl.h>
#include <linux/magic.h>

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/text.hpp"
#include "host/explain_namespaces.hpp"
#include "mounts/execute.hpp"
#include "mounts/explain.hpp"
#include "sys/mount_api.hpp"
#include "sys/syscalls.hpp"

namespace arca::mounts {

namespace {

unsigned long propagation_flag(spec::Propagation type) {
    switch (type) {
        case spec::Propagation::Shared:
            return MS_SHARED;
        case spec::Propagation::Slave:
            return MS_SLAVE;
        case spec::Propagation::Unbindable:  // would forbid the bind of the root; comes at the end
        case spec::Propagation::Private:
            return MS_PRIVATE;
    }
    std::unreachable();
}

/// Mounts of the host may still be in its peer groups after set_propagation().
bool stays_shared(const Plan& plan) {
    return plan.root_propagation &&
           (plan.root_propagation->type == spec::Propagation::Shared || !plan.root_propagation->recursive);
}

// Slave by default: what the container mounts never reaches the host, and what the host unmounts is let go of here.
Result<> set_propagation(const Plan& plan) {
    unsigned long flags = MS_SLAVE | MS_REC;
    if (plan.root_propagation)
        flags = propagation_flag(plan.root_propagation->type) | (plan.root_propagation->recursive ? MS_REC : 0);
    auto changed = sys::mount("none", "/", "", flags, "");
    if (changed || changed.error().errnum() != EINVAL || !host::is_chrooted()) return changed;
    return fail(std::move(changed.error())
                    .hinting("arca runs in a chroot(2) whose root is no mount: `mount --bind DIR DIR` before makes it "
                             "one"));
}

// A slave has to keep its master from the first bind on: one that was private meanwhile stays private
// (mount_namespaces(7)).
std::uint64_t propagation_of_bind(const Plan& plan) {
    const bool slave = plan.root_propagation && plan.root_propagation->type == spec::Propagation::Slave;
    return slave ? MS_SLAVE : MS_PRIVATE;
}

// pivot_root(2) refuses a new root below a shared mount, and the bind of the root would be seen by the host. Only a
// mount point can be changed: the first directory upwards that is one.
Result<> stop_sharing_parent(sys::FdRef directory, std::uint64_t propagation) {
    auto current = TRY(sys::openat(directory, ".", O_PATH | O_DIRECTORY));
    for (;;) {
        auto changed = sys::change_attached(current, sys::Depth::One, {.propagation = propagation});
        if (changed || changed.error().errnum() != EINVAL) return changed;
        auto above = TRY(sys::openat(current, "..", O_PATH | O_DIRECTORY));
        const auto here = TRY(sys::fstat(current));
        const auto there = TRY(sys::fstat(above));
        if (here.st_ino == there.st_ino && here.st_dev == there.st_dev) return changed;
        current = std::move(above);
    }
}

Result<sys::Fd> open_rootfs(const Plan& plan) {
    auto directory = sys::open(plan.rootfs, O_PATH | O_DIRECTORY);
    if (directory) return directory;
    const auto errnum = directory.error().errnum();
    return fail(Error(Code::System,
                      text::cat("root filesystem ", plan.rootfs,
                                errnum == ENOENT    ? " is missing"
                                : errnum == ENOTDIR ? " is no directory"
                                                    : " cannot be opened"),
                      errnum)
                    .at("/root/path"));
}

// FALLBACK(linux 6.12, and others before 6.18): an unbindable mount that is made a slave stays unbindable. It is made
// private, in this namespace alone, and can be cloned.
Result<sys::Fd> clone_rootfs(sys::FdRef directory) {
    auto tree = sys::clone_tree(directory, sys::Depth::Recursive);
    if (tree || tree.error().errnum() != EINVAL || !stop_sharing_parent(directory, MS_PRIVATE)) return tree;
    return sys::clone_tree(directory, sys::Depth::Recursive);
}

// pivot_root(2), "ERRORS": the root that the machine booted with cannot be exchanged.
Error explain_pivot(Error error, sys::FdRef old_root) {
    if (error.errnum() != EINVAL) return error;
    const auto status = sys::fstatfs(old_root);
    if (!status || (status->f_type != RAMFS_MAGIC && status->f_type != TMPFS_MAGIC)) return error;
    return std::move(error).hinting("the root is an initramfs, which cannot be pivoted: use --no-pivot");
}

Result<> pivot(const Plan& plan, const sys::RootDir& root) {
    auto old_root = TRY(sys::open("/", O_PATH | O_DIRECTORY));
    TRY(sys::fchdir(root.fd()));
    // The old root ends up stacked on the new one (pivot_root(2), "pivot_root(".", ".")"): no directory is needed for
    // it.
    auto pivoted = sys::pivot_root(".", ".");
    if (!pivoted) return fail(explain_pivot(std::move(pivoted.error()), old_root));
    // ORDER: before the umount, which would otherwise reach the host through shared mounts.
    if (stays_shared(plan)) TRY(sys::change_attached(old_root, sys::Depth::Recursive, {.propagation = MS_SLAVE}));
    TRY(sys::fchdir(old_root));
    return sys::umount2(".", MNT_DETACH);
}

std::string unescape(std::string_view field) {
    std::string out;
    for (std::size_t i = 0; i < field.size(); ++i) {
        if (field[i] == '\\' && i + 3 < field.size()) {
            out += static_cast<char>((field[i + 1] - '0') * 64 + (field[i + 2] - '0') * 8 + (field[i + 3] - '0'));
            i += 3;
        } else {
            out += field[i];
        }
    }
    return out;
}

bool is_below(std::string_view path, std::string_view directory) {
    return path.starts_with(directory) && (path.size() == directory.size() || path[directory.size()] == '/');
}

/// Mount points of every procfs and sysfs outside of `root`, the deepest last (proc_pid_mountinfo(5)).
std::vector<std::string> kernel_views(std::string_view mountinfo, std::string_view root) {
    std::vector<std::string> found;
    for (auto line : text::split(mountinfo, '\n')) {
        const auto separator = line.find(" - ");
        const auto fields = text::split(line.substr(0, separator), ' ');
        if (separator == std::string_view::npos || fields.size() < 5) continue;
        const auto type = text::split(line.substr(separator + 3), ' ').front();
        auto point = unescape(fields[4]);
        if ((type == "proc" || type == "sysfs") && !is_below(point, root)) found.push_back(std::move(point));
    }
    return found;
}

// Without pivot_root the host's mounts stay below the new root, out of sight. A procfs or sysfs among them would still
// allow new ones to be mounted in a user namespace (mount_namespaces(7)) and be reachable after an escape: they go.
Result<> drop_kernel_views(const sys::RootDir& root) {
    const auto root_path = TRY(sys::readlinkat(sys::FdRef::working_directory(), sys::fd_path(root.fd())));
    auto points = kernel_views(TRY(sys::read_file("/proc/self/mountinfo")), root_path);
    std::reverse(points.begin(), points.end());
    for (const auto& point : points) {
        TRY(sys::mount("none", point, "", MS_SLAVE | MS_REC, ""));
        auto gone = sys::umount2(point, MNT_DETACH);
        if (gone) continue;
        if (gone.error().errnum() != EINVAL && gone.error().errnum() != EPERM) return gone;
        TRY(sys::mount("tmpfs", point, "tmpfs", MS_RDONLY, ""));  // locked in place: covered instead
    }
    return {};
}

Result<> move_root(const sys::RootDir& root) {
    TRY(drop_kernel_views(root));
    TRY(sys::fchdir(root.fd()));
    TRY(sys::mount(".", "/", "", MS_MOVE, ""));
    return sys::chroot(".");
}

}  // namespace

Result<sys::RootDir> prepare_root(const Plan& plan) {
    TRY_CTX(set_propagation(plan), "setting the propagation of /");
    auto directory = TRY(open_rootfs(plan));
    if (stays_shared(plan))
        TRY_CTX(stop_sharing_parent(directory, propagation_of_bind(plan)),
                text::cat("making the mount of ", plan.rootfs, " no longer shared"));
    auto tree = TRY_CTX(clone_rootfs(directory), plan.rootfs);
    const sys::MountAttributes propagation{.propagation = propagation_of_bind(plan)};
    auto changed = sys::mount_setattr(tree, sys::Depth::One, propagation);
    const bool late = sys::is_refused(changed);
    if (!changed && !late) return fail(std::move(changed.error()));
    TRY_CTX(sys::move_mount(tree, directory), text::cat("binding ", plan.rootfs, " on itself"));
    if (late) TRY(sys::change_attached(tree, sys::Depth::One, propagation));
    return sys::RootDir(std::move(tree), plan.rootfs);
}

Result<sys::RootDir> enter_root(const Plan& plan, const sys::RootDir& root) {
    TRY_CTX(plan.no_pivot ? move_root(root) : pivot(plan, root), text::cat("making ", root.display(), " the root"));
    TRY(sys::chdir("/"));
    return sys::RootDir(TRY(sys::open("/", O_PATH | O_DIRECTORY)), root.display());
}

}  // namespace arca::mounts
