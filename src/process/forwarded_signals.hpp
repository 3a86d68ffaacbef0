// Signals that somebody sends to a foreground arca and means for the container: read from a descriptor and passed on.
#pragma once

#include <sys/types.h>

#include <csignal>

#include "base/result.hpp"
#include "sys/fd.hpp"
#include "sys/process.hpp"

namespace arca::process {

class ForwardedSignals {
  public:
    /// From now on they are held back; the destructor drops what is still pending and restores the mask.
    static Result<ForwardedSignals> hold();
    ForwardedSignals(ForwardedSignals&& other) noexcept = default;
    ForwardedSignals& operator=(ForwardedSignals&&) = delete;
    ~ForwardedSignals();

    sys::FdRef fd() const { return fd_; }
    /// The next signal that has come; 0: none.
    int next() const;
    /// Does what every foreground run does with it: SIGCHLD reaps adopted orphans, SIGTSTP stops `process` and us,
    /// what concerns only this process is dropped, the rest is sent on.
    static void handle(int signal, const sys::Pidfd& process);

  private:
    ForwardedSignals(sys::Fd fd, const sigset_t& before) : fd_(std::move(fd)), before_(before) {}
    sys::Fd fd_;
    sigset_t before_;
};

}  // namespace arca::process
