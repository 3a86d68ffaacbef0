#include "process/executable.hpp"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/statvfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "process/program_format.hpp"
#include "sys/syscalls.hpp"

namespace arca::process {

namespace {
constexpr int kMaximalInterpreters = 4;  // scripts that are interpreters of scripts: the kernel follows five

/// One reason for which execve(2) will fail.
struct Cause {
    enum class Certainty : std::uint8_t { Certain, UnlessHandled };
    int errnum = 0;
    std::string text;
    Certainty certainty = Certainty::Certain;
};
using MaybeCause = std::optional<Cause>;

std::string quoted(std::string_view path) {
    return text::cat("\"", text::printable(path), "\"");
}

// With the rights that execve will use: access(2) would ask for the real uid and drop capabilities.
int execute_access(const std::string& path) {
    if (::faccessat(AT_FDCWD, path.c_str(), X_OK, AT_EACCESS) == 0) return 0;
    return errno == EPERM || errno == ENOSYS ? 0 : errno;  // an outer seccomp filter without faccessat2: not known
}

// What is wrong with one component of a path; empty: nothing.
std::string explain_component(const std::string& path) {
    struct stat status {};
    if (::lstat(path.c_str(), &status) < 0) return errno == ENOENT ? " is absent" : " cannot be reached";
    if (::stat(path.c_str(), &status) < 0) {
        if (errno == ELOOP) return " is a loop of symbolic links";
        auto target = sys::readlinkat(sys::FdRef::working_directory(), path);
        return text::cat(" is a symbolic link to ", quoted(target.value_or("?")), ", which is absent");
    }
    return {};
}

std::string explain_folder(const std::string& path) {
    auto problem = explain_component(path);
    struct stat status {};
    if (!problem.empty() || ::stat(path.c_str(), &status) < 0) return problem;
    if (!S_ISDIR(status.st_mode)) return " is a file where a folder is needed";
    if (execute_access(path) != 0) return text::cat(" may not be entered by uid ", ::geteuid());
    return {};
}

// Why stat(2) of `path` has failed: the first component that stops the lookup.
std::string explain_lookup(const std::string& path, const std::string& subject) {
    for (auto end = path.find('/', 1); end != std::string::npos; end = path.find('/', end + 1)) {
        const auto folder = path.substr(0, end);
        const auto problem = explain_folder(folder);
        if (problem.empty()) continue;
        if (subject == quoted(path)) return quoted(folder) + problem;
        return problem == " is absent" ? subject + problem
                                       : text::cat(subject, " cannot be reached: ", quoted(folder), problem);
    }
    return subject + explain_component(path);
}

std::string explain_mode(const struct stat& status) {
    const auto mode = status.st_mode & 07777;
    if ((mode & 0111) == 0) return text::cat(" has no execute bit (mode ", text::octal(mode), ")");
    return text::cat(" has no execute bit for uid ", ::geteuid(), " (mode ", text::octal(mode), ", owner ",
                     status.st_uid, ":", status.st_gid, ")");
}

/// Whether the file is there and may be executed, whatever its content.
MaybeCause find_access_cause(const std::string& path, const std::string& subject) {
    struct stat status {};
    if (::stat(path.c_str(), &status) < 0) {
        const int errnum = errno;
        return Cause{errnum, explain_lookup(path, subject)};
    }
    if (S_ISDIR(status.st_mode)) return Cause{EACCES, subject + " is a directory"};
    if (!S_ISREG(status.st_mode)) return Cause{EACCES, subject + " is not a regular file"};
    const int errnum = execute_access(path);
    if (errnum == 0) return std::nullopt;
    struct statvfs mount {};
    if (::statvfs(path.c_str(), &mount) == 0 && (mount.f_flag & ST_NOEXEC) != 0)
        return Cause{errnum, subject + " is on a mount with noexec"};
    return Cause{errnum, subject + explain_mode(status)};
}

Result<ProgramFormat> read_format(const std::string& path) {
    return read_program_format(TRY(sys::open(path, O_RDONLY | O_NOCTTY | O_NONBLOCK)));
}

std::string_view built_for(std::string_view loader) {
    if (loader.find("ld-musl") != std::string_view::npos) return ": the program was built for musl";
    if (loader.find("ld-linux") != std::string_view::npos || loader.find("ld64.so") != std::string_view::npos)
        return ": the program was built for glibc";
    return {};
}

MaybeCause find_loader_cause(const ProgramFormat& program, const std::string& subject) {
    const auto loader = text::cat("ELF loader ", quoted(program.interpreter), " of ", subject);
    auto cause = find_access_cause(program.interpreter, loader);
    if (cause && cause->errnum == ENOENT) cause->text += built_for(program.interpreter);
    if (cause) return cause;
    auto format = read_format(program.interpreter);
    if (format && format->kind != ProgramKind::Elf) return Cause{ELIBBAD, loader + " is not an ELF file"};
    if (format && !format->problem.empty()) return Cause{ELIBBAD, text::cat(loader, " ", format->problem)};
    return std::nullopt;
}

MaybeCause find_content_cause(const std::string& path, const std::string& subject, int depth);

MaybeCause find_interpreter_cause(const ProgramFormat& script, const std::string& subject, int depth) {
    const auto name = text::cat("interpreter ", quoted(script.interpreter), " of ", subject);
    auto cause = find_access_cause(script.interpreter, name);
    if (cause && script.interpreter.ends_with('\r'))
        cause->text = text::cat("the first line of ", subject, " ends in a carriage return (Windows line ends): the ",
                                "kernel looks for an interpreter ", quoted(script.interpreter));
    if (cause || depth >= kMaximalInterpreters) return cause;
    return find_content_cause(script.interpreter, name, depth + 1);
}

/// Why a file that may be executed cannot be.
MaybeCause find_content_cause(const std::string& path, const std::string& subject, int depth) {
    auto format = read_format(path);
    if (!format) return std::nullopt;  // executable, but not readable
    if (format->kind == ProgramKind::Script && format->problem.empty())
        return find_interpreter_cause(*format, subject, depth);
    if (format->kind == ProgramKind::Elf && format->machine != Machine::Foreign && !format->interpreter.empty()) {
        auto cause = find_loader_cause(*format, subject);
        if (cause && format->machine == Machine::Compatible) cause->certainty = Cause::Certainty::UnlessHandled;
        if (cause) return cause;
    }
    if (format->problem.empty()) return std::nullopt;
    // What the kernel may well run (32-bit programs) is only explained once it has refused.
    return Cause{ENOEXEC, text::cat(subject, " ", format->problem), Cause::Certainty::UnlessHandled};
}

MaybeCause find_cause(const std::string& path) {
    auto cause = find_access_cause(path, quoted(path));
    if (cause) return cause;
    return find_content_cause(path, quoted(path), 1);
}

// The phrases are those by which docker and podman choose their exit codes 127 and 126.
Error exec_error(std::string_view prefix, int errnum) {
    switch (errnum) {
        case ENOENT:
        case ENOTDIR:
            return {Code::ExecNotFound, text::cat(prefix, ": no such file or directory")};
        case EACCES:
            return {Code::ExecPermission, text::cat(prefix, ": permission denied")};
        case EPERM:
            return {Code::ExecPermission, text::cat(prefix, ": operation not permitted")};
        case ENOEXEC:
            return {Code::ExecFailed, text::cat(prefix, ": exec format error")};
        default:
            return {Code::ExecFailed, std::string(prefix), errnum};
    }
}

// That a path is absent is what the phrase says already.
std::string hint_of(const Cause& cause, const std::string& path) {
    return cause.text == quoted(path) + " is absent" ? std::string() : cause.text;
}

bool is_same_failure(int a, int b) {
    return a == b || ((a == ENOENT || a == ENOTDIR) && (b == ENOENT || b == ENOTDIR));
}

// Failures that do not come from what the file is.
std::string explain_other(const std::string& path, int errnum) {
    if (errnum == EPERM && ::getxattr(path.c_str(), "security.capability", nullptr, 0) > 0)
        return text::cat(quoted(path), " has file capabilities that the container's bounding set may lack");
    if (errnum == ETXTBSY) return text::cat(quoted(path), " is open for writing");
    if (errnum != E2BIG) return {};
    rlimit stack{};
    ::getrlimit(RLIMIT_STACK, &stack);
    return text::cat("arguments and environment may take a quarter of RLIMIT_STACK, which is ", stack.rlim_cur,
                     " bytes, at most 6 MiB, and 128 KiB each");
}

Result<std::string> search_path(const std::string& name, std::string_view path_variable) {
    MaybeCause found;
    for (auto directory : text::split(path_variable, ':')) {
        if (path_variable.empty()) break;
        auto candidate = text::cat(directory.empty() ? "." : directory, "/", name);  // an empty entry: the cwd
        struct stat status {};
        if (name.empty() || ::stat(candidate.c_str(), &status) < 0 || S_ISDIR(status.st_mode)) continue;
        auto cause = find_access_cause(candidate, quoted(candidate));
        if (!cause) return candidate;
        if (!found) found = std::move(cause);
    }
    Error error(Code::ExecNotFound, text::cat("exec: ", quoted(name), ": executable file not found in $PATH"));
    if (found) return fail(std::move(error).hinting(found->text));
    if (path_variable.empty()) return fail(std::move(error).hinting("the environment has no PATH"));
    return fail(std::move(error));
}
}  // namespace

Result<std::string> find_executable(const std::string& argument, std::string_view path_variable) {
    if (argument.find('/') == std::string::npos) return search_path(argument, path_variable);
    auto cause = find_access_cause(argument, quoted(argument));
    if (!cause) return argument;
    return fail(exec_error(text::cat("exec: ", quoted(argument)), cause->errnum).hinting(hint_of(*cause, argument)));
}

Error describe_exec_failure(const std::string& path, int errnum) {
    return exec_error(text::cat("exec ", quoted(path)), errnum);
}

Error explain_exec_failure(const std::string& path, int errnum) {
    auto error = describe_exec_failure(path, errnum);
    auto cause = find_cause(path);
    if (cause && is_same_failure(cause->errnum, errnum)) return std::move(error).hinting(hint_of(*cause, path));
    return std::move(error).hinting(explain_other(path, errnum));
}

std::optional<Error> foresee_exec_failure(const std::string& path) {
    auto cause = find_cause(path);
    if (!cause) return std::nullopt;
    return describe_exec_failure(path, cause->errnum).hinting(hint_of(*cause, path));
}

Result<> check_executable(const std::string& path) {
    auto cause = find_cause(path);
    if (!cause || cause->certainty != Cause::Certainty::Certain) return {};
    return fail(describe_exec_failure(path, cause->errnum).hinting(hint_of(*cause, path)));
}

}  // namespace arca::process
