// The end of one process as the kernel announces it to whoever listens: the way to its exit status when its parent has
// collected it and the kernel does not keep it (before Linux 6.15, PIDFD_INFO_EXIT).
#pragma once

#include <sys/types.h>

#include <chrono>
#include <optional>

#include "base/result.hpp"
#include "sys/fd.hpp"
#include "sys/process.hpp"

namespace arca::sys {

class ExitNotice {
  public:
    /// Whether the kernel forgets a status that has been collected.
    static bool is_needed();

    /// Listens from now on. Needs CAP_NET_ADMIN, and the host's network, pid and user namespaces: elsewhere this fails,
    /// or nothing is ever heard.
    static Result<ExitNotice> of(pid_t pid);

    /// How the process ended, if it is announced within that time. Called when it has just ended: an announcement older
    /// than that is of a first thread which others have outlived, and says nothing of the process.
    std::optional<ExitStatus> await(std::chrono::milliseconds patience) const;

  private:
    explicit ExitNotice(Fd socket) : socket_(std::move(socket)) {}
    Fd socket_;
};

}  // namespace arca::sys
