#include "seccomp/emit.hpp"

#include <linux/filter.h>
#include <linux/seccomp.h>

#include <algorithm>
#include <bit>
#include <cstddef>
#include <iterator>
#include <map>
#include <span>

namespace arca::seccomp {

namespace {
/// In place of the length of a jump: to the next alternative.
constexpr std::uint8_t kFails = 0xff;
/// The longest jump to it.
constexpr std::size_t kReach = kFails - 1;

void emit(Instructions& out, sock_filter instruction) {
    out.push_back(std::bit_cast<std::uint64_t>(instruction));
}

void append(Instructions& out, const Instructions& more) {
    out.insert(out.end(), more.begin(), more.end());
}

sock_filter jump(int comparison, std::uint32_t value, std::uint8_t if_true, std::uint8_t if_false) {
    return BPF_JUMP(static_cast<std::uint16_t>(BPF_JMP | comparison | BPF_K), value, if_true, if_false);
}

std::uint32_t low(std::uint64_t value) {
    return static_cast<std::uint32_t>(value);
}
std::uint32_t high(std::uint64_t value) {
    return static_cast<std::uint32_t>(value >> 32U);
}

// ---- conditions -----------------------------------------------------------------------------------------------------

class ConditionWriter {
  public:
    ConditionWriter(Instructions& out, Arguments arguments) : out_(out), arguments_(arguments) {}

    void write(const Condition& condition) {
        switch (condition.op) {
            case SCMP_CMP_EQ:
            case SCMP_CMP_MASKED_EQ:
                return equal(condition);
            case SCMP_CMP_NE:
                return not_equal(condition);
            case SCMP_CMP_LT:
                return below(condition, BPF_JGE);
            case SCMP_CMP_LE:
                return below(condition, BPF_JGT);
            case SCMP_CMP_GE:
                return above(condition, BPF_JGE);
            default:
                return above(condition, BPF_JGT);
        }
    }
    /// One of `lows`, with the same upper half.
    void any_of(unsigned argument, std::uint32_t upper, std::span<const std::uint32_t> lows) {
        if (has_upper()) {
            load_high(argument);
            emit(out_, jump(BPF_JEQ, upper, 0, kFails));
        }
        load_low(argument);
        for (std::size_t index = 0; index + 1 < lows.size(); ++index)
            emit(out_, jump(BPF_JEQ, lows[index], static_cast<std::uint8_t>(lows.size() - index - 1), 0));
        emit(out_, jump(BPF_JEQ, lows.back(), 0, kFails));
    }

  private:
    bool has_upper() const { return arguments_.width == Width::Bits64; }

    void load(unsigned argument, std::size_t half) {
        const auto offset = offsetof(seccomp_data, args) + argument * sizeof(std::uint64_t) + half;
        emit(out_, BPF_STMT(BPF_LD | BPF_W | BPF_ABS, static_cast<std::uint32_t>(offset)));
    }
    void load_low(unsigned argument) { load(argument, arguments_.order == ByteOrder::Little ? 0 : 4); }
    void load_high(unsigned argument) { load(argument, arguments_.order == ByteOrder::Little ? 4 : 0); }

    void equal_half(std::uint32_t mask, std::uint32_t value) {
        if (mask != 0xffffffff) emit(out_, BPF_STMT(BPF_ALU | BPF_AND | BPF_K, mask));
        emit(out_, jump(BPF_JEQ, value, 0, kFails));
    }
    void equal(const Condition& condition) {
        if (high(condition.mask) != 0) {
            load_high(condition.argument);
            equal_half(high(condition.mask), high(condition.value));
        }
        if (low(condition.mask) != 0) {
            load_low(condition.argument);
            equal_half(low(condition.mask), low(condition.value));
        }
    }
    void not_equal(const Condition& condition) {
        if (has_upper()) {
            load_high(condition.argument);
            emit(out_, jump(BPF_JEQ, high(condition.value), 0, 2));
        }
        load_low(condition.argument);
        emit(out_, jump(BPF_JEQ, low(condition.value), kFails, 0));
    }
    void above(const Condition& condition, int comparison) {
        if (has_upper()) {
            load_high(condition.argument);
            emit(out_, jump(BPF_JGT, high(condition.value), 3, 0));
            emit(out_, jump(BPF_JEQ, high(condition.value), 0, kFails));
        }
        load_low(condition.argument);
        emit(out_, jump(comparison, low(condition.value), 0, kFails));
    }
    /// `comparison` is what must not hold.
    void below(const Condition& condition, int comparison) {
        if (has_upper()) {
            load_high(condition.argument);
            emit(out_, jump(BPF_JGT, high(condition.value), kFails, 0));
            emit(out_, jump(BPF_JEQ, high(condition.value), 0, 2));
        }
        load_low(condition.argument);
        emit(out_, jump(comparison, low(condition.value), kFails, 0));
    }

    Instructions& out_;
    Arguments arguments_;
};

/// Jumps that were written as kFails lead behind `code`.
void resolve_failures(Instructions& code) {
    for (std::size_t index = 0; index < code.size(); ++index) {
        auto instruction = std::bit_cast<sock_filter>(code[index]);
        if (BPF_CLASS(instruction.code) != BPF_JMP) continue;
        const auto length = static_cast<std::uint8_t>(code.size() - index - 1);
        if (instruction.jt == kFails) instruction.jt = length;
        if (instruction.jf == kFails) instruction.jf = length;
        code[index] = std::bit_cast<std::uint64_t>(instruction);
    }
}

Instructions guarded(const Alternative& alternative, Arguments arguments) {
    Instructions code;
    ConditionWriter writer(code, arguments);
    for (const auto& condition : alternative.conditions)
        writer.write(condition);
    append(code, return_action(alternative.action));
    resolve_failures(code);
    return code;
}

// ---- many values of one argument ------------------------------------------------------------------------------------

struct SameUpperHalf {
    unsigned argument = 0;
    std::uint32_t action = 0;
    std::uint32_t upper = 0;
    auto operator<=>(const SameUpperHalf&) const = default;
};

bool asks_for_one_value(const Alternative& alternative) {
    return alternative.conditions.size() == 1 && alternative.conditions[0].op == SCMP_CMP_EQ;
}

Instructions among(const SameUpperHalf& common, std::span<const std::uint32_t> lows, Arguments arguments) {
    constexpr std::size_t kAround = 8;  // the loads, the return
    Instructions code;
    while (!lows.empty()) {
        const auto some = lows.first(std::min(lows.size(), kReach - kAround));
        Instructions part;
        ConditionWriter(part, arguments).any_of(common.argument, common.upper, some);
        append(part, return_action(common.action));
        resolve_failures(part);
        append(code, part);
        lows = lows.subspan(some.size());
    }
    return code;
}

// ---- the search -----------------------------------------------------------------------------------------------------

/// `left` is fallen into. A conditional jump reaches no further than 255, so a long one takes two.
Instructions branch(int comparison, std::uint32_t value, const Instructions& right, const Instructions& left) {
    Instructions out;
    out.reserve(left.size() + right.size() + 2);
    if (left.size() <= 255) {
        emit(out, jump(comparison, value, static_cast<std::uint8_t>(left.size()), 0));
    } else {
        emit(out, jump(comparison, value, 0, 1));
        emit(out, BPF_STMT(BPF_JMP | BPF_JA, static_cast<std::uint32_t>(left.size())));
    }
    append(out, left);
    append(out, right);
    return out;
}

/// One number that differs from what is on both of its sides.
bool is_exception(std::span<const Range> ranges) {
    return ranges.size() == 3 && ranges[2].first == ranges[1].first + 1 && ranges[0].code == ranges[2].code;
}

Instructions search_among(std::span<const Range> ranges) {
    if (ranges.size() == 1) return ranges[0].code;
    if (is_exception(ranges)) return branch(BPF_JEQ, ranges[1].first, ranges[1].code, ranges[0].code);
    const auto half = ranges.size() / 2;
    return branch(BPF_JGE, ranges[half].first, search_among(ranges.subspan(half)), search_among(ranges.first(half)));
}
}  // namespace

Instructions return_action(std::uint32_t action) {
    Instructions code;
    emit(code, BPF_STMT(BPF_RET | BPF_K, action));
    return code;
}

Instructions answer(const std::vector<Alternative>& alternatives, std::uint32_t otherwise, Arguments arguments) {
    Instructions code;
    std::map<SameUpperHalf, std::vector<std::uint32_t>> values;
    for (const auto& alternative : alternatives) {
        if (alternative.conditions.empty()) return return_action(alternative.action);
        const auto& first = alternative.conditions[0];
        if (asks_for_one_value(alternative))
            values[{first.argument, alternative.action, high(first.value)}].push_back(low(first.value));
        else
            append(code, guarded(alternative, arguments));
    }
    for (const auto& [common, lows] : values)
        append(code, among(common, lows, arguments));
    append(code, return_action(otherwise));
    return code;
}

Instructions search(std::vector<Range> ranges) {
    // Neighbours that do the same are one range.
    const auto same = std::ranges::unique(ranges, {}, &Range::code);
    ranges.erase(same.begin(), same.end());
    Instructions code;
    emit(code, BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)));
    append(code, search_among(ranges));
    return code;
}

}  // namespace arca::seccomp
