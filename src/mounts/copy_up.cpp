#include "mounts/copy_up.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/sendfile.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <memory>
#include <string>
#include <vector>

#include "base/text.hpp"
#include "sys/syscalls.hpp"

namespace arca::mounts {

namespace {

constexpr int kMaximalDepth = 256;  // each level holds two descriptors
constexpr int kDirectoryFlags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW;

Result<> copy_level(sys::FdRef from, sys::FdRef to, int depth);

Result<std::vector<std::string>> names_in(sys::FdRef directory) {
    auto copy = TRY(sys::openat(directory, ".", kDirectoryFlags));
    std::unique_ptr<DIR, int (*)(DIR*)> stream(::fdopendir(copy.number()), ::closedir);
    if (!stream) return sys::last_error("fdopendir");
    (void)copy.release();  // closedir closes it
    std::vector<std::string> names;
    errno = 0;
    while (const auto* entry = ::readdir(stream.get())) {
        const std::string_view name = entry->d_name;
        if (name != "." && name != "..") names.emplace_back(name);
    }
    if (errno != 0) return sys::last_error("readdir");
    return names;
}

// Attributes that the tmpfs does not take (user.* before Linux 6.6, trusted.* without rights) are left out.
void copy_extended_attributes(sys::FdRef from, sys::FdRef to) {
    std::string names(64U << 10U, '\0');
    std::string value(64U << 10U, '\0');
    const auto length = ::flistxattr(from.number(), names.data(), names.size());
    if (length <= 0) return;
    for (auto name : text::split({names.data(), static_cast<std::size_t>(length) - 1}, '\0')) {
        const std::string key(name);
        const auto size = ::fgetxattr(from.number(), key.c_str(), value.data(), value.size());
        if (size >= 0) (void)::fsetxattr(to.number(), key.c_str(), value.data(), static_cast<std::size_t>(size), 0);
    }
}

// chown(2) clears the set-user-ID bit: the mode comes after it.
Result<> copy_ownership(const struct stat& status, sys::FdRef to) {
    TRY(sys::fchown(to, status.st_uid, status.st_gid));
    if (::fchmod(to.number(), status.st_mode & 07777U) < 0) return sys::last_error("fchmod");
    return {};
}

Result<> copy_file(sys::FdRef from, sys::FdRef to, const std::string& name) {
    auto source = TRY(sys::openat(from, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY));
    auto copy = TRY(sys::openat(to, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600));
    constexpr std::size_t kChunk = 1U << 30U;
    ssize_t moved;
    do
        moved = ::sendfile(copy.number(), source.number(), nullptr, kChunk);
    while (moved > 0 || (moved < 0 && errno == EINTR));
    if (moved < 0) return sys::last_error("sendfile");
    TRY(copy_ownership(TRY(sys::fstat(source)), copy));
    copy_extended_attributes(source, copy);
    return {};
}

Result<> copy_subdirectory(sys::FdRef from, sys::FdRef to, const std::string& name, int depth) {
    auto source = sys::openat2(from, name, kDirectoryFlags, 0, RESOLVE_NO_XDEV | RESOLVE_BENEATH);
    TRY(sys::mkdirat(to, name, 0700));
    if (!source && source.error().errnum() == EXDEV)
        return {};  // a mount point: its own mount comes with its own entry
    if (!source) return fail(std::move(source.error()));
    auto copy = TRY(sys::openat(to, name, kDirectoryFlags));
    TRY(copy_level(*source, copy, depth + 1));
    TRY(copy_ownership(TRY(sys::fstat(*source)), copy));
    copy_extended_attributes(*source, copy);
    return {};
}

Result<> copy_entry(sys::FdRef from, sys::FdRef to, const std::string& name, int depth) {
    const auto status = TRY(sys::fstatat(from, name, AT_SYMLINK_NOFOLLOW));
    if (S_ISDIR(status.st_mode)) return copy_subdirectory(from, to, name, depth);
    if (S_ISREG(status.st_mode)) return copy_file(from, to, name);
    if (S_ISLNK(status.st_mode))
        TRY(sys::symlinkat(TRY(sys::readlinkat(from, name)), to, name));
    else
        TRY(sys::mknodat(to, name, status.st_mode, status.st_rdev));
    auto copy = TRY(sys::openat(to, name, O_PATH | O_NOFOLLOW));
    return sys::fchown_path(copy, status.st_uid, status.st_gid);
}

Result<> copy_level(sys::FdRef from, sys::FdRef to, int depth) {
    if (depth > kMaximalDepth) return fail(Code::System, "directories are nested too deeply to be copied", ELOOP);
    for (const auto& name : TRY(names_in(from)))
        TRY_CTX(copy_entry(from, to, name, depth), text::printable(name));
    return {};
}

}  // namespace

Result<> copy_directory(sys::FdRef from, sys::FdRef to) {
    auto source = TRY(sys::openat(from, ".", kDirectoryFlags));
    auto copy = TRY(sys::openat(to, ".", kDirectoryFlags));
    TRY(copy_level(source, copy, 0));
    const auto status = TRY(sys::fstat(source));
    TRY(sys::fchown(copy, status.st_uid, status.st_gid));
    copy_extended_attributes(source, copy);
    return {};
}

}  // namespace arca::mounts
