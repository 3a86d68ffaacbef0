// Capability sets: by name in config.json, by bit in the kernel. Dropped in the order that works (capabilities(7)), and
// read back afterwards.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "spec/types.hpp"

namespace arca::privileges {

struct CapabilitySets {
    std::uint64_t bounding = 0;
    std::uint64_t effective = 0;
    std::uint64_t inheritable = 0;
    std::uint64_t permitted = 0;
    std::uint64_t ambient = 0;
    bool operator==(const CapabilitySets&) const = default;
};

/// Pure. Unknown names become a note, not an error (config.md#process: capabilities). No capabilities object: all sets
/// empty. Ambient bits that are not permitted and inheritable are dropped with a note.
CapabilitySets plan_capabilities(const spec::Capabilities* wanted, std::vector<spec::Note>& notes);

/// "CAP_KILL" or "kill" in any case; nothing if unknown.
int capability_bit(std::string_view name);
/// Every capability this build knows, for `features`.
std::vector<std::string> capability_names();

/// ORDER: bounding first (needs CAP_SETPCAP), then the ids with KEEPCAPS, then the sets, then ambient.
Result<> drop_bounding(const CapabilitySets& wanted);
Result<> keep_capabilities_over_setuid();
Result<> apply(const CapabilitySets& wanted);
/// Reads all five sets back; an error names the first that differs.
Result<> verify(const CapabilitySets& wanted);

/// PR_SET_NO_NEW_PRIVS, and its reading back.
Result<> set_no_new_privileges();
Result<> verify_no_new_privileges();

/// setgroups, setresgid, setresuid, each read back. `additional_gids` null: setgroups is not called.
struct Identity {
    std::uint32_t uid = 0;
    std::uint32_t gid = 0;
    const std::vector<std::uint32_t>* additional_gids = nullptr;
};
Result<> set_identity(const Identity& identity);

}  // namespace arca::privileges
