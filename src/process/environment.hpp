// The environment of the container's process.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "sys/root_dir.hpp"

namespace arca::process {

/// Order kept, the last of several entries of one name wins (at the place of the first). Linear in the number of
/// entries.
std::vector<std::string> without_duplicates(const std::vector<std::string>& environment);
/// Value of NAME, or nothing.
std::optional<std::string_view> find(const std::vector<std::string>& environment, std::string_view name);
/// Home directory of `uid` in the container's /etc/passwd, by plain reading (no NSS: it would load the container's
/// libraries); "/" when it is not listed.
std::string home_directory(const sys::RootDir& root, std::uint32_t uid);
/// LISTEN_FDS protocol (sd_listen_fds(3)): how many descriptors from 3 on belong to us, if LISTEN_PID is our pid.
unsigned listen_descriptors(const std::vector<std::string>& caller_environment, int own_pid);

}  // namespace arca::process
