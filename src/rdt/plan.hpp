// Intel's Resource Director Technology (resctrl): which share of the cache and of the memory bandwidth a container
// gets, decided from linux.intelRdt (config-linux.md#intelrdt). Pure.
#pragma once

#include <string>
#include <vector>

#include "base/result.hpp"
#include "spec/types.hpp"

namespace arca::rdt {

struct Plan {
    std::string root;   ///< where the resctrl file system is mounted
    std::string group;  ///< directory below it; empty: the root group itself
    enum class Group : std::uint8_t {
        Own,     ///< named after the container, made by it and removed with it
        Shared,  ///< named by closID: made when it is missing, and then left; one that is there must agree
        Named,   ///< named by closID alone: it must be there
    } kind = Group::Own;
    std::vector<std::string> schemata;  ///< lines, in the order in which they are written
    std::string monitor;                ///< directory below the group's mon_groups; empty: none
};

/// The lines of the two schemata that have names of their own; either may be empty.
std::vector<std::string> schemata_of(const std::string& l3_cache_schema, const std::string& mem_bw_schema);

/// `mount_point` of resctrl is empty where it is not mounted.
Result<Plan> plan(const spec::IntelRdt& wanted, const std::string& id, const std::string& mount_point);

}  // namespace arca::rdt
