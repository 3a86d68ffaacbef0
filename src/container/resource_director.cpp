#include "container/resource_director.hpp"

#include <utility>

#include "host/facts.hpp"
#include "rdt/group.hpp"
#include "rdt/plan.hpp"
#include "sys/syscalls.hpp"

namespace arca::container {

namespace {
Result<> check(const UpdateOptions& options, const std::string& mount_point) {
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

Result<> enter_all(const rdt::Location& location, const cgroup::Cgroup& processes) {
    for (const auto pid : TRY(processes.processes()))
        TRY(rdt::enter_with_threads(location, pid));
    return {};
}
}  // namespace

Result<ResourceDirectorChange> ResourceDirectorChange::plan(const UpdateOptions& options) {
    ResourceDirectorChange change;
    const spec::IntelRdt wanted{.l3_cache_schema = options.l3_cache_schema,
                                .mem_bw_schema = options.memory_bandwidth_schema};
    if (rdt::schemata_of(wanted.l3_cache_schema, wanted.mem_bw_schema).empty()) return change;
    change.mount_point_ = host::resctrl_mount(TRY(sys::read_file("/proc/self/mountinfo")));
    TRY(check(options, change.mount_point_));
    change.plan_ = TRY(rdt::plan(wanted, options.id, change.mount_point_));
    return change;
}

Result<> ResourceDirectorChange::carry_out(const Store& store, Record& record, const cgroup::Cgroup& processes) {
    if (plan_.schemata.empty()) return {};
    if (record.rdt.group.empty()) return join(store, record, processes);
    before_ = TRY(rdt::schemata_in_force(record.rdt));
    done_ = Done::Changed;
    auto changed = rdt::change_schemata(record.rdt, mount_point_, plan_.schemata);
    // It is written line by line: what was refused may be the second of two.
    if (changed) return {};
    return fail(also(std::move(changed.error()), undo(store, record, processes)));
}

// As create would have made it.
Result<> ResourceDirectorChange::join(const Store& store, Record& record, const cgroup::Cgroup& processes) {
    record.rdt = rdt::location_of(plan_);
    // ORDER: remembered before it is there, so that delete takes it away whatever happens here.
    TRY(store.write(record));
    done_ = Done::Joined;
    auto made = rdt::create(plan_);
    Result<> joined;
    if (!made) joined = fail(std::move(made.error()));
    if (made) joined = enter_all(record.rdt, processes);
    if (joined) return {};
    return fail(also(std::move(joined.error()), undo(store, record, processes)));
}

Result<> ResourceDirectorChange::undo(const Store& store, Record& record, const cgroup::Cgroup& processes) {
    switch (std::exchange(done_, Done::Nothing)) {
        case Done::Nothing:
            break;
        case Done::Changed:
            return rdt::change_schemata(record.rdt, mount_point_, before_);
        case Done::Joined: {
            auto moved = enter_all({.group = mount_point_}, processes);
            auto removed = rdt::remove(record.rdt);
            // Still remembered, so that delete takes it away.
            if (!removed) return fail(also(std::move(removed.error()), moved));
            record.rdt = {};
            return store.write(record);
        }
    }
    return {};
}

}  // namespace arca::container
