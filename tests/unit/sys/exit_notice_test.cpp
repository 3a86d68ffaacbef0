// The kernel's announcements: where this process may hear them, what they say is how the process ended.
#include "sys/exit_notice.hpp"

#include <gtest/gtest.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <thread>

namespace arca::sys {
namespace {
constexpr std::chrono::milliseconds kPatience{1000};

/// A child that ends when `go` is closed.
template<class End>
pid_t child_that_waits(int (&go)[2], End end) {
    EXPECT_EQ(::pipe(go), 0);
    const pid_t child = ::fork();
    if (child != 0) {
        ::close(go[0]);
        return child;
    }
    ::close(go[1]);
    char byte;
    (void)!::read(go[0], &byte, 1);
    end();
    ::_exit(99);
}

/// How its parent, who collects it at once, and the announcement say that it ended.
template<class End>
void expect_announced(End end, ExitStatus expected) {
    int go[2];
    const pid_t child = child_that_waits(go, end);
    auto notice = ExitNotice::of(child);
    // Others than this one end as well.
    const pid_t other = ::fork();
    if (other == 0) ::_exit(55);
    ::waitpid(other, nullptr, 0);
    ::close(go[1]);
    ::waitpid(child, nullptr, 0);
    if (!notice) GTEST_SKIP() << notice.error().message();
    const auto heard = notice->await(kPatience);
    if (!heard) GTEST_SKIP() << "nothing is announced in these namespaces";
    EXPECT_EQ(heard->code, expected.code);
    EXPECT_EQ(heard->signal, expected.signal);
}

TEST(ExitNotice, OfAnExit) {
    expect_announced([] { ::_exit(7); }, {.code = 7, .signal = 0});
}

TEST(ExitNotice, OfADeathBySignal) {
    expect_announced([] { ::raise(SIGKILL); }, {.code = 0, .signal = SIGKILL});
}

// Of many threads, so that no place is left for the announcement that counts if theirs are kept.
TEST(ExitNotice, TheEndOfThreadsIsNotHeard) {
    const auto end_after_threads = [] {
        for (int i = 0; i < 2000; ++i)
            std::thread([] {}).join();
        ::raise(SIGKILL);
    };
    expect_announced(end_after_threads, {.code = 0, .signal = SIGKILL});
}

TEST(ExitNotice, AFirstThreadThatIsOutlivedSaysNothingOfTheProcess) {
    int go[2];
    const pid_t child = child_that_waits(go, [] {
        std::thread([] {
            ::usleep(300'000);
            ::_exit(7);
        }).detach();
        ::syscall(SYS_exit, 3);
    });
    auto notice = ExitNotice::of(child);
    ::close(go[1]);
    ::waitpid(child, nullptr, 0);
    if (!notice) GTEST_SKIP() << notice.error().message();
    EXPECT_FALSE(notice->await(std::chrono::milliseconds(100)));
}

TEST(ExitNotice, NothingIsHeardOfAProcessThatLives) {
    auto notice = ExitNotice::of(::getpid());
    if (!notice) GTEST_SKIP() << notice.error().message();
    EXPECT_FALSE(notice->await(std::chrono::milliseconds(20)));
}
}  // namespace
}  // namespace arca::sys
