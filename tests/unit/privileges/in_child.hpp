// Runs a body in a forked process: what it gives up, this process keeps.
#pragma once

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <string>

#include "arca/error.hpp"

namespace arca::privileges::test {

/// What the body said; empty: all well. "skip: REASON" asks for GTEST_SKIP.
template<class Body>
std::string in_child(Body body) {
    int ends[2];
    if (::pipe(ends) < 0) return "pipe failed";
    const pid_t pid = ::fork();
    if (pid == 0) {
        ::close(ends[0]);
        const std::string said = body();
        (void)!::write(ends[1], said.data(), said.size());
        ::_exit(0);
    }
    ::close(ends[1]);
    std::string said;
    char buffer[512];
    for (ssize_t count; (count = ::read(ends[0], buffer, sizeof buffer)) > 0;)
        said.append(buffer, static_cast<std::size_t>(count));
    ::close(ends[0]);
    int status = 0;
    ::waitpid(pid, &status, 0);
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) said += " (the child died)";
    return said;
}

/// In a child: leaves the body with the text of a failure.
#define ARCA_MUST(...)                                                       \
    do {                                                                     \
        if (auto must = (__VA_ARGS__); !must) return must.error().message(); \
    } while (false)

#define ARCA_EXPECT_CHILD(...)                                                    \
    do {                                                                          \
        const std::string said = ::arca::privileges::test::in_child(__VA_ARGS__); \
        if (said.starts_with("skip: ")) GTEST_SKIP() << said.substr(6);           \
        EXPECT_EQ(said, "");                                                      \
    } while (false)

}  // namespace arca::privileges::test
