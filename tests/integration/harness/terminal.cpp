#include "terminal.hpp"

#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstring>
#include <vector>

namespace integration {

ConsoleSocket::ConsoleSocket(const std::filesystem::path& path) : path_(path.string()) {
    listener_ = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    strncpy(address.sun_path, path_.c_str(), sizeof(address.sun_path) - 1);
    if (bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0 || listen(listener_, 4) != 0) {
        close(listener_);
        listener_ = -1;
    }
}

ConsoleSocket::~ConsoleSocket() {
    close(listener_);
}

int ConsoleSocket::receive(std::string& data, double seconds) {
    pollfd waiting{listener_, POLLIN, 0};
    if (poll(&waiting, 1, static_cast<int>(seconds * 1000)) != 1) return -1;
    int connection = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    char text[4096], control[CMSG_SPACE(sizeof(int))];
    iovec part{text, sizeof(text)};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control;
    message.msg_controllen = sizeof(control);
    ssize_t n = recvmsg(connection, &message, MSG_CMSG_CLOEXEC);
    close(connection);
    const cmsghdr* header = n < 0 ? nullptr : CMSG_FIRSTHDR(&message);
    if (header == nullptr || header->cmsg_type != SCM_RIGHTS) return -1;
    data.assign(text, static_cast<std::size_t>(n));
    int terminal = -1;
    memcpy(&terminal, CMSG_DATA(header), sizeof(terminal));
    return terminal;
}

std::string read_until(int terminal, const std::string& text, double seconds) {
    using Clock = std::chrono::steady_clock;
    auto deadline = Clock::now() + std::chrono::milliseconds(static_cast<int>(seconds * 1000));
    std::string seen;
    while (seen.find(text) == std::string::npos) {
        auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now()).count();
        pollfd waiting{terminal, POLLIN, 0};
        if (left <= 0 || poll(&waiting, 1, static_cast<int>(left)) != 1) break;
        char buffer[4096];
        // EIO: the last descriptor of the other side was closed, pty(7).
        ssize_t n = read(terminal, buffer, sizeof(buffer));
        if (n <= 0) break;
        seen.append(buffer, static_cast<std::size_t>(n));
    }
    return seen;
}

TerminalSession::TerminalSession(const Arguments& argv, WindowSize size) {
    winsize window{size.rows, size.columns, 0, 0};
    pid_ = forkpty(&master_, nullptr, nullptr, &window);
    if (pid_ == 0) {
        syscall(SYS_close_range, 3, ~0U, 0);
        std::vector<char*> words;
        std::vector<std::string> copies = argv;
        for (auto& word : copies)
            words.push_back(word.data());
        words.push_back(nullptr);
        execv(words[0], words.data());
        _exit(127);
    }
    fcntl(master_, F_SETFD, FD_CLOEXEC);
}

TerminalSession::~TerminalSession() {
    if (pid_ > 0) {
        kill(pid_, SIGKILL);
        waitpid(pid_, nullptr, 0);
    }
    close(master_);
}

void TerminalSession::type(const std::string& text) const {
    [[maybe_unused]] ssize_t n = write(master_, text.data(), text.size());
}

void TerminalSession::resize(WindowSize size) const {
    winsize window{size.rows, size.columns, 0, 0};
    ioctl(master_, TIOCSWINSZ, &window);
}

int TerminalSession::wait(double seconds) {
    int pidfd = static_cast<int>(syscall(SYS_pidfd_open, pid_, 0));
    pollfd ended{pidfd, POLLIN, 0};
    bool timed_out = poll(&ended, 1, static_cast<int>(seconds * 1000)) == 0;
    close(pidfd);
    if (timed_out) kill(pid_, SIGKILL);
    int status = 0;
    waitpid(pid_, &status, 0);
    pid_ = -1;
    if (timed_out) return -1;
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

}  // namespace integration
