// argv in the dialects that engines and people speak (Go's flag package, argp, getopt) turned into one plain form,
// before CLI11 sees it: contract in spec/cli.md, "How a command line is read". Pure; knows no command by name.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "arca/error.hpp"
#include "cli/options.hpp"

namespace arca::cli {

enum class Takes : std::uint8_t { Nothing, Value };
/// Interspersed: options are recognised everywhere before "--". UntilFirstWord: what follows the first word belongs to
/// somebody else (the program of exec, the host's ps, the command after the global options).
enum class Reading : std::uint8_t { Interspersed, UntilFirstWord };

struct OptionRule {
    std::string name;     ///< long form, without dashes
    std::string letters;  ///< every short form
    Takes takes = Takes::Nothing;
};

struct Grammar {
    std::vector<OptionRule> options;
    Reading reading = Reading::Interspersed;
};

struct Arguments {
    std::vector<std::string> options;  ///< "--bundle", "/b", "--detach=true"
    std::vector<std::string> words;
    bool help = false;  ///< asked for; nothing behind it was read
};

/// Fails with Code::Usage, in Go's words: engines look for "flag needs an argument".
Result<Arguments> normalise(std::span<const std::string> arguments, const Grammar& grammar);

struct LogRequest {
    enum class Kind : std::uint8_t { StandardError, File, Syslog, Journal } kind = Kind::StandardError;
    std::string name;                    ///< the file, or what the entries of a log that is shared are known by
    LogFormat format = LogFormat::Text;  ///< of the lines; shared logs have forms of their own
};

/// Where errors go, read from argv before anything can fail, so that every failure is logged. Never fails: what is
/// wrong with these options is found again, and said, when they are read properly.
LogRequest scan_log_options(std::span<const std::string> arguments);

}  // namespace arca::cli
