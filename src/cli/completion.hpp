// Completions of commands, options and container ids for shells, made from the table of commands, so that they cannot
// lag behind it. Pure.
#pragma once

#include <string>

namespace arca::cli {

std::string bash_completion();
std::string zsh_completion();
std::string fish_completion();

}  // namespace arca::cli
