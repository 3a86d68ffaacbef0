#include "cli/commands.hpp"
#include "cli/host_ps.hpp"
#include "cli/listing.hpp"
#include "cli/output.hpp"

namespace arca::cli {

namespace {
Result<std::string> table_of(const std::vector<int>& pids, std::vector<std::string> arguments) {
    auto output = run_host_ps(std::move(arguments));
    if (!output) return std::unexpected(std::move(output.error()));
    return filter_ps(*output, pids);
}
}  // namespace

Result<int> carry_out(const Session& session, const Ps& command) {
    auto pids = arca::processes(session.runtime, command.id);
    if (!pids) return std::unexpected(std::move(pids.error()));
    if (command.format == PsFormat::Json) return exit_status(print(pids_json(*pids)));
    if (session.report.banner() == "crun") return exit_status(print(pids_table(*pids)));
    auto table = table_of(*pids, command.arguments);
    if (!table) return std::unexpected(std::move(table.error()));
    return exit_status(print(*table));
}

}  // namespace arca::cli
