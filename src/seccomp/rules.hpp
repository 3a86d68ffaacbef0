// The rules of a profile, resolved: one system call at a time, in the words of libseccomp.
#pragma once

#include <seccomp.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "seccomp/numbers.hpp"
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
                                        const Numbers& native, std::vector<spec::Note>& notes);

}  // namespace arca::seccomp
