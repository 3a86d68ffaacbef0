#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

#include "seccomp/program.hpp"

namespace arca::seccomp {

Loaded load(const Program& program) noexcept {
    static_assert(sizeof(sock_filter) == sizeof(std::uint64_t));
    struct {
        unsigned short length;
        const void* instructions;
    } filter{static_cast<unsigned short>(program.instructions.size()), program.instructions.data()};
    static_assert(sizeof filter == sizeof(sock_fprog));
    const auto result = ::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, program.flags, &filter);
    if (result < 0) return {errno, -1};
    return {0, notifies(program) ? static_cast<int>(result) : -1};
}

}  // namespace arca::seccomp
