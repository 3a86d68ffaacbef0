// Runs a test body in a forked process, for calls that change the process itself (limits, identity, descriptors).
#pragma once

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <string>

namespace arca::test {

/// `body` returns what is wrong, or "". What it returned, or how the process died instead.
template<class Body>
std::string in_child(Body body) {
    int ends[2];
    if (::pipe(ends) < 0) return "pipe failed";
    const pid_t pid = ::fork();
    if (pid < 0) return "fork failed";
    if (pid == 0) {
        ::close(ends[0]);
        const int report = ::fcntl(ends[1], F_DUPFD_CLOEXEC, 900);  // out of the way of bodies that count descriptors
        ::close(ends[1]);
        const std::string problem = body();
        [[maybe_unused]] auto written = ::write(report, problem.data(), problem.size());
        ::_exit(0);
    }
    ::close(ends[1]);
    std::string problem;
    char buffer[4096];
    for (ssize_t size = 0; (size = ::read(ends[0], buffer, sizeof buffer)) > 0;)
        problem.append(buffer, static_cast<std::size_t>(size));
    ::close(ends[0]);
    int status = 0;
    ::waitpid(pid, &status, 0);
    if (WIFSIGNALED(status)) problem += " (killed by signal " + std::to_string(WTERMSIG(status)) + ")";
    return problem;
}

}  // namespace arca::test
