// The rules of a profile as one architecture has them: by system call, with its numbers and the width of its arguments.
#pragma once

#include <cstdint>
#include <vector>

#include "seccomp/conditions.hpp"
#include "seccomp/numbers.hpp"
#include "seccomp/rules.hpp"

namespace arca::seccomp {

struct Alternative {
    Conditions conditions;
    std::uint32_t action = 0;
    const Rule* rule = nullptr;  ///< where it comes from
};

struct Call {
    std::uint32_t number = 0;
    /// One without conditions stands alone.
    std::vector<Alternative> alternatives;
};

/// By number, each once. Whatever the architecture does not have is left out.
std::vector<Call> calls_of(const std::vector<Rule>& rules, const Numbers& numbers, std::uint32_t token);

/// Whether it is clear what a call is answered: of two alternatives with different actions never both hold.
bool is_unambiguous(const Call& call);

/// Whether calls_of knows how the architecture hands several calls to one (socketcall, ipc), if it does.
bool knows_multiplexing(std::uint32_t token);

}  // namespace arca::seccomp
