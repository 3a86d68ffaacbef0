#include "process/attributes.hpp"

#include <linux/ioprio.h>
#include <sys/personality.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>

#include "process/number_list.hpp"
#include "sys/syscalls.hpp"

namespace arca::process {

namespace {
struct Named {
    std::string_view name;
    int value;
};

constexpr auto kRlimits = std::to_array<Named>({
    {"RLIMIT_AS", RLIMIT_AS},
    {"RLIMIT_CORE", RLIMIT_CORE},
    {"RLIMIT_CPU", RLIMIT_CPU},
    {"RLIMIT_DATA", RLIMIT_DATA},
    {"RLIMIT_FSIZE", RLIMIT_FSIZE},
    {"RLIMIT_LOCKS", RLIMIT_LOCKS},
    {"RLIMIT_MEMLOCK", RLIMIT_MEMLOCK},
    {"RLIMIT_MSGQUEUE", RLIMIT_MSGQUEUE},
    {"RLIMIT_NICE", RLIMIT_NICE},
    {"RLIMIT_NOFILE", RLIMIT_NOFILE},
    {"RLIMIT_NPROC", RLIMIT_NPROC},
    {"RLIMIT_RSS", RLIMIT_RSS},
    {"RLIMIT_RTPRIO", RLIMIT_RTPRIO},
    {"RLIMIT_RTTIME", RLIMIT_RTTIME},
    {"RLIMIT_SIGPENDING", RLIMIT_SIGPENDING},
    {"RLIMIT_STACK", RLIMIT_STACK},
});

// linux/mempolicy.h, which older headers have without the last one (since Linux 6.9).
constexpr auto kMemoryModes = std::to_array<Named>({
    {"MPOL_DEFAULT", 0},
    {"MPOL_PREFERRED", 1},
    {"MPOL_BIND", 2},
    {"MPOL_INTERLEAVE", 3},
    {"MPOL_LOCAL", 4},
    {"MPOL_PREFERRED_MANY", 5},
    {"MPOL_WEIGHTED_INTERLEAVE", 6},
});

constexpr auto kMemoryFlags = std::to_array<Named>({
    {"MPOL_F_NUMA_BALANCING", 1 << 13},
    {"MPOL_F_RELATIVE_NODES", 1 << 14},
    {"MPOL_F_STATIC_NODES", 1 << 15},
});

template<std::size_t N>
Result<int> look_up(const std::array<Named, N>& table, std::string_view name, const char* pointer) {
    for (const auto& entry : table)
        if (entry.name == name) return entry.value;
    return fail(Error(Code::InvalidConfig, text::cat("unknown name \"", text::printable(name), "\"")).at(pointer));
}

std::unexpected<Error> last_error_at(const char* pointer, std::string what) {
    auto problem = sys::last_error(std::move(what));
    return fail(std::move(problem.error()).at(pointer));
}

// struct rlimit64 of prlimit(2).
struct Limit {
    std::uint64_t soft;
    std::uint64_t hard;
};

std::string show(std::uint64_t limit) {
    return limit == ~std::uint64_t{0} ? "unlimited" : text::cat(limit);
}

// Why prlimit refused, from the limit that is in force.
std::string explain_refusal(int resource, const spec::Rlimit& wanted) {
    Limit now{};
    if (::syscall(SYS_prlimit64, 0, resource, nullptr, &now) < 0 || wanted.hard <= now.hard) return {};
    std::string hint = text::cat("the hard limit is ", show(now.hard), " now; raising it needs CAP_SYS_RESOURCE");
    if (resource == RLIMIT_NOFILE) hint += ", and nothing may raise it above the sysctl fs.nr_open";
    return hint;
}

Result<> set_rlimit(const spec::Rlimit& wanted) {
    const int resource = TRY(look_up(kRlimits, wanted.type, ""));
    if (wanted.soft > wanted.hard)
        return fail(Code::InvalidConfig, text::cat(wanted.type, ": the soft limit ", show(wanted.soft),
                                                   " is above the hard limit ", show(wanted.hard)));
    const Limit limit{wanted.soft, wanted.hard};
    if (::syscall(SYS_prlimit64, 0, resource, &limit, nullptr) == 0) return {};
    auto problem = sys::last_error(
        text::cat("prlimit(", wanted.type, ", soft ", show(wanted.soft), ", hard ", show(wanted.hard), ")"));
    if (problem.error().errnum() != EPERM) return problem;
    return fail(std::move(problem.error()).hinting(explain_refusal(resource, wanted)));
}
}  // namespace

Result<> set_rlimits(const std::vector<spec::Rlimit>& limits) {
    for (std::size_t i = 0; i < limits.size(); ++i)
        if (auto done = set_rlimit(limits[i]); !done)
            return fail(std::move(done.error()).at(text::cat("/process/rlimits/", i)));
    return {};
}

void raise_hard_limits_of(pid_t pid, const std::vector<spec::Rlimit>& limits) noexcept {
    for (const auto& wanted : limits) {
        const auto resource = look_up(kRlimits, wanted.type, "");
        Limit limit{};
        if (!resource || ::syscall(SYS_prlimit64, pid, *resource, nullptr, &limit) < 0 || limit.hard >= wanted.hard)
            continue;
        limit.hard = wanted.hard;
        (void)::syscall(SYS_prlimit64, pid, *resource, &limit, nullptr);
    }
}

Result<> set_oom_score_adj(pid_t pid, std::int32_t value, OomPolicy policy) {
    const auto path = text::cat("/proc/", pid, "/oom_score_adj");
    auto written = sys::write_file_at(sys::FdRef::working_directory(), path, text::cat(value));
    if (written) return {};
    const int errnum = written.error().errnum();
    auto problem = std::move(written.error()).at("/process/oomScoreAdj");
    if (errnum != EACCES && errnum != EPERM && errnum != EROFS) return fail(std::move(problem));
    if (policy == OomPolicy::Tolerant) return {};
    auto now = sys::read_file(path, 64);
    if (!now) return fail(std::move(problem));
    return fail(std::move(problem).hinting(
        text::cat("the value is ", text::trim(*now), " now; a lower one needs CAP_SYS_RESOURCE")));
}

Result<> set_io_priority(const spec::IoPriority& priority) {
    static constexpr auto kClasses = std::to_array<Named>({{"IOPRIO_CLASS_RT", IOPRIO_CLASS_RT},
                                                           {"IOPRIO_CLASS_BE", IOPRIO_CLASS_BE},
                                                           {"IOPRIO_CLASS_IDLE", IOPRIO_CLASS_IDLE}});
    const int io_class = TRY(look_up(kClasses, priority.io_class, "/process/ioPriority/class"));
    if (priority.priority < 0 || priority.priority >= IOPRIO_NR_LEVELS)
        return fail(Error(Code::InvalidConfig, text::cat("I/O priority ", priority.priority, " is not in 0 to 7"))
                        .at("/process/ioPriority/priority"));
    const int value = io_class << IOPRIO_CLASS_SHIFT | priority.priority;
    // Of this process alone: the process group may be the engine's.
    if (::syscall(SYS_ioprio_set, IOPRIO_WHO_PROCESS, 0, value) < 0)
        return last_error_at("/process/ioPriority",
                             text::cat("ioprio_set(", priority.io_class, ", ", priority.priority, ")"));
    return {};
}

Result<> set_personality(spec::PersonalityDomain domain) {
    const unsigned long persona = domain == spec::PersonalityDomain::Linux32 ? PER_LINUX32 : PER_LINUX;
    if (::personality(persona) < 0)
        return last_error_at("/linux/personality", text::cat("personality(", text::hex(persona), ")"));
    return {};
}

Result<> set_memory_policy(const spec::MemoryPolicy& policy) {
    constexpr std::size_t kMaximalNodes = 1024;  // 1 << CONFIG_NODES_SHIFT is at most that on every architecture
    int mode = TRY(look_up(kMemoryModes, policy.mode, "/linux/memoryPolicy/mode"));
    for (const auto& flag : policy.flags)
        mode |= TRY(look_up(kMemoryFlags, flag, "/linux/memoryPolicy/flags"));
    auto nodes = mask_of(policy.nodes, kMaximalNodes);
    if (!nodes) return fail(std::move(nodes.error()).at("/linux/memoryPolicy/nodes"));
    // The kernel takes one less than `maxnode` for the number of bits (mm/mempolicy.c get_nodes).
    const std::size_t bits = nodes->empty() ? 0 : nodes->size() * kBitsPerWord + 1;
    if (::syscall(SYS_set_mempolicy, mode, nodes->empty() ? nullptr : nodes->data(), bits) < 0)
        return last_error_at("/linux/memoryPolicy",
                             text::cat("set_mempolicy(", policy.mode, ", flags \"", text::join(policy.flags, "|"),
                                       "\", nodes \"", policy.nodes, "\")"));
    return {};
}

}  // namespace arca::process
