// The command line, one word a line, and the quantities in it.
#include "cli/command_line.hpp"

#include "cli/arguments.hpp"
#include "cli/quantities.hpp"
#include "target.hpp"

using namespace arca;

namespace {
const fuzz::Target command_line("command_line", [](std::string_view input) {
    const auto words = fuzz::lines_of(input);
    (void)cli::scan_log_options(words);
    (void)cli::read_command_line(words, "arca");
    for (const auto& word : words) {
        (void)cli::parse_size(word);
        (void)cli::parse_duration(word);
    }
});
}  // namespace
