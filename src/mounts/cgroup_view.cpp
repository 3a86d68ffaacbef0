// The container's view of its cgroup: one mount of v2, or the layout of v1 as runc and crun make it: a tmpfs with a
// mount for every hierarchy, and links for controllers that share one.
#include <fcntl.h>

#include <algorithm>

#include "base/text.hpp"
#include "mounts/attach.hpp"
#include "mounts/filesystem.hpp"
#include "sys/mount_api.hpp"
#include "sys/syscalls.hpp"

namespace arca::mounts {

namespace {
/// A mount of a hierarchy, detached.
struct View {
    sys::Fd tree;
    bool lacks_attributes = false;  ///< until it is attached
};

// A bind, because a real mount in the host's cgroup namespace would change the options of the whole hierarchy.
// FALLBACK(linux<5.12): mount(2) changes attached mounts only.
Result<View> bind_part(const std::string& path, const MountStep& step) {
    auto tree =
        TRY_CTX(sys::open_tree(sys::FdRef::working_directory(), path, OPEN_TREE_CLONE), "binding the cgroup hierarchy");
    auto changed = sys::mount_setattr(tree, sys::Depth::One, {.set = step.attributes_set});
    const bool later = sys::is_refused(changed);
    if (!later) TRY(std::move(changed));
    return View{std::move(tree), later};
}

Result<> finish_attached(sys::FdRef tree, const MountStep& step) {
    return sys::change_attached(tree, sys::Depth::One, {.set = step.attributes_set});
}

// FALLBACK(EPERM, EBUSY: cgroup namespace owned by another user namespace): a bind.
bool must_bind(const Result<sys::Fd>& tree, const std::string& mount_point) {
    return !tree && !mount_point.empty() && (tree.error().errnum() == EPERM || tree.error().errnum() == EBUSY);
}

Result<View> make_v2(const Plan& plan, const MountStep& step) {
    const auto path = plan.whole_cgroup_hierarchy ? plan.cgroup2_mount : plan.cgroup2_mount + plan.cgroup_path;
    if (!plan.private_cgroup_namespace) return bind_part(path, step);
    auto tree = make_detached(step, "cgroup2");
    if (must_bind(tree, plan.cgroup2_mount)) return bind_part(path, step);
    return View{TRY(std::move(tree))};
}

// The options of a v1 mount are the names of its controllers, or "name=" of a hierarchy without any.
Result<View> make_v1(const Plan& plan, const MountStep& step, const V1Hierarchy& hierarchy) {
    const auto path = hierarchy.mount_point + hierarchy.path;
    if (!plan.private_cgroup_namespace) return bind_part(path, step);
    auto with_options = step;
    for (auto option : text::split(hierarchy.controllers, ','))
        with_options.data.emplace_back(option);
    auto tree = make_detached(with_options, "cgroup");
    if (must_bind(tree, hierarchy.mount_point)) return bind_part(path, step);
    return View{TRY(std::move(tree))};
}

std::string last_name(const std::string& path) {
    return path.substr(path.rfind('/') + 1);
}

Result<> attach_below(sys::FdRef tmpfs, const std::string& name, const View& view, const MountStep& step) {
    TRY(sys::mkdirat(tmpfs, name, 0755));
    TRY(sys::move_mount(view.tree, TRY(sys::openat(tmpfs, name, O_PATH | O_DIRECTORY | O_NOFOLLOW))));
    return view.lacks_attributes ? finish_attached(view.tree, step) : Result<>{};
}

Result<> add_hierarchy(const Plan& plan, const MountStep& step, sys::FdRef tmpfs, const V1Hierarchy& hierarchy) {
    const auto name = last_name(hierarchy.mount_point);
    auto view = make_v1(plan, step, hierarchy);
    // A hierarchy in which an unprivileged caller could make no cgroup, and needed none.
    if (!view && view.error().errnum() == ENOENT) return {};
    TRY(attach_below(tmpfs, name, TRY(std::move(view)), step));
    for (auto controller : text::split(hierarchy.controllers, ','))
        if (controller != name && !controller.starts_with("name="))
            TRY(sys::symlinkat(name, tmpfs, std::string(controller)));
    return {};
}

// ORDER: the tmpfs is attached before it is filled (before Linux 6.15 nothing can be mounted on what is not attached),
// and becomes read-only after.
Result<> mount_v1_layout(const Plan& plan, const MountStep& step, const sys::RootDir& root) {
    auto tmpfs_step = step;
    tmpfs_step.source = "tmpfs";
    tmpfs_step.attributes_set &= ~std::uint64_t{MOUNT_ATTR_RDONLY};
    tmpfs_step.data = {"mode=755"};
    auto target = TRY(open_target(root, step, S_IFDIR));
    const auto tmpfs = TRY(make_detached(labelled(plan, tmpfs_step), "tmpfs"));
    TRY(check_cover(target, tmpfs, step));
    TRY(attach(tmpfs, target, root, step));
    for (const auto& hierarchy : plan.v1_hierarchies)
        TRY_CTX(add_hierarchy(plan, step, tmpfs, hierarchy), text::cat("hierarchy of ", hierarchy.controllers));
    if (!plan.cgroup2_mount.empty() && !plan.cgroup_path.empty())
        TRY(attach_below(tmpfs, "unified", TRY(make_v2(plan, step)), step));
    TRY(finish_attached(tmpfs, step));
    (void)TRY(set_propagation(tmpfs, step, When::Attached));
    return {};
}
}  // namespace

Result<> mount_cgroup(const Plan& plan, const MountStep& plain, sys::RootDir& root) {
    auto step = plain;
    step.source = "cgroup";
    if (step.fs_type == "cgroup" && !plan.v1_hierarchies.empty()) return mount_v1_layout(plan, step, root);
    if (!plan.private_cgroup_namespace && plan.cgroup2_mount.empty()) return {};  // told by a note of the plan
    step = labelled(plan, step);
    auto target = TRY(open_target(root, step, S_IFDIR));
    auto view = TRY(make_v2(plan, step));
    if (!view.lacks_attributes) return attach_filesystem(std::move(view.tree), target, step, root);
    const auto attached = TRY(sys::duplicate(view.tree));
    TRY(attach_filesystem(std::move(view.tree), target, step, root));
    return finish_attached(attached, step);
}

}  // namespace arca::mounts
