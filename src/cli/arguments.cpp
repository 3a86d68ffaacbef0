#include "cli/arguments.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>

namespace arca::cli {

namespace {
/// One argument that begins with a dash, taken apart.
struct Flag {
    std::string_view name;  ///< as typed, without dashes
    std::optional<std::string_view> value;
};

bool looks_like_option(std::string_view argument) {
    return argument.size() > 1 && argument[0] == '-';
}

Flag take_apart(std::string_view argument) {
    argument.remove_prefix(argument.starts_with("--") ? 2 : 1);
    auto equals = argument.find('=');
    if (equals == std::string_view::npos) return {argument, std::nullopt};
    return {argument.substr(0, equals), argument.substr(equals + 1)};
}

bool is_help(std::string_view name) {
    return name == "help" || name == "h" || name == "?" || name == "usage";
}

const OptionRule* find_rule(const Grammar& grammar, std::string_view name) {
    for (const auto& rule : grammar.options)
        if (rule.name == name || (name.size() == 1 && rule.letters.find(name[0]) != std::string::npos)) return &rule;
    return nullptr;
}

/// The rules of "-td", when every letter is the short form of an option without a value.
std::vector<const OptionRule*> find_bundled(const Grammar& grammar, std::string_view argument) {
    std::vector<const OptionRule*> rules;
    if (argument.starts_with("--")) return {};
    for (char letter : argument.substr(1)) {
        const auto* rule = find_rule(grammar, std::string_view(&letter, 1));
        if (rule == nullptr || rule->takes == Takes::Value) return {};
        rules.push_back(rule);
    }
    return rules;
}

std::unexpected<Error> usage_error(std::string what) {
    return std::unexpected(Error(Code::Usage, std::move(what)));
}

/// The spellings of Go's strconv.ParseBool, which go-runc relies on.
std::optional<bool> to_bool(std::string_view text) {
    static constexpr std::array<std::string_view, 6> kTrue = {"1", "t", "T", "true", "TRUE", "True"};
    static constexpr std::array<std::string_view, 6> kFalse = {"0", "f", "F", "false", "FALSE", "False"};
    if (std::ranges::find(kTrue, text) != kTrue.end()) return true;
    if (std::ranges::find(kFalse, text) != kFalse.end()) return false;
    return std::nullopt;
}

class Reader {
  public:
    Reader(std::span<const std::string> arguments, const Grammar& grammar) : rest_(arguments), grammar_(grammar) {}

    Result<Arguments> read() {
        while (!rest_.empty() && !out_.help) {
            const std::string& argument = rest_.front();
            rest_ = rest_.subspan(1);
            if (argument == "--") break;
            if (looks_like_option(argument)) {
                if (auto taken = take_option(argument); !taken) return std::unexpected(std::move(taken.error()));
            } else {
                out_.words.push_back(argument);
                if (grammar_.reading == Reading::UntilFirstWord) break;
            }
        }
        if (!out_.help) out_.words.insert(out_.words.end(), rest_.begin(), rest_.end());
        return std::move(out_);
    }

  private:
    Result<> take_option(const std::string& argument) {
        auto flag = take_apart(argument);
        if (const auto* rule = find_rule(grammar_, flag.name)) return take_known(*rule, flag);
        if (is_help(flag.name)) {
            out_.help = true;
            return {};
        }
        auto bundled = find_bundled(grammar_, argument);
        if (bundled.empty()) return usage_error("flag provided but not defined: -" + std::string(flag.name));
        for (const auto* rule : bundled)
            out_.options.push_back("--" + rule->name + "=true");
        return {};
    }

    Result<> take_known(const OptionRule& rule, const Flag& flag) {
        if (rule.takes == Takes::Nothing) return take_switch(rule, flag);
        std::string value;
        if (flag.value) {
            value = *flag.value;
        } else {
            // Whatever comes next is the value, also when it begins with a dash ("--memory-swap -1").
            if (rest_.empty()) return usage_error("flag needs an argument: -" + std::string(flag.name));
            value = rest_.front();
            rest_ = rest_.subspan(1);
        }
        out_.options.push_back("--" + rule.name);
        out_.options.push_back(std::move(value));
        return {};
    }

    Result<> take_switch(const OptionRule& rule, const Flag& flag) {
        auto value = flag.value ? to_bool(*flag.value) : std::optional(true);
        if (!value)
            return usage_error("invalid boolean value \"" + std::string(*flag.value) + "\" for -" +
                               std::string(flag.name));
        out_.options.push_back("--" + rule.name + (*value ? "=true" : "=false"));
        return {};
    }

    std::span<const std::string> rest_;
    const Grammar& grammar_;
    Arguments out_;
};

/// Global options whose value is the next argument; tests compare this with global_options.cpp.
constexpr std::array<std::string_view, 8> kGlobalsWithValue = {"root",           "log",      "log-format", "log-level",
                                                               "cgroup-manager", "rootless", "criu",       "trace"};

// As crun reads it: BACKEND:NAME, and a file without one.
void take_log(LogRequest& request, std::string_view value) {
    using Kind = LogRequest::Kind;
    constexpr std::array kBackends = {std::pair{std::string_view("file:"), Kind::File},
                                      std::pair{std::string_view("syslog:"), Kind::Syslog},
                                      std::pair{std::string_view("journald:"), Kind::Journal}};
    request.kind = Kind::File;
    for (const auto& [prefix, kind] : kBackends) {
        if (!value.starts_with(prefix)) continue;
        request.kind = kind;
        value.remove_prefix(prefix.size());
        break;
    }
    if (request.kind == Kind::File && (value.empty() || value == "/dev/stderr")) request.kind = Kind::StandardError;
    request.name = value.empty() ? "arca" : value;
}
}  // namespace

Result<Arguments> normalise(std::span<const std::string> arguments, const Grammar& grammar) {
    return Reader(arguments, grammar).read();
}

LogRequest scan_log_options(std::span<const std::string> arguments) {
    LogRequest request;
    for (std::size_t i = 0; i < arguments.size() && looks_like_option(arguments[i]) && arguments[i] != "--"; ++i) {
        auto flag = take_apart(arguments[i]);
        if (std::ranges::find(kGlobalsWithValue, flag.name) == kGlobalsWithValue.end()) continue;
        if (!flag.value) {
            if (++i == arguments.size()) break;
            flag.value = arguments[i];
        }
        if (flag.name == "log") take_log(request, *flag.value);
        if (flag.name == "log-format" && *flag.value == "json") request.format = LogFormat::Json;
    }
    return request;
}

}  // namespace arca::cli
