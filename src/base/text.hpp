// Small text building without iostreams or locales.
#pragma once

#include <charconv>
#include <concepts>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace arca::text {

namespace detail {
inline void append(std::string& out, std::string_view part) {
    out.append(part);
}
inline void append(std::string& out, char part) {
    out.push_back(part);
}
template<class Number>
requires(std::integral<Number> && !std::same_as<Number, char> &&
         !std::same_as<Number, bool>) void append(std::string& out, Number part) {
    char buffer[24];
    auto end = std::to_chars(buffer, buffer + sizeof buffer, part).ptr;
    out.append(buffer, end);
}
}  // namespace detail

/// Concatenates strings, characters and integers.
template<class... Parts>
std::string cat(const Parts&... parts) {
    std::string out;
    (detail::append(out, parts), ...);
    return out;
}

std::string octal(std::uint64_t value);
std::string hex(std::uint64_t value);
std::string join(const std::vector<std::string>& parts, std::string_view separator);
std::vector<std::string_view> split(std::string_view text, char separator);
/// The parts would outlive a temporary.
template<class String>
requires std::same_as<String, std::string> std::vector<std::string_view> split(String&& text, char separator)
= delete;
std::string_view trim(std::string_view text);
std::string lower(std::string_view text);
/// Replaces control characters and what is no UTF-8, so that a hostile file name can neither drive a terminal nor break
/// a JSON log through an error text.
std::string printable(std::string_view text);
/// Whole text as a decimal number, or nothing.
std::optional<std::int64_t> to_int(std::string_view text);
std::optional<std::uint64_t> to_uint(std::string_view text);
/// Levenshtein distance, for "did you mean".
std::size_t edit_distance(std::string_view a, std::string_view b);

}  // namespace arca::text
