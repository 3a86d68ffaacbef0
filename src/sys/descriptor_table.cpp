#include "sys/descriptor_table.hpp"

#include <dirent.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>

#include "sys/syscalls.hpp"

namespace arca::sys {

namespace {
constexpr int kFirst = 3;

bool close_range(unsigned first, unsigned last) {
    return ::syscall(SYS_close_range, first, last, 0) == 0;
}

// FALLBACK(linux<5.9, or a filter that answers ENOSYS): one by one, as /proc lists them.
Result<> close_listed(const std::vector<int>& keep) {
    std::vector<int> listed;
    DIR* directory = ::opendir("/proc/self/fd");
    if (directory == nullptr) return last_error("opendir(/proc/self/fd)");
    while (auto* entry = ::readdir(directory))
        if (auto number = text::to_int(entry->d_name)) listed.push_back(static_cast<int>(*number));
    const int own = ::dirfd(directory);
    for (int fd : listed)
        if (fd >= kFirst && fd != own && !std::binary_search(keep.begin(), keep.end(), fd)) ::close(fd);
    ::closedir(directory);
    return {};
}
}  // namespace

Result<> close_all_except(std::vector<int> keep) {
    std::sort(keep.begin(), keep.end());
    int next = kFirst;
    for (int fd : keep) {
        if (fd < next) continue;
        if (fd > next && !close_range(static_cast<unsigned>(next), static_cast<unsigned>(fd - 1)))
            return close_listed(keep);
        next = fd + 1;
    }
    if (!close_range(static_cast<unsigned>(next), ~0U)) return close_listed(keep);
    return {};
}

}  // namespace arca::sys
