#include "cgroup/plan.hpp"

#include "base/text.hpp"
#include "cgroup/device_rules.hpp"

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
std::string_view parent_of_own(const host::Facts& facts) {
    std::string_view own = facts.own_cgroup;
    return own.substr(0, own.rfind('/'));
}

// config-linux.md#cgroups-path: a relative path may mean what the runtime likes, but always the same. Privileged:
// below the root of the hierarchy, whoever calls. Rootless: there is no such place, so it is beside the caller.
Result<std::string> choose_path(const spec::Config& config, const host::Facts& facts, const Wish& wish) {
    const auto& wanted = config.linux_.cgroups_path;
    if (wanted.empty()) return clean_path(wish.id);
    if (wanted.starts_with('/') || !wish.rootless) return clean_path(wanted);
    return clean_path(text::cat(parent_of_own(facts), "/", wanted));
}

// Why the container gets no cgroup of its own; empty when it does.
Result<std::string> reason_for_none(const spec::Config& config, const host::Facts& facts, const Wish& wish) {
    if (wish.manager == CgroupManager::Disabled) return "cgroups are disabled";
    if (wish.manager == CgroupManager::Systemd)
        return fail(Code::Unsupported,
                    "--systemd-cgroup: this version of arca cannot talk to systemd; "
                    "use the cgroupfs manager");
    if (wish.rootless && config.linux_.cgroups_path.empty()) return "rootless and without cgroupsPath";
    if (facts.cgroup_layout == host::CgroupLayout::None) return "no cgroup hierarchy is mounted on /sys/fs/cgroup";
    if (facts.cgroup_layout == host::CgroupLayout::Legacy) return "only cgroup v1 is mounted";
    return "";
}

bool is_host_without_v2(const host::Facts& facts) {
    return facts.cgroup2_mount.empty();
}

// Limits that were asked for and cannot be had: on a host without v2 that is an error, since nobody chose it; where
// the caller chose to go without a cgroup, each is noted.
Result<Plan> plan_without_cgroup(const spec::Config& config, const host::Facts& facts, const Wish& wish,
                                 const std::string& reason, const std::vector<Write>& writes,
                                 std::vector<spec::Note>& notes) {
    const bool chosen = wish.manager == CgroupManager::Disabled || wish.rootless;
    // In a user namespace no device node can be made or opened that the host did not bind in.
    const bool filter_lost = facts.in_initial_user_namespace && !wish.rootless &&
                             !config.linux_.resources.devices.empty() &&
                             !allows_everything(config.linux_.resources.devices);
    if (!chosen && is_host_without_v2(facts) && (!writes.empty() || filter_lost))
        return fail(Error(Code::Unsupported, text::cat("cannot be applied: ", reason, ", arca needs cgroup v2"))
                        .at(writes.empty() ? kDevicesPointer : writes.front().pointer)
                        .hinting("--cgroup-manager=disabled runs the container without limits"));
    for (const auto& write : writes)
        notes.push_back({write.pointer, text::cat("not applied: ", reason)});
    if (filter_lost) notes.push_back({kDevicesPointer, text::cat("not applied: ", reason)});
    if (!chosen) notes.push_back({"", text::cat("the container gets no cgroup: ", reason)});
    return Plan{};
}

bool is_shared(const spec::Config& config) {
    auto annotation = config.annotations.find(kSharedAnnotation);
    return annotation != config.annotations.end() && annotation->second == "true";
}
}  // namespace

Result<Plan> plan(const spec::Config& config, const host::Facts& facts, const Wish& wish,
                  std::vector<spec::Note>& notes) {
    const auto& resources = config.linux_.resources;
    auto writes = TRY(translate(resources, notes));
    const auto reason = TRY(reason_for_none(config, facts, wish));
    if (!reason.empty()) return plan_without_cgroup(config, facts, wish, reason, writes, notes);
    Plan plan;
    plan.location = {Kind::V2, facts.cgroup2_mount, TRY(choose_path(config, facts, wish))};
    plan.best_effort = wish.rootless && writes.empty();
    plan.writes = std::move(writes);
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
            return translate(resources, notes);
    }
    return std::vector<Write>{};
}

}  // namespace arca::cgroup
