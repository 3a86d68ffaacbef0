#include <utility>

#include "base/text.hpp"
#include "mounts/bind.hpp"
#include "mounts/execute.hpp"
#include "mounts/filesystem.hpp"
#include "mounts/id_map.hpp"

namespace arca::mounts {

namespace {

Result<> make_mount(const Plan& plan, const MountStep& step, sys::RootDir& root, sys::Fd inherited,
                    MappingNamespaces& namespaces) {
    if (step.remount) return remount(step, root);
    switch (step.kind) {
        case MountStep::Kind::Bind:
            return mount_bind(step, root, std::move(inherited), namespaces);
        case MountStep::Kind::Sysfs:
            return mount_sysfs(plan, step, root);
        case MountStep::Kind::Mqueue:
            return mount_mqueue(plan, step, root);
        case MountStep::Kind::Cgroup:
            return mount_cgroup(plan, step, root);
        case MountStep::Kind::Filesystem:
            return mount_filesystem(plan, step, root);
    }
    std::unreachable();
}

}  // namespace

Result<> make_mounts(const Plan& plan, sys::RootDir& root, Sources& sources) {
    MappingNamespaces namespaces;
    for (std::size_t i = 0; i < plan.mounts.size(); ++i) {
        const auto& step = plan.mounts[i];
        auto inherited = i < sources.mounts.size() ? std::move(sources.mounts[i]) : sys::Fd();
        auto made = make_mount(plan, step, root, std::move(inherited), namespaces);
        if (!made) return fail(std::move(made.error()).with(text::cat("mounting ", describe(step))).at(step.pointer));
    }
    return {};
}

}  // namespace arca::mounts
