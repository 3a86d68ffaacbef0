// Sizes and durations as people and engines write them. Pure.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>

namespace arca::cli {

/// "512m", "1.5g", "2KiB", "100": bytes, the units are powers of 1024. -1 stays -1. Nothing for what is no size.
std::optional<std::int64_t> parse_size(std::string_view text);

/// As Go writes durations: "100ms", "1.5s", "1h2m"; "0", else a number without a unit is none.
std::optional<std::chrono::nanoseconds> parse_duration(std::string_view text);

}  // namespace arca::cli
