// What each command takes: its options, and what becomes of its words.
#pragma once

#include <string>
#include <vector>

#include "arca/error.hpp"
#include "cli/declared_options.hpp"
#include "cli/options.hpp"

namespace arca::cli {

using Words = std::vector<std::string>;

void declare(DeclaredOptions& options, Create& c);
void declare(DeclaredOptions& options, Run& c);
void declare(DeclaredOptions&, Start&);
void declare(DeclaredOptions&, ShowState&);
void declare(DeclaredOptions& options, Kill& c);
void declare(DeclaredOptions& options, Delete& c);
void declare(DeclaredOptions& options, List& c);
void declare(DeclaredOptions& options, Exec& c);
void declare(DeclaredOptions& options, Ps& c);
void declare(DeclaredOptions&, Pause&);
void declare(DeclaredOptions&, Resume&);
void declare(DeclaredOptions&, Mounts&);
void declare(DeclaredOptions& options, Update& c);
void declare(DeclaredOptions& options, Events& c);
void declare(DeclaredOptions&, Wait&);
void declare(DeclaredOptions& options, Why& c);
void declare(DeclaredOptions& options, Checkpoint& c);
void declare(DeclaredOptions& options, Restore& c);
void declare(DeclaredOptions& options, Explain& c);
void declare(DeclaredOptions& options, Check& c);
void declare(DeclaredOptions& options, WriteSpec& c);
void declare(DeclaredOptions&, ShowFeatures&);
void declare(DeclaredOptions&, ShowVersion&);
void declare(DeclaredOptions&, Complete&);

/// The words of a command line, as many as the table of commands wants.
void take_words(Create& c, Words& words);
void take_words(Run& c, Words& words);
void take_words(Start& c, Words& words);
void take_words(ShowState& c, Words& words);
void take_words(Kill& c, Words& words);
void take_words(Delete& c, Words& words);
void take_words(List&, Words&);
void take_words(Exec& c, Words& words);
void take_words(Ps& c, Words& words);
void take_words(Pause& c, Words& words);
void take_words(Resume& c, Words& words);
void take_words(Mounts&, Words&);
void take_words(Update& c, Words& words);
void take_words(Events& c, Words& words);
void take_words(Wait& c, Words& words);
void take_words(Why& c, Words& words);
void take_words(Checkpoint& c, Words& words);
void take_words(Restore& c, Words& words);
void take_words(Explain& c, Words& words);
void take_words(Check& c, Words& words);
void take_words(WriteSpec&, Words&);
void take_words(ShowFeatures&, Words&);
void take_words(ShowVersion&, Words&);
void take_words(Complete& c, Words& words);
/// add ID FILE, remove ID FILE, list ID.
Result<> take_action(Mounts& c, const Words& words);

}  // namespace arca::cli
