#include "notify_agent.hpp"

#include <linux/seccomp.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <vector>

namespace integration {

NotifyAgent::NotifyAgent(const std::filesystem::path& path, int failing) : failing_(failing) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    strncpy(address.sun_path, path.c_str(), sizeof(address.sun_path) - 1);
    socket_ = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (bind(socket_, reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0 || listen(socket_, 8) != 0)
        throw std::runtime_error("cannot listen on " + path.string());
    thread_ = std::thread([this] { serve(); });
}

std::unique_ptr<NotifyAgent> NotifyAgent::that_dies(const std::filesystem::path& path) {
    auto agent = std::make_unique<NotifyAgent>(path, -1);
    agent->dies_ = true;
    return agent;
}

NotifyAgent::~NotifyAgent() {
    done_ = true;
    thread_.join();
    for (int listener : listeners_)
        close(listener);
    close(socket_);
}

nlohmann::json NotifyAgent::process() const {
    return nlohmann::json::parse(text_, nullptr, false);
}

void NotifyAgent::serve() {
    while (!done_) {
        std::vector<pollfd> entries = {{socket_, POLLIN, 0}};
        for (int listener : listeners_)
            entries.push_back({listener, POLLIN, 0});
        if (poll(entries.data(), entries.size(), 20) <= 0) continue;
        for (std::size_t i = 1; i < entries.size(); ++i) {
            if (entries[i].revents & POLLIN && dies_) return die();
            if (entries[i].revents & POLLIN) answer(entries[i].fd);
            if (entries[i].revents & (POLLHUP | POLLERR)) {
                close(entries[i].fd);
                std::erase(listeners_, entries[i].fd);
            }
        }
        if (entries[0].revents & POLLIN) accept_listener(accept4(socket_, nullptr, nullptr, SOCK_CLOEXEC));
    }
}

// What the kernel does for a process that ends.
void NotifyAgent::die() {
    for (int listener : listeners_)
        close(listener);
    listeners_.clear();
}

void NotifyAgent::accept_listener(int connection) {
    std::string text(65536, '\0');
    iovec part{text.data(), text.size()};
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
    msghdr header{};
    header.msg_iov = &part;
    header.msg_iovlen = 1;
    header.msg_control = control;
    header.msg_controllen = sizeof(control);
    ssize_t size = recvmsg(connection, &header, MSG_CMSG_CLOEXEC);
    if (cmsghdr* rights = size > 0 ? CMSG_FIRSTHDR(&header) : nullptr) {
        int listener = -1;
        memcpy(&listener, CMSG_DATA(rights), sizeof(listener));
        text_ = text.substr(0, static_cast<std::size_t>(size));
        listeners_.push_back(listener);
        ++introductions_;
    }
    close(connection);
}

void NotifyAgent::answer(int listener) {
    seccomp_notif call{};
    if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &call) != 0) return;
    seccomp_notif_resp response{};
    response.id = call.id;
    if (call.data.nr == failing_)
        response.error = -EPROTO;
    else
        response.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
    ++answers_;
    ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &response);
}

}  // namespace integration
