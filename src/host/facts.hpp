// What this host is. The only place that asks; everything else is told, so that plans are pure and tests can invent
// hosts.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace arca::host {

enum class CgroupLayout : std::uint8_t {
    None,     ///< no cgroup hierarchy is mounted
    Unified,  ///< cgroup v2 on /sys/fs/cgroup
    Hybrid,   ///< v1 controllers, with a v2 hierarchy on /sys/fs/cgroup/unified
    Legacy,   ///< v1 only
};

/// A mounted hierarchy of cgroup v1.
struct V1Hierarchy {
    std::string controllers;  ///< as the kernel lists them: "cpu,cpuacct"; "name=systemd" for one without any
    std::string mount_point;
    std::string own_path;  ///< of this process, below the mount point ("/")
    bool operator==(const V1Hierarchy&) const = default;
};

struct Facts {
    uid_t euid = 0;
    gid_t egid = 0;
    bool in_initial_user_namespace = true;
    bool setgroups_denied = false;  ///< in this user namespace, for good, and in all that are made in it
    CgroupLayout cgroup_layout = CgroupLayout::None;
    std::vector<V1Hierarchy> v1_hierarchies;  ///< hybrid and legacy hosts
    std::string cgroup2_mount;                ///< where v2 is mounted; empty without one
    std::string own_cgroup;  ///< path of this process in the v2 hierarchy ("/"), as the 0:: line of /proc/self/cgroup
    std::string resctrl_mount;  ///< only looked for when it is asked for: see resctrl_mount()
};

/// Where resctrl is mounted, from the text of /proc/PID/mountinfo; empty: nowhere.
std::string resctrl_mount(std::string_view mountinfo);

/// Asks the host. Costs a handful of system calls.
Result<Facts> probe();

/// Whether this process is in the user namespace the machine booted with: there root is root.
Result<bool> in_initial_user_namespace();

/// What the cgroup layout is told from.
struct CgroupEvidence {
    std::uint64_t root_magic = 0;     ///< f_type of /sys/fs/cgroup (statfs(2)); 0 when it is absent
    std::uint64_t unified_magic = 0;  ///< f_type of /sys/fs/cgroup/unified; 0 when it is absent
    std::string_view memberships;     ///< /proc/self/cgroup
};
CgroupLayout classify(const CgroupEvidence& evidence);

/// Path of the v2 line ("0::/x") of /proc/PID/cgroup; empty without one.
std::string cgroup2_path(std::string_view memberships);
/// From /proc/self/cgroup and /proc/self/mountinfo: what is mounted, in the order of the former.
std::vector<V1Hierarchy> find_v1_hierarchies(std::string_view memberships, std::string_view mountinfo);
/// Whether /proc/PID/cgroup names a v1 hierarchy that has `controller`.
bool is_v1_controller(std::string_view memberships, std::string_view controller);

}  // namespace arca::host
