#include "cgroup/plan.hpp"

#include <iterator>

#include "base/text.hpp"
#include "cgroup/device_rules.hpp"
#include "cgroup/v1_resources.hpp"

namespace arca::cgroup {

namespace {
constexpr const char* kPathPointer = "/linux/cgroupsPath";
constexpr const char* kDevicesPointer = "/linux/resources/devices";
constexpr const char* kSharedAnnotation = "run.arca.cgroup.shared";

std::unexpected<Error> bad_path(std::string text) {
    return fail(Error(Code::InvalidConfig, std::move(text)).at(kPathPointer));
}

// "/a/b": no empty components, no "." and, since it would leave the hierarchy or the parent, no "..".
Result<std::string> clean_path(std::string_view path) {
    constexpr std::size_t kLongestName = 255;  // NAME_MAX
    std::string clean;
    for (auto component : text::split(path, '/')) {
        if (component.empty() || component == ".") continue;
        const auto shown = text::printable(component);
        if (component == "..") return bad_path("must not contain \"..\"");
        if (component.size() > kLongestName) return bad_path(text::cat("component is too long: ", shown));
        if (shown != component) return bad_path(text::cat("control character in component ", shown));
        clean += text::cat("/", component);
    }
    if (clean.empty()) return bad_path("the root of the hierarchy cannot be a container's cgroup");
    return clean;
}

// The parent of this process's cgroup: it is delegated to the same user, and, unlike the cgroup itself, holds no
// processes that would keep controllers from being enabled (cgroups(7), "no internal processes").
std::string_view parent_of_own(std::string_view own) {
    return own.substr(0, own.rfind('/'));
}

// config-linux.md#cgroups-path: a relative path may mean what the runtime likes, but always the same. Privileged:
// below the root of the hierarchy, whoever calls. Rootless: there is no such place, so it is beside the caller.
Result<std::string> choose_path(const spec::Config& config, std::string_view own_cgroup, const Wish& wish) {
    const auto& wanted = config.linux_.cgroups_path;
    if (wanted.empty()) return clean_path(wish.id);
    if (wanted.starts_with('/') || !wish.rootless) return clean_path(wanted);
    return clean_path(text::cat(parent_of_own(own_cgroup), "/", wanted));
}

bool is_host_without_cgroups(const host::Facts& facts) {
    return facts.cgroup2_mount.empty() && facts.v1_hierarchies.empty();
}

// Whoever asked for systemd has decided against going without a cgroup.
Result<const char*> refuse_systemd_without_v2(const host::Facts& facts) {
    if (facts.cgroup_layout == host::CgroupLayout::Unified) return "";
    return fail(Error(Code::Unsupported, "--systemd-cgroup: systemd's cgroups are used on unified (v2) hosts only")
                    .hinting("use the cgroupfs manager here"));
}

// Why the container gets no cgroup of its own; empty when it does.
Result<std::string> reason_for_none(const spec::Config& config, const host::Facts& facts, const Wish& wish) {
    if (wish.manager == CgroupManager::Disabled) return "cgroups are disabled";
    if (wish.manager == CgroupManager::Systemd) return TRY(refuse_systemd_without_v2(facts));
    if (wish.rootless && config.linux_.cgroups_path.empty()) return "rootless and without cgroupsPath";
    if (is_host_without_cgroups(facts)) return "no cgroup hierarchy is mounted on /sys/fs/cgroup";
    return "";
}

// Limits that were asked for and cannot be had: on a host without cgroups that is an error, since nobody chose it;
// where the caller chose to go without a cgroup, each is noted.
Result<Plan> plan_without_cgroup(const spec::Config& config, const host::Facts& facts, const Wish& wish,
                                 const std::string& reason, const std::vector<Write>& writes,
                                 std::vector<spec::Note>& notes) {
    const bool chosen = wish.manager == CgroupManager::Disabled || wish.rootless;
    // In a user namespace no device node can be made or opened that the host did not bind in.
    const bool filter_lost = facts.in_initial_user_namespace && !wish.rootless &&
                             !config.linux_.resources.devices.empty() &&
                             !allows_everything(config.linux_.resources.devices);
    if (!chosen && is_host_without_cgroups(facts) && (!writes.empty() || filter_lost))
        return fail(Error(Code::Unsupported, text::cat("cannot be applied: ", reason))
                        .at(writes.empty() ? kDevicesPointer : writes.front().pointer)
                        .hinting("--cgroup-manager=disabled runs the container without limits"));
    for (const auto& write : writes)
        notes.push_back({write.pointer, text::cat("not applied: ", reason)});
    if (filter_lost) notes.push_back({kDevicesPointer, text::cat("not applied: ", reason)});
    if (!chosen) notes.push_back({"", text::cat("the container gets no cgroup: ", reason)});
    return Plan{};
}

// Root of a user namespace may be a user outside, under whose systemd it runs (podman without root), or root in a
// machine of its own (a container that was booted): what tells them apart is that a user's session has a bus.
Instance instance_of(const host::Facts& facts, const Wish& wish) {
    if (!wish.rootless) return Instance::System;
    const bool has_session = !bus_addresses(Instance::User, wish.environment).empty();
    return facts.euid == 0 && !has_session ? Instance::System : Instance::User;
}

Result<ScopePlan> scope_for(const spec::Config& config, const host::Facts& facts, const Wish& wish,
                            const std::vector<Write>& writes) {
    return plan_scope(
        {wish.id, config.linux_.cgroups_path, instance_of(facts, wish), config.annotations, wish.environment}, writes);
}

Result<Location> place_of(const ScopePlan& scope, const host::Facts& facts, const Wish& wish) {
    const auto top = root_of_instance(instance_of(facts, wish), facts.own_cgroup, facts.euid);
    return Location{.kind = Kind::Systemd,
                    .mount_point = facts.cgroup2_mount,
                    .path = text::cat(top, TRY(path_of_slice(scope.slice)), "/", scope.unit),
                    .v1 = {},
                    .unit = scope.unit,
                    .bus = scope.bus};
}

bool is_shared(const spec::Config& config) {
    auto annotation = config.annotations.find(kSharedAnnotation);
    return annotation != config.annotations.end() && annotation->second == "true";
}
// v1 has no hierarchy for all that may be asked; on a hybrid host v2 may.
Result<std::vector<Write>> check_hierarchies(std::vector<Write> writes, const std::vector<V1Place>& places) {
    std::erase_if(writes, [&](const Write& write) {
        return write.if_absent == IfAbsent::Skip && !has_controller(places, write.controller);
    });
    for (const auto& write : writes)
        if (!has_controller(places, write.controller))
            return fail(Error(Code::Unsupported, text::cat("the cgroup controller \"", write.controller,
                                                           "\" is needed, but no hierarchy of cgroup v1 with it is "
                                                           "mounted"))
                            .at(write.pointer));
    return writes;
}

Result<std::vector<Write>> writes_for_v1(const Location& location, const spec::Resources& resources,
                                         std::vector<spec::Note>& notes) {
    if (location.mount_point.empty()) return check_hierarchies(TRY(translate_v1(resources, notes)), location.v1);
    const auto parts = divide(resources, location.v1);
    auto writes = TRY(translate_v1(parts.v1, notes));
    auto more = TRY(translate(parts.v2, notes));
    writes.insert(writes.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
    return writes;
}

// On a hybrid host the limits are where the controllers are: in v1.
Result<Location> choose_location(const spec::Config& config, const host::Facts& facts, const Wish& wish) {
    Location location{
        .kind = Kind::V2, .mount_point = facts.cgroup2_mount, .path = {}, .v1 = {}, .unit = {}, .bus = {}};
    location.path = TRY(choose_path(config, facts.own_cgroup, wish));
    for (const auto& hierarchy : facts.v1_hierarchies) {
        location.kind = Kind::V1;
        location.v1.push_back(
            {hierarchy.controllers, hierarchy.mount_point, TRY(choose_path(config, hierarchy.own_path, wish))});
    }
    return location;
}
}  // namespace

Result<Plan> plan(const spec::Config& config, const host::Facts& facts, const Wish& wish,
                  std::vector<spec::Note>& notes) {
    const auto& resources = config.linux_.resources;
    const auto reason = TRY(reason_for_none(config, facts, wish));
    if (!reason.empty())
        return plan_without_cgroup(config, facts, wish, reason, TRY(translate(resources, notes)), notes);
    Plan plan;
    if (wish.manager == CgroupManager::Systemd) {
        plan.writes = TRY(translate(resources, notes));
        plan.scope = TRY(scope_for(config, facts, wish, plan.writes));
        plan.location = TRY(place_of(*plan.scope, facts, wish));
    } else {
        plan.location = TRY(choose_location(config, facts, wish));
        plan.writes = TRY(writes_for(plan.location, resources, notes));
    }
    plan.best_effort = wish.rootless;
    plan.devices = effective_device_rules(resources.devices);
    // Loading a filter takes rights in the initial user namespace; without them the container can make no nodes either.
    plan.needs_device_filter = facts.in_initial_user_namespace && !wish.rootless && !allows_everything(plan.devices);
    plan.delegate_to = wish.delegate_to;
    plan.shared = is_shared(config);
    return plan;
}

Result<std::vector<Write>> writes_for(const Location& location, const spec::Resources& resources,
                                      std::vector<spec::Note>& notes) {
    switch (location.kind) {
        case Kind::None:
            break;
        case Kind::V2:
        case Kind::Systemd:
            return translate(resources, notes);
        case Kind::V1:
            return writes_for_v1(location, resources, notes);
    }
    return std::vector<Write>{};
}

}  // namespace arca::cgroup
