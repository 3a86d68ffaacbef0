#include "cli/commands.hpp"
#include "cli/output.hpp"

namespace arca::cli {

namespace {
constexpr int kErrors = 1;
constexpr int kWarningsOnly = 2;

std::string lines(std::string_view kind, const std::vector<std::string>& texts) {
    std::string out;
    for (const auto& text : texts)
        ((out += kind) += printable(text)) += '\n';
    return out;
}
}  // namespace

Result<int> carry_out(const Session& session, const Check& command) {
    auto report = arca::check(session.runtime, command.options);
    if (!report) return std::unexpected(std::move(report.error()));
    auto printed = print(lines("error: ", report->errors) + lines("warning: ", report->warnings));
    if (!printed) return std::unexpected(std::move(printed.error()));
    if (!report->errors.empty()) return kErrors;
    if (report->warnings.empty()) return 0;
    return command.options.strict ? kErrors : kWarningsOnly;
}

}  // namespace arca::cli
