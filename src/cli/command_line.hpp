// From argv to an Invocation. Only the command that is asked for is declared, and CLI11 is told only of the options
// that are given: `arca state web` does without it.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "arca/error.hpp"
#include "cli/arguments.hpp"
#include "cli/options.hpp"

namespace arca::cli {

/// `arguments` without argv[0]; `banner` is the name that help texts show. Fails with Code::Usage only.
Result<Invocation> read_command_line(std::span<const std::string> arguments, std::string_view banner);

/// Every command, in the order of the help text.
std::vector<std::string> command_names();
struct CommandText {
    std::string_view synopsis;  ///< "ID [SIGNAL]"
    std::string_view summary;   ///< "send a signal (TERM) to a container"
};
/// Of a command that there is.
CommandText text_of(std::string_view command);
/// The options of a command, or the global ones for an empty name: what tests compare with the documents.
Grammar grammar_of(std::string_view command);

}  // namespace arca::cli
