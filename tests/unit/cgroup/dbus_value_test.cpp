#include "cgroup/dbus_value.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace arca::cgroup {
namespace {
using ::testing::HasSubstr;

struct Case {
    const char* text;
    Value value;
};

TEST(GVariant, ValuesOfEveryKind) {
    const Case cases[] = {
        {"true", Value::boolean(true)},
        {"boolean false", Value::boolean(false)},
        {"'a b'", Value::string("a b")},
        {R"("it's")", Value::string("it's")},
        {R"('it\'s\n')", Value::string("it's\n")},
        {"12", {"i", std::int64_t{12}}},
        {"-12", {"i", std::int64_t{-12}}},
        {"0x10", {"i", std::int64_t{16}}},
        {"uint64 18446744073709551615", Value::uint64(~0ULL)},
        {"int64 -9223372036854775808", {"x", std::int64_t{-9223372036854775807 - 1}}},
        {"uint32 7", Value::uint32(7)},
        {"byte 255", {"y", std::uint64_t{255}}},
        {"1.5", {"d", 1.5}},
        {"double 2", {"d", 2.0}},
        {"objectpath '/a'", {"o", std::string("/a")}},
        {"['a', 'b']", Value::array("s", {Value::string("a"), Value::string("b")})},
        {"[ 'a' ]", Value::array("s", {Value::string("a")})},
        {"@as []", Value::array("s", {})},
        {"@au [1, 2]", Value::array("u", {Value::uint32(1), Value::uint32(2)})},
        {"[uint32 1, 2]", Value::array("u", {Value::uint32(1), Value::uint32(2)})},
        {"('/dev/null', 'rw')", Value::structure({Value::string("/dev/null"), Value::string("rw")})},
        {"[('/dev/sda', uint64 5)]",
         Value::array("(st)", {Value::structure({Value::string("/dev/sda"), Value::uint64(5)})})},
    };
    for (const auto& [text, expected] : cases) {
        auto value = parse_gvariant(text);
        ASSERT_TRUE(value) << text << ": " << value.error().message();
        EXPECT_EQ(*value, expected) << text << " is " << value->signature;
    }
}

TEST(GVariant, WhatIsRefusedAndWhy) {
    const std::pair<const char*, const char*> cases[] = {
        {"", "expected a value"},
        {"word", "quotation marks"},
        {"'open", "closing quotation mark"},
        {"12 13", "the end"},
        {"byte 256", "not a number"},
        {"uint64 -1", "not a number"},
        {"2147483648", "not a number"},
        {"[1, 'a']", "expected type i"},
        {"[]", "needs its type"},
        {"[1", "expected ]"},
        {"(1", "expected )"},
        {"uint32 'a'", "expected type u"},
        {"'a\\", "after"},
        {"1e", "not a number"},
        {"{'a': 1}", "expected a value"},
        {"@as ['a', 1]", "expected type s"},
        {"string 5", "expected type s"},
        {"@t", "expected a value"},
    };
    for (const auto& [text, reason] : cases) {
        auto value = parse_gvariant(text);
        ASSERT_FALSE(value) << text;
        EXPECT_THAT(value.error().message(), HasSubstr(reason)) << text;
    }
}

TEST(GVariant, NestingHasABottom) {
    EXPECT_FALSE(parse_gvariant(std::string(100'000, '[')));
    EXPECT_TRUE(parse_gvariant("[[[[1]]]]"));
}

}  // namespace
}  // namespace arca::cgroup
