#include "cli/log_line.hpp"

#include <algorithm>
#include <cstdint>

namespace arca::cli {

namespace {
struct Date {
    unsigned year, month, day;
};

/// Days since 1970 as a date of the Gregorian calendar; years counted from March, so that leap days come last.
Date to_date(std::uint64_t days) {
    constexpr std::uint64_t kDaysTo1970 = 719468;  // from 0000-03-01
    constexpr std::uint64_t kEra = 146097;         // days in 400 years
    days += kDaysTo1970;
    auto day_of_era = days % kEra;
    auto year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    auto day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    auto march_month = (5 * day_of_year + 2) / 153;
    auto day = day_of_year - (153 * march_month + 2) / 5 + 1;
    auto month = march_month < 10 ? march_month + 3 : march_month - 9;
    auto year = days / kEra * 400 + year_of_era + (month <= 2 ? 1 : 0);
    return {static_cast<unsigned>(year), static_cast<unsigned>(month), static_cast<unsigned>(day)};
}

void put(char*& at, std::uint64_t value, unsigned digits, char after) {
    for (unsigned i = digits; i-- > 0; value /= 10)
        at[i] = static_cast<char>('0' + value % 10);
    at[digits] = after;
    at += digits + 1;
}

std::string_view level_name(log::Level level) {
    switch (level) {
        case log::Level::Debug:
            return "debug";
        case log::Level::Info:
            return "info";
        case log::Level::Warning:
            return "warning";
        case log::Level::Error:
            return "error";
    }
    return "error";
}

/// Length of the well-formed UTF-8 sequence that `text` begins with; 0 when it begins with none.
std::size_t utf8_length(std::string_view text) {
    auto byte = [&text](std::size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U; };
    auto follows = [&byte](std::size_t i) { return (byte(i) & 0xc0U) == 0x80U; };
    if (byte(0) < 0x80) return 1;
    if (byte(0) >= 0xc2 && byte(0) < 0xe0) return follows(1) ? 2 : 0;
    if (byte(0) >= 0xe0 && byte(0) < 0xf0) {
        bool overlong = byte(0) == 0xe0 && byte(1) < 0xa0;
        bool surrogate = byte(0) == 0xed && byte(1) >= 0xa0;
        return follows(1) && follows(2) && !overlong && !surrogate ? 3 : 0;
    }
    if (byte(0) >= 0xf0 && byte(0) < 0xf5) {
        bool out_of_range = (byte(0) == 0xf0 && byte(1) < 0x90) || (byte(0) == 0xf4 && byte(1) >= 0x90);
        return follows(1) && follows(2) && follows(3) && !out_of_range ? 4 : 0;
    }
    return 0;
}

void append_ascii(std::string& out, char c) {
    static constexpr std::string_view kHex = "0123456789abcdef";
    auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\')
        (out += '\\') += c;
    else if (c == '\n')
        out += "\\n";
    else if (c == '\t')
        out += "\\t";
    else if (byte < 0x20 || byte == 0x7f)
        (out += "\\u00") += {kHex[byte >> 4], kHex[byte & 15]};
    else
        out += c;
}
}  // namespace

Timestamp::Timestamp(const timespec& time) {
    constexpr std::uint64_t kDay = 86400;
    auto seconds = static_cast<std::uint64_t>(time.tv_sec);
    auto [year, month, day] = to_date(seconds / kDay);
    auto of_day = seconds % kDay;
    char* at = text;
    put(at, year, 4, '-');
    put(at, month, 2, '-');
    put(at, day, 2, 'T');
    put(at, of_day / 3600, 2, ':');
    put(at, of_day / 60 % 60, 2, ':');
    put(at, of_day % 60, 2, '.');
    put(at, static_cast<std::uint64_t>(time.tv_nsec), 9, 'Z');
}

std::string json_string(std::string_view text) {
    std::string out = "\"";
    while (!text.empty()) {
        auto length = utf8_length(text);
        if (length == 0)
            out += "\\ufffd";
        else if (length == 1)
            append_ascii(out, text[0]);
        else
            out += text.substr(0, length);
        text.remove_prefix(std::max<std::size_t>(length, 1));
    }
    return out + "\"";
}

std::string log_line(LogFormat format, log::Level level, std::string_view message, const timespec& time) {
    Timestamp stamp(time);
    auto when = std::string(stamp.view());
    auto what = json_string(message);
    auto how = std::string(level_name(level));
    if (format == LogFormat::Json)
        return R"({"level":")" + how + R"(","msg":)" + what + R"(,"time":")" + when + "\"}\n";
    return "time=\"" + when + "\" level=" + how + " msg=" + what + "\n";
}

}  // namespace arca::cli
