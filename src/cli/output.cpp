#include "cli/output.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <optional>

namespace arca::cli {

namespace {
/// What containerd, docker, podman and cri-o search error texts for, and which failure each phrase stands for. A text
/// that holds one by accident (the output of a hook, say) would make an engine report the wrong failure.
struct Phrase {
    std::string_view text;
    std::optional<Code> means;  ///< nothing: arca has no failure of this kind
};
constexpr std::array kPhrases = {
    Phrase{"executable file not found", Code::ExecNotFound},
    Phrase{"no such file or directory", Code::ExecNotFound},
    Phrase{"permission denied", Code::ExecPermission},
    Phrase{"container not running", Code::NotRunning},
    Phrase{"does not exist", Code::ContainerNotFound},
    Phrase{"operation not permitted", std::nullopt},
    Phrase{"no such process", std::nullopt},
    Phrase{"process already finished", std::nullopt},
    Phrase{"invalid process", std::nullopt},
    Phrase{"open executable", std::nullopt},
    Phrase{"system cannot find the file specified", std::nullopt},
    Phrase{"flag needs an argument", Code::Usage},
};

/// docker's sign for a directory mounted onto a file, or a file onto a directory: it adds advice about that.
constexpr std::string_view kMountMismatch = "not a directory";

/// The phrase for a code whose text does not hold one yet.
std::string_view phrase_of(Code code) {
    switch (code) {
        case Code::ContainerNotFound:
            return "container does not exist";
        case Code::ContainerExists:
            return "container with given ID already exists";
        case Code::NotRunning:
            return "container not running";
        case Code::ExecNotFound:
            return "executable file not found in $PATH";
        case Code::ExecPermission:
            return "permission denied";
        default:
            return {};
    }
}

char lower(char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

std::size_t find_ignoring_case(const std::string& text, std::string_view wanted, std::size_t from) {
    auto equal = [](char a, char b) { return lower(a) == lower(b); };
    auto found =
        std::search(text.begin() + static_cast<std::ptrdiff_t>(from), text.end(), wanted.begin(), wanted.end(), equal);
    return found == text.end() ? std::string::npos : static_cast<std::size_t>(found - text.begin());
}

/// Hyphens for the spaces of a phrase: as readable, and no engine's pattern.
void disarm(std::string& text, std::string_view phrase) {
    for (auto at = find_ignoring_case(text, phrase, 0); at != std::string::npos;
         at = find_ignoring_case(text, phrase, at))
        std::replace(text.begin() + static_cast<std::ptrdiff_t>(at),
                     text.begin() + static_cast<std::ptrdiff_t>(at + phrase.size()), ' ', '-');
}

/// Every phrase that this failure does not stand for.
void disarm_others(std::string& text, const Error& error) {
    for (const auto& phrase : kPhrases)
        if (phrase.means != error.code()) disarm(text, phrase.text);
    if (!error.pointer().starts_with("/mounts/")) disarm(text, kMountMismatch);
}

/// What the caller gave, an id for instance, stands for no failure at all.
void disarm_all(std::string& text) {
    for (const auto& phrase : kPhrases)
        disarm(text, phrase.text);
    disarm(text, kMountMismatch);
}

/// A mere beginning of the phrase is not enough: podman wants "executable file not found in".
bool holds_its_phrase(const std::string& text, Code code) {
    auto whole = phrase_of(code);
    if (text.find(whole) != std::string::npos) return true;
    return std::ranges::any_of(kPhrases, [&](const Phrase& phrase) {
        return phrase.means == code && !whole.starts_with(phrase.text) &&
               find_ignoring_case(text, phrase.text, 0) != std::string::npos;
    });
}

}  // namespace

std::string banner_of(std::string_view program) {
    auto name = program.substr(program.rfind('/') + 1);
    return name == "runc" || name == "crun" ? std::string(name) : "arca";
}

std::string printable(std::string_view text) {
    static constexpr std::string_view kHex = "0123456789abcdef";
    std::string out;
    for (char c : text) {
        auto byte = static_cast<unsigned char>(c);
        if (byte >= 0x20 && byte != 0x7f)
            out += c;
        else if (c == '\n' || c == '\t')
            out += ' ';
        else
            (out += "\\x") += {kHex[byte >> 4], kHex[byte & 15]};
    }
    return out;
}
std::string contract_message(const Error& error, std::string_view operation, std::string_view id) {
    auto message = error.message();
    auto prefix = std::string(operation);
    if (!id.empty()) prefix += " " + std::string(id);
    if (!prefix.empty()) prefix += ": ";
    disarm_all(prefix);
    disarm_others(message, error);
    if (!holds_its_phrase(message, error.code())) prefix += std::string(phrase_of(error.code())) + ": ";
    return printable(prefix + message);
}

std::string version_text(const Version& version, std::string_view banner) {
    auto text = std::string(banner) + " version " + version.arca + "\ncommit: " + version.commit +
                "\nspec: " + version.spec + "\n";
    if (!version.libseccomp.empty()) text += "libseccomp: " + version.libseccomp + "\n";
    return text;
}

Result<> print(std::string_view text) {
    while (!text.empty()) {
        auto written = write(STDOUT_FILENO, text.data(), text.size());
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) return std::unexpected(Error(Code::System, "writing to standard output", errno));
        text.remove_prefix(static_cast<std::size_t>(written));
    }
    return {};
}

}  // namespace arca::cli
