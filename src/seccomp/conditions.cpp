#include "seccomp/conditions.hpp"

#include <algorithm>
#include <array>

namespace arca::seccomp {

namespace {
struct Interval {
    std::uint64_t first = 1;
    std::uint64_t last = 0;
    bool meets(const Interval& other) const { return std::max(first, other.first) <= std::min(last, other.last); }
};

/// The values of an argument for which a comparison holds; an interval may be empty.
std::array<Interval, 2> values(const Condition& condition) {
    const auto value = condition.value, highest = condition.mask;
    const Interval below = value == 0 ? Interval{} : Interval{0, value - 1};
    const Interval above = value == highest ? Interval{} : Interval{value + 1, highest};
    switch (condition.op) {
        case SCMP_CMP_NE:
            return {below, above};
        case SCMP_CMP_LT:
            return {below};
        case SCMP_CMP_LE:
            return {Interval{0, value}};
        case SCMP_CMP_GE:
            return {Interval{value, highest}};
        case SCMP_CMP_GT:
            return {above};
        default:
            return {Interval{value, value}};
    }
}

bool exclude_each_other(const Condition& a, const Condition& b) {
    if (a.argument != b.argument) return false;
    const bool a_is_mask = a.op == SCMP_CMP_MASKED_EQ, b_is_mask = b.op == SCMP_CMP_MASKED_EQ;
    if (a_is_mask || b_is_mask) {
        // Both ask for certain bits: some that both ask for differ.
        const bool ask_for_bits = (a_is_mask || a.op == SCMP_CMP_EQ) && (b_is_mask || b.op == SCMP_CMP_EQ);
        return ask_for_bits && (a.mask & b.mask & (a.value ^ b.value)) != 0;
    }
    for (const auto& one : values(a))
        for (const auto& other : values(b))
            if (one.meets(other)) return false;
    return true;
}
}  // namespace

Conditions conditions_for(Width width, const std::vector<scmp_arg_cmp>& wanted) {
    const std::uint64_t all = width == Width::Bits64 ? ~std::uint64_t{0} : 0xffffffff;
    Conditions conditions;
    for (const auto& comparison : wanted) {
        Condition condition{comparison.arg, comparison.op, all, comparison.datum_a & all};
        if (comparison.op == SCMP_CMP_MASKED_EQ) {
            condition.mask = comparison.datum_a & all;
            condition.value = comparison.datum_b & condition.mask;
        }
        if (condition.mask != 0) conditions.push_back(condition);
    }
    std::ranges::sort(conditions, {}, &Condition::argument);
    return conditions;
}

bool exclude_each_other(const Conditions& a, const Conditions& b) {
    return std::ranges::any_of(a, [&b](const Condition& one) {
        return std::ranges::any_of(b, [&one](const Condition& other) { return exclude_each_other(one, other); });
    });
}

}  // namespace arca::seccomp
