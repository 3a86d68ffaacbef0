#include <sys/stat.h>

#include <algorithm>

#include "base/text.hpp"
#include "mounts/attach.hpp"
#include "mounts/execute.hpp"
#include "sys/syscalls.hpp"

namespace arca::mounts {

namespace {
bool is_below(const MountStep& step, const MountStep& above) {
    return step.destination.starts_with(above.destination) && step.destination.size() > above.destination.size() &&
           step.destination[above.destination.size()] == '/';
}

// What is on another mount comes with that one's content.
bool is_on_root(const Plan& plan, const MountStep& step) {
    return std::ranges::none_of(plan.mounts, [&step](const MountStep& other) { return is_below(step, other); });
}

mode_t kind_of_source(const MountStep& step) {
    if (step.kind != MountStep::Kind::Bind) return S_IFDIR;
    const auto status = sys::fstatat(sys::FdRef::working_directory(), step.source, 0);
    return status ? status->st_mode : S_IFDIR;
}
}  // namespace

Result<> make_mount_points(const Plan& plan, const sys::RootDir& root) {
    for (const auto& step : plan.mounts)
        if (!step.remount && is_on_root(plan, step))
            if (auto target = open_target(root, step, kind_of_source(step)); !target)
                return fail(std::move(target.error()).at(step.pointer));
    return {};
}

}  // namespace arca::mounts
