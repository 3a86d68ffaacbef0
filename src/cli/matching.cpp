#include "cli/matching.hpp"

#include "cli/output.hpp"

namespace arca::cli {

Result<> for_each_match(const Session& session, const std::string& pattern, std::string_view operation,
                        const std::function<Result<>(const std::string& id)>& act) {
    auto ids = arca::matching_ids(session.runtime, pattern);
    if (!ids) return std::unexpected(std::move(ids.error()));
    std::size_t failures = 0;
    for (const auto& id : *ids) {
        auto outcome = act(id);
        if (outcome) continue;
        ++failures;
        session.report.notice(contract_message(outcome.error(), operation, id));
    }
    if (failures == 0) return {};
    return std::unexpected(Error(Code::System, std::to_string(failures) + " of " + std::to_string(ids->size()) +
                                                   " containers that match failed"));
}

}  // namespace arca::cli
