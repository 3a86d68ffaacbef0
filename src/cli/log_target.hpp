// Where log lines go: standard error, a file, the system's log or systemd's journal. Opened once, before anything else
// can fail.
#pragma once

#include <string>
#include <string_view>

#include "arca/log.hpp"
#include "cli/arguments.hpp"

namespace arca::cli {

/// The sockets of the two daemons.
struct LogSockets {
    std::string syslog = "/dev/log";
    std::string journal = "/run/systemd/journal/socket";
};

class LogTarget {
  public:
    explicit LogTarget(const LogRequest& request, const LogSockets& sockets = {});
    ~LogTarget();
    LogTarget(const LogTarget&) = delete;
    LogTarget& operator=(const LogTarget&) = delete;

    /// Why what was asked for could not be opened, errno by name; empty when it could. Standard error takes its place.
    const std::string& problem() const { return problem_; }
    bool is_standard_error() const { return descriptor_ < 0; }
    /// Where a line that was made elsewhere may be appended as it is: the file, or standard error.
    int file() const;
    LogFormat format() const { return format_; }

    /// `message` is printable: one line. What cannot be written has nobody to be reported to.
    void write(log::Level level, std::string_view message) const;

  private:
    std::string line(log::Level level, std::string_view message) const;

    LogRequest::Kind kind_;
    LogFormat format_;
    std::string identifier_;
    std::string problem_;
    int descriptor_ = -1;
};

/// One message of syslog's protocol (RFC 3164, of the facility "user"). Its time is that of its arrival.
std::string syslog_message(const std::string& identifier, int pid, log::Level level, std::string_view message);
/// One entry of the journal's native protocol (systemd's JOURNAL_NATIVE_PROTOCOL). The identifier is a field ID too,
/// where those who know crun look for it.
std::string journal_entry(const std::string& identifier, log::Level level, std::string_view message);

/// A whole line to a descriptor; a reader that went away or a full file costs a line, not our life.
void write_line(int descriptor, std::string_view line);

}  // namespace arca::cli
