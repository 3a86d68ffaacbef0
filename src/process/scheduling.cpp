// Scheduling policy and CPU affinity: the half of attributes.hpp that talks to the CPU scheduler.
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>

#include "process/attributes.hpp"
#include "process/number_list.hpp"
#include "sys/syscalls.hpp"

namespace arca::process {

namespace {
constexpr std::size_t kMaximalCpus = 65536;  // eight times what any kernel is configured for

// struct sched_attr of sched_setattr(2), SCHED_ATTR_SIZE_VER1; glibc 2.36 does not declare it.
struct SchedulerAttributes {
    std::uint32_t size = sizeof(SchedulerAttributes);
    std::uint32_t policy = 0;
    std::uint64_t flags = 0;
    std::int32_t nice = 0;
    std::uint32_t priority = 0;
    std::uint64_t runtime = 0;
    std::uint64_t deadline = 0;
    std::uint64_t period = 0;
    std::uint32_t util_min = 0;
    std::uint32_t util_max = 0;
};
static_assert(sizeof(SchedulerAttributes) == 56);

constexpr std::uint32_t kFifo = 1;
constexpr std::uint32_t kRoundRobin = 2;
constexpr std::uint32_t kDeadline = 6;
constexpr std::uint64_t kFlagUtilClampMax = 0x40;
constexpr std::uint32_t kNoUtilClamp = 1024;  // SCHED_CAPACITY_SCALE

struct Policy {
    std::string_view name;
    std::uint32_t value;
};
constexpr auto kPolicies = std::to_array<Policy>({{"SCHED_OTHER", 0},
                                                  {"SCHED_FIFO", kFifo},
                                                  {"SCHED_RR", kRoundRobin},
                                                  {"SCHED_BATCH", 3},
                                                  {"SCHED_IDLE", 5},
                                                  {"SCHED_DEADLINE", kDeadline}});

struct Flag {
    std::string_view name;
    std::uint64_t value;
};
constexpr auto kFlags = std::to_array<Flag>({{"SCHED_FLAG_RESET_ON_FORK", 0x01},
                                             {"SCHED_FLAG_RECLAIM", 0x02},
                                             {"SCHED_FLAG_DL_OVERRUN", 0x04},
                                             {"SCHED_FLAG_KEEP_POLICY", 0x08},
                                             {"SCHED_FLAG_KEEP_PARAMS", 0x10},
                                             {"SCHED_FLAG_UTIL_CLAMP_MIN", 0x20},
                                             {"SCHED_FLAG_UTIL_CLAMP_MAX", kFlagUtilClampMax}});

std::unexpected<Error> refuse(std::string_view pointer, std::string text) {
    return fail(Error(Code::InvalidConfig, std::move(text)).at(std::string(pointer)));
}

Result<std::uint32_t> policy_number(std::string_view name) {
    for (const auto& policy : kPolicies)
        if (policy.name == name) return policy.value;
    if (name == "SCHED_ISO")
        return fail(Error(Code::Unsupported, "SCHED_ISO was reserved, but no Linux kernel has it")
                        .at("/process/scheduler/policy"));
    return refuse("/process/scheduler/policy", text::cat("unknown scheduling policy \"", text::printable(name), "\""));
}

Result<std::uint64_t> flag_bits(const std::vector<std::string>& names) {
    std::uint64_t bits = 0;
    for (const auto& name : names) {
        const auto* known = kFlags.begin();
        while (known != kFlags.end() && known->name != name)
            ++known;
        if (known == kFlags.end())
            return refuse("/process/scheduler/flags",
                          text::cat("unknown scheduler flag \"", text::printable(name), "\""));
        bits |= known->value;
    }
    return bits;
}

// What the kernel would answer with a bare EINVAL, or, for nice, would silently change.
Result<> check_values(const spec::Scheduler& scheduler, std::uint32_t policy) {
    const bool is_realtime = policy == kFifo || policy == kRoundRobin;
    if (scheduler.nice < -20 || scheduler.nice > 19)
        return refuse("/process/scheduler/nice", text::cat("nice value ", scheduler.nice, " is not in -20 to 19"));
    if (is_realtime && (scheduler.priority < 1 || scheduler.priority > 99))
        return refuse("/process/scheduler/priority",
                      text::cat(scheduler.policy, " needs a priority of 1 to 99, not ", scheduler.priority));
    if (!is_realtime && scheduler.priority != 0)
        return refuse("/process/scheduler/priority",
                      text::cat(scheduler.policy, " takes no priority, but ", scheduler.priority, " is given"));
    // sched(7): runtime <= deadline <= period, a period of 0 meaning the deadline.
    const auto period = scheduler.period_ns != 0 ? scheduler.period_ns : scheduler.deadline_ns;
    if (policy == kDeadline &&
        (scheduler.runtime_ns == 0 || scheduler.runtime_ns > scheduler.deadline_ns || scheduler.deadline_ns > period))
        return refuse("/process/scheduler", text::cat("SCHED_DEADLINE needs 0 < runtime <= deadline <= period, not ",
                                                      scheduler.runtime_ns, ", ", scheduler.deadline_ns, ", ", period));
    return {};
}

std::string explain(int errnum, const SchedulerAttributes& attributes) {
    if (errnum == EBUSY) return "the deadline would not leave enough CPU time for the tasks already admitted";
    if (errnum == EPERM && attributes.policy == kDeadline)
        return "it needs CAP_SYS_NICE, and the right to run on every CPU of the scheduling domain (no cpuset, no "
               "affinity)";
    if (errnum == EPERM)
        return "it needs CAP_SYS_NICE and, in a cgroup of version 1, realtime bandwidth (cpu.rt_runtime_us)";
    return {};
}
}  // namespace

Result<> set_scheduler(const spec::Scheduler& scheduler) {
    SchedulerAttributes attributes;
    attributes.policy = TRY(policy_number(scheduler.policy));
    attributes.flags = TRY(flag_bits(scheduler.flags));
    TRY(check_values(scheduler, attributes.policy));
    attributes.nice = scheduler.nice;
    attributes.priority = static_cast<std::uint32_t>(scheduler.priority);
    attributes.runtime = scheduler.runtime_ns;
    attributes.deadline = scheduler.deadline_ns;
    attributes.period = scheduler.period_ns;
    // The specification has the flags but no values for them: the widest clamp, not "at most 0".
    if ((attributes.flags & kFlagUtilClampMax) != 0) attributes.util_max = kNoUtilClamp;
    if (::syscall(SYS_sched_setattr, 0, &attributes, 0) == 0) return {};
    auto problem = sys::last_error(text::cat("sched_setattr(", scheduler.policy, ")"));
    const int errnum = problem.error().errnum();
    return fail(std::move(problem.error()).at("/process/scheduler").hinting(explain(errnum, attributes)));
}

void reset_affinity() noexcept {
    // The kernel cuts the mask to the CPUs it has and to those that the cpuset allows.
    std::array<unsigned char, kMaximalCpus / 8> mask;
    mask.fill(0xff);
    ::syscall(SYS_sched_setaffinity, 0, mask.size(), mask.data());
}

Result<> set_affinity(const std::string& cpu_list) {
    auto mask = TRY_CTX(mask_of(cpu_list, kMaximalCpus), "CPU list");
    if (mask.empty()) return {};
    if (::syscall(SYS_sched_setaffinity, 0, mask.size() * sizeof mask[0], mask.data()) == 0) return {};
    auto problem = sys::last_error(text::cat("sched_setaffinity(\"", cpu_list, "\")"));
    if (problem.error().errnum() != EINVAL) return problem;
    return fail(std::move(problem.error()).hinting("none of these CPUs is online and allowed by the cpuset"));
}

}  // namespace arca::process
