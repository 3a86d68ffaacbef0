#include "cli/commands.hpp"
#include "cli/output.hpp"

namespace arca::cli {

Result<int> carry_out(const Session& session, const ShowVersion&) {
    return exit_status(print(version_text(version(), session.report.banner())));
}

}  // namespace arca::cli
