// The cgroup of a scope of systemd's: a cgroup of the v2 hierarchy that systemd makes, limits and takes away, and that
// is ours between these (Delegate=).
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
#include "cgroup/statistics.hpp"
#include "cgroup/v2_group.hpp"

namespace arca::cgroup {

class ScopeGroup {
  public:
    /// Starts the scope with `pid` in it. When that fails everything is as before, but that the process may be dead.
    static Result<ScopeGroup> start(const Plan& plan, pid_t pid);
    /// Succeeds when the cgroup is gone as well: the unit may still be there.
    static Result<ScopeGroup> open(const Location& location);

    const Location& location() const { return location_; }
    static bool was_made_here() { return true; }

    Result<Entrance> entrance() const;
    Result<Entrance> entrance_below(const std::string& relative) const;
    Result<> apply(const std::vector<Write>& writes) const;
    /// Tells systemd first.
    Result<> update(const std::vector<Write>& writes) const;
    Result<> install_device_filter(const std::vector<spec::DeviceRule>& rules) const;
    Result<> replace_device_filter(const std::vector<spec::DeviceRule>& rules) const;
    Result<std::vector<pid_t>> processes() const;
    Result<> signal_each(int signal) const;
    Result<> kill_all() const;
    static Result<> let_killed_die() { return {}; }
    Result<bool> is_populated() const;
    Result<bool> is_frozen() const;
    Result<> freeze(int timeout_ms) const;
    Result<> thaw(int timeout_ms) const;
    Result<> wait_empty(int timeout_ms) const;
    Result<> remove() const;
    std::uint64_t oom_kills() const;
    Result<OomWatch> watch_oom() const;
    Result<Statistics> statistics() const;

  private:
    Location location_;
    std::variant<NoGroup, V2Group> files_;
};

}  // namespace arca::cgroup
