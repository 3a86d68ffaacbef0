// The last changes to the container's view of files: what must not be written, what must not be seen.
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <string>
#include <utility>

#include "base/text.hpp"
#include "mounts/execute.hpp"
#include "mounts/explain.hpp"
#include "mounts/filesystem.hpp"
#include "mounts/views.hpp"
#include "sys/mount_api.hpp"
#include "sys/syscalls.hpp"

namespace arca::mounts {

namespace {

/// An O_PATH descriptor, or none when there is nothing at that place: kernels differ in what /proc and /sys hold.
Result<sys::Fd> open_if_present(const Place& place) {
    auto found = place.root.open(place.path, O_PATH);
    if (!found && (found.error().errnum() == ENOENT || found.error().errnum() == ENOTDIR)) return sys::Fd();
    return found;
}

/// Covers paths: all directories with one empty tmpfs, all files with /dev/null.
class Mask {
  public:
    explicit Mask(const sys::RootDir& root) : root_(root) {}
    Result<> cover(const Place& place);

  private:
    Result<> cover_directory(sys::FdRef target);
    Result<> cover_file(sys::FdRef target);

    const sys::RootDir& root_;
    sys::Fd empty_directory_;
    sys::Fd null_;
};

// Sizes are left at their defaults (Linux 5.4 refuses nr_inodes=1); read-only in the superblock, so that no mount of it
// can be made writable.
Result<sys::Fd> make_empty_directory() {
    auto context = TRY(sys::fsopen("tmpfs"));
    const std::string mode = "0755";
    TRY(sys::fsconfig_set(context, "mode", &mode));
    TRY(sys::fsconfig_set(context, "ro", nullptr));
    TRY(sys::fsconfig_create(context));
    return sys::fsmount(context, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
}

// The first mount is attached itself: before Linux 6.15 only attached mounts can be cloned.
Result<> Mask::cover_directory(sys::FdRef target) {
    if (empty_directory_) return sys::move_mount(TRY(sys::clone_tree(empty_directory_, sys::Depth::One)), target);
    empty_directory_ = TRY(make_empty_directory());
    return sys::move_mount(empty_directory_, target);
}

// CVE-2025-31133: /dev/null was looked up by path and could be a link of the container's choice. Here the descriptor
// that was checked is the one that is cloned.
Result<> Mask::cover_file(sys::FdRef target) {
    if (!null_) {
        auto null = TRY_CTX(root_.open_nofollow("/dev/null", O_PATH), "masking files needs /dev/null");
        const auto status = TRY(sys::fstat(null));
        if (!S_ISCHR(status.st_mode) || status.st_rdev != ::makedev(1, 3))
            return fail(Code::System, text::cat("masking files needs /dev/null, which is ",
                                                describe_type(status.st_mode), " but not character device 1:3"));
        null_ = std::move(null);
    }
    return sys::move_mount(TRY(sys::clone_tree(null_, sys::Depth::One)), target);
}

Result<> Mask::cover(const Place& place) {
    auto target = TRY(open_if_present(place));
    if (!target) return {};
    return S_ISDIR(TRY(sys::fstat(target)).st_mode) ? cover_directory(target) : cover_file(target);
}

// The clone keeps what is mounted below and the flags of the mount it is a part of.
Result<> make_readonly(const Place& place) {
    auto target = TRY(open_if_present(place));
    if (!target) return {};
    auto tree = TRY(sys::clone_tree(target, sys::Depth::Recursive));
    constexpr sys::MountAttributes kReadOnly{.set = MOUNT_ATTR_RDONLY};
    auto changed = sys::mount_setattr(tree, sys::Depth::One, kReadOnly);
    if (!changed && !sys::is_refused(changed)) return changed;
    TRY(sys::move_mount(tree, target));
    return changed ? Result<>{} : sys::change_attached(tree, sys::Depth::One, kReadOnly);
}

Result<> make_late_readonly(const sys::RootDir& root, const MountStep& step) {
    auto mount = TRY(root.open(step.destination, O_PATH | O_DIRECTORY));
    if (step.fs_type == "tmpfs" && TRY(sys::fstatfs(mount)).f_type != TMPFS_MAGIC)
        return fail(Code::System, text::cat(step.destination, " is no longer the tmpfs that was mounted there"));
    return sys::change_attached(mount, sys::Depth::One, {.set = MOUNT_ATTR_RDONLY});
}

// Private is what the root has been since it was bound on itself (or slave, if asked for); the rest changes here.
Result<> set_root_propagation(const spec::RootfsPropagation& wanted, const sys::RootDir& root) {
    const auto depth = wanted.recursive ? sys::Depth::Recursive : sys::Depth::One;
    switch (wanted.type) {
        case spec::Propagation::Private:
            return {};
        case spec::Propagation::Shared:
            return sys::change_attached(root.fd(), depth, {.propagation = MS_SHARED});
        case spec::Propagation::Slave:
            return sys::change_attached(root.fd(), depth, {.propagation = MS_SLAVE});
        case spec::Propagation::Unbindable:
            return sys::change_attached(root.fd(), depth, {.propagation = MS_UNBINDABLE});
    }
    std::unreachable();
}

}  // namespace

Result<> seal_root(const Plan& plan, const sys::RootDir& root, const KernelViews& views) {
    for (const auto& step : plan.mounts)
        if (becomes_readonly_late(step))
            if (auto sealed = make_late_readonly(root, step); !sealed)
                return fail(std::move(sealed.error())
                                .with(text::cat("making ", step.destination, " read-only"))
                                .at(step.pointer));
    for (const auto& path : plan.readonly_paths)
        TRY_CTX(make_readonly(place_of(path, root, views)),
                text::cat("/linux/readonlyPaths: making ", path, " read-only"));
    // ORDER: after the read-only binds, which would otherwise be clones made over a mask.
    Mask mask(root);
    for (const auto& path : plan.masked_paths)
        TRY_CTX(mask.cover(place_of(path, root, views)), text::cat("/linux/maskedPaths: masking ", path));
    if (plan.root_readonly)
        TRY_CTX(sys::change_attached(root.fd(), sys::Depth::One, {.set = MOUNT_ATTR_RDONLY}),
                "/root/readonly: making / read-only");
    if (plan.root_propagation) TRY_CTX(set_root_propagation(*plan.root_propagation, root), "/linux/rootfsPropagation");
    return {};
}

}  // namespace arca::mounts
