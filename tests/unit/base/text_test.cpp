#include "base/text.hpp"

#include <gmock/gmock.h>

#include <cstdint>
#include <limits>

namespace arca::text {
namespace {

using testing::ElementsAre;

TEST(Cat, TakesStringsCharactersAndNumbers) {
    const std::string string = "s";
    EXPECT_EQ(cat("a", 'b', string, std::string_view("v"), 1, -2, std::uint64_t{18446744073709551615U}),
              "abs"
              "v1-218446744073709551615");
    EXPECT_EQ(cat(std::numeric_limits<std::int64_t>::min()), "-9223372036854775808");
    EXPECT_EQ(cat(), "");
}

TEST(Numbers, InOtherBases) {
    EXPECT_EQ(octal(0644), "0644");
    EXPECT_EQ(octal(0), "00");
    EXPECT_EQ(hex(255), "0xff");
    EXPECT_EQ(hex(~std::uint64_t{0}), "0xffffffffffffffff");
}

TEST(Numbers, AreReadWholeOrNotAtAll) {
    EXPECT_EQ(to_int("-5"), -5);
    EXPECT_EQ(to_uint("18446744073709551615"), 18446744073709551615U);
    for (const char* bad : {"", " 1", "1 ", "1x", "+1", "0x1", "--1", "9223372036854775808"})
        EXPECT_EQ(to_int(bad), std::nullopt) << bad;
    for (const char* bad : {"", "-1", "18446744073709551616", "1.0"})
        EXPECT_EQ(to_uint(bad), std::nullopt) << bad;
}

TEST(Join, KeepsEmptyParts) {
    EXPECT_EQ(join({}, ","), "");
    EXPECT_EQ(join({"a"}, ", "), "a");
    EXPECT_EQ(join({"", "a", ""}, ","), ",a,");
}

TEST(Split, IsTheInverseOfJoin) {
    EXPECT_THAT(split("a,,b,", ','), ElementsAre("a", "", "b", ""));
    EXPECT_THAT(split("", ','), ElementsAre(""));
}

TEST(Trim, TakesOffBlanksOfBothEnds) {
    EXPECT_EQ(trim(" \t a b\r\n"), "a b");
    EXPECT_EQ(trim(" \n"), "");
    EXPECT_EQ(trim(""), "");
}

TEST(Lower, TouchesAsciiOnly) {
    EXPECT_EQ(lower("AZ-az-\xC3\x84"), "az-az-\xC3\x84");
}

TEST(Printable, ShowsControlCharacters) {
    EXPECT_EQ(printable(std::string_view("a\0\x1b[31m\n\x7f", 9)), "a\\x00\\x1b[31m\\x0a\\x7f");
    EXPECT_EQ(printable("\xC2\x9B"), "\\xc2\\x9b");  // CSI in one character, which xterm obeys
    EXPECT_EQ(printable("\x9B"), "\\x9b");
}

TEST(Printable, LeavesGoodUtf8AlonePast) {
    for (const char* good :
         {"plain", "\xC3\xA4\xE2\x82\xAC\xF0\x9F\x90\xB3", "\xC2\xA0", "\xEF\xBF\xBD", "\xF4\x8F\xBF\xBF"})
        EXPECT_EQ(printable(good), good);
}

TEST(Printable, ShowsWhatIsNoUtf8) {
    EXPECT_EQ(printable("\xC0\xAF"), "\\xc0\\xaf");           // overlong
    EXPECT_EQ(printable("\xE0\x80\xAF"), "\\xe0\\x80\\xaf");  // overlong
    EXPECT_EQ(printable("\xF0\x80\x80\xAF"), "\\xf0\\x80\\x80\\xaf");
    EXPECT_EQ(printable("\xED\xA0\x80"), "\\xed\\xa0\\x80");  // surrogate
    EXPECT_EQ(printable("\xF4\x90\x80\x80"), "\\xf4\\x90\\x80\\x80");
    EXPECT_EQ(printable("\xFF"), "\\xff");
    EXPECT_EQ(printable("\xE2\x82"), "\\xe2\\x82");  // cut short
    EXPECT_EQ(printable("\xE2"), "\\xe2");
    EXPECT_EQ(printable("\xC3x"), "\\xc3x");
}

TEST(EditDistance, CountsChanges) {
    EXPECT_EQ(edit_distance("", ""), 0U);
    EXPECT_EQ(edit_distance("kitten", "sitting"), 3U);
    EXPECT_EQ(edit_distance("abc", ""), 3U);
    EXPECT_EQ(edit_distance("", "abc"), 3U);
    EXPECT_EQ(edit_distance("rootfs", "rootsf"), 2U);
}

}  // namespace
}  // namespace arca::text
