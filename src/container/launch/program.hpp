// From a prepared process to its program: the part of the story that init and exec share. Order matters here more than
// anywhere: each privilege is given up after the last act that needs it, and each loss is read back.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "container/plan.hpp"
#include "process/terminal.hpp"
#include "seccomp/program.hpp"
#include "sys/channel.hpp"
#include "sys/procfs.hpp"
#include "sys/root_dir.hpp"

namespace arca::container::launch {

/// Scheduling, priorities, limits, personality, labels for the next execve: what needs rights that set_identity takes.
Result<> set_attributes(const ProcessPlan& process, const sys::Procfs& procfs);

/// Ids, groups, capabilities, no_new_privs, working directory, each verified. With a filter that has to be loaded
/// without no_new_privs, CAP_SYS_ADMIN is kept until execute() has loaded it (seccomp(2)).
enum class FilterNeeds : std::uint8_t { Nothing, SysAdmin };
Result<> take_identity(const ProcessPlan& process, FilterNeeds needs);

/// Gives the controller to the engine's console socket or, without one, over `parent` to the process that will proxy
/// it; then the terminal becomes this process's own.
Result<> hand_over_terminal(const process::Terminal& terminal, sys::Fd& console_socket, const sys::Channel& parent);

/// The first half of that.
Result<> give_controller(const process::Terminal& terminal, sys::Fd& console_socket, const sys::Channel& parent);

/// Makes the working directory when it is missing, as engines expect. Before take_identity.
Result<> make_working_directory(const sys::RootDir& root, const ProcessPlan& process);
/// HOME for the user, unless it is set.
void complete_environment(ProcessPlan& process, const sys::RootDir& root);

/// Leaves out of the sets what this process does not have itself; each loss becomes a warning on `listener`
/// (config.md#process: "MUST be logged as a warning").
Result<> restrict_capabilities(ProcessPlan& process, const sys::Channel& listener);

/// Of a process that gets a filter.
FilterNeeds filter_needs(const ProcessPlan& process);

/// Zone C. Loads the filter, gives up what was kept for that, marks descriptors, says Executing, executes. Returns only
/// by way of a Failed on `starter`; then the process ends.
[[noreturn]] void execute(const ProcessPlan& process, const std::string& path,
                          const std::optional<seccomp::Program>& filter, const sys::Channel& starter) noexcept;

}  // namespace arca::container::launch
