// touched FUNCTIONS PROGRAM ARGUMENT...: runs PROGRAM, and writes which of its functions are entered, by it and by all
// that it starts as long as that executes the same file, each once and in the order in which they are. FUNCTIONS is a
// file of where functions begin, as hexadecimal offsets from where the program is loaded. Each gets a breakpoint, which
// goes when it is met. The exit status is PROGRAM's.
#include <fcntl.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace {

constexpr int kTracerFailed = 125;
constexpr char kBreakpoint = '\xcc';

/// Where a process has the program's text.
struct Text {
    std::uint64_t base = 0, begin = 0, end = 0;
    bool holds(std::uint64_t offset) const { return base + offset >= begin && base + offset < end; }
};

struct stat g_program;
std::map<pid_t, Text> g_tasks;
std::set<std::uint64_t> g_functions;   ///< not yet entered
std::map<std::uint64_t, char> g_code;  ///< the byte that each begins with

[[noreturn]] void give_up(const char* what) {
    std::perror(what);
    std::exit(kTracerFailed);
}

/// Empty where the process runs another program.
Text text_of(pid_t pid) {
    std::ifstream maps("/proc/" + std::to_string(pid) + "/maps");
    Text text;
    for (std::string line; std::getline(maps, line);) {
        unsigned long begin, end, offset, inode;
        unsigned major_number, minor_number;
        char rights[5];
        if (std::sscanf(line.c_str(), "%lx-%lx %4s %lx %x:%x %lu", &begin, &end, rights, &offset, &major_number,
                        &minor_number, &inode) != 7 ||
            inode != g_program.st_ino || makedev(major_number, minor_number) != g_program.st_dev)
            continue;
        if (offset == 0) text.base = begin;
        if (rights[2] == 'x') text = {text.base, begin, end};
    }
    return text;
}

/// Written through /proc, text may be changed: it becomes the process's own copy.
class Memory {
  public:
    explicit Memory(pid_t pid) : fd_(::open(("/proc/" + std::to_string(pid) + "/mem").c_str(), O_RDWR | O_CLOEXEC)) {
        if (fd_ < 0) give_up("/proc/PID/mem");
    }
    ~Memory() { ::close(fd_); }
    Memory(const Memory&) = delete;
    Memory& operator=(const Memory&) = delete;
    void read(std::uint64_t at, std::vector<char>& bytes) const {
        if (::pread(fd_, bytes.data(), bytes.size(), static_cast<off_t>(at)) < 0) give_up("reading text");
    }
    void write(std::uint64_t at, const char* bytes, std::size_t size) const {
        if (::pwrite(fd_, bytes, size, static_cast<off_t>(at)) < 0) give_up("writing text");
    }

  private:
    int fd_;
};

void plant_breakpoints(pid_t pid, const Text& text) {
    const Memory memory(pid);
    std::vector<char> code(text.end - text.begin);
    memory.read(text.begin, code);
    for (const auto offset : g_functions) {
        if (!text.holds(offset)) continue;
        auto& first = code[text.base + offset - text.begin];
        g_code[offset] = first;
        first = kBreakpoint;
    }
    memory.write(text.begin, code.data(), code.size());
}

/// True if the task has stopped because of a breakpoint, which is then gone.
bool met_breakpoint(pid_t pid, const Text& text) {
    user_regs_struct registers{};
    if (::ptrace(PTRACE_GETREGS, pid, nullptr, &registers) < 0) return false;
    const auto offset = registers.rip - 1 - text.base;
    const auto known = g_code.find(offset);
    if (known == g_code.end()) return false;
    Memory(pid).write(text.base + offset, &known->second, 1);
    registers.rip -= 1;
    ::ptrace(PTRACE_SETREGS, pid, nullptr, &registers);
    // A process that was made earlier may have it still.
    if (g_functions.erase(offset) != 0) std::printf("%lx\n", static_cast<unsigned long>(offset));
    return true;
}

/// What is left behind and waits goes on unobserved.
void let_go(pid_t pid, const Text& text, int signal) {
    const Memory memory(pid);
    for (const auto& [offset, first] : g_code)
        if (text.holds(offset)) memory.write(text.base + offset, &first, 1);
    ::ptrace(PTRACE_DETACH, pid, nullptr, signal);
}

void carry_on(pid_t pid, int status) {
    const bool is_new = !g_tasks.contains(pid);
    auto& text = g_tasks[pid];
    int signal = status >> 16 == 0 ? WSTOPSIG(status) : 0;
    if (is_new || status >> 16 == PTRACE_EVENT_EXEC) {
        text = text_of(pid);
        if (text.begin == 0) {
            g_tasks.erase(pid);
            ::ptrace(PTRACE_DETACH, pid, nullptr, nullptr);
            return;
        }
        // A process that is born has those of its parent.
        if (!is_new) plant_breakpoints(pid, text);
        signal = 0;
    } else if (signal == SIGTRAP && met_breakpoint(pid, text)) {
        signal = 0;
    }
    ::ptrace(PTRACE_CONT, pid, nullptr, signal);
}

void interrupt_and_let_go(pid_t pid, const Text& text) {
    ::kill(pid, SIGSTOP);
    for (int status; ::waitpid(pid, &status, __WALL) == pid && WIFSTOPPED(status);) {
        if (WSTOPSIG(status) == SIGSTOP) return let_go(pid, text, 0);
        carry_on(pid, status);
    }
}

void read_functions(const char* path) {
    std::ifstream file(path);
    for (std::string line; std::getline(file, line);)
        g_functions.insert(std::stoull(line, nullptr, 16));
    if (g_functions.empty()) give_up(path);
}

}  // namespace

int main(int argc, char** argv) {
    if (argc < 3) return std::fputs("usage: touched FUNCTIONS PROGRAM ARGUMENT...\n", stderr), kTracerFailed;
    read_functions(argv[1]);
    char** const command = argv + 2;
    if (::stat(command[0], &g_program) < 0) give_up(command[0]);
    const pid_t first = ::fork();
    if (first == 0) {
        // What the program writes is of no use here.
        ::dup2(STDERR_FILENO, STDOUT_FILENO);
        ::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr);
        ::execv(command[0], command);
        give_up(command[0]);
    }
    int status = 0;
    if (::waitpid(first, &status, 0) < 0 || !WIFSTOPPED(status)) give_up("waitpid");
    ::ptrace(PTRACE_SETOPTIONS, first, nullptr,
             PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC);
    g_tasks[first] = text_of(first);
    plant_breakpoints(first, g_tasks[first]);
    ::ptrace(PTRACE_CONT, first, nullptr, nullptr);
    for (pid_t pid; (pid = ::waitpid(-1, &status, __WALL)) > 0;) {
        if (WIFSTOPPED(status))
            carry_on(pid, status);
        else if (g_tasks.erase(pid); pid == first)
            break;
    }
    // A container's process that waits to be started.
    for (const auto& [pid, text] : std::map(g_tasks))
        interrupt_and_let_go(pid, text);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
