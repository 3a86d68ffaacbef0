#include "cli/commands.hpp"
#include "cli/listing.hpp"
#include "cli/output.hpp"

namespace arca::cli {

Result<int> carry_out(const Session& session, const ShowState& command) {
    auto state = arca::state(session.runtime, command.id);
    if (!state) return std::unexpected(std::move(state.error()));
    return exit_status(print(state_json(*state)));
}

}  // namespace arca::cli
