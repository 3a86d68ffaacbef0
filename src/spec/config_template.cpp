#include "spec/config_template.hpp"

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

void write_process(JsonWriter& json) {
    const Words kept = {"CAP_AUDIT_WRITE", "CAP_KILL", "CAP_NET_BIND_SERVICE"};
    json.key("process");
    json.begin_object();
    json.member("terminal", true);
    json.key("user");
    json.begin_object();
    json.member("uid", 0);
    json.member("gid", 0);
    json.end_object();
    json.member("args", Words{"sh"});
    json.member("env", Words{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "TERM=xterm"});
    json.member("cwd", "/");
    json.key("capabilities");
    json.begin_object();
    for (auto set : {"bounding", "effective", "permitted"})
        json.member(set, kept);
    json.end_object();
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

void write_mounts(JsonWriter& json, TemplateKind kind) {
    json.key("mounts");
    json.begin_array();
    for (const auto& mount : mounts_of(kind)) {
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

void write_namespaces(JsonWriter& json, TemplateKind kind) {
    using enum NamespaceType;
    std::vector<NamespaceType> types = {Pid, Network, Ipc, Uts, Mount, Cgroup};
    if (kind == TemplateKind::Rootless) types = {Pid, Ipc, Uts, Mount, Cgroup, User};
    json.key("namespaces");
    json.begin_array();
    for (auto type : types) {
        json.begin_object();
        json.member("type", name(type));
        json.end_object();
    }
    json.end_array();
}

void write_linux(JsonWriter& json, TemplateKind kind, HostIds ids) {
    json.key("linux");
    json.begin_object();
    if (kind == TemplateKind::Rootless) {
        write_mapping(json, "uidMappings", ids.uid);
        write_mapping(json, "gidMappings", ids.gid);
    } else {
        write_resources(json);
    }
    write_namespaces(json, kind);
    json.member("maskedPaths",
                Words{"/proc/acpi", "/proc/asound", "/proc/interrupts", "/proc/kcore", "/proc/keys",
                      "/proc/latency_stats", "/proc/timer_list", "/proc/timer_stats", "/proc/sched_debug",
                      "/sys/firmware", "/proc/scsi", "/sys/devices/virtual/powercap"});
    json.member("readonlyPaths", Words{"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"});
    json.end_object();
}
}  // namespace

std::string config_template(TemplateKind kind, HostIds ids) {
    JsonWriter json("\t");
    json.begin_object();
    json.member("ociVersion", kSpecVersion);
    write_process(json);
    json.key("root");
    json.begin_object();
    json.member("path", "rootfs");
    json.member("readonly", true);
    json.end_object();
    json.member("hostname", "arca");
    write_mounts(json, kind);
    write_linux(json, kind, ids);
    json.end_object();
    return json.take() + "\n";
}

}  // namespace arca::spec
