#include "cli/commands.hpp"
#include "cli/output.hpp"

namespace arca::cli {

Result<int> carry_out(const Session&, const ShowHelp& command) {
    return exit_status(print(command.text));
}

Result<int> carry_out(const Session&, const UnknownCommand& command) {
    auto text = "No help topic for '" + command.topic + "'";
    if (!command.suggestion.empty()) text += "; did you mean \"" + command.suggestion + "\"?";
    return std::unexpected(Error(Code::Usage, std::move(text)));
}

}  // namespace arca::cli
