#include "cli/commands.hpp"

namespace arca::cli {

Result<int> carry_out(const Session& session, const Create& command) {
    return exit_status(arca::create(session.runtime, command.options));
}

}  // namespace arca::cli
