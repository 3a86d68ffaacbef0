// The agent that decides on the system calls of a filter's SCMP_ACT_NOTIFY rules: a program of the host, reached by the
// socket of linux.seccomp.listenerPath. The starter of a process introduces it to the agent.
#pragma once

#include <string>

#include "base/result.hpp"
#include "container/record.hpp"
#include "sys/fd.hpp"

namespace arca::container::launch {

class Agent {
  public:
    /// ORDER: before the process is told to go, so that an agent that is not there is an error and nobody waits for it.
    /// Of a container without one: an agent that nothing can be handed to.
    static Result<Agent> connect(const Record& record);

    /// Hands over the listener of `pid`, with the container's state in which that process comes to be
    /// (config-linux.md#the-container-process-state). One connection for each listener.
    Result<> introduce(sys::FdRef listener, const Record& record, Status status, int pid);

  private:
    sys::Fd socket_;
};

}  // namespace arca::container::launch
