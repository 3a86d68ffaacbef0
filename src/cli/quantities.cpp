#include "cli/quantities.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <string>
#include <utility>

namespace arca::cli {

namespace {
struct Unit {
    std::string_view name;
    double factor;
};

/// Digits with at most one dot; `text` is left at what follows them.
std::optional<double> take_number(std::string_view& text) {
    const auto length = std::min(text.find_first_not_of("0123456789."), text.size());
    const auto digits = text.substr(0, length);
    if (digits.empty() || digits == "." || std::ranges::count(digits, '.') > 1) return std::nullopt;
    double number = 0;
    auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
    if (error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
    text.remove_prefix(length);
    return number;
}

/// 2^63 as a double: what is not below it does not fit.
std::optional<std::int64_t> in_range(double number) {
    constexpr double kTooMuch = 9223372036854775808.0;
    if (!(number < kTooMuch)) return std::nullopt;
    return static_cast<std::int64_t>(number);
}
}  // namespace

std::optional<std::int64_t> parse_size(std::string_view text) {
    std::int64_t plain = 0;
    auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), plain);
    if (error == std::errc() && end == text.data() + text.size())
        return plain >= -1 ? std::optional(plain) : std::nullopt;
    const auto number = take_number(text);
    if (!number) return std::nullopt;
    if (text.starts_with(' ')) text.remove_prefix(1);
    std::string unit(text);
    for (auto& c : unit)
        c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    if (unit.empty() || unit == "b") return in_range(*number);
    constexpr std::string_view kPrefixes = "kmgtp";
    const auto power = kPrefixes.find(unit[0]);
    const auto rest = std::string_view(unit).substr(1);
    if (power == std::string_view::npos || (!rest.empty() && rest != "b" && rest != "ib")) return std::nullopt;
    return in_range(*number * std::exp2(10.0 * static_cast<double>(power + 1)));
}

std::optional<std::chrono::nanoseconds> parse_duration(std::string_view text) {
    constexpr std::array kUnits = {
        Unit{"ns", 1},   Unit{"us", 1e3}, Unit{"\u00b5s", 1e3}, Unit{"\u03bcs", 1e3},
        Unit{"ms", 1e6}, Unit{"s", 1e9},  Unit{"m", 60e9},      Unit{"h", 3600e9},
    };
    const bool negative = text.starts_with('-');
    if (negative || text.starts_with('+')) text.remove_prefix(1);
    if (text == "0") return std::chrono::nanoseconds(0);
    if (text.empty()) return std::nullopt;
    double total = 0;
    while (!text.empty()) {
        const auto number = take_number(text);
        const auto length = std::min(text.find_first_of("0123456789."), text.size());
        const auto* unit = std::ranges::find(kUnits, text.substr(0, length), &Unit::name);
        if (!number || unit == kUnits.end()) return std::nullopt;
        total += *number * unit->factor;
        text.remove_prefix(length);
    }
    const auto count = in_range(std::round(total));
    if (!count) return std::nullopt;
    return std::chrono::nanoseconds(negative ? -*count : *count);
}

}  // namespace arca::cli
