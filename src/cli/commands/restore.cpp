#include "cli/commands.hpp"

namespace arca::cli {

Result<int> carry_out(const Session& session, const Restore& command) {
    return arca::restore(session.runtime, command.options);
}

}  // namespace arca::cli
