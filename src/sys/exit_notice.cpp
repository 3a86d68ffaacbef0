#include "sys/exit_notice.hpp"

#include <arpa/inet.h>
#include <linux/cn_proc.h>
#include <linux/connector.h>
#include <linux/filter.h>
#include <linux/netlink.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <array>
#include <cstddef>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <utility>

#include "sys/syscalls.hpp"

namespace arca::sys {

namespace {
// <linux/cn_proc.h> names it within a struct since Linux 6.6, outside of it before.
constexpr std::uint32_t kExitEvent = 0x80000000;

constexpr std::uint32_t kEvent = NLMSG_HDRLEN + sizeof(cn_msg);
constexpr std::uint32_t kThread = kEvent + offsetof(proc_event, event_data.exit.process_pid);

/// What is sent to the kernel to be told of every process. (A cn_msg ends in an array, which no struct may hold.)
struct Subscription {
    nlmsghdr header;
    std::array<std::byte, sizeof(cn_msg)> connector;
    std::uint32_t operation;
};

// Every thread of the host is announced. The kernel drops what is not the end of this process's first: its other
// threads may be many, and would fill the socket before the process ends.
Result<> hear_only_of(const Fd& socket, pid_t pid) {
    // Loads are of big-endian words.
    std::array<sock_filter, 6> code = {{
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, kEvent + offsetof(proc_event, what)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, htonl(kExitEvent), 0, 3),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, kThread),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, htonl(static_cast<std::uint32_t>(pid)), 0, 1),
        BPF_STMT(BPF_RET | BPF_K, ~0U),
        BPF_STMT(BPF_RET | BPF_K, 0),
    }};
    const sock_fprog program{code.size(), code.data()};
    if (::setsockopt(socket.number(), SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program) < 0)
        return last_error("setsockopt(SO_ATTACH_FILTER)");
    return {};
}

Result<> subscribe(const Fd& socket) {
    cn_msg connector{};
    connector.id = {CN_IDX_PROC, CN_VAL_PROC};
    connector.len = sizeof(Subscription::operation);
    Subscription message{};
    message.header.nlmsg_len = sizeof message;
    message.header.nlmsg_type = NLMSG_DONE;
    std::memcpy(message.connector.data(), &connector, sizeof connector);
    message.operation = PROC_CN_MCAST_LISTEN;
    if (::send(socket.number(), &message, sizeof message, 0) < 0) return last_error("send(NETLINK_CONNECTOR)");
    return {};
}

std::chrono::nanoseconds age_of(const proc_event& event) {
    timespec now{};
    ::clock_gettime(CLOCK_MONOTONIC, &now);  // ktime_get_ns(), with which the kernel dates it
    return std::chrono::seconds(now.tv_sec) + std::chrono::nanoseconds(now.tv_nsec) -
           std::chrono::nanoseconds(event.timestamp_ns);
}

// The first thread's status is the process's, unless other threads have outlived it: then it was announced long ago.
std::optional<ExitStatus> read_notice(const Fd& socket, std::chrono::milliseconds newest) {
    std::array<std::byte, kEvent + sizeof(proc_event)> datagram;
    sockaddr_nl sender{};
    socklen_t length = sizeof sender;
    const auto size =
        ::recvfrom(socket.number(), datagram.data(), datagram.size(), 0, reinterpret_cast<sockaddr*>(&sender), &length);
    constexpr auto kEnd = kEvent + offsetof(proc_event, event_data.exit.exit_code) + sizeof(std::uint32_t);
    // Only the kernel is nobody.
    if (size < static_cast<ssize_t>(kEnd) || sender.nl_pid != 0) return std::nullopt;
    proc_event event{};
    std::memcpy(&event, datagram.data() + kEvent, sizeof event);
    if (age_of(event) > newest) return std::nullopt;
    return ExitStatus::from_wait_status(static_cast<int>(event.event_data.exit.exit_code));
}
}  // namespace

bool ExitNotice::is_needed() {
    utsname host{};
    unsigned major_number = 0;
    unsigned minor_number = 0;
    return ::uname(&host) < 0 || std::sscanf(host.release, "%u.%u", &major_number, &minor_number) != 2 ||
           std::pair(major_number, minor_number) < std::pair(6U, 15U);
}

Result<ExitNotice> ExitNotice::of(pid_t pid) {
    Fd socket(::socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_CONNECTOR));
    if (!socket) return last_error("socket(NETLINK_CONNECTOR)");
    TRY(hear_only_of(socket, pid));
    sockaddr_nl address{};
    address.nl_family = AF_NETLINK;
    address.nl_groups = CN_IDX_PROC;
    if (::bind(socket.number(), reinterpret_cast<sockaddr*>(&address), sizeof address) < 0)
        return last_error("bind(CN_IDX_PROC)");
    TRY(subscribe(socket));
    return ExitNotice(std::move(socket));
}

std::optional<ExitStatus> ExitNotice::await(std::chrono::milliseconds patience) const {
    pollfd entry{socket_.number(), POLLIN, 0};
    while (::poll(&entry, 1, static_cast<int>(patience.count())) == 1)
        if (auto status = read_notice(socket_, patience)) return status;
    return std::nullopt;
}

}  // namespace arca::sys
