// The options of a command: their names, what they take, where the value goes, their help. CLI11 reads values and
// writes help texts, and is told only of what is needed for that: a command that is given one option pays for one.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cli/arguments.hpp"

namespace CLI {
class App;
}

namespace arca::cli {

class DeclaredOptions {
  public:
    /// An option with a value. Given twice, the last one wins, as in Go's flag package.
    template<class T>
    void value(const char* names, const char* placeholder, T& target, const char* help);
    /// An option that may be repeated; each occurrence adds one value.
    template<class T>
    void values(const char* names, const char* placeholder, std::vector<T>& target, const char* help);

    using TakeSwitch = std::function<void(bool is_on)>;
    void on_off(const char* names, TakeSwitch take, const char* help);
    void on_off(const char* names, bool& target, const char* help);

    /// Returns what is wrong with the value; nothing if it was taken.
    using TakeValue = std::function<std::string(const std::string& given)>;
    void checked(const char* names, std::string placeholder, TakeValue take, const char* help);
    /// Accepted because callers send it, and without effect because arca has no need of it.
    void accepted(const char* names, const char* placeholder, const char* help);
    template<class T>
    using Choices = std::span<const std::pair<std::string_view, T>>;
    /// `choices` has to outlive this.
    template<class T>
    void choice(const char* names, T& target, std::type_identity_t<Choices<T>> choices, const char* help) {
        auto take = [&target, choices, names](const std::string& given) -> std::string {
            for (const auto& [word, meaning] : choices)
                if (word == given) {
                    target = meaning;
                    return {};
                }
            return "invalid value \"" + given + "\" for " + names + ": must be one of " + words_of<T>(choices);
        };
        checked(names, words_of<T>(choices), take, help);
    }

    Grammar grammar(Reading reading) const;
    /// `given` as normalise() leaves it.
    Result<> read(std::vector<std::string> given) const;
    std::string help(std::string description, std::string synopsis) const;

  private:
    struct Declared {
        const char* names;  ///< "-b,--bundle"
        const char* help;
        Takes takes;
        std::function<void(CLI::App& app, const char* names, const char* help)> tell;
    };
    template<class T>
    static std::string words_of(Choices<T> choices) {
        std::string words;
        for (const auto& [word, meaning] : choices)
            (words += words.empty() ? "" : "|") += word;
        return words;
    }

    std::vector<Declared> options_;
};

}  // namespace arca::cli
