#include "cli/commands.hpp"

namespace arca::cli {

Result<int> carry_out(const Session& session, const Run& command) {
    return arca::run(session.runtime, command.options);
}

}  // namespace arca::cli
