// The rules of a profile, resolved: what libseccomp is told, one system call at a time.
#pragma once

#include <seccomp.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "seccomp/stub.hpp"
#include "spec/types.hpp"

namespace arca::seccomp {

/// The value a filter returns for an action.
Result<std::uint32_t> action_value(spec::SeccompAction action, std::optional<std::uint32_t> errno_ret,
                                   const std::string& pointer);

struct Rule {
    int number = 0;  ///< on the native architecture, or a pseudo number
    std::uint32_t action = 0;
    std::vector<scmp_arg_cmp> conditions;  ///< all of which must hold
    std::size_t rule_index = 0;            ///< /linux/seccomp/syscalls/…
    std::size_t name_index = 0;            ///< …/names/…
    std::string pointer() const;
};

/// Names that libseccomp does not know, and rules that only repeat the default action, become notes.
Result<std::vector<Rule>> resolve_rules(const spec::Seccomp& profile, std::uint32_t default_action,
                                        std::vector<spec::Note>& notes);

/// Highest number that any name of the profile has on the architecture.
NewestKnown newest_known(const spec::Seccomp& profile, std::uint32_t token);

}  // namespace arca::seccomp
