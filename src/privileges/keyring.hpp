// The session keyring of a container (keyrings(7)): so that it does not share the caller's keys.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.hpp"

namespace arca::privileges {

/// Joins a new session keyring `_ses.ID`. ENOSYS and EPERM (nested, filtered) are accepted; EDQUOT is an error whose
/// hint names kernel.keys.maxkeys and what is used of it.
Result<> join_session_keyring(const std::string& container_id);

}  // namespace arca::privileges
