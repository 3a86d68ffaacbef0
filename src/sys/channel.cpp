#include "sys/channel.hpp"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstring>

#include "sys/syscalls.hpp"

namespace arca::sys {

Result<std::pair<Channel, Channel>> Channel::pair() {
    int ends[2];
    if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0) return last_error("socketpair");
    return std::pair{Channel(Fd(ends[0])), Channel(Fd(ends[1]))};
}

Result<> Channel::send(std::span<const std::byte> message, std::span<const FdRef> descriptors) const {
    // An empty message could not be told from the end of the peer.
    if (message.empty() || message.size() > kMaximalMessage || descriptors.size() > kMaximalDescriptors)
        return fail(Code::Internal, text::cat("a message of ", message.size(), " bytes with ", descriptors.size(),
                                              " descriptors cannot be sent"));
    iovec part{const_cast<std::byte*>(message.data()), message.size()};
    alignas(cmsghdr) std::array<std::byte, CMSG_SPACE(sizeof(int) * kMaximalDescriptors)> control{};
    msghdr header{};
    header.msg_iov = &part;
    header.msg_iovlen = 1;
    if (!descriptors.empty()) {
        header.msg_control = control.data();
        header.msg_controllen = CMSG_SPACE(sizeof(int) * descriptors.size());
        auto* rights = CMSG_FIRSTHDR(&header);
        rights->cmsg_level = SOL_SOCKET;
        rights->cmsg_type = SCM_RIGHTS;
        rights->cmsg_len = CMSG_LEN(sizeof(int) * descriptors.size());
        for (std::size_t i = 0; i < descriptors.size(); ++i) {
            const int number = descriptors[i].number();
            std::memcpy(CMSG_DATA(rights) + i * sizeof(int), &number, sizeof number);
        }
    }
    ssize_t sent;
    do
        sent = ::sendmsg(socket_.number(), &header, MSG_NOSIGNAL);
    while (sent < 0 && errno == EINTR);
    if (sent < 0) return last_error("sendmsg");
    return {};
}

Result<> Channel::write(std::span<const std::byte> message) const {
    ssize_t written;
    do
        written = ::write(socket_.number(), message.data(), message.size());
    while (written < 0 && errno == EINTR);
    if (written < 0) return last_error("write(the launch's channel)");
    return {};
}

Result<Channel::Received> Channel::receive(std::span<std::byte> buffer) const {
    iovec part{buffer.data(), buffer.size()};
    alignas(cmsghdr) std::array<std::byte, CMSG_SPACE(sizeof(int) * kMaximalDescriptors)> control{};
    msghdr header{};
    header.msg_iov = &part;
    header.msg_iovlen = 1;
    header.msg_control = control.data();
    header.msg_controllen = control.size();
    ssize_t size;
    // A peer that dies with unread data in its queue resets the connection (unix(7)). That is told once, before what it
    // had sent; then comes that, then the end.
    do
        size = ::recvmsg(socket_.number(), &header, MSG_CMSG_CLOEXEC);
    while (size < 0 && (errno == EINTR || errno == ECONNRESET));
    if (size < 0) return last_error("recvmsg");
    Received received;
    received.size = static_cast<std::size_t>(size);
    for (auto* part_header = CMSG_FIRSTHDR(&header); part_header != nullptr;
         part_header = CMSG_NXTHDR(&header, part_header)) {
        if (part_header->cmsg_level != SOL_SOCKET || part_header->cmsg_type != SCM_RIGHTS) continue;
        const auto count = (part_header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (std::size_t i = 0; i < count; ++i) {
            int number;
            std::memcpy(&number, CMSG_DATA(part_header) + i * sizeof(int), sizeof number);
            received.descriptors.emplace_back(number);
        }
    }
    if (size > 0 && (header.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0)
        return fail(Code::System, "recvmsg: a message or its descriptors were cut short", EMSGSIZE);
    return received;
}

Result<Ready> wait_either(FdRef first, FdRef second) {
    pollfd entries[2] = {{first.number(), POLLIN, 0}, {second.number(), POLLIN, 0}};
    int ready;
    do
        ready = ::poll(entries, 2, -1);
    while (ready < 0 && errno == EINTR);
    if (ready < 0) return last_error("poll");
    // What was said before dying is worth more than the death: messages first.
    return entries[0].revents != 0 ? Ready::First : Ready::Second;
}

}  // namespace arca::sys
