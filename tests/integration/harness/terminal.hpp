// Terminals seen from outside: the socket that receives a container's pty, and a pty for a runtime in the foreground.
#pragma once

#include <filesystem>
#include <string>

#include "command.hpp"

namespace integration {

/// A listening console socket. Paths are short: sun_path holds 108 bytes.
class ConsoleSocket {
  public:
    explicit ConsoleSocket(const std::filesystem::path& path);
    ~ConsoleSocket();
    ConsoleSocket(const ConsoleSocket&) = delete;
    ConsoleSocket& operator=(const ConsoleSocket&) = delete;

    const std::string& path() const { return path_; }
    /// The pty master the runtime sent; -1 when none came in time. `data` is what came with it.
    int receive(std::string& data, double seconds = 10);

  private:
    std::string path_;
    int listener_ = -1;
};

/// Reads from a terminal until the text appears or the time is over; returns everything read.
std::string read_until(int terminal, const std::string& text, double seconds = 10);

struct WindowSize {
    unsigned short rows = 0, columns = 0;
};

/// A program whose standard descriptors and controlling terminal are a pty of ours.
class TerminalSession {
  public:
    TerminalSession(const Arguments& argv, WindowSize size);
    ~TerminalSession();
    TerminalSession(const TerminalSession&) = delete;
    TerminalSession& operator=(const TerminalSession&) = delete;

    int master() const { return master_; }
    pid_t pid() const { return pid_; }
    void type(const std::string& text) const;
    void resize(WindowSize size) const;
    /// Exit code (128 + signal); kills after the time and returns -1.
    int wait(double seconds = 20);

  private:
    int master_ = -1;
    pid_t pid_ = -1;
};

}  // namespace integration
