// Errors as values. An Error says what was tried, where (step, config entry), why (errno by name) and, when evidence
// was looked at, what to do about it. It is printed once, by the command line.
#pragma once

#include <cstdint>
#include <expected>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "arca/step.hpp"

namespace arca {

/// What kind of failure this is. Code is what programs match on; texts are for people (and for the engines whose
/// patterns src/cli/output.cpp keeps).
enum class Code : std::uint16_t {
    Internal,           ///< a bug in arca
    Usage,              ///< the command line is wrong
    InvalidConfig,      ///< config.json or another input file is wrong
    Unsupported,        ///< legal, but not carried out by this version or this host
    ContainerNotFound,  ///< no container of that id
    ContainerExists,    ///< the id is taken
    WrongState,         ///< the container is not in a state in which this can be done
    NotRunning,         ///< the container's process has ended
    ExecNotFound,       ///< the program to run is absent (engines map this to 127)
    ExecPermission,     ///< the program to run may not be executed (126)
    ExecFailed,         ///< the kernel refused the program for another reason
    HookFailed,
    InitDied,  ///< a process of the launch ended without a word
    Timeout,
    BadState,  ///< the state on disk cannot be read
    System,    ///< a system call failed; errnum says how
};

std::string_view name(Code code);

class [[nodiscard]] Error {
  public:
    Error(Code code, std::string what, int errnum = 0);

    Code code() const { return detail_->code; }
    /// The errno of the system call that failed; 0 when no system call is to blame.
    int errnum() const { return detail_->errnum; }
    Step step() const { return detail_->step; }
    const std::string& what() const { return detail_->what; }
    /// JSON pointer of the entry of config.json that is to blame; empty when none is.
    const std::string& pointer() const { return detail_->pointer; }
    const std::string& hint() const { return detail_->hint; }
    const std::vector<std::string>& context() const { return detail_->context; }
    /// What the hint was found in, line by line, where it is too long for a message: for the log, at debug level.
    const std::string& evidence() const { return detail_->evidence; }

    /// Adds an outer frame ("mounting /mounts/7 at /x"). Frames print outermost first.
    Error&& with(std::string frame) &&;
    Error&& at(std::string json_pointer) &&;
    Error&& in(Step step) &&;
    Error&& as(Code code) &&;
    /// One sentence that follows from something that was looked at, never from a guess.
    Error&& hinting(std::string sentence) &&;
    /// Another failure, of what was done because of this one: it is told, and changes nothing else.
    Error&& also(std::string failure) &&;
    /// Sets evidence().
    Error&& showing(std::string evidence) &&;

    /// One line: frames, innermost text, errno in words and by name, pointer, hint, what failed because of it.
    std::string message() const;

  private:
    struct Detail {
        Code code;
        int errnum;
        Step step;
        std::string what;
        std::vector<std::string> context;
        std::string pointer;
        std::string hint;
        std::vector<std::string> also;
        std::string evidence;
    };
    std::unique_ptr<Detail> detail_;
};

template<class T = void>
using Result = std::expected<T, Error>;

/// The errno in words that no engine mistakes for "the program is missing" (podman and docker classify by the C
/// library's phrases), with its name: `absent (ENOENT)`.
std::string describe_errno(int errnum);
std::string errno_name(int errnum);

}  // namespace arca
