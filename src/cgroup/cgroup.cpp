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

// What is done with the files of a cgroup does not depend on who made it.
template<typename Operation>
struct OnFiles {
    const Operation& operation;
    auto operator()(const auto& group) const { return operation(group); }
    auto operator()(const ScopeGroup& scope) const { return std::visit(operation, scope.files()); }
};

template<typename Operation>
auto on_files(const Group& group, const Operation& operation) {
    return std::visit(OnFiles<Operation>{operation}, group);
}

bool leads_up(std::string_view path) {
    return std::ranges::any_of(text::split(path, '/'),
                               [](std::string_view name) { return name == ".." || name.ends_with(":.."); });
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
    return on_files(group_, [](const auto& files) { return files.entrance(); });
}

Result<Entrance> Cgroup::entrance_below(const std::vector<std::string>& relatives) const {
    for (const auto& relative : relatives)
        if (leads_up(relative))
            return fail(Code::Usage, text::cat("bad sub cgroup path \"", text::printable(relative), "\""));
    return on_files(group_, [&](const auto& files) { return files.entrance_below(relatives); });
}

Result<> Cgroup::apply(const std::vector<Write>& writes) const {
    return on_files(group_, [&](const auto& files) { return files.apply(writes); });
}

Result<> Cgroup::update(const std::vector<Write>& writes) const {
    TRY(std::visit([&](const auto& group) { return group.update(writes); }, group_));
    return {};
}

Result<> Cgroup::install_device_filter(const std::vector<spec::DeviceRule>& rules) const {
    return on_files(group_, [&](const auto& files) { return files.install_device_filter(rules); });
}

Result<> Cgroup::replace_device_filter(const std::vector<spec::DeviceRule>& rules) const {
    return on_files(group_, [&](const auto& files) { return files.replace_device_filter(rules); });
}

Result<std::vector<pid_t>> Cgroup::processes() const {
    return on_files(group_, [](const auto& files) { return files.processes(); });
}

Result<> Cgroup::signal_all(int signal) const {
    if (signal == SIGKILL) return kill_all();
    return on_files(group_, [&](const auto& files) { return files.signal_each(signal); });
}

Result<> Cgroup::kill_all() const {
    return on_files(group_, [](const auto& files) { return files.kill_all(); });
}

Result<> Cgroup::let_killed_die() const {
    return on_files(group_, [](const auto& files) { return files.let_killed_die(); });
}

Result<bool> Cgroup::is_populated() const {
    return on_files(group_, [](const auto& files) { return files.is_populated(); });
}

Result<bool> Cgroup::is_frozen() const {
    return on_files(group_, [](const auto& files) { return files.is_frozen(); });
}

Result<> Cgroup::freeze(int timeout_ms) const {
    return on_files(group_, [&](const auto& files) { return files.freeze(timeout_ms); });
}

Result<> Cgroup::thaw(int timeout_ms) const {
    return on_files(group_, [&](const auto& files) { return files.thaw(timeout_ms); });
}

Result<> Cgroup::wait_empty(int timeout_ms) const {
    return on_files(group_, [&](const auto& files) { return files.wait_empty(timeout_ms); });
}

Result<> Cgroup::remove() const {
    return std::visit([](const auto& group) { return group.remove(); }, group_);
}

std::uint64_t Cgroup::oom_kills() const {
    return on_files(group_, [](const auto& files) { return files.oom_kills(); });
}

Result<OomWatch> Cgroup::watch_oom() const {
    return on_files(group_, [](const auto& files) { return files.watch_oom(); });
}

Result<Statistics> Cgroup::statistics() const {
    return on_files(group_, [](const auto& files) { return files.statistics(); });
}

}  // namespace arca::cgroup
