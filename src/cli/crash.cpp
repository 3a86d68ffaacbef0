#include "cli/crash.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdint>
#include <cstring>
#include <ctime>
#include <string_view>

#include "cli/log_line.hpp"

namespace arca::cli {

namespace {
struct CrashLog {
    int descriptor = STDERR_FILENO;
    LogFormat format = LogFormat::Text;
    pid_t owner = 0;
};
CrashLog crash_log;
// The stack itself may be what is exhausted.
alignas(16) std::array<char, 16384> handler_stack;

constexpr std::array kSignals = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};

/// Text in a fixed buffer: nothing may be allocated here.
class Line {
  public:
    Line& operator<<(std::string_view text) {
        auto count = std::min(text.size(), buffer_.size() - size_);
        memcpy(buffer_.data() + size_, text.data(), count);
        size_ += count;
        return *this;
    }
    Line& operator<<(std::uintptr_t number) {
        std::array<char, 20> digits;
        std::size_t first = digits.size();
        do
            digits[--first] = static_cast<char>('0' + number % 10);
        while ((number /= 10) != 0);
        return *this << std::string_view(digits.data() + first, digits.size() - first);
    }
    void write_to(int descriptor) const { [[maybe_unused]] auto written = write(descriptor, buffer_.data(), size_); }

  private:
    std::array<char, 256> buffer_{};
    std::size_t size_ = 0;
};

Line describe(int signal_number, LogFormat format) {
    timespec time{};
    clock_gettime(CLOCK_REALTIME, &time);
    Timestamp stamp(time);
    Line line;
    auto number = static_cast<std::uintptr_t>(signal_number);
    constexpr std::string_view kWhat = "arca crashed (a bug): signal ";
    if (format == LogFormat::Json)
        line << R"({"level":"error","msg":")" << kWhat << number << R"(","time":")" << stamp.view() << "\"}\n";
    else
        line << "time=\"" << stamp.view() << "\" level=error msg=\"" << kWhat << number << "\"\n";
    return line;
}

void handle_crash(int signal_number) {
    if (getpid() == crash_log.owner) {
        describe(signal_number, crash_log.format).write_to(crash_log.descriptor);
        if (crash_log.descriptor != STDERR_FILENO) describe(signal_number, LogFormat::Text).write_to(STDERR_FILENO);
    }
    // SA_RESETHAND has put the default action back: this ends the process, with the status it would have had.
    ::kill(getpid(), signal_number);
}
}  // namespace

void catch_crashes() {
    crash_log.owner = getpid();
    stack_t stack{};
    stack.ss_sp = handler_stack.data();
    stack.ss_size = handler_stack.size();
    sigaltstack(&stack, nullptr);
    struct sigaction action {};
    action.sa_handler = handle_crash;
    action.sa_flags = static_cast<int>(SA_RESETHAND | SA_ONSTACK | SA_NODEFER);
    for (int signal_number : kSignals)
        sigaction(signal_number, &action, nullptr);
}

void set_crash_log(int descriptor, LogFormat format) {
    crash_log.descriptor = descriptor;
    crash_log.format = format;
}

}  // namespace arca::cli
