// The start gate: a SOCK_SEQPACKET socket in the state directory. A socket rather than a FIFO, because it answers: the
// starter learns whether the program was executed. Always named through /proc/self/fd/N, since sun_path holds 108
// bytes.
#pragma once

#include "base/result.hpp"
#include "sys/channel.hpp"
#include "sys/fd.hpp"

namespace arca::container::launch {

/// In the parent: listens at `name` in `directory`.
Result<sys::Fd> open_gate(sys::FdRef directory, const char* name);
/// In init: waits for a starter. The accepted end is closed by execve.
Result<sys::Channel> accept_starter(sys::FdRef gate);
/// In `arca start`. NotRunning when nobody listens any more.
Result<sys::Channel> connect_gate(sys::FdRef directory, const char* name);

}  // namespace arca::container::launch
