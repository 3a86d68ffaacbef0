// A second thread for one errand, the only one there ever is: it carries a descriptor out of a process whose first
// thread may no longer make a system call, because each could be held up by the seccomp filter it has just loaded. The
// filter binds the thread that loads it, not this one. execve(2) ends both.
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include "base/result.hpp"
#include "sys/channel.hpp"

namespace arca::sys {

class Courier {
  public:
    /// Starts the thread, which waits. `message` is what will be sent over `channel`, with the descriptor.
    static Result<Courier> set_out(const Channel& channel, std::vector<std::byte> message);
    Courier(Courier&&) noexcept;
    Courier& operator=(Courier&&) = delete;
    ~Courier();

    /// Waits until `descriptor` is sent and closed here; 0 or an errno. Makes no system call and allocates nothing.
    int deliver(int descriptor) noexcept;
    /// There is nothing to deliver. Once is enough, and deliver() afterwards is not allowed.
    void dismiss() noexcept;

  private:
    struct Errand;
    explicit Courier(std::unique_ptr<Errand> errand);
    std::unique_ptr<Errand> errand_;
};

}  // namespace arca::sys
