// The lines of the log file: one JSON object, or one line of text, each with its time. Pure.
#pragma once

#include <ctime>
#include <string>
#include <string_view>

#include "arca/log.hpp"
#include "cli/options.hpp"

namespace arca::cli {

/// "2026-08-14T09:30:00.123456789Z". Neither allocates nor reads time zone files: a signal handler uses it too.
struct Timestamp {
    explicit Timestamp(const timespec& time);
    std::string_view view() const { return {text, sizeof text}; }
    char text[30];
};

/// `text` as a JSON string with its quotes; bytes that are no UTF-8 become U+FFFD.
std::string json_string(std::string_view text);

std::string log_line(LogFormat format, log::Level level, std::string_view message, const timespec& time);

}  // namespace arca::cli
