#include "sys/mount_api.hpp"

#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>

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

std::unexpected<Error> context_error(FdRef context, std::string what) {
    const int errnum = errno;
    auto message = kernel_message(context);
    if (!message.empty()) what += ": the kernel says: " + text::printable(message);
    return fail(Code::System, std::move(what), errnum);
}
}  // namespace

Result<Fd> fsopen(const std::string& fs_type) {
    auto fd = ::syscall(SYS_fsopen, fs_type.c_str(), FSOPEN_CLOEXEC);
    if (fd < 0) return last_error(text::cat("fsopen(", fs_type, ")"));
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
    if (fd < 0) return last_error(text::cat("open_tree(", path, ")"));
    return Fd(static_cast<int>(fd));
}

Result<Fd> clone_tree(FdRef source, Depth depth) {
    return open_tree(source, "", OPEN_TREE_CLONE | AT_EMPTY_PATH | (depth == Depth::Recursive ? AT_RECURSIVE : 0U));
}

Result<> move_mount(FdRef tree, FdRef target) {
    if (::syscall(SYS_move_mount, tree.number(), "", target.number(), "",
                  MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0)
        return last_error("move_mount");
    return {};
}

Result<> mount_setattr(FdRef mount, Depth depth, const MountAttributes& attributes) {
    mount_attr attr{};
    attr.attr_set = attributes.set;
    attr.attr_clr = attributes.clear;
    attr.propagation = attributes.propagation;
    if (attributes.user_namespace >= 0) attr.userns_fd = static_cast<std::uint64_t>(attributes.user_namespace);
    const int flags = AT_EMPTY_PATH | (depth == Depth::Recursive ? AT_RECURSIVE : 0);
    if (::syscall(SYS_mount_setattr, mount.number(), "", flags, &attr, sizeof attr) < 0)
        return last_error("mount_setattr");
    return {};
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
