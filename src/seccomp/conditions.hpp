// What a rule asks of arguments, as one architecture can have it. Pure.
#pragma once

#include <seccomp.h>

#include <cstdint>
#include <vector>

namespace arca::seccomp {

/// How much of seccomp_data.args libseccomp compares: on architectures of 32 bits the upper half is passed over.
enum class Width : std::uint8_t { Bits32, Bits64 };

struct Condition {
    unsigned argument = 0;
    scmp_compare op = SCMP_CMP_EQ;
    std::uint64_t mask = 0;   ///< all ones unless op is SCMP_CMP_MASKED_EQ
    std::uint64_t value = 0;  ///< only bits of the mask
    bool operator==(const Condition&) const = default;
};

/// All of them must hold; none is always true. In the order of the arguments.
using Conditions = std::vector<Condition>;

/// Without what holds for every argument.
Conditions conditions_for(Width width, const std::vector<scmp_arg_cmp>& wanted);

/// Whether no arguments can meet both. Not every such pair is seen: only comparisons of one argument are looked at.
bool exclude_each_other(const Conditions& a, const Conditions& b);

}  // namespace arca::seccomp
