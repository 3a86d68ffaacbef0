// The cgroup of a scope of systemd's: a cgroup of the v2 hierarchy that systemd makes, limits and takes away, and that
// is ours between these (Delegate=).
#pragma once

#include <sys/types.h>

#include <variant>
#include <vector>

#include "base/result.hpp"
#include "cgroup/limits.hpp"
#include "cgroup/no_group.hpp"
#include "cgroup/plan.hpp"
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

    /// For all that systemd has no part in.
    const std::variant<NoGroup, V2Group>& files() const { return files_; }
    /// Tells systemd as well.
    Result<Snapshot> update(const std::vector<Write>& writes) const;
    Result<> remove() const;

  private:
    Location location_;
    std::variant<NoGroup, V2Group> files_;
};

}  // namespace arca::cgroup
