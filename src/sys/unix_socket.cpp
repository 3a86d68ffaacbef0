#include "sys/unix_socket.hpp"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <array>
#include <cstring>

#include "sys/syscalls.hpp"

namespace arca::sys {

namespace {
Result<Fd> connect_as(int type, const sockaddr_un& address, const std::string& path) {
    Fd socket(::socket(AF_UNIX, type | SOCK_CLOEXEC, 0));
    if (!socket) return last_error("socket(AF_UNIX)");
    int done;
    do
        done = ::connect(socket.number(), reinterpret_cast<const sockaddr*>(&address), sizeof address);
    while (done < 0 && errno == EINTR);
    if (done < 0) return last_error(text::cat("connect(", path, ")"));
    return socket;
}

Result<std::size_t> send_some(FdRef socket, std::string_view data, FdRef descriptor) {
    iovec part{const_cast<char*>(data.data()), data.size()};
    alignas(cmsghdr) std::array<std::byte, CMSG_SPACE(sizeof(int))> control{};
    msghdr header{};
    header.msg_iov = &part;
    header.msg_iovlen = 1;
    if (descriptor) {
        header.msg_control = control.data();
        header.msg_controllen = control.size();
        auto* rights = CMSG_FIRSTHDR(&header);
        rights->cmsg_level = SOL_SOCKET;
        rights->cmsg_type = SCM_RIGHTS;
        rights->cmsg_len = CMSG_LEN(sizeof(int));
        const int number = descriptor.number();
        std::memcpy(CMSG_DATA(rights), &number, sizeof number);
    }
    ssize_t sent;
    do
        sent = ::sendmsg(socket.number(), &header, MSG_NOSIGNAL);
    while (sent < 0 && errno == EINTR);
    if (sent < 0) return last_error("sendmsg");
    return static_cast<std::size_t>(sent);
}
}  // namespace

Result<Fd> connect_unix(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    // sun_path holds 108 bytes (unix(7)); a longer path is reached through a descriptor of the socket's inode.
    Fd inode;
    std::string name = path;
    if (name.size() >= sizeof address.sun_path) {
        inode = TRY(open(path, O_PATH));
        name = fd_path(inode);
    }
    std::memcpy(address.sun_path, name.c_str(), name.size() + 1);
    auto connected = connect_as(SOCK_STREAM, address, path);
    if (!connected && connected.error().errnum() == EPROTOTYPE) connected = connect_as(SOCK_SEQPACKET, address, path);
    return connected;
}

Result<> send_with_descriptor(FdRef socket, std::string_view data, FdRef descriptor) {
    // A stream takes what fits; the descriptor has gone with the first part.
    do {
        data.remove_prefix(TRY(send_some(socket, data, descriptor)));
        descriptor = {};
    } while (!data.empty());
    return {};
}

}  // namespace arca::sys
