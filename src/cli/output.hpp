// What arca says: error texts with the phrases that engines search them for, the version, and standard output itself.
// The phrases are a contract (spec/cli.md, "Texts that engines read"); they are added here and nowhere else.
#pragma once

#include <string>
#include <string_view>

#include "arca/container.hpp"

namespace arca::cli {

/// Who arca was called as: the basename of argv[0] when that is "runc" or "crun", else "arca".
std::string banner_of(std::string_view program);

/// One line about a failure: operation, container, the phrase of the contract for its code, what happened. No phrase
/// of the contract appears in the text of any other kind of failure.
std::string contract_message(const Error& error, std::string_view operation, std::string_view id);

/// Without control characters: they would break the one line that engines read, or drive the reader's terminal.
std::string printable(std::string_view text);

std::string version_text(const Version& version, std::string_view banner);

/// Writes all of `text` to standard output.
Result<> print(std::string_view text);

}  // namespace arca::cli
