#include "container/launch/gate.hpp"

#include <sys/socket.h>
#include <sys/un.h>

#include <cstring>

#include "sys/syscalls.hpp"

namespace arca::container::launch {

namespace {
sockaddr_un address_of(sys::FdRef directory, const char* name) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const auto path = text::cat(sys::fd_path(directory), "/", name);
    std::memcpy(address.sun_path, path.c_str(), std::min(path.size() + 1, sizeof address.sun_path - 1));
    return address;
}

Result<sys::Fd> new_socket() {
    int fd = ::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    if (fd < 0) return sys::last_error("socket(AF_UNIX)");
    return sys::Fd(fd);
}
}  // namespace

Result<sys::Fd> open_gate(sys::FdRef directory, const char* name) {
    auto socket = TRY(new_socket());
    const auto address = address_of(directory, name);
    if (::bind(socket.number(), reinterpret_cast<const sockaddr*>(&address), sizeof address) < 0)
        return sys::last_error(text::cat("bind(", name, ")"));
    if (::listen(socket.number(), 1) < 0) return sys::last_error(text::cat("listen(", name, ")"));
    return socket;
}

Result<sys::Channel> accept_starter(sys::FdRef gate) {
    int fd;
    do
        fd = ::accept4(gate.number(), nullptr, nullptr, SOCK_CLOEXEC);
    while (fd < 0 && errno == EINTR);
    if (fd < 0) return sys::last_error("accept(the start gate)");
    return sys::Channel(sys::Fd(fd));
}

Result<sys::Channel> connect_gate(sys::FdRef directory, const char* name) {
    auto socket = TRY(new_socket());
    const auto address = address_of(directory, name);
    int result;
    do
        result = ::connect(socket.number(), reinterpret_cast<const sockaddr*>(&address), sizeof address);
    while (result < 0 && errno == EINTR);
    if (result < 0 && (errno == ECONNREFUSED || errno == ENOENT))
        return fail(Code::NotRunning, "the container's init has ended before it was started");
    if (result < 0) return sys::last_error("connect(the start gate)");
    return sys::Channel(std::move(socket));
}

}  // namespace arca::container::launch
