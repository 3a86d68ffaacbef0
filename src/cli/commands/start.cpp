#include "cli/commands.hpp"

namespace arca::cli {

Result<int> carry_out(const Session& session, const Start& command) {
    return exit_status(arca::start(session.runtime, command.id));
}

}  // namespace arca::cli
