#include "cgroup/cgroup.hpp"

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

Result<Cgroup> Cgroup::open(const Location& location) {
    Cgroup group;
    group.location_ = location;
    if (location.kind == Kind::None) return group;
    auto directory = open_beneath(TRY(open_mount(location)), location.path);
    if (!directory && is_gone(directory.error())) return group;
    group.directory_ = TRY_CTX(std::move(directory), frame(location));
    return group;
}

Result<std::vector<pid_t>> Cgroup::processes() const {
    if (!exists()) return std::vector<pid_t>{};
    return TRY_CTX(list_processes(directory_), frame(location_));
}

Result<> Cgroup::signal_all(int signal) const {
    if (signal == SIGKILL) return kill_all();
    if (!exists()) return {};
    TRY_CTX(signal_each(directory_, signal), frame(location_));
    return {};
}

Result<> Cgroup::kill_all() const {
    if (!exists()) return {};
    auto killed = sys::write_file_at(directory_, "cgroup.kill", "1");
    if (killed || killed.error().errnum() == ENODEV) return {};
    if (killed.error().errnum() == ENOENT) killed = unless_gone(kill_one_by_one(directory_));
    TRY_CTX(std::move(killed), frame(location_));
    return {};
}

Result<bool> Cgroup::is_populated() const {
    if (!exists()) return false;
    auto events = read_events(directory_);
    if (!events && is_gone(events.error())) return false;
    return TRY_CTX(std::move(events), frame(location_)).populated;
}

Result<bool> Cgroup::is_frozen() const {
    if (!exists()) return false;
    auto events = read_events(directory_);
    if (!events && is_gone(events.error())) return false;
    return TRY_CTX(std::move(events), frame(location_)).frozen;
}

Result<> Cgroup::freeze(int timeout_ms) const {
    if (!exists()) return {};
    const Deadline deadline(timeout_ms);
    TRY_CTX(sys::write_file_at(directory_, "cgroup.freeze", "1"), frame(location_));
    if (TRY_CTX(await(directory_, Condition::Frozen, deadline), frame(location_))) return {};
    (void)sys::write_file_at(directory_, "cgroup.freeze", "0");
    return fail(Code::Timeout, text::cat("cgroup ", location_.path, " is not frozen after ", timeout_ms,
                                         " ms and was thawed again; it holds ", describe_inhabitants(directory_)));
}

Result<> Cgroup::thaw(int timeout_ms) const {
    if (!exists()) return {};
    const Deadline deadline(timeout_ms);
    TRY_CTX(sys::write_file_at(directory_, "cgroup.freeze", "0"), frame(location_));
    if (TRY_CTX(await(directory_, Condition::Thawed, deadline), frame(location_))) return {};
    Error error(Code::Timeout, text::cat("cgroup ", location_.path, " is still frozen after ", timeout_ms, " ms"));
    const auto above = find_frozen(TRY(open_mount(location_)), location_.path);
    return fail(above.empty() ? std::move(error) : std::move(error).hinting(text::cat("cgroup ", above, " is frozen")));
}

Result<> Cgroup::wait_empty(int timeout_ms) const {
    if (!exists()) return {};
    if (TRY_CTX(await(directory_, Condition::Empty, Deadline(timeout_ms)), frame(location_))) return {};
    return fail(Code::Timeout, text::cat("cgroup ", location_.path, " is not empty after ", timeout_ms,
                                         " ms; it holds ", describe_inhabitants(directory_)));
}

std::uint64_t Cgroup::oom_kills() const {
    if (!exists()) return 0;
    return value_of(read_file(directory_, "memory.events").value_or(""), "oom_kill").value_or(0);
}

Result<sys::Fd> Cgroup::open_below(const std::string& relative) const {
    const auto components = text::split(relative, '/');
    if (std::ranges::find(components, "..") != components.end())
        return fail(Code::Usage, text::cat("bad sub cgroup path \"", text::printable(relative), "\""));
    if (!exists()) return fail(Code::Unsupported, "the container has no cgroup of its own");
    auto path = std::string_view(relative);
    path.remove_prefix(std::min(path.find_first_not_of('/'), path.size()));
    auto below = open_beneath(directory_, text::cat("/", path));
    if (!below && is_gone(below.error()))
        return fail(Code::Usage, text::cat("the container has no sub-cgroup ", text::printable(relative)));
    return TRY_CTX(std::move(below), frame(location_));
}

}  // namespace arca::cgroup
