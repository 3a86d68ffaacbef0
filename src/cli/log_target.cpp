#include "cli/log_target.hpp"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <ctime>

#include "arca/error.hpp"
#include "cli/log_line.hpp"
#include "cli/output.hpp"

namespace arca::cli {

namespace {
/// Far from 3, 4, ...: those belong to the caller, who may ask for them to be preserved without having opened them all.
constexpr int kFirstOwnDescriptor = 100;

/// Not for good: the program in the container would inherit that these signals are ignored.
class WriteSignalsIgnored {
  public:
    WriteSignalsIgnored() : pipe_(signal(SIGPIPE, SIG_IGN)), size_(signal(SIGXFSZ, SIG_IGN)) {}
    ~WriteSignalsIgnored() {
        signal(SIGXFSZ, size_);
        signal(SIGPIPE, pipe_);
    }
    WriteSignalsIgnored(const WriteSignalsIgnored&) = delete;
    WriteSignalsIgnored& operator=(const WriteSignalsIgnored&) = delete;

  private:
    sighandler_t pipe_;
    sighandler_t size_;
};

int open_file(const std::string& path) {
    return open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY, 0644);
}

// One datagram a message. A daemon that does not read must not hold a container up: what does not fit is lost.
int open_socket(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof address.sun_path) {
        errno = ENAMETOOLONG;
        return -1;
    }
    memcpy(address.sun_path, path.data(), path.size());
    const int made = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (made < 0) return -1;
    if (connect(made, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) return made;
    const int problem = errno;
    close(made);
    errno = problem;
    return -1;
}

int out_of_the_way(int opened) {
    if (opened < 0) return -1;
    const int moved = fcntl(opened, F_DUPFD_CLOEXEC, kFirstOwnDescriptor);
    if (moved < 0) return opened;  // RLIMIT_NOFILE is lower than that
    close(opened);
    return moved;
}

int open_target(const LogRequest& request, const LogSockets& sockets) {
    switch (request.kind) {
        case LogRequest::Kind::StandardError:
            return -1;
        case LogRequest::Kind::File:
            return out_of_the_way(open_file(request.name));
        case LogRequest::Kind::Syslog:
            return out_of_the_way(open_socket(sockets.syslog));
        case LogRequest::Kind::Journal:
            return out_of_the_way(open_socket(sockets.journal));
    }
    return -1;
}

// syslog(3): LOG_ERR to LOG_DEBUG, which the journal's PRIORITY shares.
int severity(log::Level level) {
    switch (level) {
        case log::Level::Error:
            return 3;
        case log::Level::Warning:
            return 4;
        case log::Level::Info:
            return 6;
        case log::Level::Debug:
            return 7;
    }
    return 3;
}

timespec now() {
    timespec time{};
    clock_gettime(CLOCK_REALTIME, &time);
    return time;
}

std::string name_of(const LogRequest& request) {
    switch (request.kind) {
        case LogRequest::Kind::StandardError:
            return "standard error";
        case LogRequest::Kind::File:
            return printable(request.name);
        case LogRequest::Kind::Syslog:
            return "of the system";
        case LogRequest::Kind::Journal:
            return "of systemd";
    }
    return {};
}
}  // namespace

LogTarget::LogTarget(const LogRequest& request, const LogSockets& sockets)
    : kind_(request.kind), format_(request.format), identifier_(printable(request.name)) {
    if (kind_ == LogRequest::Kind::StandardError) return;
    descriptor_ = open_target(request, sockets);
    if (descriptor_ >= 0) return;
    problem_ = "opening the log " + name_of(request) + ": " + describe_errno(errno);
    kind_ = LogRequest::Kind::StandardError;
    format_ = LogFormat::Text;  // nobody parses what was meant for the file here
}

LogTarget::~LogTarget() {
    if (descriptor_ >= 0) close(descriptor_);
}

int LogTarget::file() const {
    return kind_ == LogRequest::Kind::File ? descriptor_ : STDERR_FILENO;
}

std::string LogTarget::line(log::Level level, std::string_view message) const {
    if (kind_ == LogRequest::Kind::Syslog) return syslog_message(identifier_, getpid(), level, message);
    if (kind_ == LogRequest::Kind::Journal) return journal_entry(identifier_, level, message);
    return log_line(format_, level, message, now());
}

void LogTarget::write(log::Level level, std::string_view message) const {
    write_line(is_standard_error() ? STDERR_FILENO : descriptor_, line(level, message));
}

std::string syslog_message(const std::string& identifier, int pid, log::Level level, std::string_view message) {
    constexpr int kUser = 1 << 3;  // LOG_USER
    return "<" + std::to_string(kUser | severity(level)) + ">" + identifier + "[" + std::to_string(pid) +
           "]: " + std::string(message);
}

std::string journal_entry(const std::string& identifier, log::Level level, std::string_view message) {
    return "MESSAGE=" + std::string(message) + "\nPRIORITY=" + std::to_string(severity(level)) +
           "\nSYSLOG_IDENTIFIER=" + identifier + "\nID=" + identifier + "\n";
}

void write_line(int descriptor, std::string_view line) {
    WriteSignalsIgnored ignored;
    [[maybe_unused]] auto written = ::write(descriptor, line.data(), line.size());
}

}  // namespace arca::cli
