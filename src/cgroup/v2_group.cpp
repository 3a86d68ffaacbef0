#include "cgroup/v2_group.hpp"

#include <fcntl.h>
#include <linux/openat2.h>

#include <algorithm>
#include <csignal>

#include "cgroup/files.hpp"
#include "cgroup/hierarchy.hpp"
#include "cgroup/inhabitants.hpp"
#include "sys/syscalls.hpp"

namespace arca::cgroup {

namespace {
std::string frame(const Location& location) {
    return text::cat("cgroup ", location.path);
}

Result<> unless_gone(Result<> result) {
    if (!result && is_gone(result.error())) return {};
    return result;
}
}  // namespace

Result<V2Group> V2Group::open(const Location& location) {
    V2Group group;
    group.location_ = location;
    group.directory_ = TRY_CTX(open_beneath(TRY_CTX(open_mount(location.mount_point), frame(location)), location.path),
                               frame(location));
    return group;
}

Result<std::vector<pid_t>> V2Group::processes() const {
    return TRY_CTX(list_processes(directory_), frame(location_));
}

Result<> V2Group::signal_each(int signal) const {
    TRY_CTX(cgroup::signal_each(directory_, signal), frame(location_));
    return {};
}

Result<> V2Group::kill_all() const {
    auto killed = sys::write_file_at(directory_, "cgroup.kill", "1");
    if (killed || killed.error().errnum() == ENODEV) return {};
    if (killed.error().errnum() == ENOENT) killed = unless_gone(kill_one_by_one(directory_));
    TRY_CTX(std::move(killed), frame(location_));
    return {};
}

Result<bool> V2Group::is_populated() const {
    auto events = read_events(directory_);
    if (!events && is_gone(events.error())) return false;
    return TRY_CTX(std::move(events), frame(location_)).populated;
}

Result<bool> V2Group::is_frozen() const {
    auto events = read_events(directory_);
    if (!events && is_gone(events.error())) return false;
    return TRY_CTX(std::move(events), frame(location_)).frozen;
}

Result<> V2Group::freeze(int timeout_ms) const {
    const Deadline deadline(timeout_ms);
    TRY_CTX(sys::write_file_at(directory_, "cgroup.freeze", "1"), frame(location_));
    if (TRY_CTX(await(directory_, Condition::Frozen, deadline), frame(location_))) return {};
    (void)sys::write_file_at(directory_, "cgroup.freeze", "0");
    return fail(Code::Timeout, text::cat("cgroup ", location_.path, " is not frozen after ", timeout_ms,
                                         " ms and was thawed again; it holds ", describe_inhabitants(directory_)));
}

Result<> V2Group::thaw(int timeout_ms) const {
    const Deadline deadline(timeout_ms);
    TRY_CTX(sys::write_file_at(directory_, "cgroup.freeze", "0"), frame(location_));
    if (TRY_CTX(await(directory_, Condition::Thawed, deadline), frame(location_))) return {};
    Error error(Code::Timeout, text::cat("cgroup ", location_.path, " is still frozen after ", timeout_ms, " ms"));
    const auto above = find_frozen(TRY(open_mount(location_.mount_point)), location_.path);
    return fail(above.empty() ? std::move(error) : std::move(error).hinting(text::cat("cgroup ", above, " is frozen")));
}

Result<> V2Group::wait_empty(int timeout_ms) const {
    if (TRY_CTX(await(directory_, Condition::Empty, Deadline(timeout_ms)), frame(location_))) return {};
    return fail(Code::Timeout, text::cat("cgroup ", location_.path, " is not empty after ", timeout_ms,
                                         " ms; it holds ", describe_inhabitants(directory_)));
}

std::uint64_t V2Group::oom_kills() const {
    return value_of(read_file(directory_, "memory.events").value_or(""), "oom_kill").value_or(0);
}

Result<Entrance> V2Group::entrance() const {
    return Entrance{.birthplace = TRY(sys::duplicate(directory_)), .membership = {}};
}

Result<Entrance> V2Group::entrance_below(const std::vector<std::string>& relatives) const {
    if (relatives.size() != 1)
        return fail(Code::Usage, "a process is in one cgroup of the unified hierarchy, and can be put into one only");
    const auto& relative = relatives.front();
    auto path = std::string_view(relative);
    path.remove_prefix(std::min(path.find_first_not_of('/'), path.size()));
    auto below = open_beneath(directory_, text::cat("/", path));
    if (!below && is_gone(below.error()))
        return fail(Code::Usage, text::cat("the container has no sub-cgroup ", text::printable(relative)));
    return Entrance{.birthplace = TRY_CTX(std::move(below), frame(location_)), .membership = {}};
}

}  // namespace arca::cgroup
