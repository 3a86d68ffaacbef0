// The cgroup of a container that has none of its own, or none any more: everything succeeds and does nothing.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "cgroup/entrance.hpp"
#include "cgroup/limits.hpp"
#include "cgroup/oom_watch.hpp"
#include "cgroup/resources.hpp"
#include "cgroup/statistics.hpp"
#include "spec/types.hpp"

namespace arca::cgroup {

struct NoGroup {
    static bool was_made_here() { return false; }
    static Result<Entrance> entrance() { return Entrance{}; }
    static Result<Entrance> entrance_below(const std::vector<std::string>& /*relatives*/) {
        return fail(Code::Unsupported, "the container has no cgroup of its own");
    }
    static Result<> apply(const std::vector<Write>& /*writes*/) { return {}; }
    static Result<Snapshot> update(const std::vector<Write>& /*writes*/) { return Snapshot(); }
    static Result<> install_device_filter(const std::vector<spec::DeviceRule>& /*rules*/) { return {}; }
    static Result<> replace_device_filter(const std::vector<spec::DeviceRule>& /*rules*/) { return {}; }
    static Result<std::vector<pid_t>> processes() { return std::vector<pid_t>{}; }
    static Result<> signal_each(int /*signal*/) { return {}; }
    static Result<> kill_all() { return {}; }
    static Result<> let_killed_die() { return {}; }
    static Result<bool> is_populated() { return false; }
    static Result<bool> is_frozen() { return false; }
    static Result<> freeze(int /*timeout_ms*/) { return {}; }
    static Result<> thaw(int /*timeout_ms*/) { return {}; }
    static Result<> wait_empty(int /*timeout_ms*/) { return {}; }
    static Result<> remove() { return {}; }
    static std::uint64_t oom_kills() { return 0; }
    static Result<OomWatch> watch_oom() { return OomWatch(); }
    static Result<Statistics> statistics() { return Statistics(); }
};

}  // namespace arca::cgroup
