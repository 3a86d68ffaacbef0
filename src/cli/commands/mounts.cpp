#include "cli/commands.hpp"
#include "cli/listing.hpp"
#include "cli/output.hpp"

namespace arca::cli {

Result<int> carry_out(const Session& session, const Mounts& command) {
    if (command.action == MountsAction::Add)
        return exit_status(arca::add_mounts(session.runtime, command.id, command.file));
    if (command.action == MountsAction::Remove)
        return exit_status(arca::remove_mounts(session.runtime, command.id, command.file));
    auto mounts = arca::list_mounts(session.runtime, command.id);
    if (!mounts) return std::unexpected(std::move(mounts.error()));
    return exit_status(print(mounts_json(*mounts)));
}

}  // namespace arca::cli
