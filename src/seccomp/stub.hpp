// What the part of a filter for one architecture begins with: system calls newer than all that the profile mentions
// fail with ENOSYS, as they would on the kernel its author had in mind, so that a C library falls back to the older
// call. With the EPERM of a default action it would give up (clone3, faccessat2, openat2 and others did in turn). Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "spec/types.hpp"

namespace arca::seccomp {

/// Numbers from here on belong to x32, which shares seccomp_data.arch with x86_64.
constexpr std::uint32_t kFirstX32Number = 0x40000000;

/// The highest number of a system call that the profile mentions, on one architecture.
struct NewestKnown {
    std::optional<std::uint32_t> number;
    /// On x86_64, where what belongs to x32 is not newer but of another architecture.
    bool leaves_x32_alone = false;
};

/// False when a new system call is let through anyhow, or gets ENOSYS already.
bool needs_stub(const spec::Seccomp& profile);

/// Instructions that either return ENOSYS or fall out at their end. Empty without anything to compare with.
std::vector<std::uint64_t> enosys_stub(const NewestKnown& known);

}  // namespace arca::seccomp
