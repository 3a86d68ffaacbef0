#include "cgroup/controllers.hpp"

#include <unistd.h>

#include <algorithm>

#include "cgroup/files.hpp"
#include "cgroup/hierarchy.hpp"
#include "cgroup/inhabitants.hpp"
#include "host/facts.hpp"
#include "sys/syscalls.hpp"

namespace arca::cgroup {

namespace {
constexpr const char* kEnabled = "cgroup.subtree_control";
constexpr const char* kOffered = "cgroup.controllers";

bool has_word(std::string_view list, std::string_view word) {
    auto words = text::split(text::trim(list), ' ');
    return std::ranges::find(words, word) != words.end();
}

std::vector<Need> not_in(std::string_view list, const std::vector<Need>& needs) {
    std::vector<Need> missing;
    for (const auto& need : needs)
        if (!has_word(list, need.controller)) missing.push_back(need);
    return missing;
}

std::string words(const std::vector<Need>& needs) {
    std::vector<std::string> controllers;
    for (const auto& need : needs)
        controllers.push_back(need.controller);
    return text::join(controllers, " ");
}

// "a b" as "+a +b": one write enables all or none (cgroup-v2.rst, "Enabling and Disabling").
std::string plus_each(std::string_view list) {
    std::string out;
    for (auto word : text::split(text::trim(list), ' '))
        if (!word.empty()) out += text::cat(out.empty() ? "+" : " +", word);
    return out;
}

// cgroup-v2.rst, "Delegation": by the owner of these files, or by systemd for whoever asks it to.
Error explain_owner(sys::FdRef directory, std::string_view cgroup, Error error) {
    auto owner = sys::fstatat(directory, kEnabled, 0);
    if (!owner) return error;
    return std::move(error).hinting(text::cat(
        "cgroup ", cgroup, " belongs to uid ", owner->st_uid, ", arca runs as uid ", ::geteuid(),
        "; to delegate it: chown it with its cgroup.procs, cgroup.threads and cgroup.subtree_control, or Delegate= of "
        "the systemd unit that it is"));
}

std::unexpected<Error> explain(sys::FdRef directory, std::string_view cgroup, const std::vector<Need>& wanted,
                               Error error) {
    const auto offered = read_file(directory, kOffered).value_or("");
    const auto absent = not_in(offered, wanted);
    if (!absent.empty())
        return fail(
            missing_controller(absent.front(), cgroup, offered, sys::read_file("/proc/self/cgroup").value_or("")));
    auto explained = std::move(error)
                         .with(text::cat("enabling ", words(wanted), " for the children of cgroup ", cgroup))
                         .at(wanted.front().pointer);
    if (explained.errnum() == EACCES || explained.errnum() == EPERM)
        return fail(explain_owner(directory, cgroup, std::move(explained)));
    if (explained.errnum() != EBUSY) return fail(std::move(explained));
    // cgroups(7), "no internal processes": all but the root must be empty to distribute resources.
    const auto inside = list_own_processes(directory).value_or(std::vector<pid_t>{});
    return fail(std::move(explained).hinting(
        text::cat("a cgroup that shares out resources must hold no processes itself; it holds ", describe(inside))));
}

Result<> enable_in(sys::FdRef directory, std::string_view cgroup, const std::vector<Need>& needs) {
    const auto missing = not_in(TRY(read_file(directory, kEnabled)), needs);
    if (missing.empty()) return {};
    auto written = sys::write_file_at(directory, kEnabled, plus_each(words(missing)));
    if (!written) return explain(directory, cgroup, missing, std::move(written.error()));
    return {};
}

}  // namespace

std::vector<Need> controllers_needed(const std::vector<Write>& writes) {
    std::vector<Need> needs;
    for (const auto& write : writes) {
        if (write.controller.empty() || write.if_absent == IfAbsent::Skip) continue;
        if (std::ranges::find(needs, write.controller, &Need::controller) == needs.end())
            needs.push_back({write.controller, write.pointer});
    }
    return needs;
}

Result<> enable_controllers(sys::FdRef mount, std::string_view parent, const std::vector<Need>& needs) {
    if (needs.empty()) return {};
    const auto directory = TRY(open_beneath(mount, parent));
    const auto enabled = TRY_CTX(read_file(directory, kEnabled), text::cat("cgroup ", parent));
    if (not_in(enabled, needs).empty()) return {};
    TRY(enable_in(mount, "/", needs));
    if (parent == "/") return {};
    for (auto end = parent.find('/', 1);; end = parent.find('/', end + 1)) {
        const auto ancestor = parent.substr(0, end);
        TRY(enable_in(TRY(open_beneath(mount, ancestor)), ancestor, needs));
        if (end == std::string_view::npos) return {};
    }
}

void enable_all_controllers(sys::FdRef directory) {
    const auto offered = read_file(directory, kOffered);
    if (!offered || text::trim(*offered).empty()) return;
    if (sys::write_file_at(directory, kEnabled, plus_each(*offered))) return;
    for (auto controller : text::split(text::trim(*offered), ' '))
        (void)sys::write_file_at(directory, kEnabled, text::cat("+", controller));
}

Error missing_controller(const Need& need, std::string_view cgroup, std::string_view offered,
                         std::string_view memberships) {
    const auto has = text::trim(offered);
    Error error(Code::Unsupported, text::cat("the cgroup controller \"", need.controller, "\" is needed, but cgroup ",
                                             cgroup, " offers ", has.empty() ? "none" : "only: ", has));
    error = std::move(error).at(need.pointer);
    if (host::is_v1_controller(memberships, need.controller == "io" ? "blkio" : need.controller))
        return std::move(error).hinting(text::cat("this host uses ", need.controller,
                                                  " in a cgroup v1 hierarchy, which /sys/fs/cgroup does not show"));
    if (cgroup == "/") return std::move(error).hinting("the kernel was built or booted without it");
    if (cgroup.contains("/user@"))
        return std::move(error).hinting(
            "to delegate it: systemctl edit user@.service, [Service] Delegate=cpu cpuset io memory pids");
    return std::move(error).hinting("it is not enabled above: see cgroup.subtree_control of the ancestors");
}

}  // namespace arca::cgroup
