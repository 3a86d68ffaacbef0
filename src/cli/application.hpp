// One run of the command line: reads it, opens the log, calls the library, prints, and turns the outcome into an exit
// status.
#pragma once

#include "cli/report.hpp"

namespace arca::cli {

struct ProgramArguments {
    int count;
    char** values;
    char** environment;
};

/// The exit status. Every failure has been reported when this returns.
int run(Report& report, const ProgramArguments& program);

}  // namespace arca::cli
