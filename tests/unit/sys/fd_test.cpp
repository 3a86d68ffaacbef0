#include "sys/fd.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cerrno>

namespace arca::sys {
namespace {

bool is_open(int number) {
    return ::fcntl(number, F_GETFD) >= 0;
}

Fd open_null() {
    return Fd(::open("/dev/null", O_RDWR | O_CLOEXEC));
}

TEST(Fd, ClosesWhatItOwns) {
    int number;
    {
        Fd fd = open_null();
        number = fd.number();
        EXPECT_TRUE(is_open(number));
    }
    EXPECT_FALSE(is_open(number));
}

TEST(Fd, MovesOwnership) {
    Fd first = open_null();
    const int number = first.number();
    Fd second = std::move(first);
    EXPECT_FALSE(first);
    EXPECT_EQ(second.number(), number);
    Fd third = open_null();
    const int replaced = third.number();
    third = std::move(second);
    EXPECT_FALSE(is_open(replaced));
    EXPECT_TRUE(is_open(number));
    Fd& alias = third;
    third = std::move(alias);
    EXPECT_TRUE(is_open(number));
}

TEST(Fd, ReleaseGivesItUp) {
    Fd fd = open_null();
    const int number = fd.release();
    fd.reset();
    EXPECT_TRUE(is_open(number));
    ::close(number);
}

TEST(Fd, ResetKeepsErrno) {
    Fd fd(987654);  // not open: close fails
    errno = ENOTTY;
    fd.reset();
    EXPECT_EQ(errno, ENOTTY);
    EXPECT_FALSE(fd);
}

TEST(FdRef, KnowsTheWorkingDirectory) {
    EXPECT_FALSE(FdRef());
    EXPECT_TRUE(FdRef(0));
    EXPECT_TRUE(FdRef::working_directory());
    EXPECT_EQ(FdRef::working_directory().number(), AT_FDCWD);
}

}  // namespace
}  // namespace arca::sys
