#include "seccomp/stub.hpp"

#include <linux/filter.h>
#include <linux/seccomp.h>

#include <bit>
#include <cerrno>
#include <cstddef>
#include <initializer_list>

namespace arca::seccomp {

namespace {
constexpr std::uint32_t kX32Bit = 0x40000000;

std::vector<std::uint64_t> encode(std::initializer_list<sock_filter> code) {
    std::vector<std::uint64_t> out;
    for (const auto& instruction : code)
        out.push_back(std::bit_cast<std::uint64_t>(instruction));
    return out;
}
}  // namespace

bool needs_stub(const spec::Seccomp& profile) {
    switch (profile.default_action) {
        case spec::SeccompAction::Allow:
        case spec::SeccompAction::Log:
        case spec::SeccompAction::Trace:
        case spec::SeccompAction::Notify:
            return false;
        case spec::SeccompAction::Errno:
            return profile.default_errno_ret != std::uint32_t{ENOSYS};
        default:
            return true;
    }
}

std::vector<std::uint64_t> enosys_stub(const NewestKnown& known) {
    if (!known.number && !known.x32_number) return {};
    constexpr sock_filter kLoadNumber = BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr));
    constexpr sock_filter kEnosys = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS);
    // Without a number nothing is newer: no number is greater than this one.
    const std::uint32_t newest = known.number.value_or(UINT32_MAX);
    if (!known.has_x32_numbers)
        return encode({kLoadNumber, BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, newest, 0, 1), kEnosys});
    if (!known.x32_number)
        return encode({kLoadNumber, BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, kX32Bit, 2, 0),
                       BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, newest, 0, 1), kEnosys});
    return encode({kLoadNumber, BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, kX32Bit, 1, 0),
                   BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, newest, 1, 2),
                   BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, *known.x32_number, 0, 1), kEnosys});
}

}  // namespace arca::seccomp
