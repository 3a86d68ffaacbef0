#include "cli/commands.hpp"
#include "cli/output.hpp"

namespace arca::cli {

Result<int> carry_out(const Session& session, const Events& command) {
    const EventSink sink = [](std::string_view event) { return print(std::string(event) + "\n"); };
    return exit_status(arca::events(session.runtime, command.options, sink));
}

}  // namespace arca::cli
