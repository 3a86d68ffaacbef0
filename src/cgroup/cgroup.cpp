#include "cgroup/cgroup.hpp"

#include <algorithm>
#include <csignal>

#include "base/text.hpp"
#include "cgroup/files.hpp"

namespace arca::cgroup {

namespace {
bool is_refusal(const Error& error) {
    return error.errnum() == EACCES || error.errnum() == EPERM || error.errnum() == EROFS;
}

Result<Group> create_group(const Plan& plan) {
    switch (plan.location.kind) {
        case Kind::None:
            break;
        case Kind::V2:
            return TRY(V2Group::create(plan));
        case Kind::V1:
            return TRY(V1Group::create(plan));
        case Kind::Systemd:
            return fail(Code::Internal, "a scope is made around a process");
    }
    return NoGroup();
}

Result<Group> open_group(const Location& location) {
    switch (location.kind) {
        case Kind::None:
            break;
        case Kind::V2:
            return TRY(V2Group::open(location));
        case Kind::V1:
            return TRY(V1Group::open(location));
        case Kind::Systemd:
            return TRY(ScopeGroup::open(location));
    }
    return NoGroup();
}
}  // namespace

Result<Cgroup> Cgroup::create(const Plan& plan) {
    auto made = create_group(plan);
    if (!made && plan.best_effort && plan.writes.empty() && is_refusal(made.error())) return Cgroup();
    Cgroup group;
    group.group_ = TRY(std::move(made));
    const auto* v1 = std::get_if<V1Group>(&group.group_);
    group.location_ = v1 != nullptr ? v1->location() : plan.location;
    return group;
}

Result<Cgroup> Cgroup::create_around(const Plan& plan, pid_t pid) {
    auto scope = TRY(ScopeGroup::start(plan, pid));
    Cgroup group;
    group.location_ = scope.location();
    group.group_ = std::move(scope);
    return group;
}

Result<Cgroup> Cgroup::open(const Location& location) {
    Cgroup group;
    group.location_ = location;
    auto opened = open_group(location);
    if (!opened && is_gone(opened.error())) return group;
    group.group_ = TRY(std::move(opened));
    return group;
}

bool Cgroup::was_made_here() const {
    return std::visit([](const auto& group) { return group.was_made_here(); }, group_);
}

Result<Entrance> Cgroup::entrance() const {
    return std::visit([](const auto& group) { return group.entrance(); }, group_);
}

Result<Entrance> Cgroup::entrance_below(const std::string& relative) const {
    const auto components = text::split(relative, '/');
    if (std::ranges::find(components, "..") != components.end())
        return fail(Code::Usage, text::cat("bad sub cgroup path \"", text::printable(relative), "\""));
    return std::visit([&](const auto& group) { return group.entrance_below(relative); }, group_);
}

Result<> Cgroup::apply(const std::vector<Write>& writes) const {
    return std::visit([&](const auto& group) { return group.apply(writes); }, group_);
}

Result<> Cgroup::update(const std::vector<Write>& writes) const {
    return std::visit([&](const auto& group) { return group.update(writes); }, group_);
}

Result<> Cgroup::install_device_filter(const std::vector<spec::DeviceRule>& rules) const {
    return std::visit([&](const auto& group) { return group.install_device_filter(rules); }, group_);
}

Result<> Cgroup::replace_device_filter(const std::vector<spec::DeviceRule>& rules) const {
    return std::visit([&](const auto& group) { return group.replace_device_filter(rules); }, group_);
}

Result<std::vector<pid_t>> Cgroup::processes() const {
    return std::visit([](const auto& group) { return group.processes(); }, group_);
}

Result<> Cgroup::signal_all(int signal) const {
    if (signal == SIGKILL) return kill_all();
    return std::visit([&](const auto& group) { return group.signal_each(signal); }, group_);
}

Result<> Cgroup::kill_all() const {
    return std::visit([](const auto& group) { return group.kill_all(); }, group_);
}

Result<> Cgroup::let_killed_die() const {
    return std::visit([](const auto& group) { return group.let_killed_die(); }, group_);
}

Result<bool> Cgroup::is_populated() const {
    return std::visit([](const auto& group) { return group.is_populated(); }, group_);
}

Result<bool> Cgroup::is_frozen() const {
    return std::visit([](const auto& group) { return group.is_frozen(); }, group_);
}

Result<> Cgroup::freeze(int timeout_ms) const {
    return std::visit([&](const auto& group) { return group.freeze(timeout_ms); }, group_);
}

Result<> Cgroup::thaw(int timeout_ms) const {
    return std::visit([&](const auto& group) { return group.thaw(timeout_ms); }, group_);
}

Result<> Cgroup::wait_empty(int timeout_ms) const {
    return std::visit([&](const auto& group) { return group.wait_empty(timeout_ms); }, group_);
}

Result<> Cgroup::remove() const {
    return std::visit([](const auto& group) { return group.remove(); }, group_);
}

std::uint64_t Cgroup::oom_kills() const {
    return std::visit([](const auto& group) { return group.oom_kills(); }, group_);
}

Result<OomWatch> Cgroup::watch_oom() const {
    return std::visit([](const auto& group) { return group.watch_oom(); }, group_);
}

Result<Statistics> Cgroup::statistics() const {
    return std::visit([](const auto& group) { return group.statistics(); }, group_);
}

}  // namespace arca::cgroup
