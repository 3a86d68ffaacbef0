// The console socket of terminal.hpp: how an engine gets the controller.
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <array>
#include <cstring>

#include "process/terminal.hpp"
#include "sys/syscalls.hpp"

namespace arca::process {

namespace {
Result<sys::Fd> connect_as(int type, const sockaddr_un& address, const std::string& path) {
    const int number = ::socket(AF_UNIX, type | SOCK_CLOEXEC, 0);
    if (number < 0) return sys::last_error("socket(AF_UNIX)");
    sys::Fd socket(number);
    int done;
    do
        done = ::connect(number, reinterpret_cast<const sockaddr*>(&address), sizeof address);
    while (done < 0 && errno == EINTR);
    if (done < 0) return sys::last_error(text::cat("connect(", path, ")"));
    return socket;
}

Result<> send_with_descriptor(sys::FdRef socket, const std::string& data, int descriptor) {
    iovec part{const_cast<char*>(data.data()), data.size()};
    alignas(cmsghdr) std::array<std::byte, CMSG_SPACE(sizeof(int))> control{};
    msghdr header{};
    header.msg_iov = &part;
    header.msg_iovlen = 1;
    header.msg_control = control.data();
    header.msg_controllen = control.size();
    auto* rights = CMSG_FIRSTHDR(&header);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(sizeof(int));
    std::memcpy(CMSG_DATA(rights), &descriptor, sizeof descriptor);
    ssize_t sent;
    do
        sent = ::sendmsg(socket.number(), &header, MSG_NOSIGNAL);
    while (sent < 0 && errno == EINTR);
    if (sent < 0) return sys::last_error("sendmsg(console socket)");
    return {};
}
}  // namespace

Result<sys::Fd> connect_console_socket(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    // sun_path holds 108 bytes (unix(7)); a longer path is reached through a descriptor of the socket's inode.
    sys::Fd inode;
    std::string name = path;
    if (name.size() >= sizeof address.sun_path) {
        inode = TRY_CTX(sys::open(path, O_PATH), "console socket");
        name = sys::fd_path(inode);
    }
    std::memcpy(address.sun_path, name.c_str(), name.size() + 1);
    auto connected = connect_as(SOCK_STREAM, address, path);
    if (!connected && connected.error().errnum() == EPROTOTYPE) connected = connect_as(SOCK_SEQPACKET, address, path);
    if (!connected) return fail(std::move(connected.error()).with("console socket"));
    return connected;
}

Result<> send_controller(sys::FdRef console_socket, sys::FdRef controller, const std::string& name) {
    return send_with_descriptor(console_socket, name, controller.number());
}

}  // namespace arca::process
