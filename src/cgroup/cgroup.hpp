// A container's cgroup: made, limited, frozen, emptied, removed, whoever manages it and whatever hierarchies it is in.
// Identity is the descriptor, not the path: a cgroup of the same name may have been made anew.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "base/result.hpp"
#include "cgroup/entrance.hpp"
#include "cgroup/no_group.hpp"
#include "cgroup/oom_watch.hpp"
#include "cgroup/plan.hpp"
#include "cgroup/scope_group.hpp"
#include "cgroup/statistics.hpp"
#include "cgroup/v1_group.hpp"
#include "cgroup/v2_group.hpp"
#include "sys/fd.hpp"

namespace arca::cgroup {

/// The kinds there are. Closed: a further manager is one more alternative, with the same operations or, as a scope,
/// with files that have them.
using Group = std::variant<NoGroup, V2Group, V1Group, ScopeGroup>;

class Cgroup {
  public:
    Cgroup() = default;  ///< Kind::None: every operation succeeds and does nothing, processes() is empty
    /// Makes the cgroup and its missing ancestors, enabling the controllers that plan.writes need on the way. Fails if
    /// it exists and holds processes, or if it (or an ancestor) is frozen. What was made is removed again on failure.
    /// Where plan.best_effort lets a refusal pass, the result has location().kind None: that is what to remember.
    static Result<Cgroup> create(const Plan& plan);
    /// For plans with a scope, which systemd makes around a process that lives (plan.scope).
    static Result<Cgroup> create_around(const Plan& plan, pid_t pid);
    /// Opens an existing one. NotFound is not an error of its own: `exists()` is then false and operations do nothing.
    static Result<Cgroup> open(const Location& location);

    /// Whether create() made it; an empty one that was there before is used as it is.
    bool was_made_here() const;
    bool exists() const { return !std::holds_alternative<NoGroup>(group_); }
    const Location& location() const { return location_; }

    /// The way in for a new process.
    Result<Entrance> entrance() const;
    /// Into existing sub-cgroups (exec --cgroup): one, or with v1 one for each hierarchy. ".." and absent ones are
    /// refused.
    Result<Entrance> entrance_below(const std::vector<std::string>& relatives) const;

    Result<> apply(const std::vector<Write>& writes) const;
    /// The same for a container that lives: enables what is needed on the way, and when a write is refused puts back
    /// what the writes before it have changed.
    Result<> update(const std::vector<Write>& writes) const;
    /// v2: compiles the rules to a BPF program and attaches it; EPERM in a user namespace is no error. v1: writes them.
    Result<> install_device_filter(const std::vector<spec::DeviceRule>& rules) const;
    /// The same for a container that lives: at no moment is it without a filter.
    Result<> replace_device_filter(const std::vector<spec::DeviceRule>& rules) const;

    /// Every process of it and of the cgroups below.
    Result<std::vector<pid_t>> processes() const;
    Result<> signal_all(int signal) const;
    /// SIGKILL to all at once.
    Result<> kill_all() const;
    /// After SIGKILL to some of its processes: frozen ones die at once, except by v1, which has to thaw them.
    Result<> let_killed_die() const;
    Result<bool> is_populated() const;
    Result<bool> is_frozen() const;
    /// Waits until the kernel says that every process is frozen, at most `timeout_ms`.
    Result<> freeze(int timeout_ms) const;
    Result<> thaw(int timeout_ms) const;
    /// On timeout an error that names the processes that remain.
    Result<> wait_empty(int timeout_ms) const;
    /// Removes it and everything below, once it is empty. Gone already is success. Ancestors made by create() stay.
    Result<> remove() const;
    /// How many of its processes the kernel has killed for want of memory; 0 where nobody counts.
    std::uint64_t oom_kills() const;
    Result<OomWatch> watch_oom() const;
    Result<Statistics> statistics() const;

  private:
    Location location_;
    Group group_;
};

}  // namespace arca::cgroup
