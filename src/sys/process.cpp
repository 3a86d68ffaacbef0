#include "sys/process.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <poll.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstring>
#include <memory>

#include "sys/syscalls.hpp"

namespace arca::sys {

namespace {
constexpr auto kWaitByPidfd = static_cast<idtype_t>(3);  // P_PIDFD, since Linux 5.4

// No fallback: a number may be another process's by the time it is used.
std::unexpected<Error> pidfd_error(std::string what) {
    auto error = last_error(std::move(what));
    if (error.error().errnum() != ENOSYS) return error;
    return fail(std::move(error.error())
                    .as(Code::Unsupported)
                    .hinting("arca needs pidfd_open and pidfd_send_signal, which Linux has since 5.3; a seccomp filter "
                             "around arca, as that of an outer container, has to allow them"));
}

ExitStatus from_siginfo(const siginfo_t& info) {
    ExitStatus status;
    if (info.si_code == CLD_EXITED)
        status.code = info.si_status;
    else
        status.signal = info.si_status;
    return status;
}

// The kernel refuses a request of no size with EINVAL; EPERM is a filter's. E2BIG: a kernel without CLONE_INTO_CGROUP.
bool clone3_is_refused(int errnum) {
    if (errnum == ENOSYS || errnum == E2BIG) return true;
    return errnum == EPERM && ::syscall(SYS_clone3, nullptr, 0) < 0 && errno == EPERM;
}

// What CLONE_CLEAR_SIGHAND does: ignored signals stay ignored.
void clear_signal_handlers() {
    for (int number = 1; number < NSIG; ++number) {
        struct sigaction action {};
        if (::sigaction(number, nullptr, &action) == 0 && action.sa_handler != SIG_IGN &&
            action.sa_handler != SIG_DFL) {
            action = {};
            ::sigaction(number, &action, nullptr);
        }
    }
}

/// Holds a new process until its parent has put it where it belongs.
struct Hold {
    Fd wait;
    Fd release;
};

Result<Hold> make_hold() {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) < 0) return last_error("pipe2");
    return Hold{Fd(ends[0]), Fd(ends[1])};
}

// In the new process. The parent that gives up closes its end without a word.
void await_release(Hold& hold) {
    hold.release.reset();
    char word = 0;
    ssize_t count;
    do
        count = ::read(hold.wait.number(), &word, 1);
    while (count < 0 && errno == EINTR);
    if (count != 1) ::_exit(1);
    hold.wait.reset();
}

// CLONE_PARENT wants no signal here and takes over that of the caller (clone(2)).
std::uint64_t exit_signal(std::uint64_t flags) {
    return (flags & CLONE_PARENT) == 0 ? SIGCHLD : 0;
}

// Raw: glibc's cached thread id in the child stays the parent's. arca is single-threaded and never uses it.
long clone_by_clone3(const CloneRequest& request, int* pidfd) {
    clone_args arguments{};
    arguments.flags = request.flags | CLONE_PIDFD | CLONE_CLEAR_SIGHAND;
    arguments.pidfd = reinterpret_cast<std::uintptr_t>(pidfd);
    arguments.exit_signal = exit_signal(request.flags);
    if (request.cgroup) {
        arguments.flags |= CLONE_INTO_CGROUP;
        arguments.cgroup = static_cast<std::uint64_t>(request.cgroup.number());
    }
    return ::syscall(SYS_clone3, &arguments, sizeof arguments);
}

long clone_by_clone(const CloneRequest& request, int* pidfd) {
    const auto flags = request.flags | CLONE_PIDFD | exit_signal(request.flags);
    const auto pid = ::syscall(SYS_clone, flags, nullptr, pidfd, nullptr, nullptr);
    if (pid == 0) clear_signal_handlers();
    return pid;
}

// A process that was not born where it belongs does nothing before it has been moved there.
Result<Cloned> clone_and_move(const CloneRequest& request, long (*clone)(const CloneRequest&, int*)) {
    Hold hold;
    if (request.cgroup) hold = TRY(make_hold());
    int pidfd = -1;
    const auto pid = clone({request.flags, FdRef()}, &pidfd);
    if (pid < 0) return last_error(text::cat("clone(flags ", text::hex(request.flags), ")"));
    if (pid == 0) {
        if (request.cgroup) await_release(hold);
        return Cloned{true, {}};
    }
    Cloned cloned{false, Child(Pidfd(Fd(pidfd), static_cast<pid_t>(pid)))};
    if (!request.cgroup) return cloned;
    TRY(write_file_at(request.cgroup, "cgroup.procs", text::cat(pid)));
    TRY(write_all(hold.release, "."));
    return cloned;
}

// FALLBACK(linux>=6.14, and older ones that its "fix race between fork and cgroup.kill" was ported to): clone3 counts
// how often cgroup.kill was written to the cgroup that it leaves and to the one that it enters, and kills the child
// where these differ. So nobody can be born into a cgroup that was emptied so once, nor from one. The signal is there
// before the child can run, and it is looked for until the child is gone, but for an instant.
bool was_killed_at_birth(pid_t pid) {
    constexpr auto kKill = std::uint64_t{1} << (SIGKILL - 1U);
    constexpr std::uint64_t kExiting = 0x4;  // PF_EXITING of the kernel's sched.h
    const auto child = process_info(pid);
    // One that has run, even if it has ended since, has written to memory that it shared with its parent.
    if (!child || child->faults > 0) return false;
    return child->is_dead() || (child->flags & kExiting) != 0 || (child->pending & kKill) != 0;
}

Result<siginfo_t> wait_by_pidfd(FdRef pidfd, int options) {
    siginfo_t info{};
    int result;
    do
        result = ::waitid(kWaitByPidfd, static_cast<id_t>(pidfd.number()), &info, options);
    while (result < 0 && errno == EINTR);
    if (result < 0) return last_error("waitid(P_PIDFD)");
    return info;
}
}  // namespace

ExitStatus ExitStatus::from_wait_status(int status) {
    if (WIFSIGNALED(status)) return {.code = 0, .signal = WTERMSIG(status)};
    return {.code = WEXITSTATUS(status), .signal = 0};
}

std::string ExitStatus::describe() const {
    if (signal == 0) return text::cat("exited with status ", code);
    const char* known = sigabbrev_np(signal);
    return known != nullptr ? text::cat("was killed by SIG", known) : text::cat("was killed by signal ", signal);
}

Result<Pidfd> Pidfd::open(pid_t pid) {
    auto fd = ::syscall(SYS_pidfd_open, pid, 0);
    // The number of a process that is gone may still be that of a group or a session, or a thread's: EINVAL before
    // Linux 6.16, ESRCH and ENOENT since. There is no such process then.
    if (fd < 0 && pid > 0 && (errno == EINVAL || errno == ENOENT)) errno = ESRCH;
    if (fd < 0) return pidfd_error(text::cat("pidfd_open(", pid, ")"));
    return Pidfd(Fd(static_cast<int>(fd)), pid);
}

Result<> Pidfd::send_signal(int signal) const {
    if (::syscall(SYS_pidfd_send_signal, fd_.number(), signal, nullptr, 0) < 0)
        return pidfd_error(text::cat("pidfd_send_signal(", pid_, ", ", signal, ")"));
    return {};
}

bool Pidfd::has_exited() const {
    pollfd entry{fd_.number(), POLLIN, 0};
    return ::poll(&entry, 1, 0) == 1;
}

namespace {
// <linux/pidfd.h> since Linux 6.15; older headers do not have it.
struct PidfdInfo {
    std::uint64_t mask;
    std::uint64_t cgroup;
    std::uint32_t ids[11];
    std::int32_t wait_status;
};
static_assert(sizeof(PidfdInfo) == 64);
constexpr unsigned long kGetInfo = _IOWR(0xFF, 11, PidfdInfo);
constexpr std::uint64_t kExit = 1U << 3U;
}  // namespace

Result<std::vector<pid_t>> threads_of(pid_t pid) {
    using Close = decltype([](DIR* stream) { ::closedir(stream); });
    const auto path = text::cat("/proc/", pid, "/task");
    const std::unique_ptr<DIR, Close> listing(::opendir(path.c_str()));
    if (listing == nullptr && errno == ENOENT) return std::vector<pid_t>();
    if (listing == nullptr) return last_error(text::cat("opendir(", path, ")"));
    std::vector<pid_t> threads;
    while (const dirent* entry = ::readdir(listing.get()))
        if (const auto thread = text::to_uint(entry->d_name)) threads.push_back(static_cast<pid_t>(*thread));
    return threads;
}

std::optional<ExitStatus> exit_status_of_dead(pid_t pid) {
    auto info = process_info(pid);
    if (!info || !info->is_dead()) return std::nullopt;
    return ExitStatus::from_wait_status(info->wait_status);
}

std::optional<ExitStatus> Pidfd::exit_status() const {
    if (!has_exited()) return std::nullopt;
    PidfdInfo info{};
    info.mask = kExit;
    const auto kept = [&] { return ::ioctl(fd_.number(), kGetInfo, &info) == 0 && (info.mask & kExit) != 0; };
    if (kept()) return ExitStatus::from_wait_status(info.wait_status);
    // A zombie: nobody has taken its status yet, and the kernel keeps it only from then on.
    if (auto status = exit_status_of_dead(pid_)) return status;
    info = {};
    info.mask = kExit;
    if (kept()) return ExitStatus::from_wait_status(info.wait_status);
    return std::nullopt;
}

Child& Child::operator=(Child&& other) noexcept {
    if (this != &other) {
        kill_and_reap();
        pidfd_ = std::move(other.pidfd_);
    }
    return *this;
}

void Child::kill_and_reap() {
    if (!pidfd_) return;
    (void)pidfd_.send_signal(SIGKILL);
    (void)wait_by_pidfd(pidfd_.fd(), WEXITED | __WALL);
    pidfd_ = {};
}

Result<ExitStatus> Child::wait() {
    auto info = TRY(wait_by_pidfd(pidfd_.fd(), WEXITED | __WALL));
    pidfd_ = {};
    return from_siginfo(info);
}

Result<std::optional<ExitStatus>> Child::try_wait() {
    auto info = TRY(wait_by_pidfd(pidfd_.fd(), WEXITED | WNOHANG | __WALL));
    if (info.si_pid == 0) return std::nullopt;
    pidfd_ = {};
    return from_siginfo(info);
}

Result<Cloned> clone3(const CloneRequest& request) {
    int pidfd = -1;
    const auto pid = clone_by_clone3(request, &pidfd);
    if (pid < 0) {
        auto error = last_error(text::cat("clone3(flags ", text::hex(request.flags), ")"));
        // FALLBACK(linux<5.7, or an outer seccomp filter without clone3): clone(2), which knows no cgroups.
        if (clone3_is_refused(error.error().errnum())) return clone_and_move(request, clone_by_clone);
        return error;
    }
    if (pid == 0) return Cloned{true, {}};
    Cloned cloned{false, Child(Pidfd(Fd(pidfd), static_cast<pid_t>(pid)))};
    if (!request.cgroup || !was_killed_at_birth(static_cast<pid_t>(pid))) return cloned;
    (void)TRY(cloned.child.wait());
    return clone_and_move(request, clone_by_clone3);
}

std::vector<char*> null_terminated(const std::vector<std::string>& strings) {
    std::vector<char*> out;
    out.reserve(strings.size() + 1);
    for (const auto& string : strings)
        out.push_back(const_cast<char*>(string.c_str()));
    out.push_back(nullptr);
    return out;
}

Result<ProcessInfo> process_info(pid_t pid) {
    auto stat = TRY(read_file(text::cat("/proc/", pid, "/stat"), 4096));
    // The command (field 2) may hold blanks and parentheses: count from its last ')'.
    const auto after = stat.rfind(')');
    constexpr std::size_t kState = 3 - 3;
    constexpr std::size_t kFlags = 9 - 3;
    constexpr std::size_t kFaults = 10 - 3;
    constexpr std::size_t kStartTime = 22 - 3;
    constexpr std::size_t kPending = 31 - 3;
    constexpr std::size_t kWaitStatus = 52 - 3;
    std::vector<std::string_view> fields;
    if (after != std::string::npos && after + 2 <= stat.size())
        fields = text::split(std::string_view(stat).substr(after + 2), ' ');
    const auto number = [&fields](std::size_t field) {
        return fields.size() > field ? text::to_uint(fields[field]) : std::nullopt;
    };
    const auto start = number(kStartTime);
    if (!start || fields[kState].empty()) return fail(Code::System, text::cat("/proc/", pid, "/stat cannot be read"));
    const auto status = fields.size() > kWaitStatus ? text::to_int(text::trim(fields[kWaitStatus])) : std::nullopt;
    return ProcessInfo{.state = fields[kState][0],
                       .flags = number(kFlags).value_or(0),
                       .faults = number(kFaults).value_or(0),
                       .start_time = *start,
                       .pending = number(kPending).value_or(0),
                       .wait_status = static_cast<int>(status.value_or(0))};
}

Result<std::uint64_t> start_time(pid_t pid) {
    return TRY(process_info(pid)).start_time;
}

// Raw: glibc refuses to touch the two signals that it keeps for threads, yet a caller that ignores them passes that on.
void reset_signals() noexcept {
    constexpr std::size_t kSetSize = (_NSIG - 1) / 8;
    const unsigned char default_action[64] = {};  // SIG_DFL, no flags, no mask: all zero, in every architecture's order
    for (int signal = 1; signal < _NSIG; ++signal)
        ::syscall(SYS_rt_sigaction, signal, default_action, nullptr, kSetSize);
    const unsigned char empty[kSetSize] = {};
    ::syscall(SYS_rt_sigprocmask, SIG_SETMASK, empty, nullptr, kSetSize);
}

SignalsBlocked::SignalsBlocked() {
    static_assert(sizeof(sigset_t) <= sizeof saved_);
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, &before);
    std::memcpy(saved_, &before, sizeof before);
}

SignalsBlocked::~SignalsBlocked() {
    sigset_t before;
    std::memcpy(&before, saved_, sizeof before);
    sigprocmask(SIG_SETMASK, &before, nullptr);
}

}  // namespace arca::sys
