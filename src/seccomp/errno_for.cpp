#include <linux/filter.h>
#include <linux/seccomp.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cerrno>
#include <cstddef>
#include <cstring>

#include "seccomp/program.hpp"

namespace arca::seccomp {

namespace {
/// Classic BPF, as far as seccomp(2) allows it and programs of ours and of libseccomp use it. Jumps lead forward only.
class Machine {
  public:
    Machine(const Program& program, const seccomp_data& data) : program_(program), data_(data) {}

    /// SECCOMP_RET_*, or nothing for a program of another kind.
    std::optional<std::uint32_t> run() {
        while (at_ < program_.instructions.size()) {
            const auto instruction = std::bit_cast<sock_filter>(program_.instructions[at_++]);
            if (instruction.code == (BPF_RET | BPF_K)) return instruction.k;
            if (!carry_out(instruction)) return std::nullopt;
        }
        return std::nullopt;
    }

  private:
    bool carry_out(const sock_filter& instruction) {
        switch (instruction.code) {
            case BPF_LD | BPF_W | BPF_ABS:
                return load(instruction.k);
            case BPF_ALU | BPF_AND | BPF_K:
                accumulator_ &= instruction.k;
                return true;
            case BPF_JMP | BPF_JA:
                at_ += instruction.k;
                return true;
            case BPF_JMP | BPF_JEQ | BPF_K:
                at_ += accumulator_ == instruction.k ? instruction.jt : instruction.jf;
                return true;
            case BPF_JMP | BPF_JGT | BPF_K:
                at_ += accumulator_ > instruction.k ? instruction.jt : instruction.jf;
                return true;
            case BPF_JMP | BPF_JGE | BPF_K:
                at_ += accumulator_ >= instruction.k ? instruction.jt : instruction.jf;
                return true;
            case BPF_JMP | BPF_JSET | BPF_K:
                at_ += (accumulator_ & instruction.k) != 0 ? instruction.jt : instruction.jf;
                return true;
            default:
                return false;
        }
    }
    bool load(std::uint32_t offset) {
        if (offset > sizeof data_ - sizeof accumulator_) return false;
        std::memcpy(&accumulator_, reinterpret_cast<const std::byte*>(&data_) + offset, sizeof accumulator_);
        return true;
    }

    const Program& program_;
    const seccomp_data& data_;
    std::size_t at_ = 0;
    std::uint32_t accumulator_ = 0;
};
}  // namespace

std::optional<int> errno_for(const Program& program, int number, std::span<const std::uint64_t> arguments) {
    seccomp_data data{};
    data.nr = number;
    data.arch = native_architecture();
    std::copy_n(arguments.begin(), std::min(arguments.size(), std::size(data.args)), data.args);
    const auto answer = Machine(program, data).run();
    if (!answer) return std::nullopt;
    switch (*answer & SECCOMP_RET_ACTION_FULL) {
        case SECCOMP_RET_ERRNO:
            return static_cast<int>(*answer & SECCOMP_RET_DATA);
        case SECCOMP_RET_TRACE:
            return ENOSYS;  // nobody traces
        default:
            return std::nullopt;
    }
}

}  // namespace arca::seccomp
