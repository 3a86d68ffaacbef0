// Capability sets: by name in config.json, by bit in the kernel. Dropped in the order that works (capabilities(7)), and
// read back afterwards. Identity and no_new_privs live here too, because they only make sense in that order.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
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

/// Pure. What of `wanted` a process that has `current` can be granted; what it cannot becomes a note ("cannot be
/// granted otherwise MUST be logged as a warning", config.md#process). For a container in a new user namespace nothing
/// is lost: its first process has everything.
CapabilitySets restrict_to_available(const CapabilitySets& wanted, const CapabilitySets& current,
                                     std::vector<spec::Note>& notes);

/// The five sets of this process.
Result<CapabilitySets> current_sets();

/// "CAP_KILL" or "kill" in any case; -1 if unknown.
int capability_bit(std::string_view name);
/// "CAP_KILL"; "capability 63" for one without a name here.
std::string capability_name(int bit);
/// Every capability this build knows, for `features`.
std::vector<std::string> capability_names();

/// ORDER: bounding first (needs CAP_SETPCAP), then the ids with KEEPCAPS, then the sets, then ambient.
Result<> drop_bounding(const CapabilitySets& wanted);
Result<> keep_capabilities_over_setuid();
Result<> apply(const CapabilitySets& wanted);
/// capset(2) and nothing else: gives up what apply() was asked to keep for the loading of a filter (ambient bits go
/// with the permitted ones). Zone C: allocates nothing, and a filter that lets capset through is enough. 0 or an errno.
int lower(const CapabilitySets& wanted) noexcept;
/// Reads all five sets back; an error names the first that differs, and the capability.
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
