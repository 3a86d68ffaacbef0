#include "cli/report.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <ctime>

#include "arca/error.hpp"
#include "cli/crash.hpp"
#include "cli/log_line.hpp"
#include "cli/output.hpp"

namespace arca::cli {

namespace {
/// Far from 3, 4, ...: those belong to the caller, who may ask for them to be preserved without having opened them all.
constexpr int kFirstOwnDescriptor = 100;

/// While it lives, a reader that went away or a full file costs us a line, not our life. Not for good: the program in
/// the container would inherit that these signals are ignored.
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

void write_line(int descriptor, const std::string& line) {
    WriteSignalsIgnored ignored;
    // A line that cannot be written has nobody to be reported to.
    [[maybe_unused]] auto written = write(descriptor, line.data(), line.size());
}

int open_log(const std::string& path) {
    int opened = open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY, 0644);
    if (opened < 0) return -1;
    int moved = fcntl(opened, F_DUPFD_CLOEXEC, kFirstOwnDescriptor);
    if (moved < 0) return opened;  // RLIMIT_NOFILE is lower than that
    close(opened);
    return moved;
}

timespec now() {
    timespec time{};
    clock_gettime(CLOCK_REALTIME, &time);
    return time;
}
}  // namespace

Report::Report(std::string banner, const LogRequest& request) : banner_(std::move(banner)), format_(request.format) {
    if (!request.path.empty() && (file_ = open_log(request.path)) < 0) {
        notice("opening the log " + printable(request.path) + ": " + describe_errno(errno) +
               "; errors appear here only");
        format_ = LogFormat::Text;  // nobody parses what was meant for the file here
    }
    set_crash_log(file_ < 0 ? STDERR_FILENO : file_, format_);
}

Report::~Report() {
    set_crash_log(STDERR_FILENO, format_);
    if (file_ >= 0) close(file_);
}

void Report::show_warnings_on_terminal() {
    warnings_on_terminal_ = isatty(STDERR_FILENO) == 1;
}

void Report::write(log::Level level, std::string_view message) {
    if (level >= threshold_) write_log(level, printable(message));
    bool shown = level >= threshold_ && file_ < 0;
    if (warnings_on_terminal_ && level >= log::Level::Warning && !shown) notice(printable(message));
}

void Report::notice(const std::string& message) {
    write_line(STDERR_FILENO, banner_ + ": " + message + "\n");
}

void Report::failure(const std::string& message) {
    bool plain_log_on_stderr = file_ < 0 && format_ == LogFormat::Text;
    if (!plain_log_on_stderr) write_log(log::Level::Error, message);
    if (file_ >= 0 || plain_log_on_stderr) notice(message);
}

void Report::write_log(log::Level level, std::string_view message) {
    write_line(file_ < 0 ? STDERR_FILENO : file_, log_line(format_, level, message, now()));
}

void hold_standard_descriptors() {
    for (int descriptor = 0; descriptor <= 2; ++descriptor)
        if (fcntl(descriptor, F_GETFD) < 0) [[maybe_unused]]
            int opened = open("/dev/null", O_RDWR | O_NOCTTY);
}

}  // namespace arca::cli
