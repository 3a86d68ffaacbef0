#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

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

/// Keeps the configuration in a file without a name, as long as this process runs.
Result<std::string> path_of(const std::string& text) {
    constexpr int kFirstOwnDescriptor = 100;  // those from 3 on may be preserved for the program
    auto failed = [] { return std::unexpected(Error(Code::System, "keeping the configuration in memory", errno)); };
    int made = memfd_create("config.json", MFD_CLOEXEC);
    if (made < 0) return failed();
    int file = fcntl(made, F_DUPFD_CLOEXEC, kFirstOwnDescriptor);
    if (file < 0 || write(file, text.data(), text.size()) != static_cast<ssize_t>(text.size())) return failed();
    close(made);
    return "/proc/self/fd/" + std::to_string(file);
}

Result<CreateOptions> in_place_of_a_bundle(const Session& session, const Run& command) {
    auto sandbox = command.sandbox;
    auto options = command.options.create;
    sandbox.hostname = options.id;
    sandbox.terminal = !options.console_socket.empty() || (!command.options.detach && has_terminal());
    if (sandbox.terminal) tell_terminal(session.runtime.environment, sandbox.env);
    auto path = path_of(sandbox_config(sandbox));
    if (!path) return std::unexpected(std::move(path.error()));
    options.config = std::move(*path);
    return options;
}
}  // namespace

Result<int> carry_out(const Session& session, const Run& command) {
    if (auto checked = check_belonging(command); !checked) return std::unexpected(std::move(checked.error()));
    if (command.sandbox.rootfs.empty()) return arca::run(session.runtime, command.options);
    auto create = in_place_of_a_bundle(session, command);
    if (!create) return std::unexpected(std::move(create.error()));
    auto options = command.options;
    options.create = std::move(*create);
    return arca::run(session.runtime, options);
}

}  // namespace arca::cli
