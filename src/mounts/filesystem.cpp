#include "mounts/filesystem.hpp"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/xattr.h>

#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <utility>

#include "base/text.hpp"
#include "mounts/attach.hpp"
#include "mounts/copy_up.hpp"
#include "sys/mount_api.hpp"
#include "sys/syscalls.hpp"

namespace arca::mounts {

namespace {

// fsconfig(2) copies at most 256 bytes of a value, terminator included (strndup_user in fs/fsopen.c).
constexpr std::size_t kMaximalValue = 255;

// File systems of the kernel, where "ro" must stay with the mount: their superblocks are shared or still to be filled.
constexpr std::array<std::string_view, 10> kWithoutDevice = {"proc",    "sysfs",    "tmpfs", "devpts",  "mqueue",
                                                             "cgroup2", "devtmpfs", "ramfs", "tracefs", "debugfs"};

struct SuperblockFlag {
    unsigned long flag;
    const char* name;
};
// fs/fs_context.c common_set_sb_flag; "iversion" and "silent" have no word there and no effect on what is mounted here.
constexpr SuperblockFlag kSuperblockFlags[] = {
    {MS_SYNCHRONOUS, "sync"},
    {MS_DIRSYNC, "dirsync"},
    {MS_MANDLOCK, "mand"},
    {MS_LAZYTIME, "lazytime"},
};

struct AttributeFlag {
    std::uint64_t attribute;
    unsigned long flag;
};
constexpr AttributeFlag kMountFlags[] = {
    {MOUNT_ATTR_RDONLY, MS_RDONLY},         {MOUNT_ATTR_NOSUID, MS_NOSUID},
    {MOUNT_ATTR_NODEV, MS_NODEV},           {MOUNT_ATTR_NOEXEC, MS_NOEXEC},
    {MOUNT_ATTR_NODIRATIME, MS_NODIRATIME}, {MOUNT_ATTR_NOSYMFOLLOW, MS_NOSYMFOLLOW},
    {MOUNT_ATTR_NOATIME, MS_NOATIME},       {MOUNT_ATTR_STRICTATIME, MS_STRICTATIME},
};

bool has_data(const MountStep& step, std::string_view key) {
    return std::any_of(step.data.begin(), step.data.end(), [&](const std::string& option) {
        return option.starts_with(key) && option.size() > key.size() && option[key.size()] == '=';
    });
}

std::uint64_t attributes_at_first(const MountStep& step) {
    return becomes_readonly_late(step) ? step.attributes_set & ~std::uint64_t{MOUNT_ATTR_RDONLY} : step.attributes_set;
}

Result<> set_option(sys::FdRef context, const std::string& option) {
    const auto equals = option.find('=');
    if (equals == std::string::npos) return sys::fsconfig_set(context, option, nullptr);
    const auto value = option.substr(equals + 1);
    return sys::fsconfig_set(context, option.substr(0, equals), &value);
}

Result<> configure(sys::FdRef context, const MountStep& step, const std::string& fs_type) {
    if (!step.source.empty()) TRY(sys::fsconfig_set(context, "source", &step.source));
    for (const auto& flag : kSuperblockFlags)
        if ((step.superblock_flags & flag.flag) != 0) TRY(sys::fsconfig_set(context, flag.name, nullptr));
    const bool on_device = std::find(kWithoutDevice.begin(), kWithoutDevice.end(), fs_type) == kWithoutDevice.end();
    if (on_device && (step.attributes_set & MOUNT_ATTR_RDONLY) != 0) TRY(sys::fsconfig_set(context, "ro", nullptr));
    for (const auto& option : step.data)
        TRY(set_option(context, option));
    return {};
}

bool needs_long_values(const MountStep& step) {
    return std::any_of(step.data.begin(), step.data.end(), [](const std::string& option) {
        const auto equals = option.find('=');
        return equals != std::string::npos && option.size() - equals - 1 > kMaximalValue;
    });
}

unsigned long as_mount_flags(const MountStep& step) {
    unsigned long flags = step.superblock_flags;
    for (const auto& known : kMountFlags)
        if ((attributes_at_first(step) & known.attribute) != 0) flags |= known.flag;
    return flags;
}

// The categories of an SELinux label ("s0:c1,c2") hold the character that separates options.
std::string as_mount_data(const MountStep& step) {
    std::vector<std::string> words;
    for (const auto& option : step.data) {
        const auto equals = option.find('=');
        const bool is_context = equals != std::string::npos && option.substr(0, equals).ends_with("context");
        words.push_back(is_context ? text::cat(option.substr(0, equals + 1), "\"", option.substr(equals + 1), "\"")
                                   : option);
    }
    return text::join(words, ",");
}

// FALLBACK(values longer than fsconfig(2) takes, as the lowerdir of overlay): mount(2) on the descriptor of the target;
// /proc is still the host's here.
Result<> mount_by_path(const MountStep& step, sys::FdRef target, const sys::RootDir& root) {
    TRY(sys::mount(step.source, sys::fd_path(target), step.fs_type, as_mount_flags(step), as_mount_data(step)));
    if (step.propagation.empty()) return {};
    (void)TRY(set_propagation(TRY(root.open(step.destination, O_PATH)), step, When::Attached));
    return {};
}

bool takes_label(const MountStep& step) {
    return step.fs_type != "proc" && step.fs_type != "sysfs" && step.fs_type != "mqueue";
}

/// Its propagation, and attached.
Result<> attach_with_propagation(sys::FdRef tree, sys::FdRef target, const MountStep& step, const sys::RootDir& root) {
    const bool done = TRY(set_propagation(tree, step, When::Detached));
    TRY(attach(tree, target, root, step));
    if (!done) (void)TRY(set_propagation(tree, step, When::Attached));
    return {};
}

// Without mode= a tmpfs looks like the directory it covers; over nothing it is 1777, the kernel's default.
Result<sys::Fd> open_target_of_tmpfs(MountStep& step, const sys::RootDir& root) {
    if (has_data(step, "mode")) return open_target(root, step, S_IFDIR);
    auto existing = root.open(step.destination, O_PATH | O_DIRECTORY);
    if (!existing) return open_target(root, step, S_IFDIR);
    step.data.push_back("mode=" + text::octal(TRY(sys::fstat(*existing)).st_mode & 07777U));
    return existing;
}

Result<> mount_tmpfs(MountStep step, sys::RootDir& root) {
    auto target = TRY(open_target_of_tmpfs(step, root));
    auto tree = TRY(make_detached(step, "tmpfs"));
    if (step.copy_up)
        TRY_CTX(copy_directory(target, tree), text::cat("copying what ", step.destination, " holds into the tmpfs"));
    return attach_filesystem(std::move(tree), target, step, root);
}

Error explain_proc(Error error) {
    if (error.errnum() != EPERM) return error;
    return std::move(error).hinting(
        "the kernel mounts a new procfs in a user namespace only when the pid namespace is that namespace's own and "
        "the "
        "/proc visible now is not partly covered (mount_namespaces(7)); a bind mount of /proc is possible instead");
}

// FALLBACK(EPERM: user namespace that does not own the network namespace): the host's /sys, read-only to the bottom.
Result<sys::Fd> clone_host_sys(const MountStep& step) {
    auto tree = TRY(sys::open_tree(sys::FdRef::working_directory(), "/sys", OPEN_TREE_CLONE | AT_RECURSIVE));
    TRY(sys::mount_setattr(tree, sys::Depth::Recursive, {.set = MOUNT_ATTR_RDONLY}));
    TRY(sys::mount_setattr(tree, sys::Depth::One, {.set = step.attributes_set}));
    return tree;
}

Result<> set_label(sys::FdRef tree, const std::string& label) {
    auto directory = TRY(sys::openat(tree, ".", O_RDONLY | O_DIRECTORY));
    if (::fsetxattr(directory.number(), "security.selinux", label.data(), label.size(), 0) < 0)
        return sys::last_error(text::cat("fsetxattr(security.selinux, ", label, ")"));
    return {};
}

Result<> change_superblock(const MountStep& step, sys::FdRef target) {
    if (step.data.empty() && step.superblock_flags == 0) return {};
    return sys::mount("none", sys::fd_path(target), "", MS_REMOUNT | as_mount_flags(step), text::join(step.data, ","));
}

}  // namespace

Result<sys::Fd> make_detached(const MountStep& step, const std::string& fs_type) {
    auto context = sys::fsopen(fs_type);
    if (!context && context.error().errnum() == ENODEV)
        return fail(Code::Unsupported, text::cat("this kernel has no file system \"", fs_type, "\""), ENODEV);
    if (!context) return context;
    TRY(configure(*context, step, fs_type));
    TRY(sys::fsconfig_create(*context));
    return sys::fsmount(*context, attributes_at_first(step));
}

MountStep labelled(const Plan& plan, const MountStep& step) {
    auto copy = step;
    if (!plan.mount_label.empty() && takes_label(step))
        copy.data.push_back(plan.mount_context + "=" + plan.mount_label);
    return copy;
}

Result<> attach_filesystem(sys::Fd tree, sys::FdRef target, const MountStep& step, sys::RootDir& root) {
    TRY(check_cover(target, tree, step));
    TRY(attach_with_propagation(tree, target, step, root));
    if (step.destination == "/") root = sys::RootDir(std::move(tree), root.display());
    return {};
}

bool becomes_readonly_late(const MountStep& step) {
    return step.kind == MountStep::Kind::Filesystem && !step.remount &&
           (step.attributes_set & MOUNT_ATTR_RDONLY) != 0 && (step.fs_type == "tmpfs" || step.destination == "/dev");
}

Result<sys::Fd> mount_proc(const MountStep& step, sys::RootDir& root) {
    auto target = TRY(open_ordinary_directory(root, step));
    auto tree = make_detached(step, "proc");
    if (!tree) return fail(explain_proc(std::move(tree.error())));
    TRY(attach_with_propagation(*tree, target, step, root));
    TRY(verify_mounted(root, step, PROC_SUPER_MAGIC));
    return tree;
}

Result<> mount_filesystem(const Plan& plan, const MountStep& plain, sys::RootDir& root) {
    const auto step = labelled(plan, plain);
    if (step.fs_type == "tmpfs") return mount_tmpfs(step, root);
    auto target = TRY(open_target(root, step, S_IFDIR));
    if (needs_long_values(step)) return mount_by_path(step, target, root);
    return attach_filesystem(TRY(make_detached(step, step.fs_type)), target, step, root);
}

Result<sys::Fd> mount_sysfs(const Plan& plan, const MountStep& step, sys::RootDir& root) {
    auto target = TRY(open_ordinary_directory(root, step));
    auto tree = make_detached(step, "sysfs");
    if (!tree && tree.error().errnum() == EPERM && plan.bind_devices) tree = clone_host_sys(step);
    if (!tree) return fail(std::move(tree.error()));
    TRY(attach_with_propagation(*tree, target, step, root));
    TRY(verify_mounted(root, step, SYSFS_MAGIC));
    return tree;
}

Result<> mount_mqueue(const Plan& plan, const MountStep& step, sys::RootDir& root) {
    auto target = TRY(open_target(root, step, S_IFDIR));
    auto tree = TRY(make_detached(step, "mqueue"));
    // The context= option is not known to mqueue: its root is labelled afterwards.
    if (!plan.mount_label.empty()) TRY(set_label(tree, plan.mount_label));
    return attach_filesystem(std::move(tree), target, step, root);
}

Result<> remount(const MountStep& step, const sys::RootDir& root) {
    auto target = TRY(root.open(step.destination, O_PATH));
    TRY(change_superblock(step, target));
    auto changed = set_attributes(target, step, When::Attached);
    if (!changed && changed.error().errnum() == EINVAL)
        return fail(std::move(changed.error()).hinting(text::cat("nothing is mounted at ", step.destination)));
    if (!changed) return fail(std::move(changed.error()));
    return {};
}

}  // namespace arca::mounts
