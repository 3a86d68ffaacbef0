#include "hooks/hooks.hpp"

#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <climits>
#include <csignal>
#include <ctime>

#include "hooks/spawn.hpp"
#include "sys/syscalls.hpp"

namespace arca::hooks {

namespace {
constexpr std::size_t kTail = 3072;  // with what is said around it, a message of the launch

std::uint64_t now_ms() {
    timespec now{};
    clock_gettime(CLOCK_MONOTONIC, &now);
    return static_cast<std::uint64_t>(now.tv_sec) * 1000U + static_cast<std::uint64_t>(now.tv_nsec) / 1'000'000U;
}

/// A hook need not read its stdin; the SIGPIPE that this may bring is held back and taken off again.
class PipeSignalBlocked {
  public:
    PipeSignalBlocked() {
        sigemptyset(&only_);
        sigaddset(&only_, SIGPIPE);
        sigset_t pending;
        sigpending(&pending);
        was_pending_ = sigismember(&pending, SIGPIPE) == 1;
        sigprocmask(SIG_BLOCK, &only_, &before_);
    }
    ~PipeSignalBlocked() {
        const timespec at_once{};
        if (!was_pending_) sigtimedwait(&only_, nullptr, &at_once);
        sigprocmask(SIG_SETMASK, &before_, nullptr);
    }
    PipeSignalBlocked(const PipeSignalBlocked&) = delete;
    PipeSignalBlocked& operator=(const PipeSignalBlocked&) = delete;

  private:
    sigset_t only_;
    sigset_t before_;
    bool was_pending_ = false;
};

/// The end of what a hook has printed.
class Tail {
  public:
    void append(std::string_view data) {
        kept_.append(data);
        if (kept_.size() <= 2 * kTail) return;
        kept_.erase(0, kept_.size() - kTail);
        is_cut_ = true;
    }
    /// On one line; empty when nothing was printed.
    std::string show() const {
        auto end = std::string_view(kept_);
        if (end.size() > kTail) end.remove_prefix(end.size() - kTail);
        std::string out;
        for (auto line : text::split(text::trim(end), '\n'))
            out += (out.empty() ? "" : " | ") + text::printable(text::trim(line));
        return (is_cut_ || kept_.size() > kTail ? "..." : "") + out;
    }

  private:
    std::string kept_;
    bool is_cut_ = false;
};

/// Whether there may be more to come.
enum class Flow : std::uint8_t { Open, Paused, Ended };

Flow read_some(sys::FdRef output, Tail& tail) {
    std::array<char, 16384> buffer;
    const auto size = ::read(output.number(), buffer.data(), buffer.size());
    if (size > 0) tail.append({buffer.data(), static_cast<std::size_t>(size)});
    if (size > 0 || (size < 0 && errno == EINTR)) return Flow::Open;
    return size < 0 && errno == EAGAIN ? Flow::Paused : Flow::Ended;
}

// Nothing but a full pipe keeps it open: a hook that closes its stdin has read enough.
Flow write_some(sys::FdRef input, std::string_view& rest) {
    const auto size = ::write(input.number(), rest.data(), rest.size());
    if (size > 0) rest.remove_prefix(static_cast<std::size_t>(size));
    if (rest.empty() || (size < 0 && errno != EAGAIN && errno != EINTR)) return Flow::Ended;
    return Flow::Paused;
}

/// What a background process of the hook goes on writing is not waited for: at most what a pipe holds.
void drain(sys::FdRef output, Tail& tail) {
    constexpr int kReads = 8;
    for (int i = 0; i < kReads && read_some(output, tail) == Flow::Open; ++i) {
    }
}

int until(const std::optional<std::uint64_t>& deadline_ms) {
    if (!deadline_ms) return -1;
    const auto now = now_ms();
    return now >= *deadline_ms ? 0 : static_cast<int>(std::min<std::uint64_t>(*deadline_ms - now, INT_MAX));
}

/// Feeds and listens to the hook until its process ends (true) or the time is up (false).
Result<bool> converse(Running& hook, std::string_view state, const std::optional<std::uint64_t>& deadline_ms,
                      Tail& tail) {
    if (state.empty()) hook.input.reset();
    for (;;) {
        pollfd entries[3] = {{hook.child.pidfd().fd().number(), POLLIN, 0},
                             {hook.input.number(), POLLOUT, 0},
                             {hook.output.number(), POLLIN, 0}};
        const int ready = ::poll(entries, 3, until(deadline_ms));
        if (ready < 0 && errno == EINTR) continue;
        if (ready < 0) return sys::last_error("poll");
        if (entries[0].revents != 0) break;
        if (until(deadline_ms) == 0) return false;
        if (entries[1].revents != 0 && write_some(hook.input, state) == Flow::Ended) hook.input.reset();
        if (entries[2].revents != 0 && read_some(hook.output, tail) == Flow::Ended) hook.output.reset();
    }
    if (hook.output) drain(hook.output, tail);
    return true;
}

std::optional<Refusal> read_refusal(sys::FdRef report) {
    Refusal refusal;
    if (::read(report.number(), &refusal, sizeof refusal) != sizeof refusal) return std::nullopt;
    return refusal;
}

/// What a look at the file tells; empty when nothing.
std::string find_cause(const std::string& path, int errnum) {
    struct stat status {};
    if (::stat(path.c_str(), &status) < 0) return "";
    if (errnum == ENOENT) return "the file is there; the interpreter in its first line or its ELF loader is not";
    if (errnum == ENOEXEC) return "it is neither a program for this machine nor a script that begins with #!";
    if (errnum != EACCES) return "";
    if (S_ISDIR(status.st_mode)) return "it is a directory";
    if ((status.st_mode & 0111) == 0)
        return text::cat("it has no execute bit (mode ", text::octal(status.st_mode & 07777), ")");
    return "";
}

Error explain_refusal(const Command& command, const Refusal& refusal) {
    if (refusal.stage == Refusal::Stage::Directory)
        return {Code::HookFailed, text::cat(command.path, " was not executed: chdir(", command.working_directory, ")"),
                refusal.errnum};
    Error error(Code::HookFailed, text::cat(command.path, " cannot be executed"), refusal.errnum);
    auto cause = find_cause(command.path, refusal.errnum);
    if (cause.empty()) return error;
    return std::move(error).hinting(std::move(cause));
}

std::string seconds(std::uint64_t ms) {
    const auto hundredths = ms / 10 % 100;
    return text::cat(ms / 1000, hundredths < 10 ? ".0" : ".", hundredths, " s");
}

Error failure(const Command& command, std::string_view what, const Tail& tail) {
    auto text = text::cat(command.path, " ", what);
    if (auto output = tail.show(); !output.empty()) text += "; last output: " + output;
    return {Code::HookFailed, std::move(text)};
}

Result<> run_command(const Command& command, std::string_view state, std::optional<std::uint32_t> timeout_s) {
    const PipeSignalBlocked blocked;
    const auto began = now_ms();
    auto hook = TRY(spawn(command));
    std::optional<std::uint64_t> deadline;
    if (timeout_s) deadline = began + std::uint64_t{*timeout_s} * 1000U;
    Tail tail;
    if (!TRY(converse(hook, state, deadline, tail))) {
        // The group's number cannot be another's: its leader is not reaped yet.
        ::kill(-hook.child.pid(), SIGKILL);
        drain(hook.output, tail);
        (void)hook.child.wait();
        return fail(
            failure(command, text::cat("was killed: it had not ended after its timeout of ", *timeout_s, " s"), tail));
    }
    const auto status = TRY(hook.child.wait());
    if (auto refusal = read_refusal(hook.report)) return fail(explain_refusal(command, *refusal));
    if (status.shell_code() == 0) return {};
    return fail(failure(command, text::cat(status.describe(), " after ", seconds(now_ms() - began)), tail));
}

Command command_of(const spec::Hook& hook, const Call& call) {
    Command command{hook.path, hook.args, hook.env, call.working_directory};
    if (command.arguments.empty()) command.arguments.push_back(hook.path);
    if (command.environment.empty() && call.default_environment != nullptr)
        command.environment = *call.default_environment;
    return command;
}

/// `index` counts from 0, as JSON pointers do.
Result<> run_one(const spec::Hook& hook, std::size_t index, const Call& call) {
    auto done = run_command(command_of(hook, call), call.state, hook.timeout_s);
    if (done) return {};
    return fail(std::move(done.error())
                    .with(text::cat("error running ", call.name, " hook #", index))
                    .as(Code::HookFailed)
                    .at(hook.pointer));
}
}  // namespace

Result<> run(const std::vector<spec::Hook>& hooks, const Call& call) {
    for (std::size_t i = 0; i < hooks.size(); ++i)
        TRY(run_one(hooks[i], i, call));
    return {};
}

std::vector<std::string> run_all(const std::vector<spec::Hook>& hooks, const Call& call) {
    std::vector<std::string> failures;
    for (std::size_t i = 0; i < hooks.size(); ++i)
        if (auto done = run_one(hooks[i], i, call); !done) failures.push_back(done.error().message());
    return failures;
}

}  // namespace arca::hooks
