// A cgroup by descriptor: made, limited, frozen, emptied, removed. Identity is the descriptor, not the path: a cgroup
// of the same name may have been made anew.
#pragma once

#include <sys/types.h>

#include <memory>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "cgroup/plan.hpp"
#include "sys/fd.hpp"

namespace arca::cgroup {

class Cgroup {
  public:
    Cgroup() = default;  ///< Kind::None: every operation succeeds and does nothing, processes() is empty
    /// Makes the cgroup and its missing ancestors, enabling the controllers that plan.writes need on the way. Fails if
    /// it exists and holds processes, or if it (or an ancestor) is frozen. What was made is removed again on failure.
    /// Where plan.best_effort lets a refusal pass, the result has location().kind None: that is what to remember.
    static Result<Cgroup> create(const Plan& plan);
    /// Opens an existing one. NotFound is not an error of its own: `exists()` is then false and operations do nothing.
    static Result<Cgroup> open(const Location& location);

    /// Whether create() made it; an empty one that was there before is used as it is.
    bool was_made_here() const { return was_made_here_; }
    bool exists() const { return static_cast<bool>(directory_); }
    /// For CLONE_INTO_CGROUP. O_PATH.
    sys::FdRef fd() const { return directory_; }
    const Location& location() const { return location_; }

    Result<> apply(const std::vector<Write>& writes) const;
    /// Compiles the rules to a BPF program and attaches it (BPF_CGROUP_DEVICE). EPERM in a user namespace is no error.
    Result<> install_device_filter(const std::vector<spec::DeviceRule>& rules) const;
    /// The same for a container that lives: at no moment is it without a filter.
    Result<> replace_device_filter(const std::vector<spec::DeviceRule>& rules) const;

    /// Every process of it and of the cgroups below.
    Result<std::vector<pid_t>> processes() const;
    Result<> signal_all(int signal) const;
    /// SIGKILL to all at once (cgroup.kill, since Linux 5.14; else freeze, kill each, thaw).
    Result<> kill_all() const;
    Result<bool> is_populated() const;
    Result<bool> is_frozen() const;
    /// Writes cgroup.freeze and waits for cgroup.events to agree, at most `timeout_ms`.
    Result<> freeze(int timeout_ms) const;
    Result<> thaw(int timeout_ms) const;
    /// Waits for "populated 0" by poll(POLLPRI); on timeout an error that names the processes that remain.
    Result<> wait_empty(int timeout_ms) const;
    /// Removes it and everything below, once it is empty. Gone already is success. Ancestors made by create() stay.
    Result<> remove() const;
    /// memory.events:oom_kill, 0 when there is no such file.
    std::uint64_t oom_kills() const;
    /// Descriptor of an existing sub-cgroup (exec --cgroup); ".." and absent ones are refused.
    Result<sys::Fd> open_below(const std::string& relative) const;

  private:
    Location location_;
    sys::Fd directory_;
    bool was_made_here_ = false;
};

}  // namespace arca::cgroup
