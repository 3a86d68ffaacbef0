// update: new limits for a container that lives.
#include "arca/container.hpp"
#include "base/progress.hpp"
#include "base/text.hpp"
#include "cgroup/cgroup.hpp"
#include "cgroup/device_rules.hpp"
#include "container/destroy.hpp"
#include "container/resource_changes.hpp"
#include "container/resource_director.hpp"
#include "container/status.hpp"
#include "container/store.hpp"
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

struct Target {
    Store store;
    Record record;
    cgroup::Cgroup group;
};

Result<Target> find_target(const Runtime& runtime, const std::string& id) {
    auto store = TRY(Store::open(runtime.root, id, Store::Access::Exclusive));
    auto record = TRY(store.read());
    const auto status = TRY(current_status(record));
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

Result<> update_devices(const Target& target, const spec::Resources& resources, const UpdateOptions& options) {
    if (options.device_rules.empty()) return {};
    return target.group.replace_device_filter(cgroup::effective_device_rules(resources.devices));
}

Result<> update_devices_and_limits(const Target& target, const ResourceChanges& changes, const UpdateOptions& options,
                                   const std::vector<cgroup::Write>& writes) {
    progress::enter(Step::Devices);
    TRY(update_devices(target, changes.merged, options));
    progress::enter(Step::Limits);
    auto updated = target.group.update(writes);
    if (updated) return {};
    return fail(also(std::move(updated.error()), update_devices(target, changes.before, options)));
}

// ORDER: the limits last. The kernel refuses those most often, and they put themselves back; what came before them is
// put back here.
Result<> carry_out(Target& target, const ResourceChanges& changes, const UpdateOptions& options,
                   const std::vector<cgroup::Write>& writes, ResourceDirectorChange& director) {
    TRY(director.carry_out(target.store, target.record, target.group));
    auto updated = update_devices_and_limits(target, changes, options, writes);
    if (updated) return {};
    return fail(also(std::move(updated.error()), director.undo(target.store, target.record, target.group)));
}
}  // namespace

Result<> update(const Runtime& runtime, const UpdateOptions& options) {
    progress::enter(Step::Plan);
    auto director = TRY(ResourceDirectorChange::plan(options));
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
    TRY(carry_out(target, changes, options, writes, director));
    // ORDER: last, so that what is remembered is what is in force.
    progress::enter(Step::SaveState);
    TRY(target.store.write_file(kResourcesName, spec::to_json(changes.merged)));
    progress::finish();
    return {};
}

}  // namespace arca
