// What a bus daemon, or systemd itself, answers.
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstddef>
#include <thread>

#include "base/text.hpp"
#include "cgroup/systemd_bus.hpp"
#include "target.hpp"

using namespace arca;

namespace {
/// A bus that says the same to everybody, whatever is asked, and hangs up. In the abstract namespace: no file is left.
class Listener {
  public:
    Listener() : name_(text::cat("arca-fuzz-", ::getpid())) {
        sockaddr_un name{};
        name.sun_family = AF_UNIX;
        name_.copy(name.sun_path + 1, sizeof name.sun_path - 1);
        const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name_.size());
        socket_ = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        fuzz::require(::bind(socket_, reinterpret_cast<sockaddr*>(&name), length) == 0 && ::listen(socket_, 5) == 0,
                      "there is a place for a socket");
    }

    std::string address() const { return text::cat("unix:abstract=", name_); }
    void answer_one(std::string_view bytes) const {
        const int peer = ::accept(socket_, nullptr, nullptr);
        (void)!::send(peer, bytes.data(), bytes.size(), MSG_NOSIGNAL);
        ::shutdown(peer, SHUT_WR);
        char asked[4096];
        while (::recv(peer, asked, sizeof asked, 0) > 0) {
        }
        ::close(peer);
    }

  private:
    std::string name_;
    int socket_ = -1;
};

const fuzz::Target bus("bus", [](std::string_view input) {
    static const Listener listener;
    std::thread peer([input] { listener.answer_one(input); });
    {
        const cgroup::Deadline deadline(2000);
        auto connected = cgroup::SystemdBus::connect(listener.address(), deadline);
        if (connected) {
            const auto reply = connected->call({"GetUnit", {}}, deadline);
            if (reply && reply->ok()) (void)connected->run_job({"StopUnit", {}}, deadline);
        }
    }
    peer.join();
});
}  // namespace
