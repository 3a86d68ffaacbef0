// Executes a seccomp program as the kernel would (classic BPF, the subset that seccomp(2) allows).
#pragma once

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>

#include "seccomp/program.hpp"

namespace arca::seccomp::test {

struct Call {
    std::uint32_t architecture = AUDIT_ARCH_X86_64;
    std::uint32_t number = 0;
    std::array<std::uint64_t, 6> args{};
};

/// What the program returns (SECCOMP_RET_*), or nothing when it is not well-formed.
inline std::optional<std::uint32_t> execute(const Program& program, const Call& call) {
    seccomp_data data{};
    data.nr = static_cast<int>(call.number);
    data.arch = call.architecture;
    for (std::size_t index = 0; index < call.args.size(); ++index)
        data.args[index] = call.args[index];
    std::uint32_t a = 0, x = 0;
    std::array<std::uint32_t, BPF_MEMWORDS> memory{};
    for (std::size_t pc = 0; pc < program.instructions.size(); ++pc) {
        const auto i = std::bit_cast<sock_filter>(program.instructions[pc]);
        const std::uint32_t operand = BPF_SRC(i.code) == BPF_X ? x : i.k;
        const auto branch = [&](bool taken) { pc += taken ? i.jt : i.jf; };
        switch (i.code) {
            case BPF_LD | BPF_W | BPF_ABS:
                if (i.k % 4 != 0 || i.k + 4 > sizeof data) return std::nullopt;
                std::memcpy(&a, reinterpret_cast<const char*>(&data) + i.k, 4);
                break;
            case BPF_LD | BPF_IMM:
                a = i.k;
                break;
            case BPF_LDX | BPF_IMM:
                x = i.k;
                break;
            case BPF_LD | BPF_MEM:
                a = memory.at(i.k);
                break;
            case BPF_ST:
                memory.at(i.k) = a;
                break;
            case BPF_MISC | BPF_TAX:
                x = a;
                break;
            case BPF_MISC | BPF_TXA:
                a = x;
                break;
            case BPF_ALU | BPF_AND | BPF_K:
            case BPF_ALU | BPF_AND | BPF_X:
                a &= operand;
                break;
            case BPF_JMP | BPF_JA:
                pc += i.k;
                break;
            case BPF_JMP | BPF_JEQ | BPF_K:
            case BPF_JMP | BPF_JEQ | BPF_X:
                branch(a == operand);
                break;
            case BPF_JMP | BPF_JGT | BPF_K:
            case BPF_JMP | BPF_JGT | BPF_X:
                branch(a > operand);
                break;
            case BPF_JMP | BPF_JGE | BPF_K:
            case BPF_JMP | BPF_JGE | BPF_X:
                branch(a >= operand);
                break;
            case BPF_JMP | BPF_JSET | BPF_K:
            case BPF_JMP | BPF_JSET | BPF_X:
                branch((a & operand) != 0);
                break;
            case BPF_RET | BPF_K:
                return i.k;
            case BPF_RET | BPF_A:
                return a;
            default:
                return std::nullopt;
        }
    }
    return std::nullopt;
}

}  // namespace arca::seccomp::test
