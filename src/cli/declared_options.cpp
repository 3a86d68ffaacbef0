// CLI11 includes <iostream> for texts that it would print itself, which nobody asks it for. Without that header no
// program start sets up streams and locales: 48,000 instructions and nine pages of each command.
#define _GLIBCXX_IOSTREAM 1
#include <istream>
#include <ostream>
namespace std {
extern ostream cout;
extern ostream cerr;
}  // namespace std

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>

#include "cli/declared_options.hpp"

namespace arca::cli {

namespace {
OptionRule rule_of(std::string_view names, Takes takes) {
    OptionRule rule{{}, {}, takes};
    while (!names.empty()) {
        const auto name = names.substr(0, names.find(','));
        names.remove_prefix(std::min(names.size(), name.size() + 1));
        if (name.starts_with("--"))
            rule.name = name.substr(2);
        else
            rule.letters += name[1];
    }
    return rule;
}

bool is_among(std::string_view name, std::span<const std::string> given) {
    return std::ranges::any_of(given, [name](std::string_view word) {
        return word.starts_with("--") && word.substr(2, word.find('=') - 2) == name;
    });
}

class HelpFormatter : public CLI::Formatter {
  public:
    explicit HelpFormatter(std::string synopsis) : synopsis_(std::move(synopsis)) { column_width(34); }
    std::string make_usage(const CLI::App*, std::string) const override { return "Usage: " + synopsis_ + "\n"; }

  private:
    std::string synopsis_;
};
}  // namespace

template<class T>
void DeclaredOptions::value(const char* names, const char* placeholder, T& target, const char* help) {
    options_.push_back({names, help, Takes::Value, [&target, placeholder](CLI::App& app, const char* n, const char* h) {
                            app.add_option(n, target, h)->type_name(placeholder)->take_last();
                        }});
}
template void DeclaredOptions::value(const char*, const char*, std::string&, const char*);
template void DeclaredOptions::value(const char*, const char*, unsigned&, const char*);
template void DeclaredOptions::value(const char*, const char*, std::optional<std::string>&, const char*);
template void DeclaredOptions::value(const char*, const char*, std::optional<std::uint16_t>&, const char*);
template void DeclaredOptions::value(const char*, const char*, std::optional<std::int64_t>&, const char*);
template void DeclaredOptions::value(const char*, const char*, std::optional<std::uint64_t>&, const char*);

template<class T>
void DeclaredOptions::values(const char* names, const char* placeholder, std::vector<T>& target, const char* help) {
    options_.push_back({names, help, Takes::Value, [&target, placeholder](CLI::App& app, const char* n, const char* h) {
                            app.add_option(n, target, h)->type_name(placeholder)->allow_extra_args(false);
                        }});
}
template void DeclaredOptions::values(const char*, const char*, std::vector<std::string>&, const char*);
template void DeclaredOptions::values(const char*, const char*, std::vector<std::uint32_t>&, const char*);

void DeclaredOptions::on_off(const char* names, TakeSwitch take, const char* help) {
    options_.push_back(
        {names, help, Takes::Nothing, [take = std::move(take)](CLI::App& app, const char* n, const char* h) {
             app.add_flag_function(
                 n, [take](std::int64_t count) { take(count > 0); }, h);
         }});
}

void DeclaredOptions::on_off(const char* names, bool& target, const char* help) {
    on_off(
        names, [&target](bool is_on) { target = is_on; }, help);
}

void DeclaredOptions::checked(const char* names, std::string placeholder, TakeValue take, const char* help) {
    auto tell = [placeholder = std::move(placeholder), take = std::move(take)](CLI::App& app, const char* n,
                                                                               const char* h) {
        auto take_or_throw = [take](const std::string& given) {
            if (auto complaint = take(given); !complaint.empty()) throw CLI::ValidationError(complaint);
        };
        app.add_option_function<std::string>(n, take_or_throw, h)->type_name(placeholder)->take_last();
    };
    options_.push_back({names, help, Takes::Value, std::move(tell)});
}

void DeclaredOptions::accepted(const char* names, const char* placeholder, const char* help) {
    checked(
        names, placeholder, [](const std::string&) { return std::string(); }, help);
}

Grammar DeclaredOptions::grammar(Reading reading) const {
    Grammar grammar{{}, reading};
    for (const auto& option : options_)
        grammar.options.push_back(rule_of(option.names, option.takes));
    return grammar;
}

Result<> DeclaredOptions::read(std::vector<std::string> given) const {
    if (given.empty()) return {};
    CLI::App app;
    app.set_help_flag();
    for (const auto& option : options_)
        if (is_among(rule_of(option.names, option.takes).name, given)) option.tell(app, option.names, option.help);
    std::ranges::reverse(given);  // CLI11 takes them from the back
    try {
        app.parse(std::move(given));
    } catch (const CLI::ParseError& problem) {
        return std::unexpected(Error(Code::Usage, problem.what()));
    }
    return {};
}

std::string DeclaredOptions::help(std::string description, std::string synopsis) const {
    CLI::App app(std::move(description));
    for (const auto& option : options_)
        option.tell(app, option.names, option.help);
    app.set_help_flag("-h,--help", "show this text");
    app.formatter(std::make_shared<HelpFormatter>(std::move(synopsis)));
    return app.help();
}

}  // namespace arca::cli
