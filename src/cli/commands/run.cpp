#include <unistd.h>

#include <algorithm>

#include "cli/commands.hpp"

namespace arca::cli {

namespace {
bool has_terminal() {
    return isatty(STDIN_FILENO) == 1 && isatty(STDOUT_FILENO) == 1;
}

/// Programs draw for the terminal that they are seen on.
void tell_terminal(const std::vector<std::string>& environment, std::vector<std::string>& env) {
    auto term = std::ranges::find_if(environment, [](const auto& entry) { return entry.starts_with("TERM="); });
    if (term != environment.end()) env.insert(env.begin(), *term);
}

Result<> check_belonging(const Run& command) {
    const auto& s = command.sandbox;
    bool about_a_tree =
        !command.name.empty() || !s.env.empty() || s.cwd != "/" || !s.capabilities.empty() || s.writable;
    if (s.rootfs.empty() && about_a_tree)
        return std::unexpected(Error(
            Code::Usage, "--name, --env, --cwd, --cap and --writable belong to --rootfs: a bundle says all that"));
    if (!s.rootfs.empty() && command.options.create.config != CreateOptions{}.config)
        return std::unexpected(Error(Code::Usage, "--rootfs takes the place of --config"));
    return {};
}

CreateOptions in_place_of_a_bundle(const Session& session, const Run& command) {
    auto sandbox = command.sandbox;
    auto options = command.options.create;
    sandbox.hostname = options.id;
    sandbox.terminal = !options.console_socket.empty() || (!command.options.detach && has_terminal());
    if (sandbox.terminal) tell_terminal(session.runtime.environment, sandbox.env);
    options.config_text = sandbox_config(sandbox);
    return options;
}
}  // namespace

Result<int> carry_out(const Session& session, const Run& command) {
    if (auto checked = check_belonging(command); !checked) return std::unexpected(std::move(checked.error()));
    if (command.sandbox.rootfs.empty()) return arca::run(session.runtime, command.options);
    auto options = command.options;
    options.create = in_place_of_a_bundle(session, command);
    return arca::run(session.runtime, options);
}

}  // namespace arca::cli
