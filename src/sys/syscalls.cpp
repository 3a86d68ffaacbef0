#include "sys/syscalls.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include "sys/walk.hpp"

namespace arca::sys {

namespace {
template<class Call>
auto retry_eintr(Call call) {
    decltype(call()) result;
    do
        result = call();
    while (result < 0 && errno == EINTR);
    return result;
}

constexpr unsigned kCloseRangeCloexec = 1U << 2U;  // CLOSE_RANGE_CLOEXEC

// FALLBACK(linux<5.11, or an outer seccomp filter without close_range): one by one, as procfs lists them; never up to
// RLIMIT_NOFILE, which may be a million and may have been lowered below numbers in use.
Result<> close_on_exec_one_by_one(unsigned first) {
    auto directory = TRY(open("/proc/self/fd", O_RDONLY | O_DIRECTORY));
    if (TRY(fstatfs(directory)).f_type != PROC_SUPER_MAGIC)
        return fail(Code::System, "/proc/self/fd is not on a procfs: the open descriptors are unknown");
    alignas(dirent64) std::array<char, 4096> buffer{};
    for (;;) {
        auto size = ::getdents64(directory.number(), buffer.data(), buffer.size());
        if (size < 0) return last_error("getdents64(/proc/self/fd)");
        if (size == 0) return {};
        for (ssize_t at = 0; at < size;) {
            const auto* entry = reinterpret_cast<const dirent64*>(buffer.data() + at);
            at += entry->d_reclen;
            auto number = text::to_uint(entry->d_name);
            if (number && *number >= first) ::fcntl(static_cast<int>(*number), F_SETFD, FD_CLOEXEC);
        }
    }
}

// An outer seccomp filter answers whatever it likes, the kernel knows the call: the same call without sense tells them
// apart.
bool openat2_is_refused(int errnum) {
    if (errnum != EPERM) return errnum == ENOSYS;
    return ::syscall(SYS_openat2, -1, "", nullptr, 0) < 0 && errno == EPERM;
}

Result<> check(int result, std::string_view call, std::string_view path) {
    if (result < 0) return last_error(text::cat(call, "(", path, ")"));
    return {};
}
}  // namespace

Result<Fd> open(const std::string& path, int flags, mode_t mode) {
    return openat(FdRef::working_directory(), path, flags, mode);
}

Result<Fd> openat(FdRef directory, const std::string& path, int flags, mode_t mode) {
    int fd = retry_eintr([&] { return ::openat(directory.number(), path.c_str(), flags | O_CLOEXEC, mode); });
    if (fd < 0) return last_error(text::cat("open(", path, ")"));
    return Fd(fd);
}

Result<Fd> openat2(FdRef directory, const std::string& path, std::uint64_t flags, std::uint64_t mode,
                   std::uint64_t resolve) {
    open_how how{};
    how.flags = flags | O_CLOEXEC;
    how.mode = mode;
    how.resolve = resolve;
    constexpr int kMaximalRaces = 256;
    for (int attempt = 0;; ++attempt) {
        auto fd = ::syscall(SYS_openat2, directory.number(), path.c_str(), &how, sizeof how);
        if (fd >= 0) return Fd(static_cast<int>(fd));
        if (errno == EINTR) continue;
        if (errno == EAGAIN && attempt < kMaximalRaces) continue;
        auto error = last_error(text::cat("openat2(", path, ")"));
        // FALLBACK(linux<5.6, or an outer seccomp filter without openat2)
        if (openat2_is_refused(error.error().errnum())) return walk(directory, path, flags, resolve);
        return error;
    }
}

Result<struct stat> fstat(FdRef fd) {
    struct stat status {};
    if (::fstat(fd.number(), &status) < 0) return last_error("fstat");
    return status;
}

Result<struct stat> fstatat(FdRef directory, const std::string& path, int flags) {
    struct stat status {};
    if (::fstatat(directory.number(), path.c_str(), &status, flags) < 0)
        return last_error(text::cat("stat(", path, ")"));
    return status;
}

Result<struct statfs> fstatfs(FdRef fd) {
    struct statfs status {};
    if (retry_eintr([&] { return ::fstatfs(fd.number(), &status); }) < 0) return last_error("fstatfs");
    return status;
}

Result<std::string> readlinkat(FdRef directory, const std::string& path) {
    std::array<char, 4096> buffer{};
    auto length = ::readlinkat(directory.number(), path.c_str(), buffer.data(), buffer.size());
    if (length < 0) return last_error(text::cat("readlink(", path, ")"));
    return std::string(buffer.data(), static_cast<std::size_t>(length));
}

Result<> mkdirat(FdRef directory, const std::string& path, mode_t mode) {
    return check(::mkdirat(directory.number(), path.c_str(), mode), "mkdir", path);
}

Result<> mknodat(FdRef directory, const std::string& path, mode_t mode, dev_t device) {
    return check(::mknodat(directory.number(), path.c_str(), mode, device), "mknod", path);
}

Result<> symlinkat(const std::string& target, FdRef directory, const std::string& path) {
    return check(::symlinkat(target.c_str(), directory.number(), path.c_str()), "symlink", path);
}

Result<> unlinkat(FdRef directory, const std::string& path, int flags) {
    return check(::unlinkat(directory.number(), path.c_str(), flags), "unlink", path);
}

Result<> renameat(FdRef from_directory, const std::string& from, FdRef to_directory, const std::string& to) {
    return check(::renameat(from_directory.number(), from.c_str(), to_directory.number(), to.c_str()), "rename", to);
}

Result<> fchown(FdRef fd, uid_t uid, gid_t gid) {
    return check(::fchown(fd.number(), uid, gid), "fchown", "");
}

Result<> fchown_path(FdRef fd, uid_t uid, gid_t gid) {
    return check(::fchownat(fd.number(), "", uid, gid, AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW), "fchown", "");
}

Result<> fchdir(FdRef fd) {
    return check(::fchdir(fd.number()), "fchdir", "");
}
Result<> chdir(const std::string& path) {
    return check(::chdir(path.c_str()), "chdir", path);
}

namespace {
constexpr std::size_t kSmallFile = 4096;

/// For all of a file of which that much has been read.
std::size_t room_for(FdRef fd, std::size_t used) {
    struct stat status {};
    const auto size = ::fstat(fd.number(), &status) == 0 ? static_cast<std::size_t>(status.st_size) : 0;
    return std::max(size + 1, used * 2);
}
}  // namespace

Result<std::string> read_all(FdRef fd, std::size_t limit) {
    std::string content;
    std::size_t used = 0;
    for (;;) {
        // Most files are small, and those of procfs tell no size: it is asked for when there is more.
        if (used == content.size()) content.resize(std::min(limit + 1, used == 0 ? kSmallFile : room_for(fd, used)));
        auto count = retry_eintr([&] { return ::read(fd.number(), content.data() + used, content.size() - used); });
        if (count < 0) return last_error("read");
        used += static_cast<std::size_t>(count);
        if (used > limit) return fail(Code::System, text::cat("read: longer than ", limit, " bytes"), EFBIG);
        if (count == 0) break;
    }
    content.resize(used);
    return content;
}

Result<std::string> read_file(const std::string& path, std::size_t limit) {
    return read_file_at(FdRef::working_directory(), path, limit);
}

Result<std::string> read_file_at(FdRef directory, const std::string& path, std::size_t limit) {
    auto fd = TRY(openat(directory, path, O_RDONLY | O_NOCTTY));
    return TRY_CTX(read_all(fd, limit), path);
}

Result<> write_all(FdRef fd, std::string_view data) {
    while (!data.empty()) {
        auto count = retry_eintr([&] { return ::write(fd.number(), data.data(), data.size()); });
        if (count < 0) return last_error("write");
        data.remove_prefix(static_cast<std::size_t>(count));
    }
    return {};
}

Result<> write_file_at(FdRef directory, const std::string& path, std::string_view data) {
    auto fd = TRY(openat(directory, path, O_WRONLY | O_NOCTTY));
    auto count = retry_eintr([&] { return ::write(fd.number(), data.data(), data.size()); });
    if (count < 0) return last_error(text::cat("write(", path, ", \"", text::trim(data), "\")"));
    return {};
}

Result<> replace_file_at(FdRef directory, const std::string& name, std::string_view data, mode_t mode) {
    const auto temporary = text::cat(".", name, ".", ::getpid());
    auto fd = TRY(openat(directory, temporary, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, mode));
    auto written = write_all(fd, data);
    fd.reset();
    if (written) written = renameat(directory, temporary, directory, name);
    if (!written) {
        (void)unlinkat(directory, temporary, 0);
        return fail(std::move(written.error()).with(text::cat("writing ", name)));
    }
    return {};
}

Result<Fd> duplicate(FdRef fd) {
    int copy = ::fcntl(fd.number(), F_DUPFD_CLOEXEC, 3);
    if (copy < 0) return last_error("fcntl(F_DUPFD_CLOEXEC)");
    return Fd(copy);
}

Result<> keep_over_exec(FdRef fd) {
    return check(::fcntl(fd.number(), F_SETFD, 0), "fcntl", "F_SETFD");
}

Result<> close_on_exec_from(unsigned first) {
    if (::syscall(SYS_close_range, first, ~0U, kCloseRangeCloexec) == 0) return {};
    return close_on_exec_one_by_one(first);
}

std::string fd_path(FdRef fd) {
    return text::cat("/proc/self/fd/", fd.number());
}

}  // namespace arca::sys
