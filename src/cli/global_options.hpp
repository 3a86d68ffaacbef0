// The options in front of the command.
#pragma once

#include "cli/declared_options.hpp"
#include "cli/options.hpp"

namespace arca::cli {

struct GlobalSwitches {
    bool debug = false;
    bool systemd_cgroup = false;
    bool version = false;
    LogFormat log_format = LogFormat::Text;  // only checked here: scan_log_options has read it before
};

void declare_globals(DeclaredOptions& options, Globals& globals, GlobalSwitches& switches);

}  // namespace arca::cli
