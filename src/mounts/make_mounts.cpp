#include <linux/magic.h>

#include <algorithm>
#include <utility>

#include "base/text.hpp"
#include "mounts/bind.hpp"
#include "mounts/execute.hpp"
#include "mounts/filesystem.hpp"
#include "mounts/id_map.hpp"
#include "mounts/views.hpp"
#include "sys/syscalls.hpp"

namespace arca::mounts {

namespace {

/// Returns the root of what was mounted; nothing where that can be no view of the kernel's.
Result<sys::Fd> make_mount(const Plan& plan, const MountStep& step, sys::RootDir& root, sys::Fd inherited,
                           MappingNamespaces& namespaces) {
    switch (step.kind) {
        case MountStep::Kind::Bind:
            return mount_bind(step, root, std::move(inherited), namespaces);
        case MountStep::Kind::Sysfs:
            return mount_sysfs(plan, step, root);
        case MountStep::Kind::Mqueue:
            TRY(mount_mqueue(plan, step, root));
            return sys::Fd();
        case MountStep::Kind::Cgroup:
            TRY(mount_cgroup(plan, step, root));
            return sys::Fd();
        case MountStep::Kind::Filesystem:
            if (step.fs_type == "proc") return mount_proc(step, root);
            TRY(mount_filesystem(plan, step, root));
            return sys::Fd();
    }
    std::unreachable();
}

bool is_sealed_below(const Plan& plan, const std::string& destination) {
    const auto below = [&](const std::string& path) { return lies_below(path, destination); };
    return std::ranges::any_of(plan.masked_paths, below) || std::ranges::any_of(plan.readonly_paths, below);
}

Result<> keep_view(const Plan& plan, const MountStep& step, sys::Fd mounted, KernelViews& views) {
    if (!mounted || !is_sealed_below(plan, step.destination)) return {};
    const auto type = TRY(sys::fstatfs(mounted)).f_type;
    if (type == PROC_SUPER_MAGIC || type == SYSFS_MAGIC)
        views.push_back({step.destination, sys::RootDir(std::move(mounted), step.destination)});
    return {};
}

Result<> carry_out(const Plan& plan, std::size_t index, sys::RootDir& root, sys::Fd inherited,
                   MappingNamespaces& namespaces, KernelViews& views) {
    const auto& step = plan.mounts[index];
    if (step.remount) return remount(step, root);
    auto mounted = TRY(make_mount(plan, step, root, std::move(inherited), namespaces));
    forget_covered(views, step.destination);
    return keep_view(plan, step, std::move(mounted), views);
}

}  // namespace

Result<KernelViews> make_mounts(const Plan& plan, sys::RootDir& root, Sources& sources) {
    MappingNamespaces namespaces;
    KernelViews views;
    for (std::size_t i = 0; i < plan.mounts.size(); ++i) {
        const auto& step = plan.mounts[i];
        auto inherited = i < sources.mounts.size() ? std::move(sources.mounts[i]) : sys::Fd();
        auto made = carry_out(plan, i, root, std::move(inherited), namespaces, views);
        if (!made) return fail(std::move(made.error()).with(text::cat("mounting ", describe(step))).at(step.pointer));
    }
    return views;
}

}  // namespace arca::mounts
