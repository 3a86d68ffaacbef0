#include "cli/commands.hpp"
#include "cli/output.hpp"

namespace arca::cli {

Result<int> carry_out(const Session&, const ShowHelp& command) {
    return exit_status(print(command.text));
}

Result<int> carry_out(const Session&, const UnknownCommand& command) {
    return std::unexpected(Error(Code::Usage, "No help topic for '" + command.topic + "'"));
}

}  // namespace arca::cli
