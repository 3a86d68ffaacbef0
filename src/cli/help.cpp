#include "cli/help.hpp"

#include <array>

#include "cli/global_options.hpp"

namespace arca::cli {

namespace {
constexpr std::array kGroups = {
    std::pair{Group::Life, std::string_view("Life of a container")},
    std::pair{Group::Inside, std::string_view("Processes in it")},
    std::pair{Group::Limits, std::string_view("Limits")},
    std::pair{Group::Sight, std::string_view("What there is, and what became of it")},
    std::pair{Group::Bundle, std::string_view("Before there is a container")},
    std::pair{Group::Itself, std::string_view("This program")},
};

std::string command_list() {
    std::string text;
    for (const auto& [group, title] : kGroups) {
        text += std::string(title) + ":\n";
        for (const auto& known : command_rows()) {
            if (known.group != group) continue;
            auto line = "  " + std::string(known.name);
            line.resize(14, ' ');
            text += line + std::string(known.summary) + "\n";
        }
        text += "\n";
    }
    return text;
}
}  // namespace

std::string global_help(std::string_view banner) {
    DeclaredOptions options;
    Globals globals;
    GlobalSwitches switches;
    declare_globals(options, globals, switches);
    return options.help("Run containers from OCI bundles.", std::string(banner) + " [OPTIONS] COMMAND [ARGUMENTS]") +
           command_list() + std::string(banner) + " COMMAND --help shows the options of a command.\n";
}

std::string command_help(const Row& known, std::string_view banner) {
    auto summary = std::string(known.summary) + ".";
    summary[0] = static_cast<char>(summary[0] - 'a' + 'A');
    DeclaredOptions options;
    Command command;
    known.declare(options, command);
    auto synopsis = std::string(banner) + " " + std::string(known.name) + " [OPTIONS]";
    if (!known.synopsis.empty()) synopsis += " " + std::string(known.synopsis);
    return options.help(std::move(summary), std::move(synopsis));
}

}  // namespace arca::cli
