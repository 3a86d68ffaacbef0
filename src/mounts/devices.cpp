// Device nodes and the links of /dev. Every node is made through the descriptor of its directory, found inside the
// root.
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include "base/text.hpp"
#include "mounts/execute.hpp"
#include "mounts/explain.hpp"
#include "sys/mount_api.hpp"
#include "sys/syscalls.hpp"

namespace arca::mounts {

namespace {

struct Link {
    const char* path;
    const char* target;
};
// runtime-linux.md#dev-symbolic-links
constexpr Link kLinks[] = {
    {"/dev/fd", "/proc/self/fd"},
    {"/dev/stdin", "/proc/self/fd/0"},
    {"/dev/stdout", "/proc/self/fd/1"},
    {"/dev/stderr", "/proc/self/fd/2"},
};

/// Modes are exact while it lives.
class NoUmask {
  public:
    NoUmask() : saved_(::umask(0)) {}
    ~NoUmask() { ::umask(saved_); }
    NoUmask(const NoUmask&) = delete;
    NoUmask& operator=(const NoUmask&) = delete;

  private:
    mode_t saved_;
};

mode_t type_bits(spec::DeviceType type) {
    switch (type) {
        case spec::DeviceType::Character:
            return S_IFCHR;
        case spec::DeviceType::Block:
            return S_IFBLK;
        case spec::DeviceType::Fifo:
            return S_IFIFO;
    }
    std::unreachable();
}

dev_t number_of(const spec::Device& device) {
    if (device.type == spec::DeviceType::Fifo) return 0;
    return ::makedev(static_cast<unsigned>(device.major), static_cast<unsigned>(device.minor));
}

bool is_device(const struct stat& status, const spec::Device& device) {
    if ((status.st_mode & S_IFMT) != type_bits(device.type)) return false;
    return device.type == spec::DeviceType::Fifo || status.st_rdev == number_of(device);
}

std::string describe_node(mode_t mode, dev_t number) {
    std::string words(describe_type(mode));
    if (S_ISCHR(mode) || S_ISBLK(mode)) words += text::cat(" ", ::major(number), ":", ::minor(number));
    return words;
}

std::unexpected<Error> mismatch(const spec::Device& device, const struct stat& found, std::string_view where) {
    return fail(Code::System, text::cat(device.path, " is ", describe_node(found.st_mode, found.st_rdev), " ", where,
                                        ", wanted ", describe_node(type_bits(device.type), number_of(device))));
}

class DeviceMaker {
  public:
    DeviceMaker(const Plan& plan, const sys::RootDir& root) : plan_(plan), root_(root) {}

    Result<> make(const DeviceNode& node, sys::Fd inherited);
    Result<> make_links();

  private:
    /// Descriptor of the directory that holds `path`; most are in /dev, which is looked up once.
    Result<sys::FdRef> parent_of(const std::string& path);
    Result<> make_link(const Link& link);
    Result<> replace_with_link(const Link& link);
    Result<> make_node(const spec::Device& device, sys::FdRef parent, const std::string& name);
    Result<> bind_node(const spec::Device& device, sys::FdRef parent, const std::string& name, sys::Fd inherited);

    const Plan& plan_;
    const sys::RootDir& root_;
    std::string parent_path_;
    sys::Fd parent_;
};

std::string name_of(const std::string& path) {
    return path.substr(path.rfind('/') + 1);
}

Result<sys::FdRef> DeviceMaker::parent_of(const std::string& path) {
    const auto directory = path.substr(0, path.rfind('/') + 1);
    if (!parent_ || directory != parent_path_) {
        parent_ = TRY(root_.make_directories(directory, 0755));
        parent_path_ = directory;
    }
    return parent_.ref();
}

// config-linux.md#devices: what is there already must be the device that is asked for.
Result<> check_existing(const spec::Device& device, sys::FdRef parent, const std::string& name) {
    const auto status = TRY(sys::fstatat(parent, name, AT_SYMLINK_NOFOLLOW));
    if (is_device(status, device)) return {};
    return mismatch(device, status, "in the root filesystem");
}

// Not by name: it could have been exchanged since it was made.
Result<> own_node(const spec::Device& device, sys::FdRef parent, const std::string& name) {
    if (device.uid == 0 && device.gid == 0) return {};
    auto node = TRY(sys::openat(parent, name, O_PATH | O_NOFOLLOW));
    const auto status = TRY(sys::fstat(node));
    if (!is_device(status, device)) return mismatch(device, status, "in the root filesystem");
    TRY(sys::fchown_path(node, device.uid, device.gid));
    return {};
}

Result<> DeviceMaker::make_node(const spec::Device& device, sys::FdRef parent, const std::string& name) {
    const mode_t mode = type_bits(device.type) | (device.file_mode & 07777U);
    auto made = sys::mknodat(parent, name, mode, number_of(device));
    if (made) return own_node(device, parent, name);
    if (made.error().errnum() == EEXIST) return check_existing(device, parent, name);
    // FALLBACK(EPERM: no CAP_MKNOD, or a user namespace): the host's node is bound.
    if (made.error().errnum() == EPERM && device.type != spec::DeviceType::Fifo)
        return bind_node(device, parent, name, {});
    return made;
}

/// A detached mount of the host's node: under its own name, else under its number (udev keeps /dev/char/1:3).
Result<sys::Fd> clone_host_node(const spec::Device& device) {
    const auto by_number = text::cat(device.type == spec::DeviceType::Block ? "/dev/block/" : "/dev/char/",
                                     device.major, ":", device.minor);
    for (const auto& path : {device.path, by_number}) {
        auto node = sys::open_tree(sys::FdRef::working_directory(), path, OPEN_TREE_CLONE);
        if (node && is_device(TRY(sys::fstat(*node)), device)) return node;
    }
    return fail(Code::System, text::cat("no device can be made in a user namespace, and the host has ",
                                        describe_node(type_bits(device.type), number_of(device)), " neither at ",
                                        device.path, " nor at ", by_number));
}

Result<sys::Fd> open_or_make_file(sys::FdRef parent, const std::string& name) {
    constexpr int kAttempts = 2;  // somebody else may make it in between
    for (int attempt = 0;; ++attempt) {
        auto existing = sys::openat(parent, name, O_PATH | O_NOFOLLOW);
        if (existing || existing.error().errnum() != ENOENT) return existing;
        auto made = sys::openat(parent, name, O_RDONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0644);
        if (made || made.error().errnum() != EEXIST || attempt == kAttempts) return made;
    }
}

Result<> DeviceMaker::bind_node(const spec::Device& device, sys::FdRef parent, const std::string& name,
                                sys::Fd inherited) {
    auto node = inherited ? std::move(inherited) : TRY(clone_host_node(device));
    if (const auto status = TRY(sys::fstat(node)); !is_device(status, device))
        return mismatch(device, status, "on the host");
    auto target = TRY(open_or_make_file(parent, name));
    const auto status = TRY(sys::fstat(target));
    if (S_ISLNK(status.st_mode) || S_ISDIR(status.st_mode)) return mismatch(device, status, "in the root filesystem");
    return sys::move_mount(node, target);
}

Result<> DeviceMaker::make(const DeviceNode& node, sys::Fd inherited) {
    const auto parent = TRY(parent_of(node.device.path));
    const auto name = name_of(node.device.path);
    if (plan_.bind_devices && node.device.type != spec::DeviceType::Fifo)
        return bind_node(node.device, parent, name, std::move(inherited));
    return make_node(node.device, parent, name);
}

Result<> DeviceMaker::make_link(const Link& link) {
    auto made = sys::symlinkat(link.target, TRY(parent_of(link.path)), name_of(link.path));
    if (!made && made.error().errnum() == EEXIST) return {};  // the image's own
    return made;
}

Result<> DeviceMaker::replace_with_link(const Link& link) {
    const auto parent = TRY(parent_of(link.path));
    auto made = sys::symlinkat(link.target, parent, name_of(link.path));
    if (made || made.error().errnum() != EEXIST) return made;
    auto existing = sys::readlinkat(parent, name_of(link.path));
    if (existing && *existing == link.target) return {};
    TRY(sys::unlinkat(parent, name_of(link.path), 0));
    return sys::symlinkat(link.target, parent, name_of(link.path));
}

Result<> DeviceMaker::make_links() {
    for (const auto& link : kLinks)
        TRY_CTX(make_link(link), text::cat("linking ", link.path));
    if (sys::fstatat(sys::FdRef::working_directory(), "/proc/kcore", AT_SYMLINK_NOFOLLOW))
        TRY_CTX(make_link({"/dev/core", "/proc/kcore"}), "linking /dev/core");
    const bool has_pts = std::any_of(plan_.mounts.begin(), plan_.mounts.end(),
                                     [](const MountStep& step) { return step.destination == "/dev/pts"; });
    // The container's own instance of devpts, not the image's idea of it (config-linux.md#default-devices).
    if (has_pts) TRY_CTX(replace_with_link({"/dev/ptmx", "pts/ptmx"}), "linking /dev/ptmx");
    return {};
}

}  // namespace

Result<> make_devices(const Plan& plan, const sys::RootDir& root, Sources& sources) {
    if (!plan.populate_dev) return {};
    const NoUmask exact_modes;
    DeviceMaker maker(plan, root);
    for (std::size_t i = 0; i < plan.devices.size(); ++i) {
        const auto& node = plan.devices[i];
        auto made = maker.make(node, i < sources.devices.size() ? std::move(sources.devices[i]) : sys::Fd());
        if (!made)
            return fail(
                std::move(made.error()).with(text::cat("making the device ", node.device.path)).at(node.pointer));
    }
    return maker.make_links();
}

}  // namespace arca::mounts
