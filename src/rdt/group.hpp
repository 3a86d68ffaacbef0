// Carries a plan for resctrl out: makes the groups, writes the schemata, puts processes in, removes what was made.
#pragma once

#include <string>
#include <vector>

#include "base/result.hpp"
#include "rdt/plan.hpp"

namespace arca::rdt {

/// Where a container's processes belong, and what goes away with it. Kept in the container's state.
struct Location {
    std::string group;    ///< absolute path; empty: the container has nothing to do with resctrl
    std::string monitor;  ///< absolute path of its monitoring group; empty: none
    bool group_was_made = false;
};

/// Where create will make things, whether it succeeds or not: to be on disk before it is called.
Location location_of(const Plan& plan);

/// Makes what is missing and writes the schemata. A shared group that is there already must have those wanted, else
/// this is an error (config-linux.md#intelrdt). Undoes itself when it fails.
Result<Location> create(const Plan& plan);
/// Puts a process in that has one thread; its children follow.
Result<> enter(const Location& location, int pid);
/// The same for a process of any number of threads. One that has ended meanwhile is no error.
Result<> enter_with_threads(const Location& location, int pid);
/// The lines of the group's schemata, as change_schemata takes them.
Result<std::vector<std::string>> schemata_in_force(const Location& location);
/// Other schemata for the group of a container that lives, and so for all who share it. `root` is where resctrl is
/// mounted. Resources that no line names keep theirs.
Result<> change_schemata(const Location& location, const std::string& root, const std::vector<std::string>& lines);
/// What was made for the container, and only that. Gone already is success.
Result<> remove(const Location& location);

/// Whether `existing`, as the kernel prints it, gives what the line `wanted` asks for: the same resource, and for every
/// domain that is named the same value. Spaces and leading zeros do not count.
bool agrees(const std::string& existing, const std::string& wanted);

}  // namespace arca::rdt
