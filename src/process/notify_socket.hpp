// sd_notify(3) through the walls of a container: it gets a socket of its own to say READY=1 to; that is passed on to
// the socket of the service manager, with the pid by which the manager knows the container's process.
#pragma once

#include <string>

#include "base/result.hpp"
#include "sys/fd.hpp"
#include "sys/process.hpp"

namespace arca::process {

/// Name of the socket in the directory that the container gets to see, and where it sees that directory.
inline constexpr auto kNotifySocketName = "notify.sock";
inline constexpr auto kNotifyDirectory = "/run/notify";

/// Whom the manager shall watch from now on: the container's process, or still the one that it started itself.
enum class MainProcess : std::uint8_t { Container, Caller };

class NotifySocket {
  public:
    /// Listens in `directory`, for whoever can reach it; `manager` is the caller's NOTIFY_SOCKET.
    static Result<NotifySocket> listen(sys::FdRef directory, const std::string& manager);

    sys::FdRef fd() const { return socket_; }
    /// Waits for READY=1 and passes it on. A process that ends before it was ready has nothing to pass on.
    Result<> relay_until_ready(const sys::Pidfd& process, MainProcess main) const;

    enum class Heard : std::uint8_t { Nothing, Ready };
    /// Takes one message that has come, and passes READY=1 on.
    Result<Heard> take_message(const sys::Pidfd& process, MainProcess main) const;

  private:
    NotifySocket(sys::Fd socket, std::string manager) : socket_(std::move(socket)), manager_(std::move(manager)) {}
    Result<> tell_manager(int pid, MainProcess main) const;

    sys::Fd socket_;
    std::string manager_;
};

}  // namespace arca::process
