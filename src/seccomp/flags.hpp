// linux.seccomp.flags: names, kernel bits, and which of them this kernel takes.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "spec/types.hpp"

namespace arca::seccomp {

/// The bits for seccomp(2). No list: SPEC_ALLOW where the kernel has it, as the engines expect; an empty list: none.
/// A name that is unknown or that this kernel does not take is an error, but WAIT_KILLABLE_RECV, without which
/// notification works too. A profile that notifies gets a listener.
Result<std::uint32_t> plan_flags(const spec::Seccomp& profile, std::vector<spec::Note>& notes);

/// All bits that can appear in a Program.
std::uint32_t known_flag_bits();

}  // namespace arca::seccomp
