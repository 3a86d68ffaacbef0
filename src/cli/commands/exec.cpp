#include "cli/commands.hpp"

namespace arca::cli {

Result<int> carry_out(const Session& session, const Exec& command) {
    if (command.options.process_file.empty() && command.options.args.empty())
        return std::unexpected(Error(Code::Usage, "neither a command nor --process was given"));
    return arca::exec(session.runtime, command.options);
}

}  // namespace arca::cli
