#include "command.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/close_range.h>
#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <set>
#include <sstream>

#include "files.hpp"

namespace integration {

namespace {
std::string joined(const Arguments& argv) {
    std::string text;
    for (const auto& word : argv)
        text += (text.empty() ? "" : " ") + word;
    return text;
}

/// Files for the output of programs that say nothing else; removed with the process's last test.
std::filesystem::path scratch_file(const char* kind) {
    static TemporaryDirectory directory;
    static int count = 0;
    return directory.path() / (kind + std::to_string(count++));
}

int decode(int status) {
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

std::set<pid_t>& running_pids() {
    static std::set<pid_t> pids;
    return pids;
}

std::map<pid_t, int>& adopted_statuses() {
    static std::map<pid_t, int> statuses;
    return statuses;
}

/// False when the time is over before the process ends.
bool await(int pidfd, double seconds, Reaping reaping) {
    pollfd ended{pidfd, POLLIN, 0};
    if (reaping == Reaping::Leave) return poll(&ended, 1, static_cast<int>(seconds * 1000)) == 1;
    for (int left = static_cast<int>(seconds * 100); left > 0; --left) {
        if (poll(&ended, 1, 10) == 1) return true;
        reap_adopted();
    }
    return false;
}

void expect_clean(const Output& output) {
    for (const char* mark : {"AddressSanitizer", "LeakSanitizer", ": runtime error: "}) {
        if (contains(output.err, mark)) ADD_FAILURE() << "sanitizer report:\n" << output;
    }
}
}  // namespace

std::vector<pid_t> adopted_children() {
    std::vector<pid_t> list;
    std::string pid = std::to_string(getpid());
    std::istringstream words(read_file("/proc/" + pid + "/task/" + pid + "/children"));
    for (pid_t child; words >> child;) {
        if (!running_pids().contains(child)) list.push_back(child);
    }
    return list;
}

void reap_adopted() {
    for (pid_t child : adopted_children()) {
        int status = 0;
        if (waitpid(child, &status, WNOHANG) == child) adopted_statuses()[child] = decode(status);
    }
}

int adopted_status(pid_t pid) {
    reap_adopted();
    auto found = adopted_statuses().find(pid);
    return found == adopted_statuses().end() ? -1 : found->second;
}

std::ostream& operator<<(std::ostream& stream, const Output& output) {
    return stream << "$ " << output.command << "\nstatus " << output.status << (output.timed_out ? " (timed out)" : "")
                  << "\nstdout: " << output.out << "\nstderr: " << output.err;
}

Running::Running(pid_t pid, std::string command, std::filesystem::path out, std::filesystem::path err)
    : pid_(pid), command_(std::move(command)), out_(std::move(out)), err_(std::move(err)) {
    running_pids().insert(pid);
}

Running::Running(Running&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)),
      command_(std::move(other.command_)),
      out_(std::move(other.out_)),
      err_(std::move(other.err_)) {}

Running::~Running() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
    running_pids().erase(pid_);
}

std::string Running::out() const {
    return read_file(out_);
}
std::string Running::err() const {
    return read_file(err_);
}
void Running::signal(int number) const {
    ::kill(pid_, number);
}

Output Running::wait(double seconds, Reaping reaping) {
    Output output;
    output.command = command_;
    int pidfd = static_cast<int>(syscall(SYS_pidfd_open, pid_, 0));
    output.timed_out = !await(pidfd, seconds, reaping);
    close(pidfd);
    if (output.timed_out) ::kill(pid_, SIGKILL);
    int status = 0;
    waitpid(pid_, &status, 0);
    running_pids().erase(std::exchange(pid_, -1));
    output.status = decode(status);
    output.out = out();
    output.err = err();
    if (output.timed_out) ADD_FAILURE() << "timed out after " << seconds << " s: " << output;
    expect_clean(output);
    return output;
}

Command::Command(Arguments argv) : argv_(std::move(argv)) {
    environment_["PATH"] = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
    for (const char* name : {"XDG_RUNTIME_DIR", "DBUS_SESSION_BUS_ADDRESS", "ASAN_OPTIONS", "UBSAN_OPTIONS"}) {
        if (const char* value = std::getenv(name)) environment_[name] = value;
    }
}

Command& Command::input(std::string text) {
    input_ = std::move(text);
    has_input_ = true;
    return *this;
}

Command& Command::variable(const std::string& name, const std::string& value) {
    environment_[name] = value;
    return *this;
}

Command& Command::without_environment() {
    environment_.clear();
    return *this;
}

Command& Command::directory(std::filesystem::path path) {
    directory_ = std::move(path);
    return *this;
}

Command& Command::descriptor(int theirs, int ours) {
    descriptors_.emplace_back(theirs, ours);
    return *this;
}

Command& Command::launched_by(Arguments words) {
    argv_.insert(argv_.begin(), words.begin(), words.end());
    return *this;
}

Command& Command::timeout(double seconds) {
    timeout_s_ = seconds;
    return *this;
}

Command& Command::with_listen_pid() {
    listen_pid_ = true;
    return *this;
}

Command& Command::output_files(std::filesystem::path out, std::filesystem::path err) {
    out_ = std::move(out);
    err_ = std::move(err);
    return *this;
}

Output Command::run(Reaping reaping) {
    return start().wait(timeout_s_, reaping);
}

Running Command::start() {
    if (out_.empty()) output_files(scratch_file("out"), scratch_file("err"));
    int in = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (has_input_) {
        auto path = scratch_file("in");
        write_file(path, input_);
        close(std::exchange(in, open(path.c_str(), O_RDONLY | O_CLOEXEC)));
    }
    int out = open(out_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    int err = open(err_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    pid_t pid = fork();
    if (pid == 0) become(in, out, err);
    for (int fd : {in, out, err})
        close(fd);
    return {pid, joined(argv_), out_, err_};
}

void Command::become(int in, int out, int err) {
    setsid();
    // First above every number that may be asked for, then down to it.
    std::vector<std::pair<int, int>> wanted = {{0, in}, {1, out}, {2, err}};
    wanted.insert(wanted.end(), descriptors_.begin(), descriptors_.end());
    for (auto& entry : wanted)
        entry.second = fcntl(entry.second, F_DUPFD_CLOEXEC, 200);
    syscall(SYS_close_range, 3, 199, 0);
    for (const auto& [theirs, ours] : wanted)
        dup2(ours, theirs);
    syscall(SYS_close_range, 200, ~0U, 0);
    if (!directory_.empty() && chdir(directory_.c_str()) != 0) _exit(126);
    if (listen_pid_) environment_["LISTEN_PID"] = std::to_string(getpid());
    std::vector<std::string> entries;
    for (const auto& [name, value] : environment_)
        entries.push_back(name + "=" + value);
    std::vector<char*> argv, envp;
    for (auto& word : argv_)
        argv.push_back(word.data());
    for (auto& entry : entries)
        envp.push_back(entry.data());
    argv.push_back(nullptr);
    envp.push_back(nullptr);
    execvpe(argv[0], argv.data(), envp.data());
    _exit(127);
}

}  // namespace integration
