#include "process/descriptors.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <climits>

#include "sys/descriptor_table.hpp"
#include "sys/fd.hpp"
#include "sys/syscalls.hpp"

namespace arca::process {

namespace {
constexpr unsigned kFirst = 3;

// The errors of fchown(2) that mean "this is not ours to give": owned by an id that is not mapped in our user namespace
// (EINVAL, EPERM), a read-only mount, a descriptor that is closed or O_PATH.
bool may_be_left(int errnum) {
    return errnum == EINVAL || errnum == EPERM || errnum == EROFS || errnum == EBADF || errnum == EOPNOTSUPP;
}
}  // namespace

Result<> check_preserved(unsigned count) {
    for (unsigned i = 0; i < count; ++i) {
        const auto number = static_cast<std::uint64_t>(kFirst) + i;
        if (number > INT_MAX || ::fcntl(static_cast<int>(number), F_GETFD) < 0)
            return fail(Code::Usage, text::cat("descriptor ", number, " is not open, but descriptors 3 to ",
                                               std::uint64_t{count} + kFirst - 1, " are to be preserved"));
    }
    return {};
}

Result<> close_others(std::vector<int> keep, unsigned preserved) {
    std::erase_if(keep, [](int fd) { return fd < 0; });
    for (unsigned i = 0; i < preserved; ++i)
        keep.push_back(static_cast<int>(kFirst + i));
    return sys::close_all_except(std::move(keep));
}

// Verified by a descriptor that is left open on purpose: what the call did to it, it did to all. Listing them would
// need a /proc that can be trusted.
Result<> keep_first(unsigned count) {
    for (unsigned i = 0; i < count; ++i)
        TRY(sys::keep_over_exec(sys::FdRef(static_cast<int>(kFirst + i))));
    const sys::Fd witness(::fcntl(STDIN_FILENO, F_DUPFD, kFirst + count));
    TRY(sys::close_on_exec_from(kFirst + count));
    if (witness && (::fcntl(witness.number(), F_GETFD) & FD_CLOEXEC) == 0)
        return fail(Code::System, "reading a descriptor's flags back: it would stay open in the program");
    return {};
}

Result<> give_stdio_to(unsigned uid) {
    for (int number = 0; number < static_cast<int>(kFirst); ++number) {
        struct stat status {};
        if (::fstat(number, &status) < 0 || status.st_uid == uid) continue;
        // /dev/null and terminals belong to everybody or to the caller; a pipe, a socket or a log file was made for us.
        if (S_ISCHR(status.st_mode) || S_ISBLK(status.st_mode)) continue;
        if (::fchown(number, uid, static_cast<gid_t>(-1)) < 0 && !may_be_left(errno))
            return sys::last_error(text::cat("fchown(descriptor ", number, ", ", uid, ")"));
    }
    return {};
}

}  // namespace arca::process
