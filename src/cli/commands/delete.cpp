#include "cli/commands.hpp"

namespace arca::cli {

Result<int> carry_out(const Session& session, const Delete& command) {
    return exit_status(arca::delete_container(session.runtime, command.options));
}

}  // namespace arca::cli
