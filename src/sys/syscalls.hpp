// One wrapper per system call, named as the kernel names it: argument order kept, EINTR retried where that is right
// (never for close), the failure turned into an Error that repeats the arguments. No policy.
#pragma once

#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/types.h>

#include <cerrno>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "base/text.hpp"
#include "sys/fd.hpp"

namespace arca::sys {

/// The error of a system call that has just failed: `what` with the current errno. Call before anything else.
inline std::unexpected<Error> last_error(std::string what) {
    const int errnum = errno;
    return fail(Code::System, std::move(what), errnum);
}

Result<Fd> open(const std::string& path, int flags, mode_t mode = 0);
Result<Fd> openat(FdRef directory, const std::string& path, int flags, mode_t mode = 0);
/// openat2(2) with RESOLVE_* bits; EAGAIN (a rename raced with the walk) is retried a bounded number of times. Where
/// the call is refused, walk() does the same.
Result<Fd> openat2(FdRef directory, const std::string& path, std::uint64_t flags, std::uint64_t mode,
                   std::uint64_t resolve);

Result<struct stat> fstat(FdRef fd);
Result<struct stat> fstatat(FdRef directory, const std::string& path, int flags);
Result<struct statfs> fstatfs(FdRef fd);
Result<std::string> readlinkat(FdRef directory, const std::string& path);

Result<> mkdirat(FdRef directory, const std::string& path, mode_t mode);
Result<> mknodat(FdRef directory, const std::string& path, mode_t mode, dev_t device);
Result<> symlinkat(const std::string& target, FdRef directory, const std::string& path);
Result<> unlinkat(FdRef directory, const std::string& path, int flags);
Result<> renameat(FdRef from_directory, const std::string& from, FdRef to_directory, const std::string& to);
Result<> fchown(FdRef fd, uid_t uid, gid_t gid);
/// fchownat(AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW): works on O_PATH descriptors.
Result<> fchown_path(FdRef fd, uid_t uid, gid_t gid);
Result<> fchdir(FdRef fd);
Result<> chdir(const std::string& path);

/// Whole content, at most `limit` bytes (an error beyond it).
Result<std::string> read_all(FdRef fd, std::size_t limit = 64U << 20U);
Result<std::string> read_file(const std::string& path, std::size_t limit = 64U << 20U);
Result<std::string> read_file_at(FdRef directory, const std::string& path, std::size_t limit = 64U << 20U);
Result<> write_all(FdRef fd, std::string_view data);
/// One open, one write, for files of procfs, sysfs and cgroupfs, where each write(2) is an operation.
Result<> write_file_at(FdRef directory, const std::string& path, std::string_view data);
/// Temporary file and rename: readers see the old content or the new. No fsync: state lives on tmpfs.
Result<> replace_file_at(FdRef directory, const std::string& name, std::string_view data, mode_t mode);

/// F_DUPFD_CLOEXEC, never below 3.
Result<Fd> duplicate(FdRef fd);
/// Clears FD_CLOEXEC.
Result<> keep_over_exec(FdRef fd);
/// Sets FD_CLOEXEC on every descriptor from `first` on (close_range(CLOSE_RANGE_CLOEXEC)).
Result<> close_on_exec_from(unsigned first);

/// "/proc/self/fd/N": only for calls that take nothing but a path. The caller answers for /proc being the host's.
std::string fd_path(FdRef fd);

}  // namespace arca::sys
