// What the process does: waits, signals, children, raw system calls, hooks.
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "probe.hpp"

extern char** environ;

namespace probe {

namespace {
int echo(const Words& words) {
    std::string line;
    for (const auto& w : words)
        line += (line.empty() ? "" : " ") + w;
    line += "\n";
    return write(1, line.data(), line.size()) < 0 ? 1 : 0;
}

int complain(const Words& words) {
    std::string line = word(words, 0) + "\n";
    return write(2, line.data(), line.size()) < 0 ? 1 : 0;
}

int exit_with(const Words& words) {
    exit(atoi(word(words, 0, "0").c_str()));
}

int sleep_for(const Words& words) {
    usleep(static_cast<useconds_t>(atof(word(words, 0, "1").c_str()) * 1e6));
    return 0;
}

/// Waits with every signal at its default action.
[[noreturn]] void wait_forever() {
    for (;;)
        pause();
}

int pause_command(const Words&) {
    wait_forever();
}

volatile sig_atomic_t received = 0;

/// Prints `ready`, then the name of the first signal that arrives, and ends with status 0.
int trap(const Words&) {
    for (int number = 1; number < 65; ++number) {
        if (number == SIGKILL || number == SIGSTOP || number == SIGCHLD) continue;
        signal(number, [](int which) { received = which; });
    }
    echo({"ready"});
    while (received == 0)
        usleep(2000);
    const char* name = sigabbrev_np(received);
    echo({name == nullptr ? std::to_string(received) : std::string("SIG") + name});
    return 0;
}

/// Prints `ready`, waits for SIGWINCH, prints the terminal's new size.
int resized(const Words&) {
    signal(SIGWINCH, [](int which) { received = which; });
    echo({"ready"});
    while (received == 0)
        usleep(2000);
    winsize size{};
    ioctl(0, TIOCGWINSZ, &size);
    print(Object().number("rows", size.ws_row).number("columns", size.ws_col));
    return 0;
}

/// Like pause, but ends with status 0 on SIGTERM: init of a pid namespace ignores what it does not handle.
int serve(const Words&) {
    signal(SIGTERM, [](int) { _exit(0); });
    echo({"ready"});
    wait_forever();
}

/// Prints 0, 1, 2, ... until it is stopped.
[[noreturn]] int count(const Words&) {
    for (int number = 0;; ++number) {
        echo({std::to_string(number)});
        usleep(20'000);
    }
}

/// Counts through a TCP connection with itself: what is printed was sent and received.
int count_through_tcp(const Words&) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* any = reinterpret_cast<sockaddr*>(&address);
    const int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const int sender = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (bind(listener, any, size) < 0 || listen(listener, 1) < 0 || getsockname(listener, any, &size) < 0) return 1;
    if (connect(sender, any, size) < 0) return 1;
    const int receiver = accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
    for (int number = 0;; ++number) {
        int arrived = -1;
        if (send(sender, &number, sizeof number, MSG_NOSIGNAL) < 0) break;
        if (recv(receiver, &arrived, sizeof arrived, MSG_WAITALL) != sizeof arrived) break;
        echo({std::to_string(arrived)});
        usleep(20'000);
    }
    echo({"the connection is broken"});
    return 0;
}

/// Holds a lock on a file.
int lock_file(const Words& words) {
    const int file = open(word(words, 0).c_str(), O_RDWR | O_CREAT, 0600);
    return file >= 0 && flock(file, LOCK_EX) == 0 ? 0 : 1;
}

/// N children that wait, each in a session of its own; the parent waits too.
int spawn(const Words& words) {
    const bool each_alone = word(words, 1, "") != "in-session";
    for (int n = atoi(word(words, 0, "1").c_str()); n > 0; --n) {
        if (fork() == 0) {
            if (each_alone) setsid();
            wait_forever();
        }
    }
    echo({"ready"});
    wait_forever();
}

/// A child that outlives this process.
int orphan(const Words&) {
    if (fork() == 0) {
        setsid();
        wait_forever();
    }
    return 0;
}

/// Uses that many bytes of memory, then waits.
int allocate(const Words& words) {
    const auto bytes = strtoul(word(words, 0).c_str(), nullptr, 10);
    auto* memory = static_cast<volatile char*>(malloc(bytes));
    for (unsigned long at = 0; memory != nullptr && at < bytes; at += 4096)
        memory[at] = 1;
    echo({"ready"});
    wait_forever();
}

int raise_signal(const Words& words) {
    int number = atoi(word(words, 0).c_str());
    signal(number, SIG_DFL);
    kill(getpid(), number);
    return 0;
}

long syscall_number(const std::string& name) {
    const struct {
        const char* name;
        long number;
    } kCalls[] = {
        {"getpid", SYS_getpid},
        {"getppid", SYS_getppid},
        {"getcwd", SYS_getcwd},
        {"mkdirat", SYS_mkdirat},
        {"unshare", SYS_unshare},
        {"setns", SYS_setns},
        {"mount", SYS_mount},
        {"umount2", SYS_umount2},
        {"swapon", SYS_swapon},
        {"reboot", SYS_reboot},
        {"keyctl", SYS_keyctl},
        {"personality", SYS_personality},
        {"sethostname", SYS_sethostname},
        {"clone3", SYS_clone3},
        {"sched_yield", SYS_sched_yield},
        {"fchmod", SYS_fchmod},
        {"close", SYS_close},
        {"dup", SYS_dup},
        {"getuid", SYS_getuid},
        {"setuid", SYS_setuid},
        {"nice", SYS_setpriority},
        {"ptrace", SYS_ptrace},
        {"bpf", SYS_bpf},
        {"socket", SYS_socket},
        {"lseek", SYS_lseek},
    };
    for (const auto& call : kCalls) {
        if (name == call.name) return call.number;
    }
    return atol(name.c_str());
}

/// syscall NAME|NUMBER [ARGUMENT...]: numbers only.
int raw_syscall(const Words& words) {
    long argument[6] = {};
    for (std::size_t i = 0; i < 6; ++i) {
        argument[i] = static_cast<long>(strtoull(word(words, i + 1, "0").c_str(), nullptr, 0));
    }
    long value = syscall(syscall_number(word(words, 0)), argument[0], argument[1], argument[2], argument[3],
                         argument[4], argument[5]);
    print(Object().error(value < 0 ? errno : 0).number("value", value));
    return 0;
}

std::string read_stdin() {
    std::string content;
    char buffer[4096];
    ssize_t n;
    while ((n = read(0, buffer, sizeof(buffer))) > 0)
        content.append(buffer, static_cast<std::size_t>(n));
    return content;
}

/// hook FILE TAG: appends what a hook saw (state on stdin, namespaces, environment, directory) as one line.
int hook(const Words& words) {
    char directory[4096] = "";
    if (getcwd(directory, sizeof(directory)) == nullptr) directory[0] = '\0';
    Words environment;
    for (char** entry = environ; *entry != nullptr; ++entry)
        environment.emplace_back(*entry);
    Object seen;
    std::string state = read_stdin();
    seen.text("tag", word(words, 1))
        .text("state", state)
        .text("cwd", directory)
        .texts("env", environment)
        .raw("ns", namespaces_json())
        .number("pid", getpid());
    std::string line = seen.str() + "\n";
    int fd = open(word(words, 0).c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0666);
    return fd >= 0 && write(fd, line.data(), line.size()) == static_cast<ssize_t>(line.size()) ? 0 : 1;
}

/// Output of another program's stdin, for pipes: copies stdin to stdout.
int cat(const Words&) {
    std::string content = read_stdin();
    return write(1, content.data(), content.size()) < 0 ? 1 : 0;
}

/// notify TEXT: as sd_notify(3).
int notify(const Words& words) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const char* path = getenv("NOTIFY_SOCKET");
    strncpy(address.sun_path, path == nullptr ? "" : path, sizeof(address.sun_path) - 1);
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    std::string text = word(words, 0);
    ssize_t n = sendto(fd, text.data(), text.size(), 0, reinterpret_cast<sockaddr*>(&address), sizeof(address));
    print(Object().error(n < 0 ? errno : 0));
    close(fd);
    return 0;
}

int argv_command(const Words&) {
    int errnum = 0;
    std::string raw = slurp("/proc/self/cmdline", errnum);
    Words list;
    for (std::size_t at = 0; at < raw.size(); at += strlen(raw.c_str() + at) + 1)
        list.emplace_back(raw.c_str() + at);
    print(Object().texts("argv", list));
    return 0;
}
}  // namespace

const Command kActionCommands[] = {
    {"echo", echo},           {"complain", complain},
    {"exit", exit_with},      {"sleep", sleep_for},
    {"pause", pause_command}, {"trap", trap},
    {"resized", resized},     {"serve", serve},
    {"count", count},         {"tcp", count_through_tcp},
    {"flock", lock_file},     {"spawn", spawn},
    {"orphan", orphan},       {"raise", raise_signal},
    {"syscall", raw_syscall}, {"notify", notify},
    {"hook", hook},           {"cat", cat},
    {"argv", argv_command},   {"allocate", allocate},
    {nullptr, nullptr},
};

}  // namespace probe
