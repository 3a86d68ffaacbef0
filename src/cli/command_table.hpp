// The commands there are: their names, texts, and how they are read.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string_view>

#include "cli/command_options.hpp"

namespace arca::cli {

constexpr std::size_t kAnyNumber = std::numeric_limits<std::size_t>::max();

struct WordCount {
    std::size_t min = 0;
    std::size_t max = 0;
};

enum class Group : std::uint8_t { Life, Inside, Limits, Sight, Bundle, Itself };

struct Row {
    Group group;
    std::string_view name;
    std::string_view synopsis;
    std::string_view summary;
    WordCount words;
    Reading reading;
    void (*declare)(DeclaredOptions& options, Command& command);
    void (*take_words)(Command& command, Words& words);
};

/// In the order of the help text.
std::span<const Row> command_rows();
/// Null for a name that is none.
const Row* find_row(std::string_view name);

}  // namespace arca::cli
