#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

#include "seccomp/program.hpp"

namespace arca::seccomp {

int load(const Program& program) noexcept {
    static_assert(sizeof(sock_filter) == sizeof(std::uint64_t));
    struct {
        unsigned short length;
        const void* instructions;
    } filter{static_cast<unsigned short>(program.instructions.size()), program.instructions.data()};
    static_assert(sizeof filter == sizeof(sock_fprog));
    if (::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, program.flags, &filter) == 0) return 0;
    return errno;
}

}  // namespace arca::seccomp
