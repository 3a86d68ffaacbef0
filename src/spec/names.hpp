// The closed sets of names of the runtime specification. The parser accepts exactly these and the features document
// lists them. Where a set is an enum in types.hpp, the table is in the order of the enum.
#pragma once

#include <array>
#include <string_view>

#include "spec/types.hpp"

namespace arca::spec {

inline constexpr std::string_view kOldestSpecVersion = "1.0.0";
inline constexpr std::string_view kSpecVersion = "1.3.0";

inline constexpr auto kHookNames = std::to_array<std::string_view>(
    {"prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop"});

inline constexpr auto kNamespaceNames =
    std::to_array<std::string_view>({"pid", "network", "mount", "ipc", "uts", "user", "cgroup", "time"});

inline constexpr auto kSeccompActions = std::to_array<std::string_view>(
    {"SCMP_ACT_KILL", "SCMP_ACT_KILL_THREAD", "SCMP_ACT_KILL_PROCESS", "SCMP_ACT_TRAP", "SCMP_ACT_ERRNO",
     "SCMP_ACT_TRACE", "SCMP_ACT_ALLOW", "SCMP_ACT_LOG", "SCMP_ACT_NOTIFY"});

inline constexpr auto kSeccompOperators = std::to_array<std::string_view>(
    {"SCMP_CMP_NE", "SCMP_CMP_LT", "SCMP_CMP_LE", "SCMP_CMP_EQ", "SCMP_CMP_GE", "SCMP_CMP_GT", "SCMP_CMP_MASKED_EQ"});

inline constexpr auto kSeccompArchitectures = std::to_array<std::string_view>(
    {"SCMP_ARCH_X86",         "SCMP_ARCH_X86_64", "SCMP_ARCH_X32",       "SCMP_ARCH_ARM",     "SCMP_ARCH_AARCH64",
     "SCMP_ARCH_MIPS",        "SCMP_ARCH_MIPS64", "SCMP_ARCH_MIPS64N32", "SCMP_ARCH_MIPSEL",  "SCMP_ARCH_MIPSEL64",
     "SCMP_ARCH_MIPSEL64N32", "SCMP_ARCH_PPC",    "SCMP_ARCH_PPC64",     "SCMP_ARCH_PPC64LE", "SCMP_ARCH_S390",
     "SCMP_ARCH_S390X",       "SCMP_ARCH_PARISC", "SCMP_ARCH_PARISC64",  "SCMP_ARCH_RISCV64", "SCMP_ARCH_LOONGARCH64",
     "SCMP_ARCH_M68K",        "SCMP_ARCH_SH",     "SCMP_ARCH_SHEB"});

inline constexpr auto kSeccompFlags =
    std::to_array<std::string_view>({"SECCOMP_FILTER_FLAG_TSYNC", "SECCOMP_FILTER_FLAG_LOG",
                                     "SECCOMP_FILTER_FLAG_SPEC_ALLOW", "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"});

/// In the order of their numbers (linux/capability.h).
inline constexpr auto kCapabilities = std::to_array<std::string_view>({"CAP_CHOWN",
                                                                       "CAP_DAC_OVERRIDE",
                                                                       "CAP_DAC_READ_SEARCH",
                                                                       "CAP_FOWNER",
                                                                       "CAP_FSETID",
                                                                       "CAP_KILL",
                                                                       "CAP_SETGID",
                                                                       "CAP_SETUID",
                                                                       "CAP_SETPCAP",
                                                                       "CAP_LINUX_IMMUTABLE",
                                                                       "CAP_NET_BIND_SERVICE",
                                                                       "CAP_NET_BROADCAST",
                                                                       "CAP_NET_ADMIN",
                                                                       "CAP_NET_RAW",
                                                                       "CAP_IPC_LOCK",
                                                                       "CAP_IPC_OWNER",
                                                                       "CAP_SYS_MODULE",
                                                                       "CAP_SYS_RAWIO",
                                                                       "CAP_SYS_CHROOT",
                                                                       "CAP_SYS_PTRACE",
                                                                       "CAP_SYS_PACCT",
                                                                       "CAP_SYS_ADMIN",
                                                                       "CAP_SYS_BOOT",
                                                                       "CAP_SYS_NICE",
                                                                       "CAP_SYS_RESOURCE",
                                                                       "CAP_SYS_TIME",
                                                                       "CAP_SYS_TTY_CONFIG",
                                                                       "CAP_MKNOD",
                                                                       "CAP_LEASE",
                                                                       "CAP_AUDIT_WRITE",
                                                                       "CAP_AUDIT_CONTROL",
                                                                       "CAP_SETFCAP",
                                                                       "CAP_MAC_OVERRIDE",
                                                                       "CAP_MAC_ADMIN",
                                                                       "CAP_SYSLOG",
                                                                       "CAP_WAKE_ALARM",
                                                                       "CAP_BLOCK_SUSPEND",
                                                                       "CAP_AUDIT_READ",
                                                                       "CAP_PERFMON",
                                                                       "CAP_BPF",
                                                                       "CAP_CHECKPOINT_RESTORE"});

/// In the order of their numbers (asm-generic/resource.h).
inline constexpr auto kRlimits = std::to_array<std::string_view>(
    {"RLIMIT_CPU", "RLIMIT_FSIZE", "RLIMIT_DATA", "RLIMIT_STACK", "RLIMIT_CORE", "RLIMIT_RSS", "RLIMIT_NPROC",
     "RLIMIT_NOFILE", "RLIMIT_MEMLOCK", "RLIMIT_AS", "RLIMIT_LOCKS", "RLIMIT_SIGPENDING", "RLIMIT_MSGQUEUE",
     "RLIMIT_NICE", "RLIMIT_RTPRIO", "RLIMIT_RTTIME"});

inline constexpr auto kSchedulerPolicies = std::to_array<std::string_view>(
    {"SCHED_OTHER", "SCHED_FIFO", "SCHED_RR", "SCHED_BATCH", "SCHED_ISO", "SCHED_IDLE", "SCHED_DEADLINE"});

inline constexpr auto kSchedulerFlags = std::to_array<std::string_view>(
    {"SCHED_FLAG_RESET_ON_FORK", "SCHED_FLAG_RECLAIM", "SCHED_FLAG_DL_OVERRUN", "SCHED_FLAG_KEEP_POLICY",
     "SCHED_FLAG_KEEP_PARAMS", "SCHED_FLAG_UTIL_CLAMP_MIN", "SCHED_FLAG_UTIL_CLAMP_MAX"});

inline constexpr auto kIoPriorityClasses =
    std::to_array<std::string_view>({"IOPRIO_CLASS_RT", "IOPRIO_CLASS_BE", "IOPRIO_CLASS_IDLE"});

inline constexpr auto kMemoryPolicyModes =
    std::to_array<std::string_view>({"MPOL_BIND", "MPOL_DEFAULT", "MPOL_INTERLEAVE", "MPOL_LOCAL", "MPOL_PREFERRED",
                                     "MPOL_PREFERRED_MANY", "MPOL_WEIGHTED_INTERLEAVE"});

inline constexpr auto kMemoryPolicyFlags =
    std::to_array<std::string_view>({"MPOL_F_NUMA_BALANCING", "MPOL_F_RELATIVE_NODES", "MPOL_F_STATIC_NODES"});

inline constexpr auto kPersonalityDomains = std::to_array<std::string_view>({"LINUX", "LINUX32"});

inline constexpr auto kPropagations = std::to_array<std::string_view>(
    {"private", "shared", "slave", "unbindable", "rprivate", "rshared", "rslave", "runbindable"});

constexpr std::string_view name(NamespaceType type) {
    return kNamespaceNames[static_cast<std::size_t>(type)];
}
constexpr std::string_view name(SeccompAction action) {
    return kSeccompActions[static_cast<std::size_t>(action)];
}
constexpr std::string_view name(SeccompOperator op) {
    return kSeccompOperators[static_cast<std::size_t>(op)];
}

}  // namespace arca::spec
