// Runs a program and keeps what it said. Standard output and error go to files, not to pipes: a container keeps the
// runtime's descriptors after the runtime has ended, and reading a pipe to its end would wait for the container.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace integration {

using Arguments = std::vector<std::string>;

struct Output {
    int status = -1;  ///< exit code; 128 + signal when a signal ended the program
    bool timed_out = false;
    std::string out;
    std::string err;
    std::string command;  ///< for messages

    bool ok() const { return status == 0; }
    /// Standard output and error together.
    std::string text() const { return out + err; }
};

/// For messages of assertions: EXPECT_TRUE(output.ok()) << output.
std::ostream& operator<<(std::ostream& stream, const Output& output);

/// Whether processes that were reparented to us are reaped while we wait, as a container's shim does all the time: init
/// of a pid namespace does not end before every process of the namespace is reaped (pid_namespaces(7)).
enum class Reaping { Leave, Adopted };

/// Reaps every dead child that is no Running; remembers the status for adopted_status().
void reap_adopted();
/// Status of a process that was reparented to us and has ended, -1 when it has not. 128 + signal as in Output.
int adopted_status(pid_t pid);
/// Children of ours that are no Running, zombies included.
std::vector<pid_t> adopted_children();

/// A program in the background. Killed and reaped when it goes out of scope.
class Running {
  public:
    Running(pid_t pid, std::string command, std::filesystem::path out, std::filesystem::path err);
    Running(Running&& other) noexcept;
    Running& operator=(Running&&) = delete;
    ~Running();

    pid_t pid() const { return pid_; }
    std::string out() const;
    std::string err() const;
    void signal(int number) const;
    /// Waits for the end; kills the program (and fails the test) after the time.
    Output wait(double seconds, Reaping reaping = Reaping::Leave);

  private:
    pid_t pid_;
    std::string command_;
    std::filesystem::path out_, err_;
};

class Command {
  public:
    explicit Command(Arguments argv);

    Command& input(std::string text);
    Command& variable(const std::string& name, const std::string& value);
    Command& without_environment();
    Command& directory(std::filesystem::path path);
    /// The program finds a duplicate of our descriptor `ours` as its descriptor `theirs`.
    Command& descriptor(int theirs, int ours);
    Command& timeout(double seconds);
    /// Another program starts it: its words come first.
    Command& launched_by(Arguments words);
    /// LISTEN_PID is only known after the fork; sets it to the program's pid.
    Command& with_listen_pid();
    /// Where standard output goes to; made when it does not exist, appended to when it does.
    Command& output_files(std::filesystem::path out, std::filesystem::path err);

    Output run(Reaping reaping = Reaping::Leave);
    Running start();

  private:
    [[noreturn]] void become(int in, int out, int err);

    Arguments argv_;
    std::map<std::string, std::string> environment_;
    std::string input_;
    bool has_input_ = false;
    bool listen_pid_ = false;
    std::filesystem::path directory_;
    std::vector<std::pair<int, int>> descriptors_;
    double timeout_s_ = 30;
    std::filesystem::path out_, err_;
};

}  // namespace integration
