#include <algorithm>

#include "base/text.hpp"
#include "spec/validate.hpp"

namespace arca::spec {

namespace {
bool has_option(const Mount& mount, std::string_view option) {
    return std::find(mount.options.begin(), mount.options.end(), option) != mount.options.end();
}

bool is_bind(const Mount& mount) {
    return mount.type == "bind" || has_option(mount, "bind") || has_option(mount, "rbind");
}

bool asks_for_id_map(const Mount& mount) {
    return has_option(mount, "idmap") || has_option(mount, "ridmap") || !mount.uid_mappings.empty() ||
           !mount.gid_mappings.empty();
}

/// config.md#posix-platform-mounts: the two lists go together, and only binds can have them.
void validate_id_map(const Config& config, const Mount& mount, const std::string& base, Report& report) {
    if (!asks_for_id_map(mount)) return;
    if (mount.uid_mappings.empty() != mount.gid_mappings.empty()) {
        report.problem(base + (mount.uid_mappings.empty() ? "/uidMappings" : "/gidMappings"),
                       "required, because the mount has mappings of the other kind");
    } else if (mount.uid_mappings.empty() && !has_namespace(config, NamespaceType::User, report)) {
        report.problem(base + "/options",
                       "idmap without uidMappings and gidMappings takes those of the container, which has no user "
                       "namespace");
    }
    if (!is_bind(mount)) report.problem(base, "only bind mounts can have mapped ids");
    validate_id_mappings(mount.uid_mappings, base + "/uidMappings", report);
    validate_id_mappings(mount.gid_mappings, base + "/gidMappings", report);
}

void validate_mount(const Config& config, const Mount& mount, const std::string& base, Report& report) {
    if (mount.destination.empty()) {
        report.problem(base + "/destination", "must not be empty");
    } else if (mount.destination.front() != '/') {
        report.note(base + "/destination", "a relative path: taken as relative to / of the container");
    }
    if (is_bind(mount) && mount.source.empty() && !has_option(mount, "remount"))
        report.problem(base + "/source", "a bind mount needs a source");
    validate_id_map(config, mount, base, report);
}

void validate_hook(const Hook& hook, Report& report) {
    if (!hook.path.starts_with('/'))
        report.problem(hook.pointer + "/path",
                       text::cat("expected an absolute path, got \"", text::printable(hook.path), "\""));
    if (hook.timeout_s == 0) report.problem(hook.pointer + "/timeout", "must be greater than 0");
    for (std::size_t i = 0; i < hook.env.size(); ++i)
        if (hook.env[i].find('=') == std::string::npos)
            report.note(pointer_join(hook.pointer + "/env", i), "there is no = in it");
}
}  // namespace

void validate_mounts(const Config& config, Report& report) {
    for (std::size_t i = 0; i < config.mounts.size(); ++i)
        validate_mount(config, config.mounts[i], pointer_join("/mounts", i), report);
    if (!config.mounts.empty() && !has_namespace(config, NamespaceType::Mount, report))
        report.note("/mounts", "made in the mount namespace of the runtime: linux.namespaces has none of type mount");
}

void validate_hooks(const Hooks& hooks, Report& report) {
    for (const auto* list : {&hooks.prestart, &hooks.create_runtime, &hooks.create_container, &hooks.start_container,
                             &hooks.poststart, &hooks.poststop})
        for (const auto& hook : *list)
            validate_hook(hook, report);
}

}  // namespace arca::spec
