#include "bundle.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include "facts.hpp"
#include "files.hpp"

namespace integration {

namespace {
const char* const kConfig = R"({
  "ociVersion": "1.0.2",
  "process": {
    "terminal": false,
    "user": {"uid": 0, "gid": 0},
    "args": ["/bin/probe", "echo", "hello"],
    "env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "TERM=xterm"],
    "cwd": "/",
    "capabilities": {
      "bounding": ["CAP_AUDIT_WRITE", "CAP_KILL", "CAP_NET_BIND_SERVICE"],
      "effective": ["CAP_AUDIT_WRITE", "CAP_KILL", "CAP_NET_BIND_SERVICE"],
      "permitted": ["CAP_AUDIT_WRITE", "CAP_KILL", "CAP_NET_BIND_SERVICE"]
    },
    "rlimits": [{"type": "RLIMIT_NOFILE", "hard": 1024, "soft": 1024}],
    "noNewPrivileges": true
  },
  "root": {"path": "rootfs", "readonly": true},
  "hostname": "box",
  "mounts": [
    {"destination": "/proc", "type": "proc", "source": "proc"},
    {"destination": "/dev", "type": "tmpfs", "source": "tmpfs",
     "options": ["nosuid", "strictatime", "mode=755", "size=65536k"]},
    {"destination": "/dev/pts", "type": "devpts", "source": "devpts",
     "options": ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"]},
    {"destination": "/dev/shm", "type": "tmpfs", "source": "shm",
     "options": ["nosuid", "noexec", "nodev", "mode=1777", "size=65536k"]},
    {"destination": "/dev/mqueue", "type": "mqueue", "source": "mqueue", "options": ["nosuid", "noexec", "nodev"]},
    {"destination": "/sys", "type": "sysfs", "source": "sysfs", "options": ["nosuid", "noexec", "nodev", "ro"]},
    {"destination": "/sys/fs/cgroup", "type": "cgroup", "source": "cgroup",
     "options": ["nosuid", "noexec", "nodev", "relatime", "ro"]}
  ],
  "linux": {
    "resources": {"devices": [{"allow": false, "access": "rwm"}]},
    "namespaces": [{"type": "pid"}, {"type": "network"}, {"type": "ipc"}, {"type": "uts"}, {"type": "mount"},
                   {"type": "cgroup"}],
    "maskedPaths": ["/proc/acpi", "/proc/asound", "/proc/kcore", "/proc/keys", "/proc/latency_stats",
                    "/proc/timer_list", "/proc/timer_stats", "/proc/sched_debug", "/sys/firmware", "/proc/scsi"],
    "readonlyPaths": ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"]
  }
})";

void place(const std::filesystem::path& from, const std::filesystem::path& to) {
    std::error_code error;
    std::filesystem::create_hard_link(from, to, error);
    if (error) std::filesystem::copy_file(from, to);
}
}  // namespace

Json default_config() {
    static int count = 0;
    Json config = Json::parse(kConfig);
    if (facts().root) {
        const char* form = facts().systemd_manager ? ":arca-it:" : "/arca-it-";
        config["linux"]["cgroupsPath"] = form + std::to_string(getpid()) + "-" + std::to_string(count++);
        return config;
    }
    // What `spec --rootless` changes: an identity map, the caller's network and /sys, no resources.
    auto& linux_block = config["linux"];
    linux_block.erase("resources");
    linux_block["namespaces"] = Json::parse(
        R"([{"type":"pid"},{"type":"ipc"},{"type":"uts"},{"type":"mount"},{"type":"cgroup"},{"type":"user"}])");
    linux_block["uidMappings"] = {{{"containerID", 0}, {"hostID", getuid()}, {"size", 1}}};
    linux_block["gidMappings"] = {{{"containerID", 0}, {"hostID", getgid()}, {"size", 1}}};
    Json mounts = Json::array();
    for (auto mount : config["mounts"]) {
        std::string destination = mount["destination"];
        if (destination == "/sys/fs/cgroup") continue;
        if (destination == "/sys") {
            mount = {{"destination", "/sys"},
                     {"type", "none"},
                     {"source", "/sys"},
                     {"options", {"rbind", "nosuid", "noexec", "nodev", "ro"}}};
        }
        if (destination == "/dev/pts") mount["options"].erase(5);
        mounts.push_back(mount);
    }
    config["mounts"] = mounts;
    return config;
}

Bundle::Bundle(std::filesystem::path directory) : config(default_config()), directory_(std::move(directory)) {
    std::filesystem::create_directories(directory_);
    make_rootfs();
}

void Bundle::make_rootfs() const {
    for (const char* name : {"bin", "dev", "etc", "home", "proc", "root", "run", "sys", "tmp", "usr/bin", "var"}) {
        std::filesystem::create_directories(rootfs() / name);
    }
    ::chmod((rootfs() / "tmp").c_str(), 01777);
    place(facts().probe, rootfs() / "bin/probe");
    if (!facts().busybox.empty()) {
        place(facts().busybox, rootfs() / "bin/busybox");
        std::filesystem::create_symlink("busybox", rootfs() / "bin/sh");
    }
    file("etc/passwd", "root:x:0:0:root:/root:/bin/sh\nuser:x:1000:1000::/home/user:/bin/sh\n");
    file("etc/group", "root:x:0:\nuser:x:1000:\n");
}

void Bundle::write() const {
    write_file(directory_ / "config.json", config.dump(2));
}

void Bundle::add_mount(const std::string& destination, const std::string& type, const std::string& source,
                       const std::vector<std::string>& options) {
    config["mounts"].push_back(
        {{"destination", destination}, {"type", type}, {"source", source}, {"options", options}});
}

Json& Bundle::mount_at(const std::string& destination) {
    for (auto& mount : config["mounts"]) {
        if (mount["destination"] == destination) return mount;
    }
    throw std::out_of_range("no mount at " + destination);
}

void Bundle::drop_mount(const std::string& destination) {
    auto& mounts = config["mounts"];
    for (std::size_t i = 0; i < mounts.size(); ++i) {
        if (mounts[i]["destination"] == destination) mounts.erase(i--);
    }
}

void Bundle::drop_namespace(const std::string& type) {
    auto& list = linux_()["namespaces"];
    for (std::size_t i = 0; i < list.size(); ++i) {
        if (list[i]["type"] == type) list.erase(i--);
    }
}

void Bundle::set_namespace(const std::string& type, const std::string& path) {
    drop_namespace(type);
    Json entry = {{"type", type}};
    if (!path.empty()) entry["path"] = path;
    linux_()["namespaces"].push_back(entry);
}

void Bundle::map_ids(unsigned host, unsigned size) {
    set_namespace("user");
    linux_()["uidMappings"] = {{{"containerID", 0}, {"hostID", host}, {"size", size}}};
    linux_()["gidMappings"] = {{{"containerID", 0}, {"hostID", host}, {"size", size}}};
}

void Bundle::set_capabilities(const Json& names) {
    process()["capabilities"] = {{"bounding", names}, {"effective", names}, {"permitted", names}};
}

void Bundle::add_capabilities(const std::vector<std::string>& names) {
    for (const char* set : {"bounding", "effective", "permitted"}) {
        for (const auto& name : names)
            process()["capabilities"][set].push_back(name);
    }
}

void Bundle::file(const std::string& name, const std::string& content, int mode) const {
    std::filesystem::create_directories((rootfs() / name).parent_path());
    write_file(rootfs() / name, content, mode);
}

void Bundle::directory(const std::string& name, int mode) const {
    std::filesystem::create_directories(rootfs() / name);
    ::chmod((rootfs() / name).c_str(), static_cast<mode_t>(mode));
}

}  // namespace integration
