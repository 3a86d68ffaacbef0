// Id maps of a user namespace: what to write, and who can write it (the kernel's rules: user_namespaces(7)).
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "host/facts.hpp"
#include "spec/types.hpp"

namespace arca::ids {

/// How the maps get written.
enum class Writer : std::uint8_t {
    Direct,   ///< by write(2) to /proc/PID/{uid,gid}_map: root, or a single line that maps only the caller
    Helpers,  ///< by newuidmap(1) and newgidmap(1), which look at /etc/subuid and /etc/subgid
};

struct Plan {
    bool new_user_namespace = false;
    std::vector<spec::IdMapping> uids;
    std::vector<spec::IdMapping> gids;
    Writer writer = Writer::Direct;
    bool deny_setgroups = false;
};

/// Pure. Fails where the maps cannot work (additional gids asked for while setgroups must be denied; container id 0 or
/// the process's ids not mapped).
Result<Plan> plan(const spec::Config& config, const host::Facts& facts);

/// Writes the maps of process `pid` (which waits for it). `environment` is searched for PATH to find the helpers.
Result<> write_maps(const Plan& plan, pid_t pid, const std::vector<std::string>& environment);

/// Host id of a container id, if mapped. With empty maps (no user namespace): the same id.
std::optional<std::uint32_t> to_host(const std::vector<spec::IdMapping>& maps, std::uint32_t container_id);
/// Whether an id of the host is somebody's inside.
bool is_mapped(const std::vector<spec::IdMapping>& maps, std::uint32_t host_id);

}  // namespace arca::ids
