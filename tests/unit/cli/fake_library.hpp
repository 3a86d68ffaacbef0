// A library that does nothing but remember what it was asked for: the cli's tests link it instead of arca_container.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "arca/container.hpp"
#include "arca/sandbox.hpp"

namespace arca::fake {

struct Library {
    std::vector<std::string> calls;  ///< "kill web 15", in order
    Runtime runtime;                 ///< of the last call
    CreateOptions create;
    RunOptions run;
    Sandbox sandbox;
    std::string configuration;  ///< what the file of the last run held
    KillOptions kill;
    ExecOptions exec;
    DeleteOptions remove;
    UpdateOptions update;
    EventsOptions events;
    Explanation explanation;
    std::function<Error()> failure;  ///< every operation on a container fails with this, when set
    int exit_status = 0;
    std::vector<State> states;
    std::vector<int> pids;
    CheckReport report;
};

Library& library();

}  // namespace arca::fake
