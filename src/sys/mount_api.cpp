#include "sys/mount_api.hpp"

#include <fcntl.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>

#include "sys/procfs.hpp"
#include "sys/syscalls.hpp"

// Declared by <sys/mount.h>, which cannot be included beside <linux/mount.h>.
extern "C" {
int mount(const char* source, const char* target, const char* type, unsigned long flags, const void* data) noexcept;
int umount2(const char* target, int flags) noexcept;
}

namespace arca::sys {

namespace {
// The context's message queue: "e tmpfs: Unknown parameter 'roo'" (e, w or i and a blank, then the text).
std::string kernel_message(FdRef context) {
    std::array<char, 512> buffer{};
    const int saved = errno;
    auto length = ::read(context.number(), buffer.data(), buffer.size());
    errno = saved;
    if (length <= 2) return {};
    return std::string(text::trim({buffer.data() + 2, static_cast<std::size_t>(length) - 2}));
}

// The calls of the mount API that have no older form that is as safe: their absence is told with the remedy.
std::unexpected<Error> mount_api_error(std::string what) {
    auto error = last_error(std::move(what));
    if (error.error().errnum() != ENOSYS) return error;
    return fail(
        std::move(error.error())
            .as(Code::Unsupported)
            .hinting("arca needs open_tree, move_mount, fsopen, fsconfig and fsmount, which Linux has since 5.2; "
                     "a seccomp filter around arca, as that of an outer container, has to allow them"));
}

struct FlagPair {
    unsigned long status;  ///< ST_*, statvfs(3)
    unsigned long flag;    ///< MS_*
    std::uint64_t attribute;
};
constexpr FlagPair kFlags[] = {
    {ST_RDONLY, MS_RDONLY, MOUNT_ATTR_RDONLY},
    {ST_NOSUID, MS_NOSUID, MOUNT_ATTR_NOSUID},
    {ST_NODEV, MS_NODEV, MOUNT_ATTR_NODEV},
    {ST_NOEXEC, MS_NOEXEC, MOUNT_ATTR_NOEXEC},
    {ST_NODIRATIME, MS_NODIRATIME, MOUNT_ATTR_NODIRATIME},
    {0x2000, MS_NOSYMFOLLOW, MOUNT_ATTR_NOSYMFOLLOW},  // ST_NOSYMFOLLOW, since Linux 5.10
};

unsigned long atime_flag(unsigned long status, const MountAttributes& attributes) {
    if ((attributes.clear & MOUNT_ATTR__ATIME) != 0 || (attributes.set & MOUNT_ATTR__ATIME) != 0) {
        if ((attributes.set & MOUNT_ATTR_NOATIME) != 0) return MS_NOATIME;
        return (attributes.set & MOUNT_ATTR_STRICTATIME) != 0 ? MS_STRICTATIME : MS_RELATIME;
    }
    if ((status & ST_NOATIME) != 0) return MS_NOATIME;
    return (status & ST_RELATIME) != 0 ? MS_RELATIME : MS_STRICTATIME;
}

/// A remount replaces all flags: those there are, with the change.
Result<unsigned long> flags_after(FdRef target, const MountAttributes& attributes) {
    struct statvfs status {};
    if (::fstatvfs(target.number(), &status) < 0) return last_error("fstatvfs");
    unsigned long flags = MS_REMOUNT | MS_BIND | atime_flag(status.f_flag, attributes);
    for (const auto& pair : kFlags) {
        const bool was = (status.f_flag & pair.status) != 0;
        if ((attributes.set & pair.attribute) != 0 || (was && (attributes.clear & pair.attribute) == 0))
            flags |= pair.flag;
    }
    return flags;
}

/// mount(2) takes names. The one of a descriptor in a procfs of our own leads to nothing else, wherever we are.
class NameOfDescriptor {
  public:
    static Result<NameOfDescriptor> make(FdRef fd) {
        auto procfs = TRY(Procfs::open());
        auto before = sys::open(".", O_PATH | O_DIRECTORY);
        // Root of a user namespace may not enter the caller's: from then on it is at the root, which anybody may.
        if (!before && before.error().errnum() == EACCES) before = sys::open("/", O_PATH | O_DIRECTORY);
        if (!before) return fail(std::move(before.error()));
        TRY(fchdir(procfs.fd()));
        return NameOfDescriptor(std::move(*before), text::cat("self/fd/", fd.number()));
    }
    NameOfDescriptor(NameOfDescriptor&&) = default;
    ~NameOfDescriptor() {
        if (before_) (void)fchdir(before_);
    }
    const std::string& text() const { return name_; }

  private:
    NameOfDescriptor(Fd before, std::string name) : before_(std::move(before)), name_(std::move(name)) {}
    Fd before_;  ///< the working directory until now
    std::string name_;
};

// FALLBACK(linux<5.12, or an outer seccomp filter without mount_setattr)
Result<> change_by_mount(FdRef target, Depth depth, const MountAttributes& attributes) {
    const auto changed = attributes.set | attributes.clear;
    if (changed != 0 && depth == Depth::Recursive)
        return fail(Error(Code::Unsupported, "recursive attributes need mount_setattr(2)", ENOSYS)
                        .hinting("Linux has it since 5.12; a seccomp filter around arca has to allow it"));
    const auto name = TRY(NameOfDescriptor::make(target));
    if (changed != 0) TRY(mount("none", name.text(), "", TRY(flags_after(target, attributes)), ""));
    if (attributes.propagation == 0) return {};
    return mount("none", name.text(), "", attributes.propagation | (depth == Depth::Recursive ? MS_REC : 0UL), "");
}

std::unexpected<Error> setattr_error() {
    auto error = last_error("mount_setattr");
    const int errnum = error.error().errnum();
    // With a size of nothing the kernel says EINVAL, before it looks at rights: EPERM is a filter's.
    const bool filtered = errnum == EPERM && ::syscall(SYS_mount_setattr, -1, "", 0, nullptr, 0) < 0 && errno == EPERM;
    if (!filtered && errnum != ENOSYS) return error;
    return fail(
        Error(Code::Unsupported, "mount_setattr", ENOSYS)
            .hinting("Linux has it since 5.12; a seccomp filter around arca, as that of an outer container, has "
                     "to allow it"));
}

std::unexpected<Error> context_error(FdRef context, std::string what) {
    const int errnum = errno;
    auto message = kernel_message(context);
    if (!message.empty()) what += ": the kernel says: " + text::printable(message);
    return fail(Code::System, std::move(what), errnum);
}
}  // namespace

Result<Fd> fsopen(const std::string& fs_type) {
    auto fd = ::syscall(SYS_fsopen, fs_type.c_str(), FSOPEN_CLOEXEC);
    if (fd < 0) return mount_api_error(text::cat("fsopen(", fs_type, ")"));
    return Fd(static_cast<int>(fd));
}

Result<> fsconfig_set(FdRef context, const std::string& key, const std::string* value) {
    const auto command = value != nullptr ? FSCONFIG_SET_STRING : FSCONFIG_SET_FLAG;
    const char* argument = value != nullptr ? value->c_str() : nullptr;
    if (::syscall(SYS_fsconfig, context.number(), command, key.c_str(), argument, 0) < 0)
        return context_error(context, text::cat("fsconfig(", key, value != nullptr ? "=" + *value : "", ")"));
    return {};
}

Result<> fsconfig_create(FdRef context) {
    if (::syscall(SYS_fsconfig, context.number(), FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) < 0)
        return context_error(context, "fsconfig(create)");
    return {};
}

Result<Fd> fsmount(FdRef context, std::uint64_t attributes) {
    auto fd = ::syscall(SYS_fsmount, context.number(), FSMOUNT_CLOEXEC, static_cast<unsigned>(attributes));
    if (fd < 0) return context_error(context, "fsmount");
    return Fd(static_cast<int>(fd));
}

Result<Fd> open_tree(FdRef directory, const std::string& path, unsigned flags) {
    auto fd = ::syscall(SYS_open_tree, directory.number(), path.c_str(), flags | OPEN_TREE_CLOEXEC);
    if (fd < 0) return mount_api_error(text::cat("open_tree(", path, ")"));
    return Fd(static_cast<int>(fd));
}

Result<Fd> clone_tree(FdRef source, Depth depth) {
    return open_tree(source, "", OPEN_TREE_CLONE | AT_EMPTY_PATH | (depth == Depth::Recursive ? AT_RECURSIVE : 0U));
}

Result<> move_mount(FdRef tree, FdRef target) {
    if (::syscall(SYS_move_mount, tree.number(), "", target.number(), "",
                  MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0)
        return mount_api_error("move_mount");
    return {};
}

Result<> mount_setattr(FdRef mount, Depth depth, const MountAttributes& attributes) {
    mount_attr attr{};
    attr.attr_set = attributes.set;
    attr.attr_clr = attributes.clear;
    attr.propagation = attributes.propagation;
    if (attributes.user_namespace >= 0) attr.userns_fd = static_cast<std::uint64_t>(attributes.user_namespace);
    const int flags = AT_EMPTY_PATH | (depth == Depth::Recursive ? AT_RECURSIVE : 0);
    if (::syscall(SYS_mount_setattr, mount.number(), "", flags, &attr, sizeof attr) < 0) return setattr_error();
    return {};
}

bool is_refused(const Result<>& call) {
    return !call && call.error().errnum() == ENOSYS;
}

Result<> change_attached(FdRef target, Depth depth, const MountAttributes& attributes) {
    auto changed = mount_setattr(target, depth, attributes);
    return is_refused(changed) ? change_by_mount(target, depth, attributes) : std::move(changed);
}

Result<> mount(const std::string& source, const std::string& target, const std::string& type, unsigned long flags,
               const std::string& data) {
    if (::mount(source.c_str(), target.c_str(), type.empty() ? nullptr : type.c_str(), flags,
                data.empty() ? nullptr : data.c_str()) < 0)
        return last_error(
            text::cat("mount(", source, ", ", target, ", ", type, ", ", text::hex(flags), ", ", data, ")"));
    return {};
}

Result<> umount2(const std::string& target, int flags) {
    if (::umount2(target.c_str(), flags) < 0) return last_error(text::cat("umount2(", target, ")"));
    return {};
}

Result<> pivot_root(const std::string& new_root, const std::string& put_old) {
    if (::syscall(SYS_pivot_root, new_root.c_str(), put_old.c_str()) < 0)
        return last_error(text::cat("pivot_root(", new_root, ", ", put_old, ")"));
    return {};
}

Result<> chroot(const std::string& path) {
    if (::chroot(path.c_str()) < 0) return last_error(text::cat("chroot(", path, ")"));
    return {};
}

}  // namespace arca::sys
