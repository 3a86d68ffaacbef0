// A cgroup of the v2 hierarchy, by the descriptor of its directory. One that is removed under our hands answers like an
// empty one.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "cgroup/entrance.hpp"
#include "cgroup/limits.hpp"
#include "cgroup/oom_watch.hpp"
#include "cgroup/plan.hpp"
#include "cgroup/statistics.hpp"
#include "sys/fd.hpp"

namespace arca::cgroup {

class V2Group {
  public:
    static Result<V2Group> create(const Plan& plan);
    /// One that somebody else (systemd) has made for the plan: completes it as create() would.
    static Result<V2Group> adopt(const Plan& plan, const Location& location, pid_t pid);
    /// NotFound where it is not there.
    static Result<V2Group> open(const Location& location);

    bool was_made_here() const { return was_made_here_; }
    sys::FdRef fd() const { return directory_; }

    Result<Entrance> entrance() const;
    Result<Entrance> entrance_below(const std::vector<std::string>& relatives) const;
    Result<> apply(const std::vector<Write>& writes) const;
    Result<Snapshot> update(const std::vector<Write>& writes) const;
    /// On the way down to it.
    Result<> enable_for(const std::vector<Write>& writes) const;
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
    sys::Fd directory_;
    bool was_made_here_ = false;
};

}  // namespace arca::cgroup
