#include "process/forwarded_signals.hpp"

#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sys/syscalls.hpp"

namespace arca::process {

namespace {
// Left to their default: faults of our own, and the stop of a background job that wants the terminal (with SIGTTIN held
// back a read would give EIO instead of waiting to be put in the foreground).
constexpr int kNotHeld[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS, SIGTTIN, SIGTTOU};

sigset_t held_signals() {
    sigset_t set;
    sigfillset(&set);
    for (const int signal : kNotHeld)
        sigdelset(&set, signal);
    return set;
}

// As a child subreaper we inherit what the container orphans. `process` itself is left for its owner.
void reap_orphans(pid_t process) {
    for (;;) {
        siginfo_t info{};
        if (::waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) < 0) return;
        if (info.si_pid == 0 || info.si_pid == process) return;
        if (::waitid(P_PID, static_cast<id_t>(info.si_pid), &info, WEXITED | WNOHANG) < 0) return;
    }
}
}  // namespace

Result<ForwardedSignals> ForwardedSignals::hold() {
    const auto held = held_signals();
    const int fd = ::signalfd(-1, &held, SFD_CLOEXEC | SFD_NONBLOCK);
    if (fd < 0) return sys::last_error("signalfd");
    sigset_t before;
    sigprocmask(SIG_BLOCK, &held, &before);
    return ForwardedSignals(sys::Fd(fd), before);
}

ForwardedSignals::~ForwardedSignals() {
    if (!fd_) return;
    while (next() != 0) {
    }
    sigprocmask(SIG_SETMASK, &before_, nullptr);
}

int ForwardedSignals::next() const {
    signalfd_siginfo info{};
    ssize_t size;
    do
        size = ::read(fd_.number(), &info, sizeof info);
    while (size < 0 && errno == EINTR);
    return size == static_cast<ssize_t>(sizeof info) ? static_cast<int>(info.ssi_signo) : 0;
}

void ForwardedSignals::handle(int signal, const sys::Pidfd& process) {
    switch (signal) {
        case SIGCHLD:
            return reap_orphans(process.pid());
        case SIGURG:    // the Go runtime sends it to threads
        case SIGPIPE:   // of our own writes
        case SIGWINCH:  // of our terminal, not the container's
            return;
        default:
            (void)process.send_signal(signal);  // it may have ended, or changed its user: nothing to be done about it
    }
    // The shell wants its terminal back; SIGCONT ends this and is then forwarded like any other.
    if (signal == SIGTSTP) ::kill(::getpid(), SIGSTOP);
}

}  // namespace arca::process
