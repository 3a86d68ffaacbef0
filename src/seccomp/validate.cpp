#include "seccomp/validate.hpp"

#include <linux/filter.h>
#include <linux/seccomp.h>

#include <bit>

#include "base/text.hpp"
#include "seccomp/flags.hpp"

namespace arca::seccomp {

namespace {
/// What is wrong with one instruction; empty: nothing.
std::string_view complaint_about_jump(const sock_filter& instruction, std::size_t following) {
    switch (BPF_OP(instruction.code)) {
        case BPF_JA:
            return instruction.k < following ? "" : "jumps beyond the end";
        case BPF_JEQ:
        case BPF_JGE:
        case BPF_JGT:
        case BPF_JSET:
            return instruction.jt < following && instruction.jf < following ? "" : "jumps beyond the end";
        default:
            return "is an unknown jump";
    }
}

std::string_view complaint_about_arithmetic(const sock_filter& instruction) {
    const bool is_constant = BPF_SRC(instruction.code) == BPF_K;
    switch (BPF_OP(instruction.code)) {
        case BPF_DIV:
            return is_constant && instruction.k == 0 ? "divides by zero" : "";
        case BPF_LSH:
        case BPF_RSH:
            return is_constant && instruction.k >= 32 ? "shifts by too much" : "";
        case BPF_ADD:
        case BPF_SUB:
        case BPF_MUL:
        case BPF_OR:
        case BPF_AND:
        case BPF_XOR:
        case BPF_NEG:
            return "";
        default:
            return "is an unknown operation";
    }
}

std::string_view complaint_about_access(const sock_filter& instruction) {
    switch (instruction.code) {
        case BPF_LD | BPF_W | BPF_ABS:
            return instruction.k % 4 == 0 && instruction.k < sizeof(seccomp_data) ? "" : "reads outside of the data";
        case BPF_LD | BPF_IMM:
        case BPF_LDX | BPF_IMM:
        case BPF_LD | BPF_W | BPF_LEN:
        case BPF_LDX | BPF_W | BPF_LEN:
            return "";
        case BPF_LD | BPF_MEM:
        case BPF_LDX | BPF_MEM:
        case BPF_ST:
        case BPF_STX:
            return instruction.k < BPF_MEMWORDS ? "" : "has no such memory word";
        default:
            return "is not allowed in a seccomp filter";
    }
}

std::string_view complaint(const sock_filter& instruction, std::size_t following) {
    switch (BPF_CLASS(instruction.code)) {
        case BPF_RET:
            return BPF_RVAL(instruction.code) == BPF_K || BPF_RVAL(instruction.code) == BPF_A ? ""
                                                                                              : "is an unknown return";
        case BPF_JMP:
            return complaint_about_jump(instruction, following);
        case BPF_ALU:
            return complaint_about_arithmetic(instruction);
        case BPF_MISC:
            return BPF_MISCOP(instruction.code) == BPF_TAX || BPF_MISCOP(instruction.code) == BPF_TXA
                       ? ""
                       : "is not allowed in a seccomp filter";
        default:
            return complaint_about_access(instruction);
    }
}
}  // namespace

Result<> validate(const Program& program) {
    const auto size = program.instructions.size();
    if (size == 0 || size > kMaximalInstructions)
        return fail(Code::BadState, text::cat("a seccomp program of ", size, " instructions"));
    if ((program.flags & ~known_flag_bits()) != 0)
        return fail(Code::BadState, text::cat("a seccomp program with unknown flags ", text::hex(program.flags)));
    for (std::size_t index = 0; index < size; ++index) {
        const auto instruction = std::bit_cast<sock_filter>(program.instructions[index]);
        if (const auto words = complaint(instruction, size - index - 1); !words.empty())
            return fail(Code::BadState, text::cat("instruction ", index, " of the seccomp program ", words));
    }
    if (BPF_CLASS(std::bit_cast<sock_filter>(program.instructions.back()).code) != BPF_RET)
        return fail(Code::BadState, "the seccomp program does not end in a return");
    return {};
}

}  // namespace arca::seccomp
