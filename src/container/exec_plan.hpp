// What exec runs: the process object of a file, or the container's own with what the command line changes.
#pragma once

#include <string>

#include "arca/container.hpp"
#include "base/result.hpp"
#include "container/plan.hpp"
#include "container/store.hpp"

namespace arca::container {

struct ExecPlan {
    ProcessPlan process;
    unsigned listen_descriptors = 0;  ///< of socket activation, first among the preserved ones
    std::string listen_names;
    std::string initial_affinity;  ///< process.execCPUAffinity
    std::string final_affinity;
};

Result<ExecPlan> plan_exec(const Runtime& runtime, const ExecOptions& options, const Store& store);

/// "UID" or "UID:GID", decimal, below 2^32 - 1. Names are refused: they would have to be looked up in files that the
/// container controls (CVE-2016-3697, CVE-2026-30892).
Result<> parse_user(const std::string& text, spec::User& user);

/// Pure: the process that exec starts from the container's, as the options ask.
Result<spec::Process> exec_process(const spec::Process& container, const ExecOptions& options);

}  // namespace arca::container
