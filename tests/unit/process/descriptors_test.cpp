#include "process/descriptors.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "../support/deny_syscall.hpp"
#include "../support/in_child.hpp"
#include "../support/temporary_directory.hpp"

namespace arca::process {
namespace {

// 3 .. 2+count open without FD_CLOEXEC, everything else from 3 on closed.
void open_exactly(int count) {
    for (int fd = 3; fd < 900; ++fd)
        ::close(fd);
    for (int i = 0; i < count; ++i)
        ::open("/dev/null", O_RDWR);
}

bool is_kept(int fd) {
    const int flags = ::fcntl(fd, F_GETFD);
    return flags >= 0 && (flags & FD_CLOEXEC) == 0;
}

TEST(Preserved, AllMustBeOpenAndTheMissingOneIsNamed) {
    EXPECT_EQ("", test::in_child([]() -> std::string {
                  open_exactly(2);
                  if (!check_preserved(2) || !check_preserved(0)) return "refused what is open";
                  auto problem = check_preserved(3);
                  if (problem) return "accepted a closed descriptor";
                  return problem.error().what().starts_with("descriptor 5 is not open") ? "" : problem.error().what();
              }));
}

TEST(Preserved, AHugeCountFailsAtTheFirstGap) {
    EXPECT_EQ("", test::in_child([]() -> std::string {
                  open_exactly(1);
                  return check_preserved(~0U) ? "accepted" : "";
              }));
}

std::string keep_two_of_five() {
    open_exactly(5);
    ::fcntl(4, F_SETFD, FD_CLOEXEC);  // as a program that embeds us may hold it
    if (auto done = keep_first(2); !done) return done.error().message();
    if (!is_kept(0) || !is_kept(1) || !is_kept(2)) return "stdio was touched";
    if (!is_kept(3) || !is_kept(4)) return "a preserved descriptor would be closed";
    for (int fd = 5; fd < 8; ++fd)
        if (is_kept(fd)) return "descriptor " + std::to_string(fd) + " would leak";
    return "";
}

TEST(KeepFirst, ClosesTheRestAtExec) {
    EXPECT_EQ("", test::in_child(keep_two_of_five));
}

TEST(KeepFirst, FallsBackWithoutCloseRange) {
    EXPECT_EQ("", test::in_child([]() -> std::string {
                  if (!test::deny_syscall(SYS_close_range, ENOSYS)) return "no seccomp";
                  return keep_two_of_five();
              }));
}

class GiveStdio : public testing::Test {
  protected:
    void SetUp() override {
        if (::geteuid() != 0) GTEST_SKIP() << "fchown to another user needs root";
    }
    test::TemporaryDirectory directory_;
};

TEST_F(GiveStdio, FilesAndPipesChangeTheOwnerButNotTheGroup) {
    const auto log = directory_.file("log", "");
    EXPECT_EQ("", test::in_child([&]() -> std::string {
                  int ends[2];
                  if (::pipe(ends) < 0) return "pipe";
                  ::dup2(ends[0], 0);
                  ::dup2(::open(log.c_str(), O_WRONLY), 1);
                  if (auto done = give_stdio_to(1234); !done) return done.error().message();
                  struct stat in {};
                  struct stat out {};
                  ::fstat(0, &in);
                  ::fstat(1, &out);
                  return in.st_uid == 1234 && out.st_uid == 1234 && out.st_gid == 0 ? "" : "owner unchanged";
              }));
}

TEST_F(GiveStdio, DevicesStayWhoseTheyAre) {
    struct stat before {};
    ::stat("/dev/null", &before);
    EXPECT_EQ("", test::in_child([&]() -> std::string {
                  ::dup2(::open("/dev/null", O_RDWR), 0);
                  ::dup2(::open("/dev/zero", O_RDWR), 1);
                  if (auto done = give_stdio_to(before.st_uid + 1); !done) return done.error().message();
                  struct stat zero {};
                  ::fstat(1, &zero);
                  return zero.st_uid == before.st_uid ? "" : "/dev/zero was given away";
              }));
    struct stat after {};
    ::stat("/dev/null", &after);
    EXPECT_EQ(before.st_uid, after.st_uid);
}

TEST_F(GiveStdio, ToleratesClosedAndForeignDescriptors) {
    const auto log = directory_.file("log", "");
    EXPECT_EQ("", test::in_child([&]() -> std::string {
                  ::close(0);
                  ::dup2(::open(log.c_str(), O_PATH), 1);
                  if (::setresuid(1, 1, 1) < 0) return "setresuid";
                  auto done = give_stdio_to(1234);
                  return done ? "" : done.error().message();
              }));
}

}  // namespace
}  // namespace arca::process
