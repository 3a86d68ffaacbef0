#include "cli/commands.hpp"
#include "cli/matching.hpp"

namespace arca::cli {

Result<int> carry_out(const Session& session, const Delete& command) {
    if (command.selection == Selection::Id)
        return exit_status(arca::delete_container(session.runtime, command.options));
    return exit_status(for_each_match(session, command.options.id, "delete", [&](const std::string& id) {
        return arca::delete_container(session.runtime, {.id = id, .force = command.options.force});
    }));
}

}  // namespace arca::cli
