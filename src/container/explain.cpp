// explain and check: the plan, shown instead of carried out.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "arca/container.hpp"
#include "base/text.hpp"
#include "container/prepare.hpp"
#include "mounts/execute.hpp"
#include "sys/mount_api.hpp"
#include "sys/syscalls.hpp"

namespace arca {

namespace {
using namespace container;

void look_at_source(const mounts::MountStep& step, const ids::Plan& ids, CheckReport& report) {
    struct stat status {};
    if (::stat(step.source.c_str(), &status) != 0) {
        report.errors.push_back(text::cat(step.pointer, "/source: ", step.source, " is missing"));
        return;
    }
    const bool is_read_only = ((step.attributes_set | step.recursive_set) & MOUNT_ATTR_RDONLY) != 0;
    if (!ids.new_user_namespace || step.id_mapped || is_read_only) return;
    const auto warn = [&](std::string_view kind, std::uint64_t id, std::string_view list) {
        report.warnings.push_back(text::cat(
            step.pointer, "/source: ", step.source, " belongs to ", kind, " ", id, ", whom ", list,
            " does not map: the container sees nobody there and may not change it; map the id, or the mount (idmap)"));
    };
    if (!ids::is_mapped(ids.uids, status.st_uid)) warn("user", status.st_uid, "/linux/uidMappings");
    if (!ids::is_mapped(ids.gids, status.st_gid)) warn("group", status.st_gid, "/linux/gidMappings");
}

// What the plan takes for granted and a look can tell, without changing anything.
void look_at_host(const LaunchPlan& plan, CheckReport& report) {
    struct stat status {};
    if (::stat(plan.mounts.rootfs.c_str(), &status) != 0)
        report.errors.push_back(text::cat("/root/path: ", plan.mounts.rootfs, " is missing"));
    else if (!S_ISDIR(status.st_mode))
        report.errors.push_back(text::cat("/root/path: ", plan.mounts.rootfs, " is not a directory"));
    for (const auto& step : plan.mounts.mounts)
        if (step.kind == mounts::MountStep::Kind::Bind) look_at_source(step, plan.ids, report);
    for (const auto& refused : mounts::try_id_maps(plan.mounts))
        report.errors.push_back(refused.message());
    for (const auto& joined : plan.namespaces.joined)
        if (::stat(joined.path.c_str(), &status) != 0)
            report.errors.push_back(text::cat(joined.pointer, "/path: ", joined.path, " is missing"));
    const auto look_at_hooks = [&](const std::vector<spec::Hook>& hooks) {
        for (const auto& hook : hooks)
            if (::access(hook.path.c_str(), X_OK) != 0)
                report.errors.push_back(text::cat(hook.pointer, "/path: ", hook.path, " cannot be executed"));
    };
    look_at_hooks(plan.hooks.prestart);
    look_at_hooks(plan.hooks.create_runtime);
    look_at_hooks(plan.hooks.create_container);
    look_at_hooks(plan.hooks.poststart);
    look_at_hooks(plan.hooks.poststop);
}
}  // namespace

Result<std::string> explain(const Runtime& runtime, const CreateOptions& options, Format format) {
    auto prepared = TRY(prepare(runtime, options));
    prepared.plan.notes = std::move(prepared.notes);
    return format == Format::Json ? to_json(prepared.plan) : to_text(prepared.plan);
}

Result<CheckReport> check(const Runtime& runtime, const CreateOptions& options) {
    CheckReport report;
    auto prepared = prepare(runtime, options);
    if (!prepared) {
        report.errors.push_back(prepared.error().message());
        return report;
    }
    for (const auto& note : prepared->notes)
        report.warnings.push_back(text::cat(note.pointer, ": ", note.text));
    look_at_host(prepared->plan, report);
    return report;
}

}  // namespace arca
