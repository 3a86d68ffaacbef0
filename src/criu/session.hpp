// A CRIU process that serves us: `criu swrk FD` reads requests from a socket it inherits and ends after the operation.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "criu/protocol.hpp"
#include "sys/channel.hpp"
#include "sys/fd.hpp"
#include "sys/process.hpp"

namespace arca::criu {

/// The program in the PATH of `environment`; where programs usually are, when that has none.
Result<std::string> find_program(const std::vector<std::string>& environment);

/// What becomes of CRIU when its caller is killed. Left alone it finishes what it is at, which is best for the
/// processes in its hands, unless it waits for somebody who need not ever come.
enum class Orphan : std::uint8_t { Finishes, Dies };

/// How the process comes to be.
struct Launch {
    std::string program;
    std::vector<std::string> environment;
    std::vector<sys::FdRef> inherited;        ///< kept open, by their numbers: directories, too
    sys::FdRef birthplace;                    ///< cgroup to be born in (CLONE_INTO_CGROUP); may be invalid
    std::function<Result<>()> before_execve;  ///< in the new process; may be empty
    Orphan orphan = Orphan::Finishes;
};

/// Is told what CRIU has come to. A failure makes CRIU give up and undo. `descriptor` is what came along.
using Listener = std::function<Result<>(const Notification& notification, sys::Fd descriptor)>;

class Session {
  public:
    static Result<Session> start(const Launch& launch);

    pid_t pid() const { return process_.pid(); }
    Result<Version> version();
    Result<Features> features();
    /// The answer, successful or not. The listener's own failure comes back as the error.
    Result<Response> carry_out(Call call, const Options& options, const Listener& listener);
    /// Waits for the end of the process.
    Result<> finish();

  private:
    Session(sys::Channel channel, sys::Child process) : channel_(std::move(channel)), process_(std::move(process)) {}
    Result<> send(std::string_view message) const;
    struct Received {
        Response response;
        sys::Fd descriptor;
    };
    Result<Received> receive();
    Result<Response> question(Call call);

    sys::Channel channel_;
    sys::Child process_;
};

}  // namespace arca::criu
