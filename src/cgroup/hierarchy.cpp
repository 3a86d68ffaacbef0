#include "cgroup/hierarchy.hpp"

#include <fcntl.h>
#include <linux/openat2.h>

#include "cgroup/files.hpp"
#include "sys/syscalls.hpp"

namespace arca::cgroup {

Result<sys::Fd> open_mount(const std::string& mount_point) {
    return TRY_CTX(sys::open(mount_point, O_PATH | O_DIRECTORY), "opening the cgroup hierarchy");
}

Result<sys::Fd> open_beneath(sys::FdRef mount, std::string_view path) {
    const auto relative = path.size() > 1 ? std::string(path.substr(1)) : std::string(".");
    return sys::openat2(mount, relative, O_PATH | O_DIRECTORY, 0, RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS);
}

std::string_view parent_of(std::string_view path) {
    const auto slash = path.rfind('/');
    return slash == 0 || slash == std::string_view::npos ? "/" : path.substr(0, slash);
}

std::string_view name_of(std::string_view path) {
    return path.substr(path.rfind('/') + 1);
}

std::string find_frozen(sys::FdRef mount, std::string_view path) {
    for (; path != "/"; path = parent_of(path)) {
        auto directory = open_beneath(mount, path);
        if (directory && text::trim(read_file(*directory, "cgroup.freeze").value_or("")) == "1")
            return std::string(path);
    }
    return {};
}

}  // namespace arca::cgroup
