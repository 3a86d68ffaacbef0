// spawn: starts the commands that bench/compare measures, and reads the clock around them.
//
// It is a process of its own because it has to be small: a child's peak memory never reads lower than that of the
// process which started it, and starting one from a large process costs time. It knows nothing of containers, but
// as a child subreaper it inherits what a runtime leaves behind, like an engine's shim.
//
// Requests come on standard input, one a line, fields separated by the byte 0x1f; each is answered by one line:
//   time CWD OUTPUT ARGV...    runs to the end: "wall_ns user_us system_us maxrss_kb status";
//                              killed if there is no end in sight
//   start CWD OUTPUT ARGV...   "pid"
//   gone PID TIMEOUT_MS        "1" once the process has ended, "0" if it has not within that time
//   queue CWD OUTPUT ARGV...   keeps the command for `drain`: "queued"
//   drain WORKERS              runs what is queued, WORKERS at a time: "wall_ns user_us system_us failed"
// Standard input of a command is /dev/null, both outputs are appended to OUTPUT.

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <set>
#include <string>
#include <vector>

namespace {

constexpr char kSeparator = 0x1f;
constexpr int kCannotPrepare = 125;
constexpr int kCannotExecute = 127;
constexpr unsigned kTimeoutSeconds = 120;

struct Ending {
    pid_t pid = -1;
    int status = 0;
    rusage usage{};
};

std::set<pid_t> orphans_reaped;
volatile pid_t timed_pid = 0;

long long now_ns() {
    timespec t{};
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1'000'000'000LL + t.tv_nsec;
}

long long microseconds(const timeval& t) {
    return t.tv_sec * 1'000'000LL + t.tv_usec;
}

int exit_code(int status) {
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

std::vector<char*> split(char* line) {
    std::vector<char*> fields{line};
    for (char* p = line; (p = std::strchr(p, kSeparator)) != nullptr;) {
        *p++ = '\0';
        fields.push_back(p);
    }
    fields.push_back(nullptr);
    return fields;
}

// After a vfork: nothing but system calls, on what was prepared before.
[[noreturn]] void become(char* const* request) {
    const int input = open("/dev/null", O_RDONLY | O_CLOEXEC);
    const int output = open(request[1], O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    if (chdir(request[0]) != 0 || dup2(input, 0) < 0 || dup2(output, 1) < 0 || dup2(output, 2) < 0)
        _exit(kCannotPrepare);
    execvp(request[2], request + 2);
    _exit(kCannotExecute);
}

pid_t start(char* const* request) {
    const pid_t pid = vfork();
    if (pid == 0) become(request);
    orphans_reaped.erase(pid);  // the number may have been an orphan's before
    return pid;
}

Ending wait_for(pid_t pid) {
    Ending end;
    while (end.pid != pid) {
        end.pid = wait4(-1, &end.status, 0, &end.usage);
        if (end.pid < 0) return {pid, kCannotPrepare << 8, {}};
        if (end.pid != pid) orphans_reaped.insert(end.pid);
    }
    return end;
}

void reap_orphans() {
    for (pid_t pid; (pid = waitpid(-1, nullptr, WNOHANG)) > 0;)
        orphans_reaped.insert(pid);
}

bool is_gone_within(pid_t pid, int timeout_ms) {
    reap_orphans();
    if (orphans_reaped.erase(pid) != 0) return true;
    const int fd = static_cast<int>(syscall(SYS_pidfd_open, pid, 0));
    if (fd < 0) return true;
    pollfd ended{fd, POLLIN, 0};
    const bool gone = poll(&ended, 1, timeout_ms) == 1;
    close(fd);
    reap_orphans();
    orphans_reaped.erase(pid);
    return gone;
}

void answer(long long begin_ns, const Ending& end) {
    const long long wall_ns = now_ns() - begin_ns;
    std::printf("%lld %lld %lld %ld %d\n", wall_ns, microseconds(end.usage.ru_utime), microseconds(end.usage.ru_stime),
                end.usage.ru_maxrss, exit_code(end.status));
}

void kill_timed(int) {
    kill(timed_pid, SIGKILL);
}

Ending run(char* const* request) {
    timed_pid = start(request);
    alarm(kTimeoutSeconds);
    const Ending end = wait_for(timed_pid);
    alarm(0);
    return end;
}

// The fields of queued requests, each its own copy of the line.
std::vector<std::vector<std::string>> queued;

pid_t start(std::vector<std::string>& request) {
    std::vector<char*> fields;
    for (auto& field : request)
        fields.push_back(field.data());
    fields.push_back(nullptr);
    return start(fields.data());
}

void drain(unsigned workers) {
    const long long begin_ns = now_ns();
    std::set<pid_t> running;
    long long user_us = 0, system_us = 0;
    int failed = 0;
    for (size_t next = 0; next < queued.size() || !running.empty();) {
        while (next < queued.size() && running.size() < workers)
            running.insert(start(queued[next++]));
        Ending end;
        end.pid = wait4(-1, &end.status, 0, &end.usage);
        if (end.pid < 0) break;
        if (running.erase(end.pid) == 0) continue;  // an orphan
        user_us += microseconds(end.usage.ru_utime);
        system_us += microseconds(end.usage.ru_stime);
        if (exit_code(end.status) != 0) ++failed;
    }
    std::printf("%lld %lld %lld %d\n", now_ns() - begin_ns, user_us, system_us, failed);
    queued.clear();
}

void serve(const std::vector<char*>& request) {
    const long long begin_ns = now_ns();
    const auto is = [&](const char* name, size_t fields) {
        return std::strcmp(request[0], name) == 0 && request.size() > fields;
    };
    if (is("time", 4)) {
        answer(begin_ns, run(&request[1]));
    } else if (is("start", 4)) {
        std::printf("%d\n", start(&request[1]));
    } else if (is("gone", 3)) {
        std::printf("%d\n", is_gone_within(std::atoi(request[1]), std::atoi(request[2])) ? 1 : 0);
    } else if (is("queue", 4)) {
        queued.emplace_back(request.begin() + 1, request.end() - 1);
        std::printf("queued\n");
    } else if (is("drain", 2)) {
        drain(static_cast<unsigned>(std::atoi(request[1])));
    } else {
        std::printf("unknown request\n");
    }
    std::fflush(stdout);
}

}  // namespace

int main() {
    prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
    signal(SIGALRM, kill_timed);
    char* line = nullptr;
    size_t capacity = 0;
    for (ssize_t length; (length = getline(&line, &capacity, stdin)) > 0;) {
        line[length - 1] = '\0';
        serve(split(line));
    }
    std::free(line);
}
