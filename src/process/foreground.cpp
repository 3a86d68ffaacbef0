// The foreground half of terminal.hpp: copying between the caller's stdio and the container's terminal.
#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include <array>

#include "process/forwarded_signals.hpp"
#include "process/terminal.hpp"
#include "sys/syscalls.hpp"

namespace arca::process {

namespace {
/// The caller's terminal in raw mode, if stdin is one.
class RawMode {
  public:
    RawMode() : is_terminal_(::tcgetattr(STDIN_FILENO, &before_) == 0) { enter(); }
    ~RawMode() { leave(); }
    RawMode(const RawMode&) = delete;
    RawMode& operator=(const RawMode&) = delete;

    void enter() const {
        if (!is_terminal_) return;
        termios raw = before_;
        ::cfmakeraw(&raw);
        ::tcsetattr(STDIN_FILENO, TCSANOW, &raw);
    }
    void leave() const {
        if (is_terminal_) ::tcsetattr(STDIN_FILENO, TCSANOW, &before_);
    }

  private:
    termios before_{};
    bool is_terminal_;
};

enum class Flow : std::uint8_t { Open, Paused, Ended, Failed };

/// What was read from one side and waits to be written to the other. No larger than PIPE_BUF: a pipe that poll(2) calls
/// writable takes that much without blocking, and stdout may not be made non-blocking, others share it.
class Buffer {
  public:
    bool is_empty() const { return begin_ == end_; }
    Flow fill(sys::FdRef from) {
        const auto size = ::read(from.number(), data_.data(), data_.size());
        if (size == 0) return Flow::Ended;
        if (size < 0) return errno == EINTR || errno == EAGAIN ? Flow::Paused : Flow::Failed;
        begin_ = 0;
        end_ = static_cast<std::size_t>(size);
        ended_line_ = data_[end_ - 1] == '\n';
        return Flow::Open;
    }
    Flow flush(sys::FdRef to) {
        const auto size = ::write(to.number(), data_.data() + begin_, end_ - begin_);
        if (size < 0) return errno == EINTR || errno == EAGAIN ? Flow::Paused : Flow::Failed;
        begin_ += static_cast<std::size_t>(size);
        return Flow::Open;
    }
    void clear() { begin_ = end_ = 0; }
    void put(char c) { data_[end_++] = c; }
    bool ended_line() const { return ended_line_; }

  private:
    std::array<char, 4096> data_;
    std::size_t begin_ = 0;
    std::size_t end_ = 0;
    bool ended_line_ = true;
};

void copy_size(sys::FdRef controller) {
    const auto size = own_terminal_size();
    if (!size) return;
    winsize window{};
    window.ws_row = size->height;
    window.ws_col = size->width;
    ::ioctl(controller.number(), TIOCSWINSZ, &window);
}

/// The container's READY=1, until it has been heard. What goes wrong with it is the manager's to notice: the container
/// runs all the same.
class Readiness {
  public:
    explicit Readiness(const NotifySocket* socket) : socket_(socket) {}
    pollfd entry() const { return {socket_ != nullptr ? socket_->fd().number() : -1, POLLIN, 0}; }
    void hear(const sys::Pidfd& process) {
        const auto heard = socket_->take_message(process, MainProcess::Caller);
        if (!heard || *heard == NotifySocket::Heard::Ready) socket_ = nullptr;
    }

  private:
    const NotifySocket* socket_;
};

class TerminalProxy {
  public:
    TerminalProxy(sys::Fd controller, sys::Child process, ForwardedSignals signals, Readiness readiness)
        : controller_(std::move(controller)),
          process_(std::move(process)),
          signals_(std::move(signals)),
          readiness_(readiness) {
        hold_terminal();
        adapt_to_caller(controller_);
    }

    Result<sys::ExitStatus> run() {
        if (::fcntl(controller_.number(), F_SETFL, O_RDWR | O_NONBLOCK) < 0)
            return sys::last_error("fcntl(controller, O_NONBLOCK)");
        while (TRY(step()) != Flow::Ended) {
        }
        auto status = TRY(process_.wait());
        drain();
        return status;
    }

  private:
    enum Source : unsigned { Process, Signals, Notify, Input, Controller, Output, Count };

    /// One round of poll(2); Ended when the process has.
    Result<Flow> step() {
        pollfd entries[Count] = {};
        for (auto& entry : entries)
            entry.fd = -1;
        entries[Process] = {process_.pidfd().fd().number(), POLLIN, 0};
        entries[Signals] = {signals_.fd().number(), POLLIN, 0};
        entries[Notify] = readiness_.entry();
        if (has_input_ && input_.is_empty()) entries[Input] = {STDIN_FILENO, POLLIN, 0};
        short wanted = output_.is_empty() ? POLLIN : 0;
        if (!input_.is_empty()) wanted |= POLLOUT;
        if (wanted != 0) entries[Controller] = {controller_.number(), wanted, 0};
        if (!output_.is_empty()) entries[Output] = {STDOUT_FILENO, POLLOUT, 0};
        if (::poll(entries, Count, -1) < 0) {
            if (errno == EINTR) return Flow::Open;
            return sys::last_error("poll");
        }
        // ORDER: what was said before the end is passed on before it.
        if (entries[Notify].revents != 0) readiness_.hear(process_.pidfd());
        if (entries[Process].revents != 0) return Flow::Ended;
        if (entries[Signals].revents != 0) take_signals();
        if (entries[Input].revents != 0) take_input();
        if (entries[Controller].revents != 0) exchange(entries[Controller].revents);
        if (entries[Output].revents != 0) put_output();
        return Flow::Open;
    }

    void take_signals() {
        while (const int signal = signals_.next()) {
            if (signal == SIGWINCH) copy_size(controller_);
            if (signal == SIGTSTP) raw_.leave();
            ForwardedSignals::handle(signal, process_.pidfd());
            if (signal == SIGTSTP) raw_.enter();
        }
    }

    void take_input() {
        const auto flow = input_.fill(sys::FdRef(STDIN_FILENO));
        has_input_ = flow == Flow::Open || flow == Flow::Paused;
        if (flow == Flow::Ended) end_input();
    }

    // There is no half-close of a terminal: its end-of-file character says it, as a person would; once more after an
    // unfinished line, which the first one only hands over (termios(3): VEOF).
    void end_input() {
        termios settings{};
        if (::tcgetattr(controller_.number(), &settings) < 0) return;
        const auto end_of_file = static_cast<char>(settings.c_cc[VEOF]);
        input_.clear();
        input_.put(end_of_file);
        if (!input_.ended_line()) input_.put(end_of_file);
    }

    void exchange(short events) {
        if (!input_.is_empty() && (events & (POLLOUT | POLLERR)) != 0 && input_.flush(controller_) == Flow::Failed)
            input_.clear();
        if (!output_.is_empty() || (events & (POLLIN | POLLHUP)) == 0) return;
        const auto flow = output_.fill(controller_);
        if (flow == Flow::Ended || flow == Flow::Failed) hold_terminal();
    }

    // While somebody holds the terminal side, the controller is not in the state of hang-up that poll(2) would report
    // without end; a process may close its terminal, or hang it up (vhangup(2), as getty does), and open it again.
    void hold_terminal() {
        keeper_ = sys::Fd(::ioctl(controller_.number(), TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC));
    }

    // Output that nobody wants any more is dropped, so that the container does not wait for it.
    void put_output() {
        if (output_.flush(sys::FdRef(STDOUT_FILENO)) == Flow::Failed) output_.clear();
    }

    /// What the process wrote before it ended. Another that holds the terminal is not waited for.
    void drain() {
        constexpr int kRounds = 1024;
        for (int i = 0; i < kRounds && output_flushed(); ++i)
            if (output_.fill(controller_) != Flow::Open) return;
    }

    // Stdout may be stopped (Ctrl-S): false when somebody loses patience.
    bool output_flushed() {
        while (!output_.is_empty()) {
            pollfd entries[2] = {{STDOUT_FILENO, POLLOUT, 0}, {signals_.fd().number(), POLLIN, 0}};
            if (::poll(entries, 2, -1) < 0) continue;
            if (entries[0].revents != 0) put_output();
            const int signal = entries[1].revents != 0 ? signals_.next() : 0;
            if (signal == SIGINT || signal == SIGTERM || signal == SIGHUP || signal == SIGQUIT) return false;
        }
        return true;
    }

    sys::Fd controller_;
    sys::Fd keeper_;
    sys::Child process_;
    ForwardedSignals signals_;
    Readiness readiness_;
    RawMode raw_;
    Buffer input_;
    Buffer output_;
    bool has_input_ = true;
};
}  // namespace

std::optional<spec::ConsoleSize> own_terminal_size() {
    for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
        winsize window{};
        if (::ioctl(fd, TIOCGWINSZ, &window) == 0 && (window.ws_row != 0 || window.ws_col != 0))
            return spec::ConsoleSize{window.ws_row, window.ws_col};
    }
    return std::nullopt;
}

void adapt_to_caller(sys::FdRef controller) {
    copy_size(controller);
    termios settings{};
    if (::isatty(STDOUT_FILENO) == 1 || ::tcgetattr(controller.number(), &settings) < 0) return;
    settings.c_oflag &= ~static_cast<tcflag_t>(ONLCR);
    ::tcsetattr(controller.number(), TCSANOW, &settings);
}

Result<sys::ExitStatus> proxy_terminal(sys::Fd controller, sys::Child process, const NotifySocket* notify) {
    auto signals = TRY(ForwardedSignals::hold());
    return TerminalProxy(std::move(controller), std::move(process), std::move(signals), Readiness(notify)).run();
}

Result<sys::ExitStatus> wait_forwarding_signals(sys::Child process, const NotifySocket* notify) {
    auto signals = TRY(ForwardedSignals::hold());
    Readiness readiness(notify);
    for (;;) {
        pollfd entries[3] = {
            {process.pidfd().fd().number(), POLLIN, 0}, {signals.fd().number(), POLLIN, 0}, readiness.entry()};
        const int ready = ::poll(entries, 3, -1);
        if (ready < 0 && errno != EINTR) return sys::last_error("poll");
        if (ready <= 0) continue;
        // ORDER: what was said before the end is passed on before it.
        if (entries[2].revents != 0) readiness.hear(process.pidfd());
        if (entries[0].revents != 0) return process.wait();
        while (const int signal = signals.next())
            ForwardedSignals::handle(signal, process.pidfd());
    }
}

Result<sys::ExitStatus> stay_in_foreground(sys::Fd controller, sys::Child process, const NotifySocket* notify) {
    return controller ? proxy_terminal(std::move(controller), std::move(process), notify)
                      : wait_forwarding_signals(std::move(process), notify);
}

}  // namespace arca::process
