// One end of a SOCK_SEQPACKET pair: whole messages with up to a few descriptors. The end of the peer is an error, not
// an empty message, because a dead peer must never look like success.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "base/result.hpp"
#include "sys/fd.hpp"

namespace arca::sys {

class Channel {
  public:
    static constexpr std::size_t kMaximalMessage = 4096;
    static constexpr std::size_t kMaximalDescriptors = 8;

    Channel() = default;
    explicit Channel(Fd socket) : socket_(std::move(socket)) {}
    static Result<std::pair<Channel, Channel>> pair();

    explicit operator bool() const { return static_cast<bool>(socket_); }
    FdRef fd() const { return socket_; }
    void close() { socket_.reset(); }

    Result<> send(std::span<const std::byte> message, std::span<const FdRef> descriptors = {}) const;

    /// One message by write(2), without descriptors: what a strict seccomp filter still lets through. SIGPIPE when the
    /// peer is gone. Allocates nothing.
    Result<> write(std::span<const std::byte> message) const;

    struct Received {
        std::size_t size = 0;  ///< 0: the peer has closed its end
        std::vector<Fd> descriptors;
    };
    Result<Received> receive(std::span<std::byte> buffer) const;

  private:
    Fd socket_;
};

/// Waits until `first` is readable or closed, or `second` is (a pidfd: its process has ended).
enum class Ready : std::uint8_t { First, Second };
Result<Ready> wait_either(FdRef first, FdRef second);

}  // namespace arca::sys
