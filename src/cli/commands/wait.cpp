#include "cli/commands.hpp"

namespace arca::cli {

Result<int> carry_out(const Session& session, const Wait& command) {
    return arca::wait(session.runtime, command.id);
}

}  // namespace arca::cli
