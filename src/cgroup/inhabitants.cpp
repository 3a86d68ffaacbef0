#include "cgroup/inhabitants.hpp"

#include <fcntl.h>

#include <algorithm>
#include <csignal>

#include "cgroup/files.hpp"
#include "sys/process.hpp"
#include "sys/syscalls.hpp"

namespace arca::cgroup {

namespace {
// A cgroup that goes away while we look holds nothing; one of a threaded subtree lists its processes at its root only.
bool has_nothing_to_list(const Error& error) {
    return is_gone(error) || error.errnum() == EOPNOTSUPP;
}

Result<> append_processes(sys::FdRef directory, std::vector<pid_t>& pids) {
    auto content = read_file(directory, "cgroup.procs");
    if (!content && has_nothing_to_list(content.error())) return {};
    const auto listed = TRY(std::move(content));
    for (auto line : text::split(listed, '\n'))
        if (auto pid = text::to_int(line); pid && *pid > 0) pids.push_back(static_cast<pid_t>(*pid));
    return {};
}

Result<std::vector<std::string>> children_of(sys::FdRef directory) {
    auto names = child_names(directory);
    if (!names && is_gone(names.error())) return std::vector<std::string>{};
    return names;
}

std::string describe_one(pid_t pid) {
    auto stat = sys::read_file(text::cat("/proc/", pid, "/stat"), 4096);
    if (!stat) return text::cat("pid ", pid);
    // "PID (COMMAND) STATE ...": the command may hold parentheses itself.
    const auto open = stat->find('(');
    const auto close = stat->rfind(')');
    if (open == std::string::npos || close == std::string::npos || close + 2 >= stat->size())
        return text::cat("pid ", pid);
    const char state = (*stat)[close + 2];
    auto out =
        text::cat("pid ", pid, " (", text::printable(stat->substr(open + 1, close - open - 1)), ", state ", state);
    auto waits_at = state == 'D' ? sys::read_file(text::cat("/proc/", pid, "/wchan"), 256).value_or("") : "";
    if (!waits_at.empty() && waits_at != "0") out += text::cat(" at ", waits_at);
    return out + ")";
}

// Opens what is listed, then asks again: a pid that is listed after its pidfd was opened is the process that was meant,
// or one that is dead already. A pid that was given away in between is not listed (or is of this cgroup, and meant).
Result<std::vector<sys::Pidfd>> open_processes(const Lister& list) {
    std::vector<sys::Pidfd> opened;
    for (pid_t pid : TRY(list()))
        if (auto pidfd = sys::Pidfd::open(pid)) opened.push_back(std::move(*pidfd));
    auto still_there = TRY(list());
    std::ranges::sort(still_there);
    std::erase_if(opened, [&](const auto& entry) { return !std::ranges::binary_search(still_there, entry.pid()); });
    return opened;
}

// Freezing takes a moment in which a process may still fork; what it makes is born frozen and found by a later pass.
Result<> kill_until_empty(sys::FdRef directory) {
    constexpr int kMaximalPasses = 32;
    constexpr int kPassMs = 100;
    for (int pass = 0; pass < kMaximalPasses; ++pass) {
        if (TRY(signal_listed([&] { return list_processes(directory); }, SIGKILL)) == 0) break;
        if (TRY(await(directory, Condition::Empty, Deadline(kPassMs)))) break;
    }
    return {};
}
}  // namespace

// A container may nest cgroups as deep as it likes: the walk holds one level open and goes up by "..".
Result<std::vector<pid_t>> list_processes(sys::FdRef directory) {
    std::vector<pid_t> pids;
    TRY(append_processes(directory, pids));
    std::vector<std::vector<std::string>> to_visit;  // by level
    to_visit.push_back(TRY(children_of(directory)));
    if (to_visit.back().empty()) return pids;
    auto current = TRY(sys::openat(directory, ".", O_PATH | O_DIRECTORY));
    while (!to_visit.empty()) {
        if (to_visit.back().empty()) {
            to_visit.pop_back();
            if (!to_visit.empty()) current = TRY(sys::openat(current, "..", O_PATH | O_DIRECTORY));
            continue;
        }
        auto child = sys::openat(current, to_visit.back().back(), O_PATH | O_DIRECTORY | O_NOFOLLOW);
        to_visit.back().pop_back();
        if (!child && is_gone(child.error())) continue;
        current = TRY(std::move(child));
        TRY(append_processes(current, pids));
        to_visit.push_back(TRY(children_of(current)));
    }
    return pids;
}

Result<std::vector<pid_t>> list_own_processes(sys::FdRef directory) {
    std::vector<pid_t> pids;
    TRY(append_processes(directory, pids));
    return pids;
}

std::string describe(const std::vector<pid_t>& pids) {
    constexpr std::size_t kShown = 5;
    std::vector<std::string> shown;
    for (std::size_t i = 0; i < std::min(pids.size(), kShown); ++i)
        shown.push_back(describe_one(pids[i]));
    if (pids.size() > kShown) shown.emplace_back("...");
    auto out = text::cat(pids.size(), pids.size() == 1 ? " process" : " processes");
    return shown.empty() ? out : text::cat(out, ": ", text::join(shown, ", "));
}

std::string describe_inhabitants(sys::FdRef directory) {
    return describe(list_processes(directory).value_or(std::vector<pid_t>{}));
}

Result<std::size_t> signal_listed(const Lister& list, int signal) {
    auto processes = TRY(open_processes(list));
    for (const auto& process : processes) {
        auto sent = process.send_signal(signal);
        if (!sent && sent.error().errnum() != ESRCH) return std::unexpected(std::move(sent.error()));
    }
    return processes.size();
}

Result<> signal_each(sys::FdRef directory, int signal) {
    TRY(signal_listed([&] { return list_processes(directory); }, signal));
    return {};
}

Result<> kill_one_by_one(sys::FdRef directory) {
    const bool was_frozen = text::trim(TRY(read_file(directory, "cgroup.freeze"))) == "1";
    if (!was_frozen) TRY(sys::write_file_at(directory, "cgroup.freeze", "1"));
    auto killed = kill_until_empty(directory);
    if (was_frozen) return killed;
    auto thawed = sys::write_file_at(directory, "cgroup.freeze", "0");
    if (killed && !thawed && !is_gone(thawed.error())) return thawed;
    return killed;
}

}  // namespace arca::cgroup
