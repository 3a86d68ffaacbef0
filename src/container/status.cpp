#include "container/status.hpp"

#include <cerrno>

#include "cgroup/cgroup.hpp"
#include "sys/syscalls.hpp"

namespace arca::container {

namespace {
// The same pid with the same start time after a reboot is another process.
bool is_same_boot(const Record& record) {
    auto current = boot_id();
    return !current || record.boot_id.empty() || *current == record.boot_id;
}

// What the kernel answers for a process that is not there, or no longer; and, where /proc is mounted with hidepid=1,
// for somebody else's, which has the number now.
bool is_not_ours(const Error& error) {
    return error.errnum() == ENOENT || error.errnum() == ESRCH || error.errnum() == EPERM || error.errnum() == EACCES;
}

Result<bool> is_alive(const Record& record) {
    if (record.pid <= 0) return false;
    auto info = sys::process_info(record.pid);
    if (!info && is_not_ours(info.error())) return false;
    const auto seen = TRY_CTX(std::move(info), "whether the container's process lives");
    return !seen.is_dead() && seen.start_time == record.start_time && is_same_boot(record);
}

bool is_paused(const Record& record) {
    auto group = cgroup::Cgroup::open(record.cgroup);
    if (!group) return false;
    auto frozen = group->is_frozen();
    return frozen && *frozen;
}
}  // namespace

Result<Status> current_status(const Record& record) {
    if (record.status == Status::Creating || record.status == Status::Stopped) return record.status;
    if (!TRY(is_alive(record))) return Status::Stopped;
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
    if (!TRY(is_alive(record))) return std::nullopt;
    return std::move(*pidfd);
}

Result<Presence> presence_of(const Record& record) {
    if (record.status == Status::Creating || record.status == Status::Stopped) return Presence{record.status, {}};
    auto init = TRY(open_init(record));
    if (!init) return Presence{Status::Stopped, {}};
    return Presence{is_paused(record) ? Status::Paused : record.status, std::move(init)};
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
