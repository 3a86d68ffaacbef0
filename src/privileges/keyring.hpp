// The session keyring of a container (keyrings(7)): so that it does not share the caller's keys.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace arca::privileges {

/// Who may find the keyring by its name later, to join it from `exec`: its owner, or every uid of the user namespace
/// it was made in. Everyone only makes sense in a user namespace of the container's own.
enum class KeyringSearch : std::uint8_t { Owner, Everyone };

/// Joins the session keyring `_ses.ID`, which is made when nobody has. ENOSYS and EPERM (nested, filtered) are
/// accepted; EDQUOT is an error whose hint says how many keys are used and which sysctl limits them.
Result<> join_session_keyring(const std::string& container_id, KeyringSearch search = KeyringSearch::Owner);

/// What /proc/key-users says of one uid (keyrings(7)).
struct KeyUsage {
    std::uint64_t keys = 0;
    std::uint64_t maximal_keys = 0;
    std::uint64_t bytes = 0;
    std::uint64_t maximal_bytes = 0;
    bool operator==(const KeyUsage&) const = default;
};
std::optional<KeyUsage> parse_key_users(std::string_view content, std::uint32_t uid);

}  // namespace arca::privileges
