#include "process/notify_socket.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cstring>

#include "base/text.hpp"
#include "sys/channel.hpp"
#include "sys/syscalls.hpp"
#include "sys/unix_socket.hpp"

namespace arca::process {

namespace {
constexpr int kBarrierTimeoutMs = 30'000;

Result<sys::Fd> new_socket() {
    sys::Fd socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!socket) return sys::last_error("socket(AF_UNIX)");
    return socket;
}

// "@name" stands for the abstract socket of that name (sd_notify(3)).
Result<sys::Fd> connect_to(const std::string& manager) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if ((manager[0] != '/' && manager[0] != '@') || manager.size() >= sizeof address.sun_path)
        return fail(Code::Unsupported, text::cat("NOTIFY_SOCKET=", manager, " names no unix socket"));
    std::memcpy(address.sun_path, manager.data(), manager.size());
    if (manager[0] == '@') address.sun_path[0] = '\0';
    const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + manager.size());
    auto socket = TRY(new_socket());
    if (::connect(socket.number(), reinterpret_cast<const sockaddr*>(&address), length) < 0)
        return sys::last_error(text::cat("connect(", manager, ")"));
    return socket;
}

bool says_ready(std::string_view message) {
    for (const auto line : text::split(message, '\n'))
        if (line == "READY=1") return true;
    return false;
}

// The manager closes its copy once it has dealt with all that came before (sd_notify(3), BARRIER).
Result<> await_barrier(sys::FdRef manager) {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) < 0) return sys::last_error("pipe2");
    const sys::Fd ours(ends[0]);
    sys::Fd theirs(ends[1]);
    TRY(sys::send_with_descriptor(manager, "BARRIER=1", theirs));
    theirs.reset();
    pollfd entry{ours.number(), 0, 0};
    int ready;
    do
        ready = ::poll(&entry, 1, kBarrierTimeoutMs);
    while (ready < 0 && errno == EINTR);
    return {};  // a manager that does not know barriers, or is slow, is no failure of the container
}
}  // namespace

Result<NotifySocket> NotifySocket::listen(sys::FdRef directory, const std::string& manager) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const auto path = text::cat(sys::fd_path(directory), "/", kNotifySocketName);
    std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
    (void)sys::unlinkat(directory, kNotifySocketName, 0);  // of a start that failed
    auto socket = TRY(new_socket());
    if (::bind(socket.number(), reinterpret_cast<const sockaddr*>(&address), sizeof address) < 0)
        return sys::last_error("bind(the container's notify socket)");
    // The program may run as any user; who can reach the socket is in the container or root.
    if (::fchmodat(directory.number(), kNotifySocketName, 0777, 0) < 0)
        return sys::last_error("chmod(the container's notify socket)");
    return NotifySocket(std::move(socket), manager);
}

Result<> NotifySocket::relay_until_ready(const sys::Pidfd& process, MainProcess main) const {
    for (;;) {
        if (TRY(sys::wait_either(socket_, process.fd())) == sys::Ready::Second) return {};
        if (TRY(take_message(process, main)) == Heard::Ready) return {};
    }
}

Result<NotifySocket::Heard> NotifySocket::take_message(const sys::Pidfd& process, MainProcess main) const {
    std::array<char, 4096> buffer;
    const auto size = ::recv(socket_.number(), buffer.data(), buffer.size(), 0);
    if (size < 0 && errno != EAGAIN && errno != EINTR) return sys::last_error("recv(the container's notify socket)");
    if (size < 0 || !says_ready(std::string_view(buffer.data(), static_cast<std::size_t>(size)))) return Heard::Nothing;
    TRY_CTX(tell_manager(process.pid(), main), "passing READY=1 on");
    return Heard::Ready;
}

Result<> NotifySocket::tell_manager(int pid, MainProcess main) const {
    const auto manager = TRY(connect_to(manager_));
    TRY(sys::send_with_descriptor(manager, "READY=1\n", {}));
    if (main == MainProcess::Container) TRY(sys::send_with_descriptor(manager, text::cat("MAINPID=", pid, "\n"), {}));
    return await_barrier(manager);
}

}  // namespace arca::process
