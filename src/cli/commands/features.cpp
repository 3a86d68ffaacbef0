#include "cli/commands.hpp"
#include "cli/output.hpp"

namespace arca::cli {

Result<int> carry_out(const Session&, const ShowFeatures&) {
    auto document = features_json();
    if (!document.ends_with('\n')) document += '\n';
    return exit_status(print(document));
}

}  // namespace arca::cli
