// What arca remembers of a container between commands: the content of state.json.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "arca/container.hpp"
#include "base/result.hpp"
#include "cgroup/plan.hpp"
#include "rdt/group.hpp"

namespace arca::container {

struct Record {
    std::string id;
    std::string oci_version;
    Status status = Status::Creating;  ///< as last written; what is true now is asked of the kernel
    int pid = 0;
    std::uint64_t start_time = 0;  ///< of pid, in clock ticks after boot: tells a pid used again apart
    std::string boot_id;
    std::string bundle;
    std::string rootfs;
    std::string created;
    std::uint32_t owner_uid = 0;
    std::map<std::string, std::string> annotations;
    cgroup::Location cgroup;
    bool cgroup_is_shared = false;  ///< other processes than the container's may live in it: only init is killed
    bool cgroup_was_made = true;    ///< by arca, which therefore removes it; somebody else's stays
    std::uint64_t namespaces = 0;   ///< CLONE_NEW* in which init differs from the runtime
    rdt::Location rdt;
    bool has_poststart_hooks = false;
    bool has_poststop_hooks = false;
    bool has_seccomp = false;
    std::string seccomp_listener;  ///< socket of the agent that the filter notifies; empty: it notifies nobody
    std::string seccomp_metadata;  ///< linux.seccomp.listenerMetadata
    bool session_keyring = false;
    bool rootless = false;
    bool setgroups_denied = false;  ///< in the container's user namespace (user_namespaces(7))
    std::string reason;             ///< why it stopped, when arca knows
};

std::string to_json(const Record& record);
Result<Record> parse_record(std::string_view json);

/// RFC 3339 with nanoseconds, UTC.
std::string now_rfc3339();
Result<std::string> boot_id();

}  // namespace arca::container
