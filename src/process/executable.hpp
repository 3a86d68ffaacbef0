// Finding the program, and saying why it cannot be run.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "sys/root_dir.hpp"

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
/// ENOEXEC), the cause follows as the hint. Runs inside the container, before seccomp; or after it, in a copy of the
/// process's view.
Error explain_exec_failure(const std::string& path, int errnum);

/// Looks before the leap: what execve would fail with for reasons that can be seen beforehand (interpreter or loader
/// absent, CRLF, format, mount flags). 0 when nothing is wrong. Called by init before the filter is loaded, because
/// after it nothing can be looked at.
Result<> check_executable(const std::string& path);

}  // namespace arca::process
