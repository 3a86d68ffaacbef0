#include "mounts/hot_mount.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include "base/text.hpp"
#include "mounts/attach.hpp"
#include "mounts/execute.hpp"
#include "mounts/explain.hpp"
#include "mounts/filesystem.hpp"
#include "sys/mount_api.hpp"
#include "sys/syscalls.hpp"

namespace arca::mounts {

namespace {
bool is_tmpfs(const MountStep& step) {
    return step.kind == MountStep::Kind::Filesystem && step.fs_type == "tmpfs";
}

// Both through descriptors, so that a mount point that the container exchanges meanwhile is not another one.
Result<std::uint64_t> mount_id(sys::FdRef fd) {
    struct statx status {};
    if (::statx(fd.number(), "", AT_EMPTY_PATH, STATX_MNT_ID, &status) < 0) return sys::last_error("statx");
    return status.stx_mnt_id;
}

Result<> verify_mount_point(sys::FdRef found, const sys::RootDir& root, const std::string& destination) {
    const auto parent = TRY(root.make_parent(destination, 0755));
    if (TRY(mount_id(found)) != TRY(mount_id(parent.directory))) return {};
    return fail(Code::InvalidConfig, text::cat("nothing is mounted at ", destination));
}
}  // namespace

Result<> check_hot(const MountStep& step) {
    if ((step.kind == MountStep::Kind::Bind || is_tmpfs(step)) && !step.remount && !step.copy_up && !step.copy_symlink)
        return {};
    return fail(Error(Code::Unsupported, text::cat("a running container takes binds and tmpfs, not ", describe(step)))
                    .at(step.pointer));
}

Result<std::vector<sys::Fd>> prepare_hot(const std::vector<MountStep>& steps) {
    Plan plan;
    plan.mounts = steps;
    plan.new_user_namespace = true;  // whatever the container has: sources are opened here
    auto sources = TRY(open_sources(plan));
    for (std::size_t i = 0; i < steps.size(); ++i) {
        if (is_tmpfs(steps[i])) continue;
        auto& tree = sources.mounts[i];
        auto ready = tree ? set_attributes(tree, steps[i], When::Detached)
                          : Result<bool>(fail(explain_source(
                                sys::last_error(text::cat("open_tree(", steps[i].source, ")")).error(), steps[i])));
        // Once it is attached the container could use it before it is what it should be.
        if (ready && !*ready) ready = fail(Code::Unsupported, "needs mount_setattr(2), since Linux 5.12");
        if (!ready)
            return fail(std::move(ready.error()).with(text::cat("mounting ", describe(steps[i]))).at(steps[i].pointer));
    }
    return std::move(sources.mounts);
}

Result<> attach_hot(const MountStep& step, sys::FdRef prepared, sys::RootDir& root) {
    if (!is_tmpfs(step)) {
        const auto target = TRY(open_target(root, step, TRY(sys::fstat(prepared)).st_mode));
        TRY(check_cover(target, prepared, step));
        return attach(prepared, target, root, step);
    }
    TRY(mount_filesystem({}, step, root));
    if (!becomes_readonly_late(step) || (step.attributes_set & MOUNT_ATTR_RDONLY) == 0) return {};
    const auto mounted = TRY(root.open(step.destination, O_PATH));
    return sys::mount_setattr(mounted, sys::Depth::One, {.set = MOUNT_ATTR_RDONLY});
}

// umount2(2) takes a path only: that of the descriptor in a procfs that is not the container's.
Result<> detach_hot(const std::string& destination, const sys::RootDir& root, sys::FdRef procfs) {
    const auto found = TRY(root.open(destination, O_PATH));
    TRY(verify_mount_point(found, root, destination));
    TRY(sys::fchdir(procfs));
    return sys::umount2(text::cat("self/fd/", found.number()), MNT_DETACH);
}

}  // namespace arca::mounts
