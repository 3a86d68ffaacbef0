// The processes of a cgroup and of those below it: listed, described for people, signalled.
#pragma once

#include <sys/types.h>

#include <functional>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "sys/fd.hpp"

namespace arca::cgroup {

/// Of the whole subtree. Processes that this pid namespace cannot see are left out.
Result<std::vector<pid_t>> list_processes(sys::FdRef directory);

/// Of the cgroup itself alone.
Result<std::vector<pid_t>> list_own_processes(sys::FdRef directory);

/// "2 processes: pid 4711 (java, state D at nfs_wait_bit_killable), pid 12 (sh, state S)": at most five by name.
std::string describe(const std::vector<pid_t>& pids);
/// The same for the whole subtree.
std::string describe_inhabitants(sys::FdRef directory);

/// Signals what `list` lists, and says how many there were. One pass: processes born meanwhile may be missed. A pid
/// that has been given to a stranger is never hit.
using Lister = std::function<Result<std::vector<pid_t>>()>;
Result<std::size_t> signal_listed(const Lister& list, int signal);
/// The same for a subtree.
Result<> signal_each(sys::FdRef directory, int signal);

/// FALLBACK(linux<5.14): no cgroup.kill. Freezes, so that nothing can fork, kills each, and puts the freezer back.
Result<> kill_one_by_one(sys::FdRef directory);

}  // namespace arca::cgroup
