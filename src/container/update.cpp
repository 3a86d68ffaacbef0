// update: new limits for a container that lives.
#include "arca/container.hpp"
#include "base/progress.hpp"
#include "base/text.hpp"
#include "cgroup/cgroup.hpp"
#include "cgroup/device_rules.hpp"
#include "container/destroy.hpp"
#include "container/resource_changes.hpp"
#include "container/status.hpp"
#include "container/store.hpp"
#include "host/facts.hpp"
#include "rdt/group.hpp"
#include "rdt/plan.hpp"
#include "spec/parse.hpp"
#include "spec/resources_json.hpp"
#include "sys/syscalls.hpp"

namespace arca {

namespace {
using namespace container;

// Beside the configuration as it was at create, which stays what it was. Not there before the first update.
constexpr auto kResourcesName = "resources.json";

Result<spec::Resources> read_resources(std::string_view name, std::string_view json, const Runtime& runtime) {
    auto parsed = spec::parse_resources(json);
    if (!parsed.problems.empty()) return fail(spec::to_error(name, parsed.problems));
    for (const auto& note : parsed.notes)
        if (runtime.log != nullptr)
            runtime.log->write(log::Level::Warning, text::cat(name, ": ", note.pointer, ": ", note.text));
    return std::move(parsed.value);
}

/// What the container has been given: by the last update, or by its configuration.
Result<spec::Resources> saved_resources(const Store& store, const Runtime& runtime) {
    auto text = store.read_file(kResourcesName);
    if (text) return read_resources(kResourcesName, *text, runtime);
    if (text.error().errnum() != ENOENT) return fail(std::move(text.error()));
    return TRY(load_saved_config(store)).linux_.resources;
}

Result<spec::Resources> wanted(const Runtime& runtime, const UpdateOptions& options) {
    auto resources = options.resources ? TRY(read_resources(options.resources_name, *options.resources, runtime))
                                       : TRY(wanted_resources(options));
    // Not from the file: engines send the devices of the moment they made the container, and what was added since (by
    // a hook, by an update) would be lost.
    resources.devices.clear();
    for (const auto& rule : options.device_rules)
        resources.devices.push_back(TRY(parse_device_rule(rule)));
    return resources;
}

Result<> check_resource_director(const UpdateOptions& options, const std::string& mount_point) {
    const auto has = [&mount_point](std::string_view part) {
        const auto path = text::cat(mount_point, "/info/", part);
        return !mount_point.empty() && sys::fstatat(sys::FdRef::working_directory(), path, 0).has_value();
    };
    if (!options.l3_cache_schema.empty() && !has("L3"))
        return fail(Code::Unsupported, "Intel RDT/CAT: l3 cache schema is not enabled");
    if (!options.memory_bandwidth_schema.empty() && !has("MB"))
        return fail(Code::Unsupported, "Intel RDT/MBA: memory bandwidth schema is not enabled");
    return {};
}

struct Target {
    Store store;
    Record record;
    cgroup::Cgroup group;
};

Result<Target> find_target(const Runtime& runtime, const std::string& id) {
    auto store = TRY(Store::open(runtime.root, id, Store::Access::Exclusive));
    auto record = TRY(store.read());
    const auto status = current_status(record);
    if (status == Status::Stopped) return fail(Code::NotRunning, "container not running");
    if (status == Status::Creating)
        return fail(Code::WrongState, "cannot update a container that is still being created");
    auto group = TRY(cgroup::Cgroup::open(record.cgroup));
    if (!group.exists())
        return fail(Code::Unsupported, "the container has no cgroup of its own, so it has no limits to update");
    return Target{std::move(store), std::move(record), std::move(group)};
}

Result<> check_merged(const spec::Resources& merged) {
    const auto problems = spec::check_resources(merged);
    if (problems.empty()) return {};
    return fail(spec::to_error("together with the limits that the container has", problems));
}

// What was given by the name of a file of v2 before and is given as a property now is superseded.
void forget_superseded(spec::Resources& merged, const spec::Resources& wanted,
                       const std::vector<cgroup::Write>& writes) {
    for (const auto& write : writes)
        if (!wanted.unified.contains(write.file)) merged.unified.erase(write.file);
}

Result<> check_devices(const Target& target, const UpdateOptions& options) {
    if (options.device_rules.empty() || !target.record.rootless) return {};
    return fail(Code::Unsupported, "a rootless container has no device filter whose rules could change");
}

Result<> update_devices(const Target& target, const spec::Resources& merged, const UpdateOptions& options) {
    if (options.device_rules.empty()) return {};
    return target.group.replace_device_filter(cgroup::effective_device_rules(merged.devices));
}

// A container that was made without a group of resctrl gets one now, as create would have made it.
Result<> join_resource_director(Target& target, const rdt::Plan& plan) {
    target.record.rdt = rdt::location_of(plan);
    // ORDER: remembered before it is there, so that delete takes it away whatever happens here.
    TRY(target.store.write(target.record));
    TRY(rdt::create(plan));
    for (const auto pid : TRY(target.group.processes()))
        TRY(rdt::enter_with_threads(target.record.rdt, pid));
    return {};
}

Result<> update_resource_director(Target& target, const UpdateOptions& options, const std::string& mount_point) {
    const spec::IntelRdt wanted{.l3_cache_schema = options.l3_cache_schema,
                                .mem_bw_schema = options.memory_bandwidth_schema};
    const auto lines = rdt::schemata_of(wanted.l3_cache_schema, wanted.mem_bw_schema);
    if (lines.empty()) return {};
    if (!target.record.rdt.group.empty()) return rdt::change_schemata(target.record.rdt, mount_point, lines);
    return join_resource_director(target, TRY(rdt::plan(wanted, options.id, mount_point)));
}

Result<std::string> resctrl_mount(const UpdateOptions& options) {
    if (options.l3_cache_schema.empty() && options.memory_bandwidth_schema.empty()) return std::string();
    return host::resctrl_mount(TRY(sys::read_file("/proc/self/mountinfo")));
}
}  // namespace

Result<> update(const Runtime& runtime, const UpdateOptions& options) {
    progress::enter(Step::Plan);
    const auto resctrl = TRY(resctrl_mount(options));
    TRY(check_resource_director(options, resctrl));
    const auto asked = TRY(wanted(runtime, options));
    auto target = TRY(find_target(runtime, options.id));
    TRY(check_devices(target, options));
    auto changes = change_resources(TRY(saved_resources(target.store, runtime)), asked);
    TRY(check_merged(changes.merged));
    std::vector<spec::Note> notes;
    const auto writes = TRY(cgroup::writes_for(target.record.cgroup, changes.applied, notes));
    forget_superseded(changes.merged, asked, writes);
    for (const auto& note : notes)
        if (runtime.log != nullptr) runtime.log->write(log::Level::Warning, text::cat(note.pointer, ": ", note.text));
    progress::enter(Step::Limits);
    TRY(target.group.update(writes));
    progress::enter(Step::Devices);
    TRY(update_devices(target, changes.merged, options));
    TRY(update_resource_director(target, options, resctrl));
    // ORDER: last, so that what is remembered is what is in force.
    progress::enter(Step::SaveState);
    TRY(target.store.write_file(kResourcesName, spec::to_json(changes.merged)));
    progress::finish();
    return {};
}

}  // namespace arca
