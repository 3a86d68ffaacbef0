#include "cli/commands.hpp"

namespace arca::cli {

Result<int> carry_out(const Session& session, const Pause& command) {
    return exit_status(arca::pause(session.runtime, command.id));
}

}  // namespace arca::cli
