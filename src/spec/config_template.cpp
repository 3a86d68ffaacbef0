#include "spec/config_template.hpp"

#include <cerrno>
#include <iterator>
#include <vector>

#include "spec/json_writer.hpp"
#include "spec/names.hpp"

namespace arca::spec {

namespace {
using Words = std::vector<std::string_view>;

struct MountEntry {
    std::string_view destination;
    std::string_view type;
    std::string_view source;
    Words options;
};

/// Everything in which the two configurations differ.
struct Content {
    TemplateKind kind;
    HostIds ids;
    TreeProgram program;
    std::vector<NamespaceType> namespaces;
    std::vector<MountEntry> mounts;
    bool filtered = false;
};

constexpr std::string_view kPath = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

void write_capabilities(JsonWriter& json, const std::vector<std::string>& kept) {
    json.key("capabilities");
    json.begin_object();
    for (auto set : {"bounding", "effective", "permitted"})
        json.member(set, kept);
    json.end_object();
}

void write_process(JsonWriter& json, const TreeProgram& program) {
    json.key("process");
    json.begin_object();
    json.member("terminal", program.terminal == Terminal::With);
    json.key("user");
    json.begin_object();
    json.member("uid", 0);
    json.member("gid", 0);
    json.end_object();
    json.member("args", program.args);
    json.member("env", program.env);
    json.member("cwd", program.cwd);
    write_capabilities(json, program.capabilities);
    json.key("rlimits");
    json.begin_array();
    json.begin_object();
    json.member("type", "RLIMIT_NOFILE");
    json.member("hard", 1024);
    json.member("soft", 1024);
    json.end_object();
    json.end_array();
    json.member("noNewPrivileges", true);
    json.end_object();
}

/// Without rights on the host a user namespace cannot mount sysfs (it has no network namespace of its own), and has no
/// group 5 for terminals.
std::vector<MountEntry> mounts_of(TemplateKind kind) {
    const bool rootless = kind == TemplateKind::Rootless;
    Words devpts = {"nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620"};
    if (!rootless) devpts.push_back("gid=5");
    MountEntry sysfs = {"/sys", "sysfs", "sysfs", {"nosuid", "noexec", "nodev", "ro"}};
    if (rootless) sysfs = {"/sys", "none", "/sys", {"rbind", "nosuid", "noexec", "nodev", "ro"}};
    return {{"/proc", "proc", "proc", {}},
            {"/dev", "tmpfs", "tmpfs", {"nosuid", "strictatime", "mode=755", "size=65536k"}},
            {"/dev/pts", "devpts", "devpts", devpts},
            {"/dev/shm", "tmpfs", "shm", {"nosuid", "noexec", "nodev", "mode=1777", "size=65536k"}},
            {"/dev/mqueue", "mqueue", "mqueue", {"nosuid", "noexec", "nodev"}},
            sysfs,
            {"/sys/fs/cgroup", "cgroup", "cgroup", {"nosuid", "noexec", "nodev", "relatime", "ro"}}};
}

void write_mounts(JsonWriter& json, const std::vector<MountEntry>& mounts) {
    json.key("mounts");
    json.begin_array();
    for (const auto& mount : mounts) {
        json.begin_object();
        json.member("destination", mount.destination);
        json.member("type", mount.type);
        json.member("source", mount.source);
        if (!mount.options.empty()) json.member("options", mount.options);
        json.end_object();
    }
    json.end_array();
}

void write_mapping(JsonWriter& json, std::string_view key, std::uint32_t host_id) {
    json.key(key);
    json.begin_array();
    json.begin_object();
    json.member("containerID", 0);
    json.member("hostID", host_id);
    json.member("size", 1);
    json.end_object();
    json.end_array();
}

void write_resources(JsonWriter& json) {
    json.key("resources");
    json.begin_object();
    json.key("devices");
    json.begin_array();
    json.begin_object();
    json.member("allow", false);
    json.member("access", "rwm");
    json.end_object();
    json.end_array();
    json.end_object();
}

std::vector<NamespaceType> namespaces_of(TemplateKind kind) {
    using enum NamespaceType;
    if (kind == TemplateKind::Rootless) return {Pid, Ipc, Uts, Mount, Cgroup, User};
    return {Pid, Network, Ipc, Uts, Mount, Cgroup};
}

void write_namespaces(JsonWriter& json, const std::vector<NamespaceType>& types) {
    json.key("namespaces");
    json.begin_array();
    for (auto type : types) {
        json.begin_object();
        json.member("type", name(type));
        json.end_object();
    }
    json.end_array();
}

/// System calls that change the system as a whole, look into other processes, or reach parts of the kernel that
/// programs seldom need and attackers often do. A list of what is refused: programs of every kind have to run.
constexpr std::string_view kRefusedCalls[] = {
    "acct",
    "add_key",
    "bpf",
    "clock_adjtime",
    "clock_settime",
    "create_module",
    "delete_module",
    "finit_module",
    "fsconfig",
    "fsmount",
    "fsopen",
    "fspick",
    "init_module",
    "io_uring_enter",
    "io_uring_register",
    "io_uring_setup",
    "ioperm",
    "iopl",
    "kcmp",
    "kexec_file_load",
    "kexec_load",
    "keyctl",
    "lookup_dcookie",
    "mbind",
    "migrate_pages",
    "mount",
    "mount_setattr",
    "move_mount",
    "move_pages",
    "open_by_handle_at",
    "open_tree",
    "perf_event_open",
    "pivot_root",
    "process_vm_readv",
    "process_vm_writev",
    "ptrace",
    "quotactl",
    "quotactl_fd",
    "reboot",
    "request_key",
    "set_mempolicy",
    "setns",
    "settimeofday",
    "swapoff",
    "swapon",
    "syslog",
    "umount2",
    "unshare",
    "userfaultfd",
    "vhangup",
};

void write_rule(JsonWriter& json, const Words& names, int errnum) {
    json.begin_object();
    json.member("names", names);
    json.member("action", "SCMP_ACT_ERRNO");
    json.member("errnoRet", errnum);
}

/// clone with CLONE_NEWUSER would give back what unshare is refused for; its flags are the second argument on s390x
/// only. clone3 has them behind a pointer that a filter cannot follow: with ENOSYS the C library takes clone instead.
void write_seccomp(JsonWriter& json) {
    constexpr unsigned kNewUser = 0x10000000;
    json.key("seccomp");
    json.begin_object();
    json.member("defaultAction", "SCMP_ACT_ALLOW");
    json.key("syscalls");
    json.begin_array();
    write_rule(json, Words(std::begin(kRefusedCalls), std::end(kRefusedCalls)), EPERM);
    json.end_object();
    write_rule(json, {"clone3"}, ENOSYS);
    json.end_object();
    write_rule(json, {"clone"}, EPERM);
    json.key("args");
    json.begin_array();
    json.begin_object();
    json.member("index", 0);
    json.member("value", kNewUser);
    json.member("valueTwo", kNewUser);
    json.member("op", "SCMP_CMP_MASKED_EQ");
    json.end_object();
    json.end_array();
    json.end_object();
    json.end_array();
    json.end_object();
}

void write_linux(JsonWriter& json, const Content& content) {
    json.key("linux");
    json.begin_object();
    if (content.kind == TemplateKind::Rootless) {
        write_mapping(json, "uidMappings", content.ids.uid);
        write_mapping(json, "gidMappings", content.ids.gid);
    } else {
        write_resources(json);
    }
    write_namespaces(json, content.namespaces);
    if (content.filtered) write_seccomp(json);
    json.member("maskedPaths",
                Words{"/proc/acpi", "/proc/asound", "/proc/interrupts", "/proc/kcore", "/proc/keys",
                      "/proc/latency_stats", "/proc/timer_list", "/proc/timer_stats", "/proc/sched_debug",
                      "/sys/firmware", "/proc/scsi", "/sys/devices/virtual/powercap"});
    json.member("readonlyPaths", Words{"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"});
    json.end_object();
}

std::string document(const Content& content) {
    JsonWriter json("\t");
    json.begin_object();
    json.member("ociVersion", kSpecVersion);
    write_process(json, content.program);
    json.key("root");
    json.begin_object();
    json.member("path", content.program.rootfs);
    json.member("readonly", content.program.access == RootAccess::ReadOnly);
    json.end_object();
    json.member("hostname", content.program.hostname);
    write_mounts(json, content.mounts);
    write_linux(json, content);
    json.end_object();
    return json.take() + "\n";
}
}  // namespace

std::string config_template(TemplateKind kind, HostIds ids) {
    TreeProgram shell{.rootfs = "rootfs",
                      .args = {"sh"},
                      .env = {std::string(kPath), "TERM=xterm"},
                      .capabilities = {"CAP_AUDIT_WRITE", "CAP_KILL", "CAP_NET_BIND_SERVICE"},
                      .hostname = "arca",
                      .terminal = Terminal::With};
    return document({kind, ids, std::move(shell), namespaces_of(kind), mounts_of(kind)});
}

std::string tree_config(const TreeProgram& program, TemplateKind kind, HostIds ids) {
    auto namespaces = namespaces_of(kind);
    if (kind == TemplateKind::Rootless) namespaces.push_back(NamespaceType::Network);
    auto mounts = mounts_of(kind);
    for (auto folder : {"/tmp", "/run"})
        mounts.push_back({folder, "tmpfs", "tmpfs", {"nosuid", "nodev", "mode=1777"}});
    Content content{kind, ids, program, std::move(namespaces), std::move(mounts), true};
    // What was asked for comes last, and so counts.
    content.program.env.insert(content.program.env.begin(), std::string(kPath));
    return document(content);
}

}  // namespace arca::spec
