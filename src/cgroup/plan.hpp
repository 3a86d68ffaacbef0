// Which cgroup a container gets and what is written into it: decided here, purely, from config and host facts.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "arca/container.hpp"
#include "base/result.hpp"
#include "cgroup/resources.hpp"
#include "cgroup/systemd_plan.hpp"
#include "host/facts.hpp"
#include "spec/types.hpp"

namespace arca::cgroup {

enum class Kind : std::uint8_t { None, V2, V1, Systemd };

/// Of a container's cgroup in one hierarchy of v1.
struct V1Place {
    std::string controllers;  ///< "cpu,cpuacct", "name=systemd"
    std::string mount_point;
    std::string path;
    bool operator==(const V1Place&) const = default;
};

/// Where a container's cgroup is: what the state file remembers.
struct Location {
    Kind kind = Kind::None;
    std::string mount_point;  ///< of the v2 hierarchy, "/sys/fs/cgroup"; V1: of the one of a hybrid host, or empty
    std::string path;         ///< below the mount point, "/machine/web"; of a scope not made yet, where it is expected
    std::vector<V1Place> v1;  ///< V1: every mounted hierarchy
    std::string unit;         ///< Systemd: the scope's name
    std::string bus;          ///< Systemd: where to reach the instance that has it
    bool operator==(const Location&) const = default;
};

struct Plan {
    Location location;
    std::optional<ScopePlan> scope;         ///< Kind::Systemd: the unit that the cgroup comes from
    std::vector<Write> writes;              ///< in the order in which they must happen
    std::vector<spec::DeviceRule> devices;  ///< effective rules: the config's, then the defaults of the specification
    bool needs_device_filter = false;
    std::optional<std::uint32_t> delegate_to;  ///< host uid that shall own the cgroup's files
    bool shared = false;  ///< a cgroup that already holds processes is accepted (annotation run.arca.cgroup.shared)
    bool best_effort = false;  ///< rootless: a host that refuses what no limit needs is no error
};

struct Wish {
    std::string id;
    CgroupManager manager = CgroupManager::Cgroupfs;
    bool rootless = false;
    std::optional<std::uint32_t> delegate_to;
    std::vector<std::string> environment;  ///< of the caller, to find systemd's bus
};

/// Pure. Unsupported (with the config entry) for what cannot be carried out on this host.
Result<Plan> plan(const spec::Config& config, const host::Facts& facts, const Wish& wish,
                  std::vector<spec::Note>& notes);

/// linux.resources as writes to a cgroup that exists (`update`). Without one there is nothing to write to.
Result<std::vector<Write>> writes_for(const Location& location, const spec::Resources& resources,
                                      std::vector<spec::Note>& notes);

}  // namespace arca::cgroup
