// The plan as people and programs read it. One document is built; the text form is the same document, indented.
#include <nlohmann/json.hpp>

#include "base/text.hpp"
#include "container/plan.hpp"
#include "rdt/group.hpp"
#include "spec/names.hpp"

namespace arca::container {

namespace {
using Json = nlohmann::ordered_json;

constexpr std::array kTypes = {spec::NamespaceType::Pid,    spec::NamespaceType::Network, spec::NamespaceType::Mount,
                               spec::NamespaceType::Ipc,    spec::NamespaceType::Uts,     spec::NamespaceType::User,
                               spec::NamespaceType::Cgroup, spec::NamespaceType::Time};

Json namespaces_json(const NamespacePlan& plan) {
    Json created = Json::array();
    for (auto type : kTypes) {
        const bool joined = std::ranges::any_of(plan.joined, [&](const auto& entry) { return entry.type == type; });
        if (plan.has(type) && !joined) created.push_back(spec::name(type));
    }
    Json joined = Json::array();
    for (const auto& entry : plan.joined)
        joined.push_back({{"type", spec::name(entry.type)}, {"path", entry.path}});
    Json offsets = Json::object();
    for (const auto& [clock, offset] : plan.time_offsets)
        offsets[clock] = {{"secs", offset.secs}, {"nanosecs", offset.nanosecs}};
    Json json = {{"created", created}, {"joined", joined}, {"intermediateProcess", plan.intermediate}};
    if (!offsets.empty()) json["timeOffsets"] = offsets;
    return json;
}

Json mappings_json(const std::vector<spec::IdMapping>& mappings) {
    Json list = Json::array();
    for (const auto& line : mappings)
        list.push_back(text::cat(line.container, " ", line.host, " ", line.size));
    return list;
}

Json ids_json(const ids::Plan& plan) {
    return {{"uidMappings", mappings_json(plan.uids)},
            {"gidMappings", mappings_json(plan.gids)},
            {"writer", plan.writer == ids::Writer::Direct ? "direct" : "newuidmap, newgidmap"},
            {"setgroups", plan.deny_setgroups ? "deny" : "allow"}};
}

std::string manager_of(const cgroup::Location& location) {
    switch (location.kind) {
        case cgroup::Kind::None:
            break;
        case cgroup::Kind::V2:
            return "cgroupfs, version 2";
        case cgroup::Kind::V1:
            return location.mount_point.empty() ? "cgroupfs, version 1" : "cgroupfs, versions 1 and 2";
        case cgroup::Kind::Systemd:
            return "systemd, version 2";
    }
    return "none";
}

// One path, and for v1 every hierarchy that has it.
Json place_of(const cgroup::Location& location) {
    if (location.v1.empty()) return location.mount_point + location.path;
    Json places = Json::array();
    for (const auto& place : location.v1)
        places.push_back(place.mount_point + place.path);
    if (!location.mount_point.empty()) places.push_back(location.mount_point + location.path);
    return places;
}

Json cgroup_json(const cgroup::Plan& plan) {
    Json writes = Json::array();
    for (const auto& write : plan.writes)
        writes.push_back(text::cat(write.file, " = ", text::trim(write.value)));
    Json json = {{"manager", manager_of(plan.location)},
                 {"path", place_of(plan.location)},
                 {"writes", writes},
                 {"deviceFilter", plan.needs_device_filter}};
    if (!plan.scope) return json;
    Json properties = Json::array();
    for (const auto& property : plan.scope->properties)
        properties.push_back(property.name);
    json["unit"] = plan.scope->unit;
    json["properties"] = properties;
    return json;
}

Json rootfs_json(const mounts::Plan& plan) {
    Json mounts = Json::array();
    for (const auto& step : plan.mounts)
        mounts.push_back(mounts::describe(step));
    Json devices = Json::array();
    for (const auto& node : plan.devices)
        devices.push_back(node.device.path);
    return {{"path", plan.rootfs},
            {"readonly", plan.root_readonly},
            {"enteredBy", plan.no_pivot ? "MS_MOVE and chroot" : "pivot_root"},
            {"mounts", mounts},
            {"devices", devices},
            {"maskedPaths", plan.masked_paths},
            {"readonlyPaths", plan.readonly_paths}};
}

Json capability_json(std::uint64_t bits) {
    Json list = Json::array();
    const auto names = privileges::capability_names();
    for (std::size_t bit = 0; bit < names.size(); ++bit)
        if ((bits >> bit & 1U) != 0) list.push_back(names[bit]);
    return list;
}

Json landlock_json(const std::vector<privileges::LandlockRule>& rules) {
    Json list = Json::array();
    for (const auto& rule : rules)
        list.push_back(privileges::describe(rule));
    return list;
}

Json process_json(const ProcessPlan& plan) {
    Json rlimits = Json::array();
    for (const auto& limit : plan.rlimits)
        rlimits.push_back(text::cat(limit.type, " ", limit.soft, " ", limit.hard));
    return {{"args", plan.args},
            {"cwd", plan.cwd},
            {"env", plan.env},
            {"uid", plan.user.uid},
            {"gid", plan.user.gid},
            {"additionalGids", plan.user.additional_gids},
            {"capabilities",
             {{"bounding", capability_json(plan.capabilities.bounding)},
              {"effective", capability_json(plan.capabilities.effective)},
              {"inheritable", capability_json(plan.capabilities.inheritable)},
              {"permitted", capability_json(plan.capabilities.permitted)},
              {"ambient", capability_json(plan.capabilities.ambient)}}},
            {"noNewPrivileges", plan.no_new_privileges},
            {"landlock", landlock_json(plan.landlock)},
            {"rlimits", rlimits},
            {"terminal", plan.terminal},
            {"preservedDescriptors", plan.preserved_descriptors}};
}

Json hooks_json(const spec::Hooks& hooks) {
    Json json = Json::object();
    const auto add = [&json](const char* point, const std::vector<spec::Hook>& list) {
        for (const auto& hook : list)
            json[point].push_back(hook.path);
    };
    add("prestart", hooks.prestart);
    add("createRuntime", hooks.create_runtime);
    add("createContainer", hooks.create_container);
    add("startContainer", hooks.start_container);
    add("poststart", hooks.poststart);
    add("poststop", hooks.poststop);
    return json;
}

Json document(const LaunchPlan& plan) {
    Json json = {{"id", plan.id}, {"bundle", plan.bundle}, {"rootless", plan.rootless}};
    json["namespaces"] = namespaces_json(plan.namespaces);
    if (plan.ids.new_user_namespace) json["idMaps"] = ids_json(plan.ids);
    json["cgroup"] = cgroup_json(plan.cgroup);
    json["rootfs"] = rootfs_json(plan.mounts);
    if (!plan.hostname.empty()) json["hostname"] = plan.hostname;
    if (!plan.domainname.empty()) json["domainname"] = plan.domainname;
    if (!plan.sysctl.empty()) json["sysctl"] = plan.sysctl;
    json["seccomp"] = plan.seccomp ? text::cat(plan.seccomp->syscalls.size(), " rules") : "none";
    for (const auto& device : plan.net_devices)
        json["netDevices"].push_back(text::cat(device.host_name, " -> ", device.name));
    if (plan.rdt)
        json["intelRdt"] = {{"group", rdt::location_of(*plan.rdt).group},
                            {"monitor", rdt::location_of(*plan.rdt).monitor},
                            {"schemata", plan.rdt->schemata}};
    if (!plan.seccomp_listener.empty()) json["seccompListener"] = plan.seccomp_listener;
    json["sessionKeyring"] = plan.session_keyring;
    if (plan.process) json["process"] = process_json(*plan.process);
    json["hooks"] = hooks_json(plan.hooks);
    Json notes = Json::array();
    for (const auto& note : plan.notes)
        notes.push_back(text::cat(note.pointer, ": ", note.text));
    json["notes"] = notes;
    return json;
}

void append_text(std::string& out, const Json& json, std::size_t depth) {
    const std::string indent(depth * 2, ' ');
    for (const auto& [key, value] : json.items()) {
        const auto label = json.is_array() ? indent + "- " : text::cat(indent, key, ": ");
        if (value.is_structured() && !value.empty()) {
            out += json.is_array() ? label + "\n" : text::cat(indent, key, ":\n");
            append_text(out, value, depth + 1);
        } else if (value.is_structured()) {
            out += label + "none\n";
        } else {
            out += label + text::printable(value.is_string() ? value.get<std::string>() : value.dump()) + "\n";
        }
    }
}
}  // namespace

std::string to_json(const LaunchPlan& plan) {
    return document(plan).dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::string to_text(const LaunchPlan& plan) {
    std::string out;
    append_text(out, document(plan), 0);
    return out;
}

}  // namespace arca::container
