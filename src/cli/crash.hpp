// A line in the log for a crash of arca itself, written with nothing but write(2).
#pragma once

#include "cli/options.hpp"

namespace arca::cli {

/// SIGSEGV, SIGBUS, SIGFPE, SIGILL and SIGABRT of this process (not of those it makes) from now on append an error line
/// to the log and to standard error, then kill it as they always did.
void catch_crashes();
/// Which log; standard error alone until this is called.
void set_crash_log(int descriptor, LogFormat format);

}  // namespace arca::cli
