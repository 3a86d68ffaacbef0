#include "cli/commands.hpp"

namespace arca::cli {

Result<int> carry_out(const Session& session, const Kill& command) {
    return exit_status(arca::kill(session.runtime, command.options));
}

}  // namespace arca::cli
