#include "hooks/spawn.hpp"

#include <fcntl.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <csignal>

#include "sys/syscalls.hpp"

namespace arca::hooks {

namespace {
struct Pipe {
    sys::Fd reader;
    sys::Fd writer;
};

// Above stdio, so that the dup2 of one end cannot overwrite another.
Result<sys::Fd> above_stdio(sys::Fd fd) {
    constexpr int kFirst = 3;
    if (fd.number() >= kFirst) return fd;
    return sys::duplicate(fd);
}

Result<Pipe> make_pipe() {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) < 0) return sys::last_error("pipe");
    sys::Fd reader(ends[0]);
    sys::Fd writer(ends[1]);
    reader = TRY(above_stdio(std::move(reader)));
    writer = TRY(above_stdio(std::move(writer)));
    return Pipe{std::move(reader), std::move(writer)};
}

Result<> stop_blocking(sys::FdRef fd) {
    if (::fcntl(fd.number(), F_SETFL, O_NONBLOCK) < 0) return sys::last_error("fcntl(O_NONBLOCK)");
    return {};
}

struct Prepared {
    const char* path;
    const char* working_directory;  ///< null: unchanged
    std::vector<char*> arguments;
    std::vector<char*> environment;
    int input;
    int output;
    int report;
    pid_t parent;
};

[[noreturn]] void give_up(const Prepared& hook, Refusal::Stage stage) {
    const Refusal refusal{stage, errno};
    [[maybe_unused]] auto written = ::write(hook.report, &refusal, sizeof refusal);
    ::_exit(127);
}

// In the new process. A hook must not outlive a runtime that is killed, nor hold any descriptor of ours.
[[noreturn]] void become_hook(const Prepared& hook) noexcept {
    sys::reset_signals();
    ::setpgid(0, 0);
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    const pid_t parent = ::getppid();                        // 0: in another pid namespace
    if (parent != 0 && parent != hook.parent) ::_exit(127);  // it died before the prctl
    if (::dup2(hook.input, STDIN_FILENO) < 0 || ::dup2(hook.output, STDOUT_FILENO) < 0 ||
        ::dup2(hook.output, STDERR_FILENO) < 0 || !sys::close_on_exec_from(STDERR_FILENO + 1))
        give_up(hook, Refusal::Stage::Execute);
    if (hook.working_directory != nullptr && ::chdir(hook.working_directory) < 0)
        give_up(hook, Refusal::Stage::Directory);
    ::execve(hook.path, hook.arguments.data(), hook.environment.data());
    give_up(hook, Refusal::Stage::Execute);
}
}  // namespace

Result<Running> spawn(const Command& command) {
    auto input = TRY(make_pipe());
    auto output = TRY(make_pipe());
    auto report = TRY(make_pipe());
    TRY(stop_blocking(input.writer));
    TRY(stop_blocking(output.reader));
    TRY(stop_blocking(report.reader));
    const Prepared prepared{command.path.c_str(),
                            command.working_directory.empty() ? nullptr : command.working_directory.c_str(),
                            sys::null_terminated(command.arguments),
                            sys::null_terminated(command.environment),
                            input.reader.number(),
                            output.writer.number(),
                            report.writer.number(),
                            ::getpid()};
    auto cloned = TRY(sys::clone3({}));
    if (cloned.is_child) become_hook(prepared);
    return Running{std::move(cloned.child), std::move(input.writer), std::move(output.reader),
                   std::move(report.reader)};
}

}  // namespace arca::hooks
