// Why an id map was refused, from what the host says. Pure: the evidence is collected by who failed.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "spec/types.hpp"

namespace arca::ids {

struct HelperEvidence {
    std::string helper;                ///< path of newuidmap or newgidmap
    bool has_rights = true;            ///< setuid root, or file capabilities
    bool is_on_nosuid_mount = false;   ///< where those count for nothing
    bool no_new_privileges = false;    ///< and neither here (prctl(2))
    std::string user;                  ///< login name; may be empty
    std::uint32_t uid = 0;             ///< of the caller
    std::uint32_t own_id = 0;          ///< the caller's uid or gid, which anybody may map
    std::string sub_ids_file;          ///< "/etc/subuid"
    std::string sub_ids;               ///< its content
    std::string own_map;               ///< /proc/self/uid_map
    std::vector<spec::IdMapping> map;  ///< what was asked for
};
/// One sentence, or nothing when the evidence explains nothing.
std::string explain_helper(const HelperEvidence& evidence);

/// The first host range that the namespace of `own_map` (/proc/self/uid_map) does not hold, in a sentence; or nothing.
std::string explain_unmapped(const std::vector<spec::IdMapping>& map, std::string_view own_map);

/// Login name of `uid` in the text of /etc/passwd; empty when there is none.
std::string login_name(std::string_view passwd, std::uint32_t uid);

}  // namespace arca::ids
