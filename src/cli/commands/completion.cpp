#include "cli/completion.hpp"

#include "cli/commands.hpp"
#include "cli/output.hpp"

namespace arca::cli {

Result<int> carry_out(const Session&, const Complete& command) {
    if (command.shell == "bash") return exit_status(print(bash_completion()));
    if (command.shell == "zsh") return exit_status(print(zsh_completion()));
    if (command.shell == "fish") return exit_status(print(fish_completion()));
    return std::unexpected(
        Error(Code::Usage, "no completions for the shell \"" + command.shell + "\": there are bash, zsh, fish"));
}

}  // namespace arca::cli
