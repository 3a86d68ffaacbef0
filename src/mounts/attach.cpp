#include "mounts/attach.hpp"

#include <fcntl.h>
#include <linux/magic.h>

#include <utility>
#include <vector>

#include "base/text.hpp"
#include "mounts/explain.hpp"
#include "sys/mount_api.hpp"
#include "sys/syscalls.hpp"

namespace arca::mounts {

namespace {

constexpr mode_t kDirectoryMode = 0755;
constexpr mode_t kFileMode = 0644;
constexpr ino_t kProcRootInode = 1;

/// One call of mount_setattr(2).
struct Change {
    sys::Depth depth;
    sys::MountAttributes attributes;
};

void add_propagation(const MountStep& step, std::vector<Change>& changes) {
    for (auto flags : step.propagation) {
        const auto depth = (flags & MS_REC) != 0 ? sys::Depth::Recursive : sys::Depth::One;
        const auto type = flags & ~std::uint64_t{MS_REC};
        if (!changes.empty() && changes.back().depth == depth && changes.back().attributes.propagation == 0)
            changes.back().attributes.propagation = type;
        else
            changes.push_back({depth, {.propagation = type}});
    }
}

// FALLBACK(linux<5.12): mount(2) changes attached mounts only.
Result<bool> carry_out(const std::vector<Change>& changes, sys::FdRef tree, When when) {
    for (const auto& change : changes) {
        if (when == When::Attached) {
            TRY(sys::change_attached(tree, change.depth, change.attributes));
            continue;
        }
        auto changed = sys::mount_setattr(tree, change.depth, change.attributes);
        if (sys::is_refused(changed)) return false;
        if (!changed) return fail(std::move(changed.error()));
    }
    return true;
}

std::string place(const sys::RootDir& root, const MountStep& step) {
    return text::cat(step.destination, " in ", root.display());
}

/// What an unmapped owner looks like from inside a user namespace (user_namespaces(7), "Unmapped user and group IDs").
constexpr uid_t kOverflowUid = 65534;

/// The deepest directory there is on the way to `path` may belong to somebody the user namespace does not know.
Error explain_owner(Error error, const sys::RootDir& root, std::string path) {
    if (error.errnum() != EACCES) return error;
    while (!path.empty()) {
        path.resize(path.rfind('/'));
        const auto directory = root.open(path, O_PATH | O_DIRECTORY);
        if (!directory) continue;
        const auto status = sys::fstat(*directory);
        if (!status || status->st_uid != kOverflowUid) return error;
        return std::move(error).hinting(text::cat(path.empty() ? "/" : path, " in ", root.display(),
                                                  " belongs to a user that this user namespace does not map"));
    }
    return error;
}

}  // namespace

Result<sys::Fd> open_target(const sys::RootDir& root, const MountStep& step, mode_t source_mode) {
    auto target = S_ISDIR(source_mode) ? root.make_directories(step.destination, kDirectoryMode)
                                       : root.make_file(step.destination, kFileMode);
    if (target) return target;
    if (target.error().errnum() == ENOTDIR && S_ISDIR(source_mode)) {
        auto existing = root.open(step.destination, O_PATH);
        if (existing)
            return fail(
                Code::System,
                text::cat("target is ", describe_type(TRY(sys::fstat(*existing)).st_mode), ", source is a directory"),
                ENOTDIR);
    }
    return fail(explain_owner(std::move(target.error()), root, step.destination)
                    .with(text::cat("making the mount point ", place(root, step))));
}

Result<sys::Fd> open_ordinary_directory(const sys::RootDir& root, const MountStep& step) {
    auto parent = TRY(root.make_parent(step.destination, kDirectoryMode));
    constexpr int kFlags = O_PATH | O_DIRECTORY | O_NOFOLLOW;
    auto directory = sys::openat(parent.directory, parent.name, kFlags);
    if (!directory && directory.error().errnum() == ENOENT) {
        auto made = sys::mkdirat(parent.directory, parent.name, kDirectoryMode);
        if (!made && made.error().errnum() != EEXIST) return fail(std::move(made.error()));
        directory = sys::openat(parent.directory, parent.name, kFlags);
    }
    if (directory || (directory.error().errnum() != ENOTDIR && directory.error().errnum() != ELOOP)) return directory;
    auto status = sys::fstatat(parent.directory, parent.name, AT_SYMLINK_NOFOLLOW);
    return fail(Code::System,
                text::cat("filesystem \"", step.fs_type, "\" must be mounted on ordinary directory; ",
                          place(root, step), " is ", status ? describe_type(status->st_mode) : "something else"));
}

Result<> verify_mounted(const sys::RootDir& root, const MountStep& step, long magic) {
    auto found = TRY(root.open_nofollow(step.destination, O_PATH | O_DIRECTORY));
    if (TRY(sys::fstatfs(found)).f_type != magic)
        return fail(Code::System, text::cat("filesystem \"", step.fs_type, "\" was mounted, but ", place(root, step),
                                            " is no longer it: the directory was exchanged meanwhile"));
    return {};
}

Result<> check_cover(sys::FdRef target, sys::FdRef tree, const MountStep& step) {
    const bool on_procfs = TRY(sys::fstatfs(target)).f_type == PROC_SUPER_MAGIC;
    if (!on_procfs && !is_in_proc(step.destination)) return {};
    if (may_cover_proc(step.destination)) return {};
    if (TRY(sys::fstatfs(tree)).f_type == PROC_SUPER_MAGIC) {
        // A bind of a part of procfs over /proc as a whole would hide what labels are written to.
        if (step.destination != "/proc" || TRY(sys::fstat(tree)).st_ino == kProcRootInode) return {};
    }
    return fail(Error(Code::InvalidConfig, text::cat("mounting ", step.source, " at ", step.destination,
                                                     " is refused: only procfs may cover /proc (CVE-2019-16884)"))
                    .at(step.pointer));
}

Result<bool> set_attributes(sys::FdRef tree, const MountStep& step, When when) {
    std::vector<Change> changes;
    if ((step.recursive_set | step.recursive_clear) != 0)
        changes.push_back({sys::Depth::Recursive, {.set = step.recursive_set, .clear = step.recursive_clear}});
    if ((step.attributes_set | step.attributes_clear) != 0)
        changes.push_back({sys::Depth::One, {.set = step.attributes_set, .clear = step.attributes_clear}});
    add_propagation(step, changes);
    auto done = carry_out(changes, tree, when);
    if (!done) return fail(explain_attributes(std::move(done.error()), tree, step));
    return done;
}

Result<bool> set_propagation(sys::FdRef tree, const MountStep& step, When when) {
    std::vector<Change> changes;
    add_propagation(step, changes);
    return carry_out(changes, tree, when);
}

// move_mount(2) says EINVAL where mount(2) said ENOTDIR, which engines look for.
Result<> attach(sys::FdRef tree, sys::FdRef target, const sys::RootDir& root, const MountStep& step) {
    auto moved = sys::move_mount(tree, target);
    if (moved) return {};
    const auto source_mode = TRY(sys::fstat(tree)).st_mode;
    const auto target_mode = TRY(sys::fstat(target)).st_mode;
    if (S_ISDIR(source_mode) != S_ISDIR(target_mode))
        return fail(Code::System,
                    text::cat("target is ", describe_type(target_mode), ", source is ", describe_type(source_mode)),
                    ENOTDIR);
    return fail(std::move(moved.error()).with(text::cat("attaching at ", place(root, step))));
}

}  // namespace arca::mounts
