#include "seccomp/numbers.hpp"

#include <seccomp.h>

#include <algorithm>

namespace arca::seccomp {

Numbers::Numbers(const spec::Seccomp& profile, std::uint32_t token) : token_(token) {
    for (const auto& rule : profile.syscalls) {
        first_.push_back(numbers_.size());
        for (const auto& name : rule.names)
            numbers_.push_back(::seccomp_syscall_resolve_name_arch(token, name.c_str()));
    }
}

NewestKnown Numbers::newest() const {
    NewestKnown known{.leaves_x32_alone = token_ == SCMP_ARCH_X86_64};
    const auto highest = std::ranges::max_element(numbers_);
    // Negative: pseudo numbers of libseccomp, for calls that the architecture does not have.
    if (highest != numbers_.end() && *highest >= 0) known.number = static_cast<std::uint32_t>(*highest);
    return known;
}

}  // namespace arca::seccomp
