#include "cli/completion.hpp"

#include "cli/command_line.hpp"

namespace arca::cli {

namespace {
/// Spellings of every option: "--bundle", "-b".
std::vector<std::string> spellings(const Grammar& grammar) {
    std::vector<std::string> words;
    for (const auto& option : grammar.options) {
        words.push_back("--" + option.name);
        for (char letter : option.letters)
            words.push_back(std::string("-") + letter);
    }
    return words;
}

/// Those after which a value follows.
std::vector<std::string> spellings_with_value(Grammar grammar) {
    std::erase_if(grammar.options, [](const auto& option) { return option.takes == Takes::Nothing; });
    return spellings(grammar);
}

std::string joined(const std::vector<std::string>& words, std::string_view separator) {
    std::string out;
    for (const auto& word : words)
        (out += out.empty() ? "" : separator) += word;
    return out;
}

bool takes_id(const std::string& command) {
    return text_of(command).synopsis.starts_with("ID");
}

std::vector<std::string> commands_with_id() {
    std::vector<std::string> names;
    for (auto& name : command_names())
        if (takes_id(name)) names.push_back(std::move(name));
    return names;
}

constexpr std::string_view kIds = "$(arca list -q 2>/dev/null)";

/// Branches of a case over the command; `body` makes one from a command's name.
template<class Body>
std::string branches(Body body) {
    std::string out;
    for (const auto& command : command_names())
        out += "        " + command + ") " + body(command) + " ;;\n";
    return out;
}

/// The command among the words before the current one, for bash and zsh; `word` is how the shell writes word i.
std::string find_command(std::string_view from, std::string_view until, std::string_view word) {
    return "    for ((i = " + std::string(from) + "; i < " + std::string(until) + "; i++)); do\n        case " +
           std::string(word) + " in\n            " + joined(spellings_with_value(grammar_of("")), "|") +
           ") ((i++)) ;;\n            -*) ;;\n            *) command=" + std::string(word) +
           "; break ;;\n        esac\n    done\n";
}
}  // namespace

std::string bash_completion() {
    std::string out =
        "# Completions of arca, made by `arca completion bash`.\n_arca() {\n"
        "    local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD-1]}\n"
        "    local command='' words='' files='' i\n";
    out += find_command("1", "COMP_CWORD", "${COMP_WORDS[i]}");
    out += "    case $command in\n        '') words='" + joined(spellings(grammar_of("")), " ") + " " +
           joined(command_names(), " ") + "'\n            files='" + joined(spellings_with_value(grammar_of("")), " ") +
           "' ;;\n";
    out += branches([](const std::string& command) {
        auto grammar = grammar_of(command);
        return "words='" + joined(spellings(grammar), " ") + "'; files='" + joined(spellings_with_value(grammar), " ") +
               "'";
    });
    out +=
        "    esac\n    # The value of an option: most are files.\n"
        "    [[ \" $files \" != *\" $previous \"* ]] || return 0\n"
        "    [[ $current == -* ]] || case $command in\n        " +
        joined(commands_with_id(), "|") + ") words=" + std::string(kIds) +
        " ;;\n    esac\n    mapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$current\")\n}\n"
        "complete -o default -F _arca arca\n";
    return out;
}

std::string zsh_completion() {
    std::string out =
        "#compdef arca\n# Completions of arca, made by `arca completion zsh`.\n_arca() {\n"
        "    local -a commands options\n    local command='' i\n    commands=(\n";
    for (const auto& command : command_names())
        out += "        '" + command + ":" + std::string(text_of(command).summary) + "'\n";
    out += "    )\n" + find_command("2", "CURRENT", "${words[i]}");
    out += "    case $command in\n        '') options=(" + joined(spellings(grammar_of("")), " ") + ") ;;\n";
    out += branches(
        [](const std::string& command) { return "options=(" + joined(spellings(grammar_of(command)), " ") + ")"; });
    out +=
        "    esac\n    if [[ ${words[CURRENT]} == -* ]]; then\n        compadd -- $options\n        return\n    fi\n"
        "    case $command in\n        '') _describe command commands ;;\n        " +
        joined(commands_with_id(), "|") + ") compadd -- ${(f)\"" + std::string(kIds) +
        "\"} ;;\n    esac\n    _files\n}\n_arca \"$@\"\n";
    return out;
}

std::string fish_completion() {
    auto options = [](const std::string& command, const std::string& condition) {
        std::string out;
        for (const auto& option : grammar_of(command).options) {
            out += "complete -c arca -n '" + condition + "' -l " + option.name;
            for (char letter : option.letters)
                out += std::string(" -s ") + letter;
            out += option.takes == Takes::Value ? " -r\n" : "\n";
        }
        return out;
    };
    std::string out = "# Completions of arca, made by `arca completion fish`.\n";
    out += options("", "__fish_use_subcommand");
    for (const auto& command : command_names()) {
        out += "complete -c arca -f -n __fish_use_subcommand -a " + command + " -d '" +
               std::string(text_of(command).summary) + "'\n";
        out += options(command, "__fish_seen_subcommand_from " + command);
    }
    out += "complete -c arca -f -n '__fish_seen_subcommand_from " + joined(commands_with_id(), " ") +
           "' -a '(arca list -q 2>/dev/null)'\n";
    return out;
}

}  // namespace arca::cli
