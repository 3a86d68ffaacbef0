#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <ctime>

#include "cli/commands.hpp"
#include "cli/listing.hpp"
#include "cli/output.hpp"

namespace arca::cli {

namespace {
/// A root that was named must be there; the default one is made by the first container.
Result<> check_root(const Session& session) {
    struct stat found {};
    if (!session.root_was_given || stat(session.runtime.root.c_str(), &found) == 0) return {};
    return std::unexpected(Error(Code::System, "looking for the state directory " + session.runtime.root, errno));
}

/// no-color.org, and terminals that know no colours.
Colours wanted_colours(const Session& session) {
    for (const auto& entry : session.runtime.environment)
        if (entry == "TERM=dumb" || (entry.starts_with("NO_COLOR=") && entry.size() > 9)) return Colours::Without;
    return Colours::With;
}
}  // namespace

Result<int> carry_out(const Session& session, const List& command) {
    if (auto checked = check_root(session); !checked) return std::unexpected(std::move(checked.error()));
    auto depth = command.format == ListFormat::Ids ? ListDepth::IdsOnly : ListDepth::Full;
    auto entries = arca::list(session.runtime, depth);
    if (!entries) return std::unexpected(std::move(entries.error()));
    std::string ids;
    std::vector<State> states;
    for (auto& [id, state] : *entries) {
        ids += id + "\n";
        if (state)
            states.push_back(std::move(*state));
        else if (depth == ListDepth::Full)
            session.report.notice(contract_message(state.error(), "list", id));
    }
    if (command.format == ListFormat::Ids) return exit_status(print(ids));
    const auto& banner = session.report.banner();
    if (command.format == ListFormat::Json) return exit_status(print(list_json(states, banner)));
    if (banner == "arca" && isatty(STDOUT_FILENO) == 1)
        return exit_status(print(list_for_people(states, time(nullptr), wanted_colours(session))));
    return exit_status(print(list_table(states, banner)));
}

}  // namespace arca::cli
