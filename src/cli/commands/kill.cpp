#include "cli/commands.hpp"
#include "cli/matching.hpp"

namespace arca::cli {

Result<int> carry_out(const Session& session, const Kill& command) {
    if (command.selection == Selection::Id) return exit_status(arca::kill(session.runtime, command.options));
    return exit_status(for_each_match(session, command.options.id, "kill", [&](const std::string& id) {
        auto options = command.options;
        options.id = id;
        return arca::kill(session.runtime, options);
    }));
}

}  // namespace arca::cli
