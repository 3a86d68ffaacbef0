// Where errors, warnings and notes go: the log of --log and standard error. Opened before anything can fail; from then
// on every way to fail, a crash included, leaves exactly one error line, the last one of the file.
#pragma once

#include <string>
#include <string_view>

#include "arca/log.hpp"
#include "cli/arguments.hpp"
#include "cli/log_target.hpp"

namespace arca::cli {

class Report final : public log::Sink {
  public:
    /// Opens the log of `request`. If that fails, says so on standard error and goes on without.
    Report(std::string banner, const LogRequest& request);
    ~Report() override;
    Report(const Report&) = delete;
    Report& operator=(const Report&) = delete;

    const std::string& banner() const { return banner_; }
    /// Least level that write() passes on. Errors only, until this is called: engines take a second line for garbage.
    void set_threshold(log::Level level) { threshold_ = level; }
    /// From now on a person at a terminal sees warnings too, whatever the threshold.
    void show_warnings_on_terminal();

    void write(log::Level level, std::string_view message) override;
    /// To standard error, whatever the threshold, and not to the log: about one of many things, while the run goes on.
    void notice(const std::string& message);
    /// The one line about why this run failed, to the log and to standard error.
    void failure(const std::string& message);

  private:
    std::string banner_;
    LogTarget target_;
    log::Level threshold_ = log::Level::Error;
    bool warnings_on_terminal_ = false;
};

/// /dev/null for each of 0, 1 and 2 that the caller closed: what is opened next must not become a standard stream.
void hold_standard_descriptors();

}  // namespace arca::cli
