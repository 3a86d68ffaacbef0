#include "container/status.hpp"

#include "cgroup/cgroup.hpp"
#include "sys/syscalls.hpp"

namespace arca::container {

namespace {
// The same pid with the same start time after a reboot is another process.
bool is_same_boot(const Record& record) {
    auto current = boot_id();
    return !current || record.boot_id.empty() || *current == record.boot_id;
}

bool is_alive(const Record& record) {
    if (record.pid <= 0) return false;
    auto info = sys::process_info(record.pid);
    return info && !info->is_dead() && info->start_time == record.start_time && is_same_boot(record);
}

bool is_paused(const Record& record) {
    auto group = cgroup::Cgroup::open(record.cgroup);
    if (!group) return false;
    auto frozen = group->is_frozen();
    return frozen && *frozen;
}
}  // namespace

Status current_status(const Record& record) {
    if (record.status == Status::Creating || record.status == Status::Stopped) return record.status;
    if (!is_alive(record)) return Status::Stopped;
    return is_paused(record) ? Status::Paused : record.status;
}

Result<std::optional<sys::Pidfd>> open_init(const Record& record) {
    if (record.pid <= 0) return std::nullopt;
    auto pidfd = sys::Pidfd::open(record.pid);
    if (!pidfd) {
        if (pidfd.error().errnum() == ESRCH) return std::nullopt;
        return fail(std::move(pidfd.error()));
    }
    // ORDER: after the descriptor is held, which cannot come to mean another process.
    if (!is_alive(record)) return std::nullopt;
    return std::move(*pidfd);
}

State to_state(const Record& record, Status status) {
    State state;
    state.oci_version = record.oci_version;
    state.id = record.id;
    state.pid = status == Status::Stopped || status == Status::Creating ? 0 : record.pid;
    state.status = status;
    state.bundle = record.bundle;
    state.rootfs = record.rootfs;
    state.created = record.created;
    state.annotations.assign(record.annotations.begin(), record.annotations.end());
    state.systemd_scope = record.cgroup.unit;
    state.reason = record.reason;
    return state;
}

}  // namespace arca::container
