// Processes by descriptor: clone3(2), pidfds, waiting. Signals never go to a bare pid, so that a pid used again by the
// kernel cannot be hit (pidfd_open(2), since Linux 5.3).
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "sys/fd.hpp"

namespace arca::sys {

/// How a process ended.
struct ExitStatus {
    int code = 0;    ///< exit status, when signal is 0
    int signal = 0;  ///< signal that killed it
    /// As wait(2) gives it.
    static ExitStatus from_wait_status(int status);
    /// As shells and engines count: the status, or 128 + signal.
    int shell_code() const { return signal != 0 ? 128 + signal : code; }
    std::string describe() const;  ///< "exited with status 3", "was killed by SIGKILL"
};

class Pidfd {
  public:
    Pidfd() = default;
    Pidfd(Fd fd, pid_t pid) : fd_(std::move(fd)), pid_(pid) {}
    /// Fails with ESRCH when there is no such process.
    static Result<Pidfd> open(pid_t pid);

    explicit operator bool() const { return static_cast<bool>(fd_); }
    FdRef fd() const { return fd_; }
    /// As seen in the caller's pid namespace.
    pid_t pid() const { return pid_; }
    Result<> send_signal(int signal) const;
    /// True once the process has ended (it may still be a zombie).
    bool has_exited() const;
    /// How a process ended that is no child of ours. Nothing while it lives, and when its parent has taken the status
    /// from a kernel that then keeps it for nobody else (before Linux 6.15).
    std::optional<ExitStatus> exit_status() const;

  private:
    Fd fd_;
    pid_t pid_ = 0;
};

/// A child process: killed and reaped when dropped, unless released.
class [[nodiscard]] Child {
  public:
    Child() = default;
    explicit Child(Pidfd pidfd) : pidfd_(std::move(pidfd)) {}
    Child(Child&&) = default;
    Child& operator=(Child&& other) noexcept;
    ~Child() { kill_and_reap(); }

    explicit operator bool() const { return static_cast<bool>(pidfd_); }
    const Pidfd& pidfd() const { return pidfd_; }
    pid_t pid() const { return pidfd_.pid(); }
    /// Waits for the end and reaps.
    Result<ExitStatus> wait();
    /// The status, if it has ended already.
    Result<std::optional<ExitStatus>> try_wait();
    /// From now on somebody else looks after it.
    Pidfd release() { return std::exchange(pidfd_, {}); }

  private:
    void kill_and_reap();
    Pidfd pidfd_;
};

struct CloneRequest {
    std::uint64_t flags = 0;  ///< CLONE_NEW*, CLONE_PARENT; CLONE_PIDFD and CLONE_CLEAR_SIGHAND are added
    FdRef cgroup = FdRef();   ///< enter this cgroup at birth (CLONE_INTO_CGROUP, since Linux 5.7)
};

/// What clone3 gave: in the parent a Child, in the child nothing.
struct Cloned {
    bool is_child = false;
    Child child;
};
/// A fork with flags. With CLONE_PARENT the new process is a sibling; the Child then must be release()d by the caller,
/// who cannot wait for it.
Result<Cloned> clone3(const CloneRequest& request);

/// Field 22 of /proc/PID/stat: clock ticks after boot at which the process started; tells a pid used again apart.
Result<std::uint64_t> start_time(pid_t pid);

/// All signal dispositions to default, mask empty: before executing a program that is not ours.
void reset_signals() noexcept;

/// The strings as execve(2) takes them, ended by null. They must outlive the result.
std::vector<char*> null_terminated(const std::vector<std::string>& strings);

/// What /proc/PID/stat tells.
struct ProcessInfo {
    char state = '?';              ///< field 3: 'Z' and 'X' are dead
    std::uint64_t flags = 0;       ///< field 9: PF_... of the kernel
    std::uint64_t faults = 0;      ///< field 10: page faults without input or output
    std::uint64_t start_time = 0;  ///< field 22
    std::uint64_t pending = 0;     ///< field 31: signals that wait for its first thread, bit 0 is signal 1
    int wait_status = 0;           ///< field 52, as wait(2) gives it; 0 unless it is dead and we may look at it
    bool is_dead() const { return state == 'Z' || state == 'X'; }
};
Result<ProcessInfo> process_info(pid_t pid);
/// The ids of its threads; none when it has ended.
Result<std::vector<pid_t>> threads_of(pid_t pid);
/// Of a zombie whose status nobody has taken.
std::optional<ExitStatus> exit_status_of_dead(pid_t pid);

/// Signals that a launch must not be interrupted by are blocked over clone; restored by the destructor.
class SignalsBlocked {
  public:
    SignalsBlocked();
    ~SignalsBlocked();
    SignalsBlocked(const SignalsBlocked&) = delete;
    SignalsBlocked& operator=(const SignalsBlocked&) = delete;

  private:
    unsigned char saved_[128];
};

}  // namespace arca::sys
