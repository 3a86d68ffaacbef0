// Out-of-memory kills in a cgroup, told by the kernel rather than looked for.
#pragma once

#include <cstdint>

#include "base/result.hpp"
#include "sys/fd.hpp"

namespace arca::cgroup {

class OomWatch {
  public:
    OomWatch() = default;  ///< watches nothing
    /// `directory` is of v2. Where its memory controller is not enabled there is nothing to watch.
    static Result<OomWatch> open(sys::FdRef directory);
    /// `directory` is of the hierarchy of v1 that has the memory controller.
    static Result<OomWatch> open_v1(sys::FdRef directory);

    /// For poll(2), which passes over what is none, with the events that are asked for.
    sys::FdRef fd() const { return signal_ ? signal_ : file_; }
    short poll_events() const;
    /// How many processes have been killed since it was opened or last asked.
    std::uint64_t take_kills();

  private:
    sys::Fd file_;    ///< memory.events, memory.oom_control
    sys::Fd signal_;  ///< eventfd of v1
    std::uint64_t kills_ = 0;
};

}  // namespace arca::cgroup
