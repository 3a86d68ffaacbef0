// CVE-2019-5736: a container whose program is /proc/self/exe, or a library loaded into it, could open the runtime's
// binary through /proc/PID/exe and overwrite it. So whatever enters a container runs from an image that cannot be
// written through that link: the binary's own mount, cloned read-only and detached, or a sealed copy in memory. Mostly
// that has happened before main(): cli/early_start.cpp. Nothing of it is needed where the binary's own mount is
// read-only.
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "arca/container.hpp"
#include "base/result.hpp"
#include "base/text.hpp"
#include "sys/mount_api.hpp"
#include "sys/syscalls.hpp"

namespace arca {

namespace {
constexpr auto kOwnImage = "/proc/self/exe";

bool is_protected(sys::FdRef image) {
    struct statvfs status {};
    if (::fstatvfs(image.number(), &status) == 0 && (status.f_flag & ST_RDONLY) != 0) return true;
    const int seals = ::fcntl(image.number(), F_GET_SEALS);
    return seals >= 0 && (seals & F_SEAL_WRITE) != 0;
}

// Two system calls, no copy. Needs CAP_SYS_ADMIN over the mount namespace.
Result<sys::Fd> clone_read_only() {
    auto tree = TRY(sys::open_tree(sys::FdRef::working_directory(), kOwnImage, OPEN_TREE_CLONE));
    TRY(sys::mount_setattr(tree, sys::Depth::One, {.set = MOUNT_ATTR_RDONLY}));
    return tree;
}

// FALLBACK(no CAP_SYS_ADMIN, linux<5.12): a copy that the kernel lets nobody change.
Result<sys::Fd> copy_sealed(sys::FdRef image) {
    sys::Fd copy(::memfd_create("arca", MFD_CLOEXEC | MFD_ALLOW_SEALING));
    if (!copy) return sys::last_error("memfd_create");
    auto left = static_cast<std::size_t>(TRY(sys::fstat(image)).st_size);
    while (left > 0) {
        const auto sent = ::sendfile(copy.number(), image.number(), nullptr, left);
        if (sent <= 0) return sys::last_error("sendfile");
        left -= static_cast<std::size_t>(sent);
    }
    if (::fcntl(copy.number(), F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) < 0)
        return sys::last_error("fcntl(F_ADD_SEALS)");
    return copy;
}
}  // namespace

Result<> protect_own_image(char** argv, char** environment) {
    auto image = TRY(sys::open(kOwnImage, O_RDONLY));
    if (is_protected(image)) return {};
    auto safe = clone_read_only();
    if (!safe) safe = copy_sealed(image);
    if (!safe) return fail(std::move(safe.error()).with("protecting the runtime's own binary"));
    ::execveat(safe->number(), "", argv, environment, AT_EMPTY_PATH);
    return fail(std::move(sys::last_error("execveat").error()).with("executing the protected image of the runtime"));
}

}  // namespace arca
