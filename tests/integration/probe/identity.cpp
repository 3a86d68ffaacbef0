// What the process is: ids, capabilities, namespaces, limits, scheduling.
#include <dirent.h>
#include <grp.h>
#include <sched.h>
#include <sys/personality.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "probe.hpp"

namespace probe {

namespace {
// Index is the capability's number, capabilities(7).
const char* const kCapabilities[] = {
    "CHOWN",
    "DAC_OVERRIDE",
    "DAC_READ_SEARCH",
    "FOWNER",
    "FSETID",
    "KILL",
    "SETGID",
    "SETUID",
    "SETPCAP",
    "LINUX_IMMUTABLE",
    "NET_BIND_SERVICE",
    "NET_BROADCAST",
    "NET_ADMIN",
    "NET_RAW",
    "IPC_LOCK",
    "IPC_OWNER",
    "SYS_MODULE",
    "SYS_RAWIO",
    "SYS_CHROOT",
    "SYS_PTRACE",
    "SYS_PACCT",
    "SYS_ADMIN",
    "SYS_BOOT",
    "SYS_NICE",
    "SYS_RESOURCE",
    "SYS_TIME",
    "SYS_TTY_CONFIG",
    "MKNOD",
    "LEASE",
    "AUDIT_WRITE",
    "AUDIT_CONTROL",
    "SETFCAP",
    "MAC_OVERRIDE",
    "MAC_ADMIN",
    "SYSLOG",
    "WAKE_ALARM",
    "BLOCK_SUSPEND",
    "AUDIT_READ",
    "PERFMON",
    "BPF",
    "CHECKPOINT_RESTORE",
};

std::string status_field(const std::string& field) {
    int errnum = 0;
    std::string status = slurp("/proc/self/status", errnum);
    std::size_t at = status.find("\n" + field + ":");
    if (at == std::string::npos) return "";
    at = status.find_first_not_of(" \t", at + field.size() + 2);
    return status.substr(at, status.find('\n', at) - at);
}

Words capability_names(const std::string& field) {
    Words names;
    unsigned long long bits = strtoull(status_field(field).c_str(), nullptr, 16);
    for (std::size_t i = 0; i < 64; ++i) {
        if ((bits >> i & 1) == 0) continue;
        names.push_back(i < std::size(kCapabilities) ? std::string("CAP_") + kCapabilities[i]
                                                     : "CAP_" + std::to_string(i));
    }
    return names;
}

int caps(const Words&) {
    print(Object()
              .texts("bounding", capability_names("CapBnd"))
              .texts("effective", capability_names("CapEff"))
              .texts("inheritable", capability_names("CapInh"))
              .texts("permitted", capability_names("CapPrm"))
              .texts("ambient", capability_names("CapAmb")));
    return 0;
}

int ids(const Words&) {
    uid_t uids[3];
    gid_t gids[3];
    getresuid(&uids[0], &uids[1], &uids[2]);
    getresgid(&gids[0], &gids[1], &gids[2]);
    gid_t groups[1024];
    int count = getgroups(1024, groups);
    std::vector<long long> list(groups, groups + (count < 0 ? 0 : count));
    mode_t mask = umask(0);
    umask(mask);
    print(Object()
              .number("uid", uids[0])
              .number("euid", uids[1])
              .number("suid", uids[2])
              .number("gid", gids[0])
              .number("egid", gids[1])
              .number("sgid", gids[2])
              .numbers("groups", list)
              .number("umask", mask)
              .number("pid", getpid())
              .number("ppid", getppid())
              .number("pgid", getpgrp())
              .number("sid", getsid(0)));
    return 0;
}

int limits(const Words&) {
    const struct {
        const char* name;
        int id;
    } kLimits[] = {
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
    };
    Object object;
    for (const auto& limit : kLimits) {
        rlimit value{};
        getrlimit(static_cast<__rlimit_resource>(limit.id), &value);
        object.numbers(limit.name, {static_cast<long long>(value.rlim_cur), static_cast<long long>(value.rlim_max)});
    }
    print(object);
    return 0;
}

int namespaces(const Words&) {
    printf("%s\n", namespaces_json().c_str());
    fflush(stdout);
    return 0;
}

int security(const Words&) {
    print(Object()
              .number("no_new_privs", atoi(status_field("NoNewPrivs").c_str()))
              .number("seccomp", atoi(status_field("Seccomp").c_str()))
              .number("filters", atoi(status_field("Seccomp_filters").c_str()))
              .text("signals_blocked", status_field("SigBlk"))
              .text("signals_ignored", status_field("SigIgn"))
              .text("cpus_allowed", status_field("Cpus_allowed_list")));
    return 0;
}

int persona(const Words&) {
    print(Object().number("personality", personality(0xffffffff)));
    return 0;
}

int oom(const Words&) {
    int errnum = 0;
    std::string text = slurp("/proc/self/oom_score_adj", errnum);
    print(Object().error(errnum).number("oom_score_adj", atoi(text.c_str())));
    return 0;
}

int scheduling(const Words&) {
    sched_param param{};
    sched_getparam(0, &param);
    errno = 0;
    int nice = getpriority(PRIO_PROCESS, 0);
    print(
        Object().number("policy", sched_getscheduler(0)).number("priority", param.sched_priority).number("nice", nice));
    return 0;
}

// ioprio_get(2): class in the top three of sixteen bits, IOPRIO_WHO_PROCESS is 1.
int io_priority(const Words&) {
    long value = syscall(SYS_ioprio_get, 1, 0);
    print(Object().number("class", value >> 13).number("priority", value & 0x1fff));
    return 0;
}

int keyring(const Words&) {
    char description[512] = "";
    const long kDescribe = 6, kSessionKeyring = -3;
    long n = syscall(SYS_keyctl, kDescribe, kSessionKeyring, description, sizeof(description) - 1);
    print(Object().error(n < 0 ? errno : 0).text("description", n < 0 ? "" : description));
    return 0;
}
}  // namespace

std::string namespaces_json() {
    Object object;
    for (const char* type : {"pid", "net", "mnt", "ipc", "uts", "user", "cgroup", "time"}) {
        char target[64] = "";
        ssize_t n = readlink((std::string("/proc/self/ns/") + type).c_str(), target, sizeof(target) - 1);
        object.text(type, n < 0 ? "" : std::string(target, static_cast<std::size_t>(n)));
    }
    return object.str();
}

const Command kIdentityCommands[] = {
    {"caps", caps},          {"ids", ids},         {"limits", limits},       {"ns", namespaces},
    {"security", security},  {"oom", oom},         {"personality", persona}, {"sched", scheduling},
    {"ioprio", io_priority}, {"keyring", keyring}, {nullptr, nullptr},
};

}  // namespace probe
