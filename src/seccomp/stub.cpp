#include "seccomp/stub.hpp"

#include <linux/filter.h>
#include <linux/seccomp.h>

#include <bit>
#include <cerrno>
#include <cstddef>
#include <initializer_list>

namespace arca::seccomp {

namespace {
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
    if (!known.number) return {};
    constexpr sock_filter kLoadNumber = BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr));
    constexpr sock_filter kIsX32 = BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, kFirstX32Number, 2, 0);
    constexpr sock_filter kEnosys = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS);
    const sock_filter is_newer = BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, *known.number, 0, 1);
    return known.leaves_x32_alone ? encode({kLoadNumber, kIsX32, is_newer, kEnosys})
                                  : encode({kLoadNumber, is_newer, kEnosys});
}

}  // namespace arca::seccomp
