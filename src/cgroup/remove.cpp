#include "cgroup/remove.hpp"

#include <fcntl.h>

#include "cgroup/files.hpp"
#include "cgroup/hierarchy.hpp"
#include "cgroup/inhabitants.hpp"
#include "cgroup/v2_group.hpp"
#include "sys/syscalls.hpp"

namespace arca::cgroup {

namespace {
Result<> remove_directory(sys::FdRef parent, const std::string& name) {
    auto removed = sys::unlinkat(parent, name, AT_REMOVEDIR);
    if (!removed && is_gone(removed.error())) return {};
    return removed;
}

/// The children that hold further cgroups (or processes): all others are removed.
Result<std::vector<std::string>> remove_leaves(sys::FdRef directory) {
    std::vector<std::string> remaining;
    for (auto& name : TRY(child_names(directory))) {
        auto removed = remove_directory(directory, name);
        if (!removed && removed.error().errnum() != EBUSY) return fail(std::move(removed.error()));
        if (!removed) remaining.push_back(std::move(name));
    }
    return remaining;
}

// Depth first. A container may nest cgroups as deep as it likes: one level is open at a time, and ".." leads up.
// rmdir(2) on a cgroup with children or processes is EBUSY and changes nothing, so it is tried first.
Result<> remove_below(sys::Fd current) {
    std::vector<std::vector<std::string>> remaining;  // by level; the last is the one we are in, its siblings to come
    remaining.push_back(TRY(remove_leaves(current)));
    for (;;) {
        if (remaining.back().empty()) {
            remaining.pop_back();
            if (remaining.empty()) return {};
            current = TRY(sys::openat(current, "..", O_PATH | O_DIRECTORY));
            TRY(remove_directory(current, remaining.back().back()));
            remaining.back().pop_back();
            continue;
        }
        auto next = sys::openat(current, remaining.back().back(), O_PATH | O_DIRECTORY | O_NOFOLLOW);
        if (!next && is_gone(next.error())) {
            remaining.back().pop_back();
            continue;
        }
        current = TRY(std::move(next));
        remaining.push_back(TRY(remove_leaves(current)));
    }
}

Result<> remove_tree(sys::FdRef parent, const std::string& name) {
    auto removed = remove_directory(parent, name);
    if (removed || removed.error().errnum() != EBUSY) return removed;
    auto directory = sys::openat(parent, name, O_PATH | O_DIRECTORY | O_NOFOLLOW);
    if (!directory && is_gone(directory.error())) return {};
    TRY(remove_below(TRY(std::move(directory))));
    return remove_directory(parent, name);
}

Result<bool> is_same(sys::FdRef parent, const std::string& name, sys::FdRef directory) {
    auto named = sys::fstatat(parent, name, AT_SYMLINK_NOFOLLOW);
    if (!named && is_gone(named.error())) return false;
    return TRY(std::move(named)).st_ino == TRY(sys::fstat(directory)).st_ino;
}

Result<> remove_when_empty(sys::FdRef parent, const std::string& name, sys::FdRef directory,
                           const AwaitEmpty& await_empty) {
    constexpr int kTimeoutMs = 2000;
    constexpr int kMaximalAttempts = 16;  // against somebody who keeps making cgroups in there
    const Deadline deadline(kTimeoutMs);
    for (int attempt = 1;; ++attempt) {
        auto removed = remove_tree(parent, name);
        if (removed || removed.error().errnum() != EBUSY || attempt == kMaximalAttempts) return removed;
        if (!TRY(await_empty(deadline)))
            return fail(std::move(removed.error()).hinting(text::cat("it holds ", describe_inhabitants(directory))));
    }
}
}  // namespace

Result<> remove_group(const std::string& mount_point, const std::string& path, sys::FdRef directory,
                      const AwaitEmpty& await_empty) {
    auto parent = open_beneath(TRY(open_mount(mount_point)), parent_of(path));
    if (!parent && is_gone(parent.error())) return {};
    if (!parent) return fail(std::move(parent.error()));
    const auto name = std::string(name_of(path));
    // A cgroup of that name which is not ours was made after ours had gone.
    if (!TRY(is_same(*parent, name, directory))) return {};
    TRY_CTX(remove_when_empty(*parent, name, directory, await_empty), text::cat("removing cgroup ", path));
    return {};
}

Result<> V2Group::remove() const {
    return remove_group(location_.mount_point, location_.path, directory_,
                        [this](Deadline deadline) { return await(directory_, Condition::Empty, deadline); });
}

}  // namespace arca::cgroup
