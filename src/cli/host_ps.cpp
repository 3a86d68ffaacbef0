#include "cli/host_ps.hpp"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>

namespace arca::cli {

namespace {
std::unexpected<Error> failed(std::string what, int errnum) {
    return std::unexpected(Error(Code::System, std::move(what), errnum));
}

/// Starts ps with `output` as its standard output.
Result<pid_t> spawn(std::vector<std::string>& arguments, int output) {
    std::vector<char*> argv;
    for (auto& argument : arguments)
        argv.push_back(argument.data());
    argv.push_back(nullptr);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
    pid_t pid = 0;
    int problem = posix_spawnp(&pid, argv[0], &actions, nullptr, argv.data(), environ);
    posix_spawn_file_actions_destroy(&actions);
    if (problem != 0) return failed("running the host's ps (--format json does without it)", problem);
    return pid;
}

std::string read_all(int input) {
    std::string text;
    std::array<char, 16384> buffer;
    for (;;) {
        auto count = read(input, buffer.data(), buffer.size());
        if (count < 0 && errno == EINTR) continue;
        if (count <= 0) return text;
        text.append(buffer.data(), static_cast<std::size_t>(count));
    }
}
}  // namespace

Result<std::string> run_host_ps(std::vector<std::string> arguments) {
    if (arguments.empty()) arguments = {"-ef"};
    arguments.insert(arguments.begin(), "ps");
    std::array<int, 2> ends{};
    if (pipe2(ends.data(), O_CLOEXEC) != 0) return failed("making a pipe for ps", errno);
    auto pid = spawn(arguments, ends[1]);
    close(ends[1]);
    auto text = pid ? read_all(ends[0]) : std::string();
    close(ends[0]);
    if (!pid) return std::unexpected(std::move(pid.error()));
    int status = 0;
    while (waitpid(*pid, &status, 0) < 0 && errno == EINTR) {
    }
    if (status != 0) return failed("the host's ps failed", 0);
    return text;
}

}  // namespace arca::cli
