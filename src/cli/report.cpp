#include "cli/report.hpp"

#include <fcntl.h>
#include <unistd.h>

#include "cli/crash.hpp"
#include "cli/output.hpp"

namespace arca::cli {

Report::Report(std::string banner, const LogRequest& request) : banner_(std::move(banner)), target_(request) {
    if (!target_.problem().empty()) notice(target_.problem() + "; errors appear here only");
    set_crash_log(target_.file(), target_.format());
}

Report::~Report() {
    set_crash_log(STDERR_FILENO, target_.format());
}

void Report::show_warnings_on_terminal() {
    warnings_on_terminal_ = isatty(STDERR_FILENO) == 1;
}

void Report::write(log::Level level, std::string_view message) {
    if (level >= threshold_) target_.write(level, printable(message));
    const bool shown = level >= threshold_ && target_.is_standard_error();
    if (warnings_on_terminal_ && level >= log::Level::Warning && !shown) notice(printable(message));
}

void Report::notice(const std::string& message) {
    write_line(STDERR_FILENO, banner_ + ": " + message + "\n");
}

void Report::failure(const std::string& message) {
    const bool is_plain = target_.is_standard_error() && target_.format() == LogFormat::Text;
    if (!is_plain) target_.write(log::Level::Error, message);
    if (is_plain || !target_.is_standard_error()) notice(message);
}

void hold_standard_descriptors() {
    for (int descriptor = 0; descriptor <= 2; ++descriptor)
        if (fcntl(descriptor, F_GETFD) < 0) [[maybe_unused]]
            int opened = open("/dev/null", O_RDWR | O_NOCTTY);
}

}  // namespace arca::cli
