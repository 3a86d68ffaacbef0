// Names of the host's users, for people who read lists.
#pragma once

#include <cstdint>
#include <string>

namespace arca::container {

/// From /etc/passwd by plain reading (NSS would load libraries); the number when it is not listed.
std::string user_name(std::uint32_t uid);

}  // namespace arca::container
