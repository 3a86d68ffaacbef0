#include "mounts/bind.hpp"

#include <fcntl.h>

#include <utility>

#include "base/text.hpp"
#include "mounts/attach.hpp"
#include "mounts/execute.hpp"
#include "mounts/explain.hpp"
#include "sys/mount_api.hpp"
#include "sys/syscalls.hpp"

namespace arca::mounts {

namespace {

Result<sys::Fd> clone_by_path(const MountStep& step) {
    return sys::open_tree(sys::FdRef::working_directory(), step.source,
                          OPEN_TREE_CLONE | (step.recursive_bind ? AT_RECURSIVE : 0U));
}

Result<> map_ids(sys::FdRef tree, const MountStep& step, MappingNamespaces& namespaces) {
    const auto user_namespace = TRY(namespaces.find_or_make(step.uid_mappings, step.gid_mappings));
    auto mapped = sys::mount_setattr(tree, step.id_mapped_recursive ? sys::Depth::Recursive : sys::Depth::One,
                                     {.set = MOUNT_ATTR_IDMAP, .user_namespace = user_namespace.number()});
    if (!mapped) return fail(explain_id_map(std::move(mapped.error()), tree, step));
    return {};
}

Error while_mounting(Error error, const MountStep& step) {
    return std::move(error).with(text::cat("mounting ", describe(step))).at(step.pointer);
}

/// The link that the source is, or nothing when it is none.
Result<std::string> link_of_source(const MountStep& step) {
    auto target = sys::readlinkat(sys::FdRef::working_directory(), step.source);
    if (!target && target.error().errnum() == EINVAL) return std::string();
    if (!target) return fail(explain_source(std::move(target.error()), step));
    return target;
}

Result<> copy_link(const std::string& link, const MountStep& step, const sys::RootDir& root) {
    auto parent = TRY(root.make_parent(step.destination, 0755));
    auto made = sys::symlinkat(link, parent.directory, parent.name);
    if (made || made.error().errnum() != EEXIST) return made;
    auto existing = sys::readlinkat(parent.directory, parent.name);
    if (existing && *existing == link) return {};
    return fail(std::move(made.error()));
}

}  // namespace

Result<sys::Fd> clone_source(const MountStep& step, sys::Fd inherited, MappingNamespaces& namespaces) {
    if (step.id_mapped && inherited) return inherited;  // mapped where the file system's owner could do it
    // What this namespace can reach by itself comes first: its mounts are locked as they should be
    // (mount_namespaces(7)), and earlier mounts of the container are seen.
    auto tree = clone_by_path(step);
    if (!tree && inherited) return inherited;
    if (!tree) return fail(explain_source(std::move(tree.error()), step));
    if (step.id_mapped) TRY(map_ids(*tree, step, namespaces));
    return tree;
}

Result<sys::Fd> mount_bind(const MountStep& step, sys::RootDir& root, sys::Fd inherited,
                           MappingNamespaces& namespaces) {
    if (step.copy_symlink) {
        const auto link = TRY(link_of_source(step));
        if (!link.empty()) {
            TRY(copy_link(link, step, root));
            return sys::Fd();
        }
    }
    auto tree = TRY(clone_source(step, std::move(inherited), namespaces));
    auto target = TRY(open_target(root, step, TRY(sys::fstat(tree)).st_mode));
    TRY(check_cover(target, tree, step));
    const bool done = TRY(set_attributes(tree, step, When::Detached));
    TRY(attach(tree, target, root, step));
    if (!done) (void)TRY(set_attributes(tree, step, When::Attached));
    if (step.destination != "/") return tree;
    root = sys::RootDir(std::move(tree), root.display());
    return sys::Fd();
}

Result<Sources> open_sources(const Plan& plan) {
    Sources sources;
    sources.mounts.resize(plan.mounts.size());
    sources.devices.resize(plan.devices.size());
    if (!plan.new_user_namespace) return sources;
    MappingNamespaces namespaces;
    for (std::size_t i = 0; i < plan.mounts.size(); ++i) {
        const auto& step = plan.mounts[i];
        if (step.kind != MountStep::Kind::Bind || step.remount || step.copy_symlink) continue;
        auto tree = clone_by_path(step);
        if (!tree) continue;
        if (step.id_mapped) {
            auto mapped = map_ids(*tree, step, namespaces);
            if (!mapped) return fail(while_mounting(std::move(mapped.error()), step));
        }
        sources.mounts[i] = std::move(*tree);
    }
    return sources;
}

std::vector<Error> try_id_maps(const Plan& plan) {
    std::vector<Error> refused;
    MappingNamespaces namespaces;
    for (const auto& step : plan.mounts) {
        if (step.kind != MountStep::Kind::Bind || !step.id_mapped) continue;
        auto tree = clone_by_path(step);
        if (!tree) continue;
        auto mapped = map_ids(*tree, step, namespaces);
        if (!mapped) refused.push_back(while_mounting(std::move(mapped.error()), step));
    }
    return refused;
}

}  // namespace arca::mounts
