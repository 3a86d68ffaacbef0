// Architectures as the configuration, libseccomp and the kernel name them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.hpp"

namespace arca::seccomp {

/// libseccomp's tokens: the native one first, then those of the list, each once.
Result<std::vector<std::uint32_t>> architecture_tokens(const std::vector<std::string>& names);

/// Tokens that share a value of seccomp_data.arch.
struct ArchitectureGroup {
    std::uint32_t audit_architecture = 0;
    std::vector<std::uint32_t> tokens;
    bool operator==(const ArchitectureGroup&) const = default;
};
std::vector<ArchitectureGroup> group_architectures(const std::vector<std::uint32_t>& tokens);

}  // namespace arca::seccomp
