#include "cgroup/scope_group.hpp"

#include "base/text.hpp"
#include "cgroup/files.hpp"
#include "cgroup/systemd_scope.hpp"

namespace arca::cgroup {

namespace {
// Where systemd has put it is asked, not assumed: a user's instance may run anywhere.
Result<V2Group> find_and_adopt(const Plan& plan, Location& location, pid_t pid) {
    location.path = TRY(cgroup_of(pid));
    if (!location.path.ends_with(text::cat("/", location.unit)))
        return fail(Code::System, text::cat("systemd has made ", location.unit, ", but process ", pid, " is in ",
                                            text::printable(location.path)));
    return V2Group::adopt(plan, location, pid);
}
}  // namespace

Result<ScopeGroup> ScopeGroup::start(const Plan& plan, pid_t pid) {
    TRY(start_scope(*plan.scope, pid));
    ScopeGroup group;
    group.location_ = plan.location;
    auto adopted = find_and_adopt(plan, group.location_, pid);
    if (!adopted) {
        (void)stop_scope(plan.location.bus, plan.location.unit, Inhabitants::Kill);
        return fail(std::move(adopted.error()));
    }
    group.files_ = std::move(*adopted);
    return group;
}

Result<ScopeGroup> ScopeGroup::open(const Location& location) {
    ScopeGroup group;
    group.location_ = location;
    auto opened = V2Group::open(location);
    if (!opened && is_gone(opened.error())) return group;
    group.files_ = TRY(std::move(opened));
    return group;
}

// The files first, because the kernel refuses values that systemd takes; and last, because systemd rounds what it
// writes.
Result<Snapshot> ScopeGroup::update(const std::vector<Write>& writes) const {
    auto before = TRY(std::visit([&](const auto& files) { return files.update(writes); }, files_));
    auto told = set_properties(location_.bus, location_.unit, properties_of(writes));
    if (told) told = std::visit([&](const auto& files) { return files.apply(writes); }, files_);
    if (told) return before;
    return fail(also(std::move(told.error()), before.restore()));
}

// A user who has logged out has no bus any more, and no units: then the file system says whether anything is left. When
// the cgroup is not where it was expected, only systemd knows what runs in it.
Result<> ScopeGroup::remove() const {
    const bool found = std::holds_alternative<V2Group>(files_);
    auto stopped = stop_scope(location_.bus, location_.unit, found ? Inhabitants::None : Inhabitants::Kill);
    auto removed = std::visit([](const auto& files) { return files.remove(); }, files_);
    if (stopped) return removed;
    const bool nothing_left = removed && stopped.error().code() == Code::Unsupported;
    return nothing_left ? Result<>{} : std::move(stopped);
}

}  // namespace arca::cgroup
