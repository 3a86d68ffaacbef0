// Finding the program, and saying why it cannot be run.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace arca::process {

/// Path of the program for execve(2), as seen from inside: argv[0] when it holds a slash, else the first match in PATH
/// (of the process's environment). Runs inside the container with the final user's rights, cwd set. Errors:
/// ExecNotFound, with the text `exec: "NAME": executable file not found in $PATH` or `exec: "PATH": no such file or
/// directory`; ExecPermission with `... permission denied` (no x bit, a directory: `is a directory` too).
Result<std::string> find_executable(const std::string& argument, std::string_view path_variable);

/// Why execve(2) of `path` failed with `errnum`: opens the file, reads its first bytes and says which of these it is:
/// interpreter of a script absent, carriage return after the interpreter, ELF loader absent, other architecture, empty
/// file, text without "#!", truncated ELF, directory, no x bit, mount with noexec. The error's code is ExecNotFound,
/// ExecPermission or ExecFailed, its text keeps the phrase engines look for
/// (`exec "/run.sh": no such file or directory` for ENOENT, `permission denied` for EACCES, `exec format error` for
/// ENOEXEC), the cause follows as the hint. Runs inside the container.
Error explain_exec_failure(const std::string& path, int errnum);

/// The same without a look, for when none can be had: code and phrase, no cause.
Error describe_exec_failure(const std::string& path, int errnum);

/// Looks before the leap: what execve(2) would most likely fail with, worded as explain_exec_failure; nothing when
/// nothing is wrong. After seccomp is loaded nothing can be looked at, so init asks before, and sends this when execve
/// does fail. A handful of system calls.
std::optional<Error> foresee_exec_failure(const std::string& path);

/// The same as a verdict: only what is certain. A format that the kernel itself does not run is not: a binfmt_misc
/// handler (qemu-user) may take it.
Result<> check_executable(const std::string& path);

}  // namespace arca::process
