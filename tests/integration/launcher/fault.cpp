// fault list REPORT PROGRAM [ARGUMENT...]: REPORT gets a line "CALL FIRST-ARGUMENT" for each system call of the
// program, in all its processes, until they execute something else. fault CALL[:N] ERRNO REPORT PROGRAM [ARGUMENT...]:
// every call of that name, or the N-th of all processes together, fails with ERRNO; REPORT gets a line for each that
// did.
//
// By ptrace(2) and without a filter: nothing of it stays with processes that outlive the program. Calls before main()
// are the C library's and go through; main() begins with a look at descriptor 0. Knows the registers of x86-64 only.
#include <fcntl.h>
#include <seccomp.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <string>

namespace {
using Number = unsigned long long;

struct Wanted {
    std::string call;       ///< empty: all are listed, none fails
    unsigned long nth = 0;  ///< 0: every one
    int errnum = 0;
};

[[noreturn]] void give_up(const char* what) {
    fprintf(stderr, "fault: %s: %s\n", what, strerror(errno));
    _exit(99);
}

int errno_of(const std::string& name) {
    for (int number = 1; number < 134; ++number) {
        const char* known = strerrorname_np(number);
        if (known != nullptr && name == known) return number;
    }
    give_up("no such errno");
}

std::string name_of(Number call) {
    char* name = seccomp_syscall_resolve_num_arch(SCMP_ARCH_X86_64, static_cast<int>(call));
    std::string copy = name == nullptr ? "call" + std::to_string(call) : name;
    free(name);
    return copy;
}

class Fault {
  public:
    Fault(Wanted wanted, const char* report, const char* program) : wanted_(std::move(wanted)) {
        report_ = open(report, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
        if (report_ < 0 || stat(program, &program_) < 0) give_up(report_ < 0 ? report : program);
    }

    /// Until the first process has ended; returns its status.
    int attend(pid_t first) {
        for (;;) {
            int status = 0;
            pid_t pid = waitpid(-1, &status, __WALL);
            if (pid < 0 && errno == EINTR) continue;
            if (pid < 0) give_up("waitpid");
            if (!WIFSTOPPED(status)) {
                failing_.erase(pid);
                if (pid == first) return status;
                continue;
            }
            go_on(pid, status);
        }
    }

  private:
    void go_on(pid_t pid, int status) {
        const int signal = WSTOPSIG(status);
        const int event = status >> 16;
        if (event == PTRACE_EVENT_EXEC && !is_the_program(pid)) {
            ptrace(PTRACE_DETACH, pid, 0, 0);
        } else if (event == PTRACE_EVENT_STOP && signal != SIGTRAP) {
            ptrace(PTRACE_LISTEN, pid, 0, 0);  // stays stopped, as it was told to
        } else if (event == 0 && signal != (SIGTRAP | 0x80)) {
            ptrace(PTRACE_SYSCALL, pid, 0, signal);
        } else {
            if (event == 0) at_call(pid);
            ptrace(PTRACE_SYSCALL, pid, 0, 0);
        }
    }

    void at_call(pid_t pid) {
        __ptrace_syscall_info info{};
        if (ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof info, &info) <= 0) return;  // killed meanwhile
        if (info.op == PTRACE_SYSCALL_INFO_ENTRY) enter(pid, info.entry.nr, info.entry.args);
        if (info.op == PTRACE_SYSCALL_INFO_EXIT && failing_.contains(pid)) leave(pid);
    }

    template<class Values>
    void enter(pid_t pid, Number call, const Values& arguments) {
        armed_ = armed_ || (call == SYS_fcntl && arguments[0] == 0 && arguments[1] == F_GETFD);
        if (!armed_) return;
        const std::string name = name_of(call);
        if (!wanted_.call.empty() && !fails(name)) return;
        const std::string line = name + " " + std::to_string(arguments[0]) + "\n";
        if (write(report_, line.data(), line.size()) < 0) give_up("report");
        if (wanted_.call.empty()) return;
        failing_[pid] = arguments[0];
        // What close(2) says, the descriptor is closed. brk(2) knows no errors, only the break as it is, and tells it
        // to who asks for 0.
        if (call == SYS_brk)
            set(pid, offsetof(user, regs.rdi), 0);
        else if (call != SYS_close)
            set(pid, offsetof(user, regs.orig_rax), -Number{1});
    }

    void leave(pid_t pid) {
        // Calls leave the registers of their arguments as they were.
        if (wanted_.call == "brk")
            set(pid, offsetof(user, regs.rdi), failing_[pid]);
        else
            set(pid, offsetof(user, regs.rax), -static_cast<Number>(wanted_.errnum));
        failing_.erase(pid);
    }

    bool fails(const std::string& name) { return name == wanted_.call && (++seen_ == wanted_.nth || wanted_.nth == 0); }

    static void set(pid_t pid, std::size_t offset, Number value) { ptrace(PTRACE_POKEUSER, pid, offset, value); }

    /// The same file, by whatever mount, or its sealed copy.
    bool is_the_program(pid_t pid) const {
        const std::string link = "/proc/" + std::to_string(pid) + "/exe";
        struct stat found {};
        if (stat(link.c_str(), &found) < 0) return false;
        if (found.st_dev == program_.st_dev && found.st_ino == program_.st_ino) return true;
        char text[16] = {};
        return readlink(link.c_str(), text, sizeof(text) - 1) > 0 && strncmp(text, "/memfd:", 7) == 0;
    }

    Wanted wanted_;
    int report_ = -1;
    struct stat program_ {};
    std::map<pid_t, Number> failing_;  ///< processes in a call that is to fail, and its first argument
    unsigned long seen_ = 0;
    bool armed_ = false;
};

/// The child waits until it is traced.
pid_t start(char** argv) {
    int gate[2];
    if (pipe2(gate, O_CLOEXEC) < 0) give_up("pipe2");
    const pid_t pid = fork();
    if (pid == 0) {
        char word;
        close(gate[1]);
        if (read(gate[0], &word, 1) == 1) execv(argv[0], argv);
        give_up("execv");
    }
    constexpr long kOptions =
        PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEEXEC | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE;
    if (pid < 0 || ptrace(PTRACE_SEIZE, pid, 0, kOptions) < 0) give_up("ptrace");
    if (ptrace(PTRACE_INTERRUPT, pid, 0, 0) < 0 || write(gate[1], ".", 1) != 1) give_up("ptrace");
    close(gate[0]);
    close(gate[1]);
    return pid;
}
}  // namespace

int main(int argc, char** argv) {
    const bool listing = argc > 1 && strcmp(argv[1], "list") == 0;
    const int report = listing ? 2 : 3;
    if (argc < report + 2) return 99;
    Wanted wanted;
    if (!listing) {
        wanted.call = argv[1];
        if (const auto colon = wanted.call.find(':'); colon != std::string::npos) {
            wanted.nth = strtoul(wanted.call.c_str() + colon + 1, nullptr, 10);
            wanted.call.resize(colon);
        }
        wanted.errnum = errno_of(argv[2]);
    }
    Fault fault(wanted, argv[report], argv[report + 1]);
    const int status = fault.attend(start(argv + report + 1));
    if (WIFSIGNALED(status)) {
        signal(WTERMSIG(status), SIG_DFL);
        raise(WTERMSIG(status));
    }
    return WEXITSTATUS(status);
}
