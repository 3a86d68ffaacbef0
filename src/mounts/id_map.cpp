#include "mounts/id_map.hpp"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/text.hpp"
#include "sys/process.hpp"
#include "sys/procfs.hpp"
#include "sys/syscalls.hpp"

namespace arca::mounts {

namespace {

std::string lines_of(const std::vector<spec::IdMapping>& mappings) {
    std::string lines;
    for (const auto& mapping : mappings)
        lines += text::cat(mapping.container, " ", mapping.host, " ", mapping.size, "\n");
    return lines;
}

// The process holds the namespace until a descriptor of it is open; it does nothing and is killed then.
[[noreturn]] void hold_namespace() {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (;;)
        ::pause();
}

Result<sys::Fd> make_namespace(const std::vector<spec::IdMapping>& uids, const std::vector<spec::IdMapping>& gids) {
    // A procfs of this pid namespace: the /proc in sight may belong to another one, with other numbers.
    const auto procfs = TRY(sys::Procfs::open());
    auto cloned = TRY(sys::clone3({.flags = CLONE_NEWUSER}));
    if (cloned.is_child) hold_namespace();
    const auto directory = text::cat(cloned.child.pid(), "/");
    TRY_CTX(procfs.write(directory + "uid_map", lines_of(uids)), "writing the uid mapping of an id-mapped mount");
    TRY_CTX(procfs.write(directory + "gid_map", lines_of(gids)), "writing the gid mapping of an id-mapped mount");
    return sys::openat(procfs.fd(), directory + "ns/user", O_RDONLY);
}

}  // namespace

Result<sys::FdRef> MappingNamespaces::find_or_make(const std::vector<spec::IdMapping>& uids,
                                                   const std::vector<spec::IdMapping>& gids) {
    for (const auto& entry : entries_)
        if (entry.uids == uids && entry.gids == gids) return entry.user_namespace.ref();
    auto made = TRY(make_namespace(uids, gids));
    entries_.push_back({uids, gids, std::move(made)});
    return entries_.back().user_namespace.ref();
}

}  // namespace arca::mounts
