#include "sys/syscalls.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <linux/openat2.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <set>

#include "../support/in_child.hpp"
#include "../support/temporary_directory.hpp"

namespace arca::sys {
namespace {

using testing::HasSubstr;

class Syscalls : public testing::Test {
  protected:
    Fd directory() { return std::move(*open(directory_.path(), O_PATH | O_DIRECTORY)); }
    std::string content(const std::string& name) { return read_file(directory_ / name).value_or("?"); }
    std::set<std::string> names() {
        std::set<std::string> out;
        for (const auto& entry : std::filesystem::directory_iterator(directory_.path()))
            out.insert(entry.path().filename());
        return out;
    }
    test::TemporaryDirectory directory_;
};

TEST_F(Syscalls, WhatIsOpenedIsClosedAtExec) {
    auto fd = open("/dev/null", O_RDONLY);
    ASSERT_TRUE(fd);
    EXPECT_EQ(::fcntl(fd->number(), F_GETFD), FD_CLOEXEC);
    auto second = openat2(directory(), ".", O_PATH, 0, RESOLVE_BENEATH);
    ASSERT_TRUE(second);
    EXPECT_EQ(::fcntl(second->number(), F_GETFD), FD_CLOEXEC);
}

TEST_F(Syscalls, FailuresRepeatTheArguments) {
    auto fd = open("/no/file", O_RDONLY);
    ASSERT_FALSE(fd);
    EXPECT_EQ(fd.error().message(), "open(/no/file): absent (ENOENT)");
    EXPECT_EQ(fd.error().errnum(), ENOENT);
    EXPECT_EQ(fd.error().code(), Code::System);
    EXPECT_EQ(mkdirat(directory(), ".", 0700).error().errnum(), EEXIST);
    EXPECT_THAT(openat2(directory(), "..", O_PATH, 0, RESOLVE_BENEATH).error().message(), HasSubstr("openat2(..)"));
}

TEST_F(Syscalls, ReadAllReadsFilesOfAnySize) {
    for (const std::size_t size : {0U, 1U, 4095U, 4096U, 4097U, 100'000U}) {
        directory_.file("f", std::string(size, 'x'));
        auto read = read_file(directory_ / "f");
        ASSERT_TRUE(read);
        EXPECT_EQ(read->size(), size);
    }
    EXPECT_THAT(*read_file("/proc/self/status"), HasSubstr("Name:"));  // says its size is 0
}

TEST_F(Syscalls, ReadAllStopsAtTheLimit) {
    directory_.file("f", std::string(1001, 'x'));
    auto refused = read_file(directory_ / "f", 1000);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().errnum(), EFBIG);
    EXPECT_TRUE(read_file(directory_ / "f", 1001));
    EXPECT_FALSE(read_file("/dev/zero", 100'000)) << "must not grow for ever";
}

TEST_F(Syscalls, ReadAllGoesOnAfterASignal) {
    int ends[2];
    ASSERT_EQ(::pipe(ends), 0);
    struct sigaction action {};
    action.sa_handler = [](int) {};  // no SA_RESTART
    struct sigaction before {};
    ::sigaction(SIGUSR1, &action, &before);
    const pid_t reader = ::getpid();
    const pid_t pid = ::fork();
    if (pid == 0) {
        ::usleep(50'000);
        ::kill(reader, SIGUSR1);
        ::usleep(50'000);
        [[maybe_unused]] auto written = ::write(ends[1], "late", 4);
        ::_exit(0);
    }
    ::close(ends[1]);
    EXPECT_EQ(read_all(FdRef(ends[0])).value_or("interrupted"), "late");
    ::close(ends[0]);
    ::waitpid(pid, nullptr, 0);
    ::sigaction(SIGUSR1, &before, nullptr);
}

TEST_F(Syscalls, WriteAllWritesMoreThanAPipeHolds) {
    int ends[2];
    ASSERT_EQ(::pipe(ends), 0);
    const std::string data(1'000'000, 'x');
    const pid_t pid = ::fork();
    if (pid == 0) {
        ::close(ends[0]);
        ::_exit(write_all(FdRef(ends[1]), data) ? 0 : 1);
    }
    ::close(ends[1]);
    EXPECT_EQ(read_all(FdRef(ends[0]))->size(), data.size());
    ::close(ends[0]);
    int status = 1;
    ::waitpid(pid, &status, 0);
    EXPECT_EQ(status, 0);
}

TEST_F(Syscalls, WriteFileAtNeedsAnExistingFileAndShowsWhatItWrote) {
    EXPECT_EQ(write_file_at(directory(), "none", "1").error().errnum(), ENOENT);
    auto refused = write_file_at(FdRef::working_directory(), "/dev/full", "12\n");
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().message(), "write(/dev/full, \"12\"): no space left on device (ENOSPC)");
}

TEST_F(Syscalls, ReplaceLeavesTheNewContentAndNothingElse) {
    ASSERT_TRUE(replace_file_at(directory(), "state", "one", 0600));
    ASSERT_TRUE(replace_file_at(directory(), "state", "two", 0600));
    EXPECT_EQ(content("state"), "two");
    EXPECT_EQ(names(), std::set<std::string>{"state"});
    struct stat status {};
    ::stat((directory_ / "state").c_str(), &status);
    EXPECT_EQ(status.st_mode & 0777, 0600U);
}

TEST_F(Syscalls, ReplaceIsAtomicForReaders) {
    const std::string a(50'000, 'a');
    const std::string b(70'000, 'b');
    ASSERT_TRUE(replace_file_at(directory(), "state", a, 0600));
    const pid_t writer = ::fork();
    if (writer == 0) {
        for (int i = 0; i < 300; ++i)
            if (!replace_file_at(directory(), "state", i % 2 == 0 ? b : a, 0600)) ::_exit(1);
        ::_exit(0);
    }
    int status = 0;
    int torn = 0;
    while (::waitpid(writer, &status, WNOHANG) == 0) {
        auto now = read_file(directory_ / "state");
        if (!now || (*now != a && *now != b)) ++torn;
    }
    EXPECT_EQ(torn, 0);
    EXPECT_EQ(status, 0);
}

TEST_F(Syscalls, ReplaceThatFailsKeepsTheOldContentAndLeavesNoTemporaryFile) {
    directory_.file("state", "old");
    EXPECT_EQ("", test::in_child([&]() -> std::string {
                  ::signal(SIGXFSZ, SIG_IGN);
                  const rlimit64 small{10, 10};
                  ::setrlimit64(RLIMIT_FSIZE, &small);
                  auto done = replace_file_at(directory(), "state", std::string(100, 'n'), 0600);
                  if (done) return "wrote beyond the limit";
                  return done.error().message().starts_with("writing state: ") ? "" : done.error().message();
              }));
    EXPECT_EQ(content("state"), "old");
    EXPECT_EQ(names(), std::set<std::string>{"state"});
}

TEST_F(Syscalls, ReplaceDoesNotFollowALinkLaidInItsWay) {
    const auto victim = directory_.file("victim", "precious");
    EXPECT_EQ("", test::in_child([&]() -> std::string {
                  const auto trap = directory_ / text::cat(".state.", ::getpid());
                  if (::symlink(victim.c_str(), trap.c_str()) < 0) return "symlink";
                  return replace_file_at(directory(), "state", "new", 0600) ? "followed" : "";
              }));
    EXPECT_EQ(content("victim"), "precious");
}

TEST_F(Syscalls, DuplicateStaysClearOfStdio) {
    EXPECT_EQ("", test::in_child([]() -> std::string {
                  ::close(0);
                  auto copy = duplicate(FdRef(1));
                  if (!copy) return copy.error().message();
                  if (copy->number() < 3) return "landed on stdio";
                  if (::fcntl(copy->number(), F_GETFD) != FD_CLOEXEC) return "leaks";
                  if (!keep_over_exec(*copy)) return "keep_over_exec";
                  return ::fcntl(copy->number(), F_GETFD) == 0 ? "" : "not kept";
              }));
}

TEST_F(Syscalls, ReadlinkAndLinks) {
    auto at = directory();
    ASSERT_TRUE(symlinkat("some/target", at, "link"));
    EXPECT_EQ(*readlinkat(at, "link"), "some/target");
    ASSERT_TRUE(renameat(at, "link", at, "moved"));
    ASSERT_TRUE(unlinkat(at, "moved", 0));
    EXPECT_TRUE(names().empty());
    EXPECT_EQ(fd_path(FdRef(7)), "/proc/self/fd/7");
}

}  // namespace
}  // namespace arca::sys
