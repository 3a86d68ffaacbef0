#include "cli/commands.hpp"
#include "cli/listing.hpp"
#include "cli/output.hpp"

namespace arca::cli {

Result<int> carry_out(const Session& session, const Why& command) {
    auto found = arca::why(session.runtime, command.id);
    if (!found) return std::unexpected(std::move(found.error()));
    return exit_status(print(command.format == Format::Json ? explanation_json(*found) : explanation_text(*found)));
}

}  // namespace arca::cli
