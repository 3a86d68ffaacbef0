// Stream sockets by path, as engines and agents listen on them, and descriptors sent over them.
#pragma once

#include <string>
#include <string_view>

#include "base/result.hpp"
#include "sys/fd.hpp"

namespace arca::sys {

/// A connection to the listening socket at `path` (SOCK_STREAM, or SOCK_SEQPACKET where it is one). A path may be
/// longer than sun_path holds.
Result<Fd> connect_unix(const std::string& path);

/// All of `data`, the descriptor with its first bytes (SCM_RIGHTS). Never raises SIGPIPE.
Result<> send_with_descriptor(FdRef socket, std::string_view data, FdRef descriptor);

}  // namespace arca::sys
