#include "sys/procfs.hpp"

#include <fcntl.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <unistd.h>

#include "sys/mount_api.hpp"
#include "sys/syscalls.hpp"

namespace arca::sys {

namespace {
constexpr ino_t kProcRootInode = 1;

Result<> verify_is_procfs_root(FdRef fd) {
    if (TRY(fstatfs(fd)).f_type != PROC_SUPER_MAGIC || TRY(fstat(fd)).st_ino != kProcRootInode)
        return fail(Code::System, "/proc is not the root of a procfs");
    return {};
}

Result<Fd> mount_privately() {
    auto context = TRY(fsopen("proc"));
    TRY(fsconfig_create(context));
    return fsmount(context, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
}
}  // namespace

Result<Procfs> Procfs::open() {
    auto root = mount_privately();
    if (!root) root = sys::open("/proc", O_PATH | O_DIRECTORY);
    if (!root) return fail(std::move(root.error()));
    TRY(verify_is_procfs_root(*root));
    return Procfs(std::move(*root));
}

Result<Fd> Procfs::open(const std::string& path, int flags) const {
    std::string_view rest = path;
    // /proc/self is a symlink; put the pid in its place so that none need be followed.
    std::string resolved = path;
    if (rest.starts_with("self/")) resolved = text::cat(TRY(readlinkat(root_, "self")), "/", rest.substr(5));
    return openat2(root_, resolved, static_cast<std::uint64_t>(flags), 0,
                   RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV);
}

Result<> Procfs::write(const std::string& path, std::string_view data) const {
    auto fd = TRY_CTX(open(path, O_WRONLY), text::cat("/proc/", path));
    ssize_t count;
    do
        count = ::write(fd.number(), data.data(), data.size());
    while (count < 0 && errno == EINTR);
    if (count < 0) return last_error(text::cat("write(/proc/", path, ", \"", data, "\")"));
    return {};
}

Result<std::string> Procfs::read(const std::string& path) const {
    return read_all(TRY(open(path, O_RDONLY)));
}

}  // namespace arca::sys
