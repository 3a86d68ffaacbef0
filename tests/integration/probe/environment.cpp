// What surrounds the process: mounts, descriptors, environment, terminal, network, cgroup, names, clocks.
#include <dirent.h>
#include <fcntl.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <ctime>

#include "probe.hpp"

extern char** environ;

namespace probe {

namespace {
Words lines_of(const std::string& path) {
    int errnum = 0;
    Words lines;
    std::string content = slurp(path, errnum);
    for (std::size_t at = 0; at < content.size();) {
        std::size_t end = content.find('\n', at);
        if (end == std::string::npos) end = content.size();
        lines.push_back(content.substr(at, end - at));
        at = end + 1;
    }
    return lines;
}

int mounts(const Words&) {
    print(Object().texts("mountinfo", lines_of("/proc/self/mountinfo")));
    return 0;
}

int cgroup(const Words&) {
    print(Object().texts("cgroup", lines_of("/proc/self/cgroup")));
    return 0;
}

int fds(const Words&) {
    Object object;
    DIR* dir = opendir("/proc/self/fd");
    if (dir == nullptr) {
        print(object.error(errno));
        return 0;
    }
    while (dirent* entry = readdir(dir)) {
        if (entry->d_name[0] == '.' || atoi(entry->d_name) == dirfd(dir)) continue;
        char target[4096];
        ssize_t n = readlinkat(dirfd(dir), entry->d_name, target, sizeof(target));
        object.text(entry->d_name, std::string(target, n < 0 ? 0 : static_cast<std::size_t>(n)));
    }
    print(object);
    closedir(dir);
    return 0;
}

int env(const Words&) {
    Words list;
    for (char** entry = environ; *entry != nullptr; ++entry)
        list.emplace_back(*entry);
    print(Object().texts("env", list));
    return 0;
}

int cwd(const Words&) {
    char path[4096] = "";
    // The system call, not the library's function: an unreachable directory must show as such (getcwd(2)).
    long n = syscall(SYS_getcwd, path, sizeof(path));
    print(Object().error(n < 0 ? errno : 0).text("cwd", n < 0 ? "" : path));
    return 0;
}

int uname_command(const Words&) {
    utsname name{};
    uname(&name);
    print(Object().text("hostname", name.nodename).text("domainname", name.domainname).text("machine", name.machine));
    return 0;
}

int tty(const Words&) {
    winsize size{};
    ioctl(0, TIOCGWINSZ, &size);
    int controlling = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
    const char* name = ttyname(0);
    print(Object()
              .boolean("stdin", isatty(0) == 1)
              .boolean("stdout", isatty(1) == 1)
              .boolean("stderr", isatty(2) == 1)
              .number("rows", size.ws_row)
              .number("columns", size.ws_col)
              .boolean("controlling", controlling >= 0)
              .text("name", name == nullptr ? "" : name));
    if (controlling >= 0) close(controlling);
    return 0;
}

int interface_flags(const char* name, int& errnum) {
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    ifreq request{};
    strncpy(request.ifr_name, name, IFNAMSIZ - 1);
    errnum = fd < 0 || ioctl(fd, SIOCGIFFLAGS, &request) != 0 ? errno : 0;
    if (fd >= 0) close(fd);
    return request.ifr_flags;
}

int loopback(const Words& words) {
    int errnum = 0;
    int flags = interface_flags(word(words, 0, "lo").c_str(), errnum);
    print(Object().error(errnum).boolean("up", (flags & IFF_UP) != 0));
    return 0;
}

int interfaces(const Words&) {
    Words names;
    if (struct if_nameindex* list = if_nameindex()) {
        for (auto* entry = list; entry->if_index != 0; ++entry)
            names.emplace_back(entry->if_name);
        if_freenameindex(list);
    }
    print(Object().texts("interfaces", names));
    return 0;
}

int clocks(const Words&) {
    timespec monotonic{}, boot{};
    clock_gettime(CLOCK_MONOTONIC, &monotonic);
    clock_gettime(CLOCK_BOOTTIME, &boot);
    print(Object()
              .number("monotonic", monotonic.tv_sec)
              .number("boottime", boot.tv_sec)
              .texts("offsets", lines_of("/proc/self/timens_offsets")));
    return 0;
}
}  // namespace

const Command kEnvironmentCommands[] = {
    {"mounts", mounts}, {"cgroup", cgroup}, {"fds", fds},
    {"env", env},       {"cwd", cwd},       {"uname", uname_command},
    {"tty", tty},       {"lo", loopback},   {"interfaces", interfaces},
    {"clocks", clocks}, {nullptr, nullptr},
};

}  // namespace probe
