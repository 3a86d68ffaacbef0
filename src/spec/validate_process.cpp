#include <algorithm>

#include "base/text.hpp"
#include "spec/number_list.hpp"
#include "spec/validate.hpp"

namespace arca::spec {

namespace {
bool contains(const std::vector<std::string>& list, std::string_view name) {
    return std::find(list.begin(), list.end(), name) != list.end();
}

void validate_user(const User& user, const std::string& base, Report& report) {
    constexpr std::uint32_t kNobodyAtAll = 0xffffffff;  // (uid_t) -1: setresuid(2) reads it as "leave unchanged"
    if (user.uid == kNobodyAtAll) report.problem(base + "/uid", "4294967295 is no user id");
    if (user.gid == kNobodyAtAll) report.problem(base + "/gid", "4294967295 is no group id");
    if (user.umask && *user.umask > 0777)
        report.problem(base + "/umask", text::cat(*user.umask, " has other than permission bits: expected 0 to 511"));
    for (std::size_t i = 0; i < user.additional_gids.size(); ++i)
        if (user.additional_gids[i] == kNobodyAtAll)
            report.problem(pointer_join(base + "/additionalGids", i), "4294967295 is no group id");
}

/// capabilities(7): only what is both permitted and inheritable can be ambient.
void validate_capabilities(const Capabilities& sets, const std::string& base, Report& report) {
    for (const auto& name : sets.ambient)
        if (!contains(sets.permitted, name) || !contains(sets.inheritable, name))
            report.note(base + "/ambient", name + " is not in both permitted and inheritable and cannot be ambient");
}

void validate_rlimits(const std::vector<Rlimit>& rlimits, const std::string& base, Report& report) {
    for (std::size_t i = 0; i < rlimits.size(); ++i) {
        const auto& limit = rlimits[i];
        if (limit.soft > limit.hard)
            report.problem(pointer_join(base, i),
                           text::cat("the soft limit ", limit.soft, " is above the hard limit ", limit.hard));
        auto same = [&](const Rlimit& earlier) { return !limit.type.empty() && earlier.type == limit.type; };
        if (std::any_of(rlimits.begin(), rlimits.begin() + static_cast<std::ptrdiff_t>(i), same))
            report.problem(pointer_join(base, i) + "/type", limit.type + " is given twice");
    }
}

/// sched_setattr(2) "SCHED_DEADLINE": runtime <= deadline <= period, a period of 0 means the deadline.
void validate_deadline(const Scheduler& scheduler, const std::string& base, Report& report) {
    bool given = scheduler.runtime_ns != 0 || scheduler.deadline_ns != 0 || scheduler.period_ns != 0;
    if (scheduler.policy != "SCHED_DEADLINE") {
        if (given) report.problem(base, "runtime, deadline and period are for SCHED_DEADLINE only");
        return;
    }
    auto period = scheduler.period_ns == 0 ? scheduler.deadline_ns : scheduler.period_ns;
    if (scheduler.runtime_ns == 0) {
        report.problem(base + "/runtime", "SCHED_DEADLINE needs a runtime");
    } else if (scheduler.runtime_ns > scheduler.deadline_ns || scheduler.deadline_ns > period) {
        report.problem(base, "SCHED_DEADLINE needs runtime <= deadline <= period");
    }
}

void validate_scheduler(const Scheduler& scheduler, const std::string& base, Report& report) {
    if (scheduler.policy.empty()) return;  // could not be read
    if (scheduler.policy == "SCHED_ISO") report.problem(base + "/policy", "no Linux kernel implements SCHED_ISO");
    if (scheduler.nice < -20 || scheduler.nice > 19)
        report.problem(base + "/nice", text::cat(scheduler.nice, " is out of range: expected -20 to 19"));
    bool is_realtime = scheduler.policy == "SCHED_FIFO" || scheduler.policy == "SCHED_RR";
    if (is_realtime && (scheduler.priority < 1 || scheduler.priority > 99)) {
        report.problem(base + "/priority", text::cat(scheduler.policy, " needs a priority from 1 to 99"));
    } else if (!is_realtime && scheduler.priority != 0) {
        report.problem(base + "/priority", "a priority is for SCHED_FIFO and SCHED_RR only");
    }
    validate_deadline(scheduler, base, report);
}

void validate_affinity(const std::string& list, const std::string& pointer, Report& report) {
    if (!list.empty() && !parse_number_list(list))
        report.problem(pointer, text::cat("\"", text::printable(list), "\" is no list of processors such as 0-3,7"));
}

void validate_args(const std::vector<std::string>& args, const std::string& base, Report& report) {
    if (args.empty()) {
        report.problem(base, "must name at least the program to run");
    } else if (args.front().empty()) {
        report.problem(base + "/0", "the name of the program is empty");
    }
}

void validate_optional_parts(const Process& process, const std::string& base, Report& report) {
    if (process.capabilities) validate_capabilities(*process.capabilities, base + "/capabilities", report);
    if (process.scheduler) validate_scheduler(*process.scheduler, base + "/scheduler", report);
    if (process.io_priority && (process.io_priority->priority < 0 || process.io_priority->priority > 7))
        report.problem(base + "/ioPriority/priority",
                       text::cat(process.io_priority->priority, " is out of range: expected 0 to 7"));
    if (process.exec_cpu_affinity) {
        validate_affinity(process.exec_cpu_affinity->initial, base + "/execCPUAffinity/initial", report);
        validate_affinity(process.exec_cpu_affinity->final, base + "/execCPUAffinity/final", report);
    }
}
}  // namespace

void validate_environment(const std::vector<std::string>& env, std::string_view base, Report& report) {
    for (std::size_t i = 0; i < env.size(); ++i) {
        auto equals = env[i].find('=');
        if (equals != std::string::npos && equals != 0) continue;
        report.problem(pointer_join(base, i),
                       equals == 0 ? "the name before the = is empty" : "expected NAME=value, there is no = in it");
    }
}

void validate(const Process& process, std::string_view base, Report& report) {
    std::string place(base);
    if (!process.cwd.starts_with('/'))
        report.problem(place + "/cwd",
                       text::cat("expected an absolute path, got \"", text::printable(process.cwd), "\""));
    validate_args(process.args, place + "/args", report);
    validate_environment(process.env, place + "/env", report);
    validate_user(process.user, place + "/user", report);
    validate_rlimits(process.rlimits, place + "/rlimits", report);
    if (process.oom_score_adj && (*process.oom_score_adj < -1000 || *process.oom_score_adj > 1000))
        report.problem(place + "/oomScoreAdj",
                       text::cat(*process.oom_score_adj, " is out of range: expected -1000 to 1000"));
    validate_optional_parts(process, place, report);
}

}  // namespace arca::spec
