// The help texts.
#pragma once

#include <string>
#include <string_view>

#include "cli/command_table.hpp"

namespace arca::cli {

/// `banner` is the name that the program goes by.
std::string global_help(std::string_view banner);
std::string command_help(const Row& known, std::string_view banner);

}  // namespace arca::cli
