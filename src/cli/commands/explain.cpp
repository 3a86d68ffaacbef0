#include "cli/commands.hpp"
#include "cli/output.hpp"

namespace arca::cli {

Result<int> carry_out(const Session& session, const Explain& command) {
    auto plan = arca::explain(session.runtime, command.options, command.format);
    if (!plan) return std::unexpected(std::move(plan.error()));
    return exit_status(print(*plan));
}

}  // namespace arca::cli
