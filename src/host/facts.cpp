#include "host/facts.hpp"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <optional>

#include "sys/syscalls.hpp"

namespace arca::host {

namespace {
constexpr const char* kCgroupRoot = "/sys/fs/cgroup";
constexpr const char* kHybridMount = "/sys/fs/cgroup/unified";
// PROC_USER_INIT_INO of include/linux/proc_ns.h: fixed since Linux 3.8.
constexpr ino_t kInitialUserNamespace = 0xEFFFFFFDU;

/// 0 where there is nothing, or nothing for us. What could not be asked is another matter: it says nothing of the host.
Result<std::uint64_t> file_system_magic(const char* path) {
    struct statfs status {};
    if (::statfs(path, &status) == 0) return static_cast<std::uint64_t>(status.f_type);
    if (errno == ENOENT || errno == ENOTDIR || errno == EACCES) return std::uint64_t{0};
    return sys::last_error(text::cat("statfs(", path, ")"));
}

/// Empty where the kernel has no such file.
Result<std::string> read_if_there(const char* path) {
    auto content = sys::read_file(path);
    if (!content && content.error().errnum() == ENOENT) return std::string();
    return content;
}

struct Membership {
    std::string_view controllers;
    std::string_view path;
};

// A line is "hierarchy:controllers:path"; the path may hold colons (cgroups(7)).
Membership parse_membership(std::string_view line) {
    auto first = line.find(':');
    auto second = first == std::string_view::npos ? first : line.find(':', first + 1);
    if (second == std::string_view::npos) return {};
    return {line.substr(first + 1, second - first - 1), line.substr(second + 1)};
}

struct CgroupMount {
    std::string root;  ///< the cgroup that is mounted, "/" where it is all of the hierarchy
    std::string point;
    std::vector<std::string_view> options;  ///< of the superblock: controllers among others
};

// proc_pid_mountinfo(5) writes blanks and backslashes as \\ooo.
std::string unescape(std::string_view field) {
    constexpr std::size_t kEscapeLength = 4;
    std::string out;
    for (std::size_t i = 0; i < field.size(); ++i) {
        const bool is_escape = field[i] == '\\' && i + kEscapeLength <= field.size();
        const auto octal = is_escape ? field.substr(i + 1, 3) : std::string_view();
        if (!is_escape || octal.find_first_not_of("01234567") != std::string_view::npos) {
            out += field[i];
            continue;
        }
        out += static_cast<char>((octal[0] - '0') * 64 + (octal[1] - '0') * 8 + (octal[2] - '0'));
        i += kEscapeLength - 1;
    }
    return out;
}

// "31 23 0:29 ROOT POINT OPTIONS [TAGS...] - cgroup SOURCE SUPERBLOCK-OPTIONS"
std::optional<CgroupMount> parse_cgroup_mount(std::string_view line) {
    constexpr std::string_view kSeparator = " - cgroup ";
    const auto separator = line.find(kSeparator);
    if (separator == std::string_view::npos) return std::nullopt;
    const auto before = text::split(line.substr(0, separator), ' ');
    const auto after = text::split(line.substr(separator + kSeparator.size()), ' ');
    if (before.size() < 6 || after.size() < 2) return std::nullopt;
    return CgroupMount{unescape(before[3]), unescape(before[4]), text::split(after[1], ',')};
}

std::vector<CgroupMount> cgroup_mounts(std::string_view mountinfo) {
    std::vector<CgroupMount> mounts;
    for (auto line : text::split(mountinfo, '\n'))
        if (auto mount = parse_cgroup_mount(line)) mounts.push_back(std::move(*mount));
    // The usual place before any other, where a container's or somebody's own may be.
    std::ranges::stable_partition(
        mounts, [](const auto& mount) { return mount.point.starts_with(text::cat(kCgroupRoot, "/")); });
    return mounts;
}

bool has_all(const CgroupMount& mount, std::string_view controllers) {
    const auto names = text::split(controllers, ',');
    return std::ranges::all_of(
        names, [&](auto name) { return std::ranges::find(mount.options, name) != mount.options.end(); });
}

// "/docker/x/y" seen through a mount of "/docker/x" is "/y"; what lies outside of it cannot be told.
std::string below_mount(std::string_view path, std::string_view root) {
    if (root == "/") return std::string(path);
    if (path.starts_with(root) && path.substr(root.size()).starts_with('/'))
        return std::string(path.substr(root.size()));
    return "/";
}

bool has_v1_hierarchies(std::string_view memberships) {
    auto lines = text::split(memberships, '\n');
    return std::ranges::any_of(lines, [](auto line) { return !parse_membership(line).controllers.empty(); });
}
}  // namespace

std::string cgroup2_path(std::string_view memberships) {
    for (auto line : text::split(memberships, '\n')) {
        if (!line.starts_with("0::")) continue;
        auto path = line.substr(3);
        constexpr std::string_view kDeleted = " (deleted)";
        if (path.ends_with(kDeleted)) path.remove_suffix(kDeleted.size());
        return std::string(path);
    }
    return {};
}

std::vector<V1Hierarchy> find_v1_hierarchies(std::string_view memberships, std::string_view mountinfo) {
    const auto mounts = cgroup_mounts(mountinfo);
    std::vector<V1Hierarchy> found;
    for (auto line : text::split(memberships, '\n')) {
        const auto membership = parse_membership(line);
        if (membership.controllers.empty()) continue;  // the v2 line
        const auto mount =
            std::ranges::find_if(mounts, [&](const auto& known) { return has_all(known, membership.controllers); });
        if (mount == mounts.end()) continue;
        found.push_back({std::string(membership.controllers), mount->point, below_mount(membership.path, mount->root)});
    }
    return found;
}

bool is_v1_controller(std::string_view memberships, std::string_view controller) {
    if (controller.empty()) return false;  // the v2 line has an empty list
    for (auto line : text::split(memberships, '\n')) {
        auto controllers = text::split(parse_membership(line).controllers, ',');
        if (std::ranges::find(controllers, controller) != controllers.end()) return true;
    }
    return false;
}

// proc(5): the mount point is the fifth field, the type of the file system the first after a single "-".
std::string resctrl_mount(std::string_view mountinfo) {
    for (auto line : text::split(mountinfo, '\n')) {
        const auto fields = text::split(line, ' ');
        const auto separator = std::ranges::find(fields, "-");
        if (fields.size() > 4 && separator != fields.end() && separator + 1 != fields.end() &&
            *(separator + 1) == "resctrl")
            return std::string(fields[4]);
    }
    return {};
}

CgroupLayout classify(const CgroupEvidence& evidence) {
    if (evidence.root_magic == CGROUP2_SUPER_MAGIC) return CgroupLayout::Unified;
    if (evidence.unified_magic == CGROUP2_SUPER_MAGIC) return CgroupLayout::Hybrid;
    // Where no hierarchy is mounted, /sys/fs/cgroup is an empty directory of sysfs or a tmpfs nobody filled.
    const bool may_hold_v1 = evidence.root_magic == TMPFS_MAGIC || evidence.root_magic == CGROUP_SUPER_MAGIC;
    return may_hold_v1 && has_v1_hierarchies(evidence.memberships) ? CgroupLayout::Legacy : CgroupLayout::None;
}

Result<bool> in_initial_user_namespace() {
    auto status = sys::fstatat(sys::FdRef::working_directory(), "/proc/self/ns/user", 0);
    // Without CONFIG_USER_NS there is no such file and nothing but the initial namespace.
    if (!status && status.error().errnum() == ENOENT && TRY(file_system_magic("/proc")) == PROC_SUPER_MAGIC)
        return true;
    return TRY_CTX(std::move(status), "which user namespace is this").st_ino == kInitialUserNamespace;
}

Result<Facts> probe() {
    Facts facts;
    facts.euid = ::geteuid();
    facts.egid = ::getegid();
    facts.in_initial_user_namespace = TRY(in_initial_user_namespace());
    // user_namespaces(7): only who makes a user namespace can deny it.
    if (!facts.in_initial_user_namespace)
        facts.setgroups_denied = TRY(read_if_there("/proc/self/setgroups")).starts_with("deny");
    // Absent in a kernel without cgroups.
    const auto memberships = TRY(read_if_there("/proc/self/cgroup"));
    CgroupEvidence evidence{.root_magic = TRY(file_system_magic(kCgroupRoot)), .memberships = memberships};
    if (evidence.root_magic != CGROUP2_SUPER_MAGIC) evidence.unified_magic = TRY(file_system_magic(kHybridMount));
    facts.cgroup_layout = classify(evidence);
    if (facts.cgroup_layout == CgroupLayout::Unified) facts.cgroup2_mount = kCgroupRoot;
    if (facts.cgroup_layout == CgroupLayout::Hybrid) facts.cgroup2_mount = kHybridMount;
    if (!facts.cgroup2_mount.empty()) facts.own_cgroup = cgroup2_path(memberships);
    if (facts.cgroup_layout == CgroupLayout::Hybrid || facts.cgroup_layout == CgroupLayout::Legacy)
        facts.v1_hierarchies = find_v1_hierarchies(memberships, TRY(sys::read_file("/proc/self/mountinfo")));
    return facts;
}

}  // namespace arca::host
