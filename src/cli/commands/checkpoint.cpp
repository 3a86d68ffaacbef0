#include "cli/commands.hpp"

namespace arca::cli {

Result<int> carry_out(const Session& session, const Checkpoint& command) {
    return exit_status(arca::checkpoint(session.runtime, command.options));
}

}  // namespace arca::cli
