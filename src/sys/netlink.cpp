#include "sys/netlink.hpp"

#include <fcntl.h>
#include <sched.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstring>
#include <iterator>

#include "sys/syscalls.hpp"

namespace arca::sys {

namespace {
// netlink(7): what the kernel answers in one piece is at most this long.
constexpr std::size_t kBufferSize = 32768;
constexpr int kMaximalErrno = 4095;

constexpr std::size_t aligned(std::size_t size) {
    return (size + NLMSG_ALIGNTO - 1) & ~std::size_t{NLMSG_ALIGNTO - 1};
}

template<class Header>
Header read_header(std::span<const std::byte> bytes) {
    Header header{};
    std::memcpy(&header, bytes.data(), sizeof header);
    return header;
}

NetlinkObject to_object(std::span<const std::byte> payload, std::size_t fixed_size) {
    NetlinkObject object;
    const auto fixed = payload.first(std::min(fixed_size, payload.size()));
    object.fixed.assign(fixed.begin(), fixed.end());
    auto rest = payload.subspan(std::min(aligned(fixed_size), payload.size()));
    while (rest.size() >= sizeof(rtattr)) {
        const auto header = read_header<rtattr>(rest);
        if (header.rta_len < sizeof(rtattr) || header.rta_len > rest.size()) break;
        const auto value = rest.subspan(sizeof(rtattr), header.rta_len - sizeof(rtattr));
        object.attributes[header.rta_type & NLA_TYPE_MASK].assign(value.begin(), value.end());
        rest = rest.subspan(std::min(aligned(header.rta_len), rest.size()));
    }
    return object;
}

/// The kernel's: 0, or an errno.
int verdict(std::span<const std::byte> payload) {
    if (payload.size() < sizeof(int)) return EBADMSG;
    const int negative = read_header<int>(payload);
    return negative > 0 || negative < -kMaximalErrno ? EBADMSG : -negative;
}
}  // namespace

Result<NetlinkAnswer> parse_netlink(std::span<const std::byte> bytes, std::size_t fixed_size, const std::string& what) {
    NetlinkAnswer answer;
    while (bytes.size() >= sizeof(nlmsghdr)) {
        const auto header = read_header<nlmsghdr>(bytes);
        if (header.nlmsg_len < sizeof(nlmsghdr) || header.nlmsg_len > bytes.size()) break;
        const auto payload = bytes.subspan(sizeof(nlmsghdr), header.nlmsg_len - sizeof(nlmsghdr));
        answer.is_complete = header.nlmsg_type == NLMSG_DONE || header.nlmsg_type == NLMSG_ERROR;
        if (header.nlmsg_type == NLMSG_ERROR)
            if (const int errnum = verdict(payload); errnum != 0) return fail(Code::System, what, errnum);
        if (answer.is_complete) break;
        answer.objects.push_back(to_object(payload, fixed_size));
        bytes = bytes.subspan(std::min(aligned(header.nlmsg_len), bytes.size()));
    }
    return answer;
}

NetlinkRequest::NetlinkRequest(std::uint16_t type, std::uint16_t flags, std::span<const std::byte> fixed) {
    nlmsghdr header{};
    header.nlmsg_type = type;
    header.nlmsg_flags = static_cast<std::uint16_t>(NLM_F_REQUEST | NLM_F_ACK | flags);
    append(&header, sizeof header);
    append(fixed.data(), fixed.size());
}

// Padded to the alignment that the next part begins at; the header's length is kept true.
void NetlinkRequest::append(const void* data, std::size_t size) {
    const auto* first = static_cast<const std::byte*>(data);
    bytes_.insert(bytes_.end(), first, first + size);
    bytes_.resize(aligned(bytes_.size()));
    const auto length = static_cast<std::uint32_t>(bytes_.size());
    std::memcpy(bytes_.data() + offsetof(nlmsghdr, nlmsg_len), &length, sizeof length);
}

void NetlinkRequest::attribute(std::uint16_t type, std::span<const std::byte> value) {
    const rtattr header{static_cast<std::uint16_t>(sizeof(rtattr) + value.size()), type};
    append(&header, sizeof header);
    append(value.data(), value.size());
}

void NetlinkRequest::attribute(std::uint16_t type, std::uint32_t value) {
    attribute(type, std::as_bytes(std::span(&value, 1)));
}

void NetlinkRequest::attribute(std::uint16_t type, const std::string& value) {
    attribute(type, std::as_bytes(std::span(value.c_str(), value.size() + 1)));
}

std::string NetlinkObject::text(std::uint16_t type) const {
    const auto found = attributes.find(type);
    if (found == attributes.end()) return {};
    const std::string_view whole(reinterpret_cast<const char*>(found->second.data()), found->second.size());
    return std::string(whole.substr(0, whole.find('\0')));
}

std::uint32_t NetlinkObject::number(std::uint16_t type, std::uint32_t otherwise) const {
    const auto found = attributes.find(type);
    if (found == attributes.end() || found->second.size() < sizeof otherwise) return otherwise;
    return read_header<std::uint32_t>(found->second);
}

void NetlinkObject::copy_to(std::span<std::byte> out) const {
    std::ranges::copy(std::span(fixed).first(std::min(out.size(), fixed.size())), out.begin());
}

Result<NetlinkSocket> NetlinkSocket::open() {
    Fd socket(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE));
    if (!socket) return last_error("socket(AF_NETLINK)");
    return NetlinkSocket(std::move(socket));
}

Result<NetlinkSocket> NetlinkSocket::open_in(FdRef network_namespace) {
    const auto own = TRY(sys::open("/proc/self/ns/net", O_RDONLY));
    if (::setns(network_namespace.number(), CLONE_NEWNET) < 0) return last_error("setns(CLONE_NEWNET)");
    auto socket = open();
    if (::setns(own.number(), CLONE_NEWNET) < 0) return last_error("setns(CLONE_NEWNET, back)");
    return socket;
}

Result<std::vector<NetlinkObject>> NetlinkSocket::exchange(NetlinkRequest& request, std::size_t fixed_size,
                                                           const std::string& what) const {
    const auto bytes = request.bytes();
    if (::send(socket_.number(), bytes.data(), bytes.size(), MSG_NOSIGNAL) < 0) return last_error(what);
    std::vector<NetlinkObject> objects;
    std::vector<std::byte> buffer(kBufferSize);
    for (;;) {
        const auto size = ::recv(socket_.number(), buffer.data(), buffer.size(), 0);
        if (size < 0 && errno == EINTR) continue;
        if (size < 0) return last_error(what);
        const auto part = std::span(std::as_const(buffer)).first(static_cast<std::size_t>(size));
        auto answer = TRY(parse_netlink(part, fixed_size, what));
        std::ranges::move(answer.objects, std::back_inserter(objects));
        if (answer.is_complete) return objects;
    }
}

Result<> NetlinkSocket::carry_out(NetlinkRequest request, const std::string& what) const {
    (void)TRY(exchange(request, 0, what));
    return {};
}

Result<std::vector<NetlinkObject>> NetlinkSocket::query(NetlinkRequest request, std::size_t fixed_size,
                                                        const std::string& what) const {
    return exchange(request, fixed_size, what);
}

}  // namespace arca::sys
