#include "ids/helper.hpp"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstring>

#include "base/text.hpp"
#include "sys/descriptor_table.hpp"
#include "sys/syscalls.hpp"

namespace arca::ids {

namespace {
constexpr const char* kDefaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
constexpr std::chrono::seconds kTimeout{30};
constexpr std::size_t kShown = 400;

std::string_view path_of(const std::vector<std::string>& environment) {
    constexpr std::string_view kPrefix = "PATH=";
    for (const auto& entry : environment)
        if (entry.starts_with(kPrefix)) return std::string_view(entry).substr(kPrefix.size());
    return kDefaultPath;
}

// In the new process: only what was prepared before the clone.
[[noreturn]] void become_helper(const char* path, char* const* arguments, char* const* environment,
                                int output) noexcept {
    sys::reset_signals();
    if (::dup2(output, STDOUT_FILENO) >= 0 && ::dup2(output, STDERR_FILENO) >= 0 &&
        sys::close_on_exec_from(STDERR_FILENO + 1))
        ::execve(path, arguments, environment);
    const char* reason = strerrorname_np(errno);
    [[maybe_unused]] auto written = ::write(output, reason, reason != nullptr ? std::strlen(reason) : 0);
    ::_exit(127);
}

/// Everything until the other end is closed by all; false when that takes too long.
Result<bool> listen(sys::FdRef output, std::string& said) {
    using Clock = std::chrono::steady_clock;
    const auto deadline = Clock::now() + kTimeout;
    std::array<char, 1024> buffer;
    for (;;) {
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now()).count();
        if (left <= 0) return false;
        pollfd entry{output.number(), POLLIN, 0};
        const int ready = ::poll(&entry, 1, static_cast<int>(left));
        if (ready < 0 && errno != EINTR) return sys::last_error("poll");
        if (ready <= 0) continue;
        const auto count = ::read(output.number(), buffer.data(), buffer.size());
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) return sys::last_error("read");
        if (count == 0) return true;
        if (said.size() < kShown) said.append(buffer.data(), static_cast<std::size_t>(count));
    }
}
}  // namespace

std::string find_helper(const std::string& name, const std::vector<std::string>& environment) {
    for (auto directory : text::split(path_of(environment), ':')) {
        if (!directory.starts_with('/')) continue;  // the working directory is no place for privileged programs
        auto candidate = text::cat(directory, "/", name);
        if (::access(candidate.c_str(), X_OK) == 0) return candidate;
    }
    return {};
}

Result<HelperOutcome> run_helper(const std::string& path, const std::vector<std::string>& arguments,
                                 const std::vector<std::string>& environment) {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) < 0) return sys::last_error("pipe");
    const sys::Fd reader(ends[0]);
    sys::Fd writer(ends[1]);
    const auto argv = sys::null_terminated(arguments);
    const auto envp = sys::null_terminated(environment);
    auto cloned = TRY(sys::clone3({}));
    if (cloned.is_child) become_helper(path.c_str(), argv.data(), envp.data(), writer.number());
    writer.reset();
    HelperOutcome outcome;
    if (!TRY_CTX(listen(reader, outcome.said), path))
        return fail(Code::Timeout, text::cat(path, " does not end (waited ", kTimeout.count(), " s)"));
    outcome.status = TRY_CTX(cloned.child.wait(), path);
    outcome.said = text::printable(text::trim(std::string_view(outcome.said).substr(0, kShown)));
    return outcome;
}

}  // namespace arca::ids
