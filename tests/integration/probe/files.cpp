// Files of the container, and those outside that should not be reachable.
#include <dirent.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "probe.hpp"

namespace probe {

namespace {
const char* type_name(mode_t mode) {
    switch (mode & S_IFMT) {
        case S_IFREG:
            return "file";
        case S_IFDIR:
            return "directory";
        case S_IFCHR:
            return "character";
        case S_IFBLK:
            return "block";
        case S_IFIFO:
            return "fifo";
        case S_IFLNK:
            return "symlink";
        case S_IFSOCK:
            return "socket";
        default:
            return "?";
    }
}

int stat_with(const Words& words, int flags) {
    struct stat st {};
    std::string path = word(words, 0);
    int rc = fstatat(AT_FDCWD, path.c_str(), &st, flags);
    Object object;
    object.error(rc != 0 ? errno : 0).text("path", path);
    if (rc == 0) {
        object.text("type", type_name(st.st_mode))
            .number("mode", st.st_mode & 07777)
            .number("uid", st.st_uid)
            .number("gid", st.st_gid)
            .number("size", st.st_size)
            .number("links", static_cast<long long>(st.st_nlink))
            .number("major", major(st.st_rdev))
            .number("minor", minor(st.st_rdev));
    }
    print(object);
    return 0;
}

int stat_command(const Words& words) {
    return stat_with(words, 0);
}
int lstat_command(const Words& words) {
    return stat_with(words, AT_SYMLINK_NOFOLLOW);
}

int statfs_command(const Words& words) {
    struct statfs fs {};
    int rc = statfs(word(words, 0).c_str(), &fs);
    print(Object()
              .error(rc != 0 ? errno : 0)
              .number("type", fs.f_type)
              .number("flags", fs.f_flags)
              .number("blocks", static_cast<long long>(fs.f_blocks))
              .number("block_size", fs.f_bsize));
    return 0;
}

int readlink_command(const Words& words) {
    char target[4096];
    ssize_t n = readlink(word(words, 0).c_str(), target, sizeof(target));
    print(
        Object().error(n < 0 ? errno : 0).text("target", std::string(target, n < 0 ? 0 : static_cast<std::size_t>(n))));
    return 0;
}

int read_command(const Words& words) {
    int errnum = 0;
    std::string text = slurp(word(words, 0), errnum);
    print(Object().error(errnum).text("text", text));
    return 0;
}

int write_with(const Words& words, int flags) {
    int fd = open(word(words, 0).c_str(), O_WRONLY | O_CLOEXEC | flags, 0644);
    int errnum = fd < 0 ? errno : 0;
    std::string text = word(words, 1);
    if (fd >= 0 && write(fd, text.data(), text.size()) != static_cast<ssize_t>(text.size())) errnum = errno;
    if (fd >= 0) close(fd);
    print(Object().error(errnum));
    return 0;
}

int write_command(const Words& words) {
    return write_with(words, O_CREAT | O_TRUNC);
}
int overwrite_command(const Words& words) {
    return write_with(words, 0);
}

int open_command(const Words& words) {
    std::string how = word(words, 1, "r");
    int flags = how == "rw" ? O_RDWR : how == "w" ? O_WRONLY : O_RDONLY;
    int fd = open(word(words, 0).c_str(), flags | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    print(Object().error(fd < 0 ? errno : 0));
    if (fd >= 0) close(fd);
    return 0;
}

int ls(const Words& words) {
    Words names;
    DIR* dir = opendir(word(words, 0).c_str());
    int errnum = dir == nullptr ? errno : 0;
    while (dirent* entry = dir == nullptr ? nullptr : readdir(dir)) {
        std::string name = entry->d_name;
        if (name != "." && name != "..") names.push_back(name);
    }
    if (dir != nullptr) closedir(dir);
    std::sort(names.begin(), names.end());
    print(Object().error(errnum).texts("names", names));
    return 0;
}

int mkdir_command(const Words& words) {
    print(Object().error(mkdir(word(words, 0).c_str(), 0755) != 0 ? errno : 0));
    return 0;
}

int chmod_command(const Words& words) {
    auto mode = static_cast<mode_t>(strtoul(word(words, 1).c_str(), nullptr, 8));
    print(Object().error(chmod(word(words, 0).c_str(), mode) != 0 ? errno : 0));
    return 0;
}

// mknod PATH c|b MAJOR MINOR
int mknod_command(const Words& words) {
    mode_t type = word(words, 1) == "b" ? S_IFBLK : S_IFCHR;
    dev_t number = makedev(static_cast<unsigned>(atoi(word(words, 2).c_str())),
                           static_cast<unsigned>(atoi(word(words, 3).c_str())));
    print(Object().error(mknod(word(words, 0).c_str(), type | 0666, number) != 0 ? errno : 0));
    return 0;
}

int access_command(const Words& words) {
    int mode = 0;
    for (char c : word(words, 1))
        mode |= c == 'r' ? R_OK : c == 'w' ? W_OK : X_OK;
    print(Object().error(faccessat(AT_FDCWD, word(words, 0).c_str(), mode, AT_EACCESS) != 0 ? errno : 0));
    return 0;
}

/// Connects to a unix stream socket and sends the second word.
int connect_command(const Words& words) {
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    strncpy(address.sun_path, word(words, 0).c_str(), sizeof(address.sun_path) - 1);
    int rc = connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address));
    int errnum = rc != 0 ? errno : 0;
    std::string text = word(words, 1);
    if (rc == 0 && write(fd, text.data(), text.size()) < 0) errnum = errno;
    close(fd);
    print(Object().error(errnum));
    return 0;
}

int read_descriptor(const Words& words) {
    char buffer[4096];
    ssize_t n = read(atoi(word(words, 0).c_str()), buffer, sizeof(buffer));
    print(Object().error(n < 0 ? errno : 0).text("text", std::string(buffer, n < 0 ? 0 : static_cast<std::size_t>(n))));
    return 0;
}

int write_descriptor(const Words& words) {
    std::string text = word(words, 1);
    ssize_t n = write(atoi(word(words, 0).c_str()), text.data(), text.size());
    print(Object().error(n < 0 ? errno : 0));
    return 0;
}
}  // namespace

const Command kFileCommands[] = {
    {"stat", stat_command},           {"lstat", lstat_command},     {"statfs", statfs_command},
    {"readlink", readlink_command},   {"read", read_command},       {"write", write_command},
    {"overwrite", overwrite_command}, {"open", open_command},       {"ls", ls},
    {"mkdir", mkdir_command},         {"chmod", chmod_command},     {"mknod", mknod_command},
    {"access", access_command},       {"connect", connect_command}, {"fdread", read_descriptor},
    {"fdwrite", write_descriptor},    {nullptr, nullptr},
};

}  // namespace probe
