#include "cli/application.hpp"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <memory>
#include <string_view>
#include <type_traits>

#include "cli/command_line.hpp"
#include "cli/commands.hpp"
#include "cli/output.hpp"

namespace arca::cli {

namespace {
constexpr int kFailure = 1;
constexpr int kUnknownCommand = 3;
constexpr int kExecFailure = 255;  // tells "exec (or wait) failed" from "the program said 1"
constexpr int kCrunUsage = 64;     // EX_USAGE of sysexits.h, as argp exits

/// Commands that leave a copy of this process in the container for a moment.
bool enters_container(const Command& command) {
    return std::holds_alternative<Create>(command) || std::holds_alternative<Run>(command) ||
           std::holds_alternative<Exec>(command);
}

/// Commands that people watch. Not exec, whose terminal belongs to the program, nor those whose callers read standard
/// output and error as one document (features, version, state).
bool is_for_people(const Command& command) {
    return std::holds_alternative<Create>(command) || std::holds_alternative<Run>(command) ||
           std::holds_alternative<Start>(command) || std::holds_alternative<Delete>(command);
}

/// crun tells mistakes of the command line apart, and nothing else.
int status_of_failure(const Command& command, std::string_view banner) {
    if (banner == "crun") return kFailure;
    if (std::holds_alternative<UnknownCommand>(command)) return kUnknownCommand;
    const bool passes_status_on = std::holds_alternative<Exec>(command) || std::holds_alternative<Wait>(command);
    return passes_status_on ? kExecFailure : kFailure;
}

/// Engines start arca with other working directories than later tools do: what is kept must not depend on it.
Result<std::string> absolute(const std::string& path) {
    if (path.starts_with('/')) return path;
    // NOLINTNEXTLINE(clang-analyzer-unix.StdCLibraryFunctions): a null buffer is the C library's extension, getcwd(3)
    std::unique_ptr<char, decltype(&free)> current(getcwd(nullptr, 0), free);
    if (current == nullptr)
        return std::unexpected(
            Error(Code::System, "finding the current directory, to which --root is relative", errno));
    return std::string(current.get()) + "/" + path;
}

std::vector<std::string> strings_of(char** values) {
    std::vector<std::string> strings;
    for (; *values != nullptr; ++values)
        strings.emplace_back(*values);
    return strings;
}

std::string_view variable(const std::vector<std::string>& environment, std::string_view name) {
    for (std::string_view entry : environment)
        if (entry.starts_with(name) && entry.substr(name.size()).starts_with('=')) return entry.substr(name.size() + 1);
    return {};
}

Result<Session> open_session(Report& report, const Globals& globals, char** environment) {
    Runtime runtime;
    runtime.environment = strings_of(environment);
    runtime.cgroup_manager = globals.cgroup_manager;
    runtime.rootless = globals.rootless;
    runtime.log = &report;
    if (globals.root.empty()) {
        runtime.root = default_root(report.banner(), runtime.environment);
    } else {
        auto root = absolute(globals.root);
        if (!root) return std::unexpected(std::move(root.error()));
        runtime.root = std::move(*root);
    }
    return Session{std::move(runtime), report, !globals.root.empty()};
}

/// ORDER: before the failure, which is the last line of a log.
void show_evidence(Report& report, const Error& error) {
    std::string_view rest = error.evidence();
    while (!rest.empty()) {
        const auto end = std::min(rest.find('\n'), rest.size());
        if (end > 0) report.write(log::Level::Debug, rest.substr(0, end));
        rest.remove_prefix(std::min(end + 1, rest.size()));
    }
}

Result<int> execute(Report& report, const Invocation& invocation, const ProgramArguments& program) {
    auto session = open_session(report, invocation.globals, program.environment);
    if (!session) return std::unexpected(std::move(session.error()));
    if (enters_container(invocation.command))
        if (auto safe = protect_own_image(program.values, program.environment); !safe)
            return std::unexpected(std::move(safe.error()));
    if (!invocation.globals.trace.empty()) {
        auto parent = variable(session->runtime.environment, "TRACEPARENT");
        auto traced = trace_to(invocation.globals.trace, invocation.operation, parent);
        if (!traced) return std::unexpected(std::move(traced.error()));
    }
    return std::visit([&](const auto& command) { return carry_out(*session, command); }, invocation.command);
}
}  // namespace

int run(Report& report, const ProgramArguments& program) {
    auto arguments = strings_of(program.count > 0 ? program.values + 1 : program.values);
    auto invocation = read_command_line(arguments, report.banner());
    if (!invocation) {
        report.failure(contract_message(invocation.error(), {}, {}));
        return report.banner() == "crun" ? kCrunUsage : kFailure;
    }
    report.set_threshold(invocation->globals.log_level);
    if (is_for_people(invocation->command)) report.show_warnings_on_terminal();
    auto status = execute(report, *invocation, program);
    if (status) return *status;
    show_evidence(report, status.error());
    report.failure(contract_message(status.error(), invocation->operation, invocation->id));
    return status_of_failure(invocation->command, report.banner());
}

}  // namespace arca::cli
