// A conversation with one instance of systemd over D-Bus: method calls of its manager, and the end of the jobs they
// start. libdbus makes and reads the messages; the socket, the waiting and the deadline are ours, so that no call can
// hang. Knows no container.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "cgroup/dbus_value.hpp"
#include "cgroup/files.hpp"
#include "sys/fd.hpp"

namespace arca::cgroup {

/// A method of org.freedesktop.systemd1.Manager.
struct MethodCall {
    std::string method;
    std::vector<Value> arguments;
};

struct Reply {
    std::string error_name;  ///< "org.freedesktop.systemd1.NoSuchUnit"; empty: it succeeded
    std::string text;        ///< of the error; else the first argument, where that is text or a path
    bool ok() const { return error_name.empty(); }
    bool says(std::string_view error) const { return error_name.ends_with(error); }
};

class SystemdBus {
  public:
    /// The first of the addresses ("unix:path=/a;unix:path=/b") that answers.
    static Result<SystemdBus> connect(const std::string& addresses, Deadline deadline);

    Result<Reply> call(const MethodCall& call, Deadline deadline);
    /// Does not wait for an answer. What fails is not told.
    Result<> tell(const MethodCall& call, Deadline deadline);
    /// For methods that answer with a job: waits until it is removed, and gives its result ("done", "failed", ...).
    Result<Reply> run_job(const MethodCall& call, Deadline deadline);

  private:
    struct RemovedJob {
        std::string path;
        std::string result;
    };

    enum class Peer : std::uint8_t { Systemd, Daemon };

    explicit SystemdBus(sys::Fd socket) : socket_(std::move(socket)) {}
    Result<> introduce(Peer peer, Deadline deadline);
    Result<> read_greeting(Deadline deadline);
    Result<std::string> take_line(Deadline deadline);
    Result<> send(std::string_view bytes, Deadline deadline);
    Result<> read_more(Deadline deadline);
    Result<Reply> await_reply(std::uint32_t serial, Deadline deadline);

    sys::Fd socket_;
    std::string received_;
    std::uint32_t serial_ = 0;
    std::vector<RemovedJob> removed_;
};

}  // namespace arca::cgroup
