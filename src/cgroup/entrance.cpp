#include "cgroup/entrance.hpp"

#include "sys/syscalls.hpp"

namespace arca::cgroup {

// "0" is the writer itself, in whatever pid namespace it has been born. The kernel judges by who opened the file
// (__cgroup1_procs_write uses file->f_cred), so that rights given up since do not matter.
Result<> enter(const Entrance& entrance) {
    for (const auto& file : entrance.membership)
        TRY_CTX(sys::write_all(file, "0"), "entering the container's cgroup");
    return {};
}

}  // namespace arca::cgroup
