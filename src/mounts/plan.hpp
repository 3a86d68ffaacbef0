// What the root filesystem of a container will look like: decided here, purely; nothing is looked up.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "spec/types.hpp"

namespace arca::mounts {

/// One entry of config.json's mounts, its options decoded.
struct MountStep {
    enum class Kind : std::uint8_t {
        Bind,        ///< source is a path of the host
        Filesystem,  ///< a new instance of `fs_type` (proc, tmpfs, devpts, overlay, ...)
        Mqueue,
        Sysfs,
        Cgroup,  ///< the container's view of the cgroup hierarchy
    };
    Kind kind = Kind::Filesystem;
    std::string destination;  ///< inside the root, absolute
    std::string source;       ///< bind: absolute path on the host
    std::string fs_type;
    bool recursive_bind = false;
    std::uint64_t attributes_set = 0;    ///< MOUNT_ATTR_*
    std::uint64_t attributes_clear = 0;  ///< asked for explicitly ("rw", "exec")
    std::uint64_t recursive_set = 0;     ///< from rro, rnosuid, ...
    std::uint64_t recursive_clear = 0;
    unsigned long superblock_flags = 0;      ///< MS_SYNCHRONOUS, MS_DIRSYNC, MS_MANDLOCK, MS_LAZYTIME, ...
    std::vector<std::uint64_t> propagation;  ///< MS_SHARED etc., with MS_REC, in order
    std::vector<std::string> data;           ///< "size=64k", one option each
    bool copy_up = false;                    ///< tmpcopyup
    bool copy_symlink = false;
    bool remount = false;
    bool id_mapped = false;
    bool id_mapped_recursive = false;
    std::vector<spec::IdMapping> uid_mappings;  ///< of the id-mapped mount, the container's when it has none of its own
    std::vector<spec::IdMapping> gid_mappings;
    std::string pointer;  ///< "/mounts/7"
    bool operator==(const MountStep&) const = default;
};

struct DeviceNode {
    spec::Device device;
    bool is_default = false;
    std::string pointer;  ///< "/linux/devices/0"; empty for a default device
};

/// What the container sees of one hierarchy of cgroup v1.
struct V1Hierarchy {
    std::string controllers;  ///< "cpu,cpuacct", "name=systemd"
    std::string mount_point;  ///< of the host
    std::string path;         ///< of the container, below it
    bool operator==(const V1Hierarchy&) const = default;
};

struct Plan {
    std::string rootfs;  ///< absolute path on the host
    std::string bundle;
    bool root_readonly = false;
    std::optional<spec::RootfsPropagation> root_propagation;
    bool no_pivot = false;
    std::vector<MountStep> mounts;
    std::vector<DeviceNode> devices;  ///< defaults first
    bool populate_dev = true;         ///< false when /dev is a bind mount of the caller
    bool bind_devices = false;        ///< in a user namespace mknod is refused: bind the host's nodes
    std::vector<std::string> masked_paths;
    std::vector<std::string> readonly_paths;
    std::string mount_label;
    /// The option of mount(8) that takes the label; another one by crun's annotation run.oci.mount_context_type.
    std::string mount_context = "context";
    // for the cgroup mount
    /// Without a cgroup namespace of its own, a container of the host's root sees the whole hierarchy, as runc and crun
    /// show it; any other sees its own cgroup only (CVE-2023-25809).
    bool whole_cgroup_hierarchy = false;
    bool private_cgroup_namespace = false;
    std::string cgroup2_mount;                ///< of the host
    std::string cgroup_path;                  ///< of the container, below it
    std::vector<V1Hierarchy> v1_hierarchies;  ///< where there are any, each gets a mount of its own
    bool new_user_namespace = false;
    bool new_network_namespace = true;
};

struct Input {
    std::string rootfs;
    std::string bundle;
    bool no_pivot = false;
    bool new_user_namespace = false;        ///< or joined: anything but the runtime's
    bool in_initial_user_namespace = true;  ///< the runtime itself
    bool private_cgroup_namespace = false;
    bool new_network_namespace = true;
    std::string cgroup2_mount;
    std::string cgroup_path;
    std::vector<V1Hierarchy> v1_hierarchies;
};

/// Pure. Unknown options of file systems are kept as data, for the kernel to judge; unknown options of a bind are an
/// error. Errors carry "/mounts/N" or what else is to blame.
Result<Plan> plan(const spec::Config& config, const Input& input, std::vector<spec::Note>& notes);

/// What /proc may be covered with, apart from procfs itself (CVE-2019-16884): the files that lxcfs emulates.
bool may_cover_proc(const std::string& destination);
/// The place is /proc or lies below it, lexically.
bool is_in_proc(const std::string& destination);

/// Names of every option that is understood, for `features`.
std::vector<std::string> known_options();
/// One line for `explain`: "bind /srv/x -> /etc/x ro,nosuid (/mounts/3)".
std::string describe(const MountStep& step);

}  // namespace arca::mounts
