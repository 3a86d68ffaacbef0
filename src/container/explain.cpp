// explain and check: the plan, shown instead of carried out.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "arca/container.hpp"
#include "base/text.hpp"
#include "container/prepare.hpp"
#include "sys/syscalls.hpp"

namespace arca {

namespace {
using namespace container;

// What the plan takes for granted and a look can tell, without changing anything.
void look_at_host(const LaunchPlan& plan, CheckReport& report) {
    struct stat status {};
    if (::stat(plan.mounts.rootfs.c_str(), &status) != 0)
        report.errors.push_back(text::cat("/root/path: ", plan.mounts.rootfs, " is missing"));
    else if (!S_ISDIR(status.st_mode))
        report.errors.push_back(text::cat("/root/path: ", plan.mounts.rootfs, " is not a directory"));
    for (const auto& step : plan.mounts.mounts)
        if (step.kind == mounts::MountStep::Kind::Bind && ::stat(step.source.c_str(), &status) != 0)
            report.errors.push_back(text::cat(step.pointer, "/source: ", step.source, " is missing"));
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
