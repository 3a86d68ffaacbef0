#include "facts.hpp"

#include <fcntl.h>
#include <linux/magic.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <regex>
#include <sstream>
#include <string_view>

#include "command.hpp"
#include "files.hpp"

namespace integration {

namespace {
bool powerless_root = false;

std::string setting(const char* variable, const char* fallback) {
    const char* value = std::getenv(variable);
    return std::filesystem::absolute(value != nullptr && *value != '\0' ? value : fallback).lexically_normal().string();
}

bool is_unified(const char* path) {
    struct statfs fs {};
    return statfs(path, &fs) == 0 && fs.f_type == CGROUP2_SUPER_MAGIC;
}

bool can_make_user_namespace() {
    pid_t child = fork();
    if (child == 0) _exit(unshare(CLONE_NEWUSER) == 0 ? 0 : 1);
    int status = 0;
    waitpid(child, &status, 0);
    return status == 0;
}

void identify_runtime(Facts& f) {
    Output version = Command({f.runtime, "--version"}).run();
    std::smatch match;
    std::string text = version.out;
    if (!std::regex_search(text, match, std::regex(R"(^(\w+) version (\d+)\.(\d+)(?:\.(\d+))?)"))) return;
    f.kind = match[1] == "arca"   ? Kind::Arca
             : match[1] == "runc" ? Kind::Runc
             : match[1] == "crun" ? Kind::Crun
                                  : Kind::Other;
    f.major = std::stoi(match[2]);
    f.minor = std::stoi(match[3]);
    f.patch = match[4].matched ? std::stoi(match[4]) : 0;
}

std::string find_busybox() {
    for (const char* path : {"/bin/busybox", "/usr/bin/busybox"}) {
        if (access(path, X_OK) == 0) return path;
    }
    return "";
}

std::vector<std::string> find_v1_controllers() {
    std::vector<std::string> found;
    std::error_code error;
    for (const auto& entry : std::filesystem::directory_iterator("/sys/fs/cgroup", error)) {
        struct statfs fs {};
        if (!entry.is_symlink() && statfs(entry.path().c_str(), &fs) == 0 && fs.f_type == CGROUP_SUPER_MAGIC)
            found.push_back(entry.path().filename());
    }
    return found;
}

/// Since Linux 6.15 the kernel keeps a status for as long as somebody holds a pidfd.
bool kernel_keeps_exit_status() {
    utsname host{};
    int major = 0, minor = 0;
    return uname(&host) == 0 && std::sscanf(host.release, "%d.%d", &major, &minor) == 2 &&
           std::pair(major, minor) >= std::pair(6, 15);
}

Facts probe_facts() {
    Facts f;
    f.runtime = setting("ARCA_TEST_RUNTIME", ARCA_TEST_RUNTIME);
    f.probe = setting("ARCA_TEST_PROBE", ARCA_TEST_PROBE);
    f.refuse = setting("ARCA_TEST_REFUSE", ARCA_TEST_REFUSE);
    f.fault = setting("ARCA_TEST_FAULT", ARCA_TEST_FAULT);
    f.busybox = find_busybox();
    f.root = geteuid() == 0 && !powerless_root;
    f.cgroup_v2 = is_unified("/sys/fs/cgroup") && access("/sys/fs/cgroup/cgroup.subtree_control", W_OK) == 0;
    std::istringstream list(read_file("/sys/fs/cgroup/cgroup.controllers"));
    for (std::string name; list >> name;)
        f.controllers.push_back(name);
    if (!f.cgroup_v2) f.v1_controllers = find_v1_controllers();
    f.user_namespaces = can_make_user_namespace();
    f.time_namespaces = access("/proc/self/ns/time", F_OK) == 0;
    f.mount_setattr = ::syscall(SYS_mount_setattr, -1, "", 0, nullptr, 0) == 0 || errno != ENOSYS;
    f.exit_status_is_told = f.root || kernel_keeps_exit_status();
    f.systemd = access("/run/systemd/system", F_OK) == 0;
    const char* manager = std::getenv("ARCA_TEST_CGROUP_MANAGER");
    f.systemd_manager = manager != nullptr && std::string(manager) == "systemd";
    identify_runtime(f);
    return f;
}
}  // namespace

bool Facts::has_controller(const std::string& name) const {
    return cgroup_v2 && std::find(controllers.begin(), controllers.end(), name) != controllers.end();
}

bool Facts::has_v1_controller(const std::string& name) const {
    // systemd mounts some together, "cpu,cpuacct", and has a link for each.
    return std::any_of(v1_controllers.begin(), v1_controllers.end(), [&](const std::string& together) {
        return ("," + together + ",").find("," + name + ",") != std::string::npos;
    });
}

bool Facts::at_least(Kind which, int want_major, int want_minor) const {
    return kind != which || major > want_major || (major == want_major && minor >= want_minor);
}

std::string table_file(const std::string& name) {
    return setting("ARCA_TEST_TABLES", ARCA_TEST_TABLES) + "/" + name;
}

bool is_sanitized() {
    static const bool found = contains(read_file(facts().runtime), "__asan_init");
    return found;
}

const Facts& facts() {
    static const Facts the_facts = probe_facts();
    return the_facts;
}

void enter_private_view() {
    if (geteuid() != 0) return;
    if (unshare(CLONE_NEWNS) != 0 || mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) {
        perror("root without the right to mount: tests that need root are skipped");
        powerless_root = true;
        return;
    }
    const char* view = std::getenv("ARCA_TEST_CGROUPS");
    if (is_unified("/sys/fs/cgroup") || (view != nullptr && std::string_view(view) == "host")) return;
    if (mount("cgroup2", "/sys/fs/cgroup", "cgroup2", 0, nullptr) != 0) perror("no unified cgroup hierarchy");
}

bool has_capability(int number) {
    std::string status = read_file("/proc/self/status");
    std::size_t at = status.find("CapEff:");
    return at != std::string::npos && (std::stoull(status.substr(at + 7), nullptr, 16) >> number & 1) != 0;
}

}  // namespace integration
