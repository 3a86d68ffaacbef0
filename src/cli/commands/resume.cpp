#include "cli/commands.hpp"

namespace arca::cli {

Result<int> carry_out(const Session& session, const Resume& command) {
    return exit_status(arca::resume(session.runtime, command.id));
}

}  // namespace arca::cli
