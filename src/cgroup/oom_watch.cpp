#include "cgroup/oom_watch.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "cgroup/files.hpp"
#include "cgroup/v1_group.hpp"
#include "cgroup/v2_group.hpp"
#include "sys/syscalls.hpp"

namespace arca::cgroup {

Result<OomWatch> OomWatch::open(sys::FdRef directory) {
    OomWatch watch;
    auto file = sys::openat(directory, "memory.events", O_RDONLY);
    if (!file && is_gone(file.error())) return watch;
    watch.file_ = TRY(std::move(file));
    (void)watch.take_kills();
    return watch;
}

// cgroup-v1/memory.rst, "OOM Control": an eventfd is told of, by the numbers of descriptors.
Result<OomWatch> OomWatch::open_v1(sys::FdRef directory) {
    OomWatch watch;
    auto file = sys::openat(directory, "memory.oom_control", O_RDONLY);
    if (!file && is_gone(file.error())) return watch;
    watch.file_ = TRY(std::move(file));
    watch.signal_ = sys::Fd(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (!watch.signal_) return sys::last_error("eventfd");
    TRY(sys::write_file_at(directory, "cgroup.event_control",
                           text::cat(watch.signal_.number(), " ", watch.file_.number())));
    (void)watch.take_kills();
    return watch;
}

// cgroup-v2.rst, "memory.events": a change is a file modified event, which poll(2) tells as POLLPRI.
short OomWatch::poll_events() const {
    return signal_ ? POLLIN : POLLPRI;
}

std::uint64_t OomWatch::take_kills() {
    if (!file_) return 0;
    const auto content = read_from_start(file_, "the count of kills");
    if (signal_) {
        // v1 tells of it before it counts the kill, and once more when the cgroup is removed.
        std::uint64_t signals = 0;
        const bool told = ::read(signal_.number(), &signals, sizeof signals) == sizeof signals;
        return told && content ? signals : 0;
    }
    const auto kills = content ? value_of(*content, "oom_kill").value_or(kills_) : kills_;
    return kills - std::exchange(kills_, kills);
}

Result<OomWatch> V2Group::watch_oom() const {
    return OomWatch::open(directory_);
}

Result<OomWatch> V1Group::watch_oom() const {
    const auto memory = directory_of("memory");
    return memory ? OomWatch::open_v1(memory) : Result<OomWatch>(OomWatch());
}

}  // namespace arca::cgroup
