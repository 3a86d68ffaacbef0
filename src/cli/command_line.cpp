#include "cli/command_line.hpp"

#include "cli/global_options.hpp"
#include "cli/help.hpp"
#include "cli/suggestion.hpp"

namespace arca::cli {

namespace {
std::unexpected<Error> usage_error(std::string what) {
    return std::unexpected(Error(Code::Usage, std::move(what)));
}

Command unknown_command(const std::string& word) {
    return UnknownCommand{word, closest(word, command_names())};
}

/// Options go through CLI11 for their types; words do not, because CLI11 gives a meaning to words such as "[x]".
Result<Arguments> parse_with(const DeclaredOptions& options, std::span<const std::string> arguments, Reading reading) {
    auto read = normalise(arguments, options.grammar(reading));
    if (!read || read->help) return read;
    if (auto taken = options.read(std::move(read->options)); !taken) return std::unexpected(std::move(taken.error()));
    return read;
}

/// A bundle says what to run; a bare root file system does not.
WordCount words_wanted(const Row& known, const Command& command) {
    const auto* run = std::get_if<Run>(&command);
    return run != nullptr && !run->sandbox.rootfs.empty() ? WordCount{0, kAnyNumber} : known.words;
}

Result<> check_word_count(const Row& known, const Command& read, std::size_t given) {
    auto command = "\"" + std::string(known.name) + "\" requires ";
    auto [min, max] = words_wanted(known, read);
    if (min == max && given != min) return usage_error(command + "exactly " + std::to_string(min) + " argument(s)");
    if (given < min) return usage_error(command + "a minimum of " + std::to_string(min) + " argument(s)");
    if (given > max) return usage_error(command + "a maximum of " + std::to_string(max) + " argument(s)");
    return {};
}

Result<> read_command(const Row& known, std::span<const std::string> arguments, std::string_view banner,
                      Invocation& invocation) {
    DeclaredOptions options;
    known.declare(options, invocation.command);
    auto read = parse_with(options, arguments, known.reading);
    if (!read) return std::unexpected(std::move(read.error()));
    if (read->help) {
        invocation.command = ShowHelp{command_help(known, banner)};
        return {};
    }
    if (auto counted = check_word_count(known, invocation.command, read->words.size()); !counted) return counted;
    if (known.synopsis.starts_with("ID") && !read->words.empty()) invocation.id = read->words[0];
    known.take_words(invocation.command, read->words);
    if (auto* mounts = std::get_if<Mounts>(&invocation.command)) {
        invocation.id = read->words[1];
        return take_action(*mounts, read->words);
    }
    if (const auto* run = std::get_if<Run>(&invocation.command)) invocation.id = run->options.create.id;
    return {};
}

Command read_help(std::span<const std::string> words, std::string_view banner) {
    if (words.empty()) return ShowHelp{global_help(banner)};
    const auto* known = find_row(words[0]);
    if (known == nullptr) return unknown_command(words[0]);
    return ShowHelp{command_help(*known, banner)};
}

Result<Arguments> read_globals(std::span<const std::string> arguments, Invocation& invocation) {
    DeclaredOptions options;
    GlobalSwitches switches;
    declare_globals(options, invocation.globals, switches);
    auto read = parse_with(options, arguments, Reading::UntilFirstWord);
    if (!read) return read;
    if (switches.debug) invocation.globals.log_level = log::Level::Debug;
    if (switches.systemd_cgroup) invocation.globals.cgroup_manager = CgroupManager::Systemd;
    if (switches.version) read->words = {"version"};
    return read;
}
}  // namespace

Result<Invocation> read_command_line(std::span<const std::string> arguments, std::string_view banner) {
    Invocation invocation;
    auto globals = read_globals(arguments, invocation);
    if (!globals) return std::unexpected(std::move(globals.error()));
    std::span<const std::string> words = globals->words;
    if (globals->help || words.empty()) {
        invocation.command = ShowHelp{global_help(banner)};
        return invocation;
    }
    if (words[0] == "help") {
        invocation.command = read_help(words.subspan(1), banner);
    } else if (const auto* known = find_row(words[0])) {
        invocation.operation = words[0];
        auto read = read_command(*known, words.subspan(1), banner, invocation);
        if (!read) return std::unexpected(std::move(read.error()).with(invocation.operation));
    } else {
        invocation.command = unknown_command(words[0]);
    }
    return invocation;
}

std::vector<std::string> command_names() {
    std::vector<std::string> names;
    for (const auto& known : command_rows())
        names.emplace_back(known.name);
    return names;
}

CommandText text_of(std::string_view command) {
    const auto* known = find_row(command);
    return known == nullptr ? CommandText{} : CommandText{known->synopsis, known->summary};
}

Grammar grammar_of(std::string_view command) {
    DeclaredOptions options;
    Invocation invocation;
    GlobalSwitches switches;
    const auto* known = find_row(command);
    if (known == nullptr) {
        declare_globals(options, invocation.globals, switches);
        return options.grammar(Reading::UntilFirstWord);
    }
    known->declare(options, invocation.command);
    return options.grammar(known->reading);
}

}  // namespace arca::cli
