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
    return V2Group::adopt(plan, location);
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

Result<Entrance> ScopeGroup::entrance() const {
    return std::visit([](const auto& files) { return files.entrance(); }, files_);
}

Result<Entrance> ScopeGroup::entrance_below(const std::string& relative) const {
    return std::visit([&](const auto& files) { return files.entrance_below(relative); }, files_);
}

Result<> ScopeGroup::apply(const std::vector<Write>& writes) const {
    return std::visit([&](const auto& files) { return files.apply(writes); }, files_);
}

Result<> ScopeGroup::update(const std::vector<Write>& writes) const {
    TRY(set_properties(location_.bus, location_.unit, properties_of(writes)));
    return std::visit([&](const auto& files) { return files.update(writes); }, files_);
}

Result<> ScopeGroup::install_device_filter(const std::vector<spec::DeviceRule>& rules) const {
    return std::visit([&](const auto& files) { return files.install_device_filter(rules); }, files_);
}

Result<> ScopeGroup::replace_device_filter(const std::vector<spec::DeviceRule>& rules) const {
    return std::visit([&](const auto& files) { return files.replace_device_filter(rules); }, files_);
}

Result<std::vector<pid_t>> ScopeGroup::processes() const {
    return std::visit([](const auto& files) { return files.processes(); }, files_);
}

Result<> ScopeGroup::signal_each(int signal) const {
    return std::visit([&](const auto& files) { return files.signal_each(signal); }, files_);
}

Result<> ScopeGroup::kill_all() const {
    return std::visit([](const auto& files) { return files.kill_all(); }, files_);
}

Result<bool> ScopeGroup::is_populated() const {
    return std::visit([](const auto& files) { return files.is_populated(); }, files_);
}

Result<bool> ScopeGroup::is_frozen() const {
    return std::visit([](const auto& files) { return files.is_frozen(); }, files_);
}

Result<> ScopeGroup::freeze(int timeout_ms) const {
    return std::visit([&](const auto& files) { return files.freeze(timeout_ms); }, files_);
}

Result<> ScopeGroup::thaw(int timeout_ms) const {
    return std::visit([&](const auto& files) { return files.thaw(timeout_ms); }, files_);
}

Result<> ScopeGroup::wait_empty(int timeout_ms) const {
    return std::visit([&](const auto& files) { return files.wait_empty(timeout_ms); }, files_);
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

std::uint64_t ScopeGroup::oom_kills() const {
    return std::visit([](const auto& files) { return files.oom_kills(); }, files_);
}

Result<OomWatch> ScopeGroup::watch_oom() const {
    return std::visit([](const auto& files) { return files.watch_oom(); }, files_);
}

Result<Statistics> ScopeGroup::statistics() const {
    return std::visit([](const auto& files) { return files.statistics(); }, files_);
}

}  // namespace arca::cgroup
