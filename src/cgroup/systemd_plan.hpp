// A container's scope in systemd: its name, its slice and its properties, decided here; and what cgroup files say, in
// the properties that keep systemd from undoing it. Pure.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "cgroup/dbus_value.hpp"
#include "cgroup/resources.hpp"

namespace arca::cgroup {

struct Property {
    std::string name;
    Value value;
    bool operator==(const Property&) const = default;
};

/// What StartTransientUnit is called with; only the process that is put into it is not known yet.
struct ScopePlan {
    std::string unit;  ///< "docker-4f2a.scope"
    std::string slice;
    std::string bus;  ///< D-Bus addresses to try in this order, with ';' between them
    std::vector<Property> properties;
    std::string subgroup = {};  ///< of the scope's cgroup, for the processes; empty: they are in the scope's own
    bool operator==(const ScopePlan&) const = default;
};

/// Whose systemd: the system's, or that of a user.
enum class Instance : std::uint8_t { System, User };

struct ScopeWish {
    std::string id;
    std::string cgroups_path;  ///< "SLICE:PREFIX:NAME", or empty
    Instance instance = Instance::System;
    std::map<std::string, std::string> annotations;
    const std::vector<std::string>& environment;  ///< of the caller: where the bus is
};

/// InvalidConfig, with the entry, for a cgroupsPath of another form and for annotations that cannot be read.
Result<ScopePlan> plan_scope(const ScopeWish& wish, const std::vector<Write>& writes);

/// "a-b.slice" as "/a.slice/a-b.slice"; "-.slice" is the root, "".
Result<std::string> path_of_slice(std::string_view slice);

/// Where the units of an instance begin, told from the cgroup that the caller is in: "" or
/// "/user.slice/user-1000.slice/user@1000.service".
std::string root_of_instance(Instance instance, std::string_view own_cgroup, std::uint32_t uid);

/// Only of those files that systemd has a property for: of the others it leaves the content alone.
std::vector<Property> properties_of(const std::vector<Write>& writes);

/// The addresses of a bus, as in ScopePlan::bus.
std::string bus_addresses(Instance instance, const std::vector<std::string>& environment);

}  // namespace arca::cgroup
