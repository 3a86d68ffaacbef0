// Architectures as the configuration, libseccomp and the kernel name them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "seccomp/emit.hpp"

namespace arca::seccomp {

/// libseccomp's tokens: the native one first, then those of the list, each once.
Result<std::vector<std::uint32_t>> architecture_tokens(const std::vector<std::string>& names);

/// seccomp_data.arch of a token, and whether it is x32, which the kernel tells from x86_64 by the number alone.
std::uint32_t audit_architecture(std::uint32_t token);
bool is_x32(std::uint32_t token);
Width argument_width(std::uint32_t token);
ByteOrder byte_order(std::uint32_t token);

}  // namespace arca::seccomp
