#include "cli/quantities.hpp"

#include <gtest/gtest.h>

namespace arca::cli {
namespace {

using namespace std::chrono_literals;

TEST(Quantities, Sizes) {
    EXPECT_EQ(parse_size("0"), 0);
    EXPECT_EQ(parse_size("-1"), -1);
    EXPECT_EQ(parse_size("100"), 100);
    EXPECT_EQ(parse_size("9223372036854775807"), INT64_MAX);
    EXPECT_EQ(parse_size("64b"), 64);
    EXPECT_EQ(parse_size("64k"), 65536);
    EXPECT_EQ(parse_size("64KB"), 65536);
    EXPECT_EQ(parse_size("64KiB"), 65536);
    EXPECT_EQ(parse_size("32 M"), 33554432);
    EXPECT_EQ(parse_size("1.5g"), 1610612736);
    EXPECT_EQ(parse_size("1T"), 1099511627776);
    for (const char* wrong :
         {"", "-2", "m", "64x", "64mm", "6 4", "1.2.3m", "0x10", "inf", "nan", "99999999p", "64kbb"})
        EXPECT_FALSE(parse_size(wrong)) << wrong;
}

TEST(Quantities, Durations) {
    EXPECT_EQ(parse_duration("0"), 0ns);
    EXPECT_EQ(parse_duration("5s"), 5s);
    EXPECT_EQ(parse_duration("100ms"), 100ms);
    EXPECT_EQ(parse_duration("1.5s"), 1500ms);
    EXPECT_EQ(parse_duration("1h2m3s"), 3723s);
    EXPECT_EQ(parse_duration("3us"), 3us);
    EXPECT_EQ(parse_duration("3\u00b5s"), 3us);
    EXPECT_EQ(parse_duration(".5m"), 30s);
    EXPECT_EQ(parse_duration("-1s"), -1s);
    for (const char* wrong : {"", "5", "s", "5 s", "5d", "--5s", "5s5", "1e3s", "99999999999h"})
        EXPECT_FALSE(parse_duration(wrong)) << wrong;
}

}  // namespace
}  // namespace arca::cli
