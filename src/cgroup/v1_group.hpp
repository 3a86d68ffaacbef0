// A container's cgroup on a host with cgroup v1: one directory of the same path in every mounted hierarchy, and on a
// hybrid host one in the v2 hierarchy as well, which has no controllers that v1 took, but kills and waits better.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "cgroup/entrance.hpp"
#include "cgroup/files.hpp"
#include "cgroup/limits.hpp"
#include "cgroup/oom_watch.hpp"
#include "cgroup/plan.hpp"
#include "cgroup/statistics.hpp"
#include "cgroup/v2_group.hpp"
#include "sys/fd.hpp"

namespace arca::cgroup {

class V1Group {
  public:
    static Result<V1Group> create(const Plan& plan);
    /// NotFound where it is in no hierarchy.
    static Result<V1Group> open(const Location& location);

    /// Without the hierarchies that refused, where nothing was asked of them (Plan::best_effort).
    const Location& location() const { return location_; }
    bool was_made_here() const { return was_made_here_; }

    Result<Entrance> entrance() const;
    /// "PATH" in every hierarchy, or several "CONTROLLER[,CONTROLLER...]:PATH", each in those hierarchies, and the
    /// container's cgroup in others.
    Result<Entrance> entrance_below(const std::vector<std::string>& relatives) const;
    Result<> apply(const std::vector<Write>& writes) const;
    Result<Snapshot> update(const std::vector<Write>& writes) const;
    Result<> install_device_filter(const std::vector<spec::DeviceRule>& rules) const;
    Result<> replace_device_filter(const std::vector<spec::DeviceRule>& rules) const;
    /// Of all hierarchies: a process may have been moved in one of them alone.
    Result<std::vector<pid_t>> processes() const;
    Result<> signal_each(int signal) const;
    /// Thaws: what is frozen by v1 dies only then.
    Result<> kill_all() const;
    Result<> let_killed_die() const;
    Result<bool> is_populated() const;
    Result<bool> is_frozen() const;
    Result<> freeze(int timeout_ms) const;
    Result<> thaw(int timeout_ms) const;
    Result<> wait_empty(int timeout_ms) const;
    Result<> remove() const;
    std::uint64_t oom_kills() const;
    Result<OomWatch> watch_oom() const;
    Result<Statistics> statistics() const;

    /// Of the hierarchy with that controller; invalid without one.
    sys::FdRef directory_of(std::string_view controller) const;

  private:
    friend class V1Creation;
    struct Member {
        V1Place place;
        sys::Fd directory;
    };
    Result<sys::Fd> membership_below(const Member& member, std::string_view path) const;
    Result<> set_frozen(const char* state, Deadline deadline) const;
    Result<> kill_strays() const;
    Result<bool> await_empty(Deadline deadline) const;

    Location location_;
    std::vector<Member> members_;
    std::optional<V2Group> unified_;
    bool was_made_here_ = false;
};

}  // namespace arca::cgroup
