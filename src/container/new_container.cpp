#include "container/new_container.hpp"

#include <fcntl.h>
#include <sched.h>
#include <sys/prctl.h>

#include "base/text.hpp"
#include "sys/syscalls.hpp"

namespace arca::container {

Result<> check_terminal(const Prepared& prepared, Attachment attachment) {
    const bool terminal = prepared.config.process && prepared.config.process->terminal;
    const bool socket = !prepared.options.console_socket.empty();
    if (terminal && !socket && attachment == Attachment::Detached)
        return fail(
            Error(Code::InvalidConfig, "cannot allocate tty if the runtime will detach without setting console socket")
                .at("/process/terminal"));
    if (!terminal && socket)
        return fail(Code::Usage,
                    "cannot use console socket if the runtime will not allocate a tty (process.terminal is false)");
    return {};
}

Record new_record(const Prepared& prepared) {
    Record record;
    record.id = prepared.plan.id;
    record.oci_version = prepared.plan.oci_version;
    record.bundle = prepared.options.bundle;
    record.rootfs = prepared.plan.mounts.rootfs;
    record.created = now_rfc3339();
    record.owner_uid = prepared.facts.euid;
    record.annotations = prepared.plan.annotations;
    record.cgroup = prepared.plan.cgroup.location;
    record.cgroup_is_shared = prepared.plan.cgroup.shared;
    record.cgroup_was_made = !prepared.plan.cgroup.shared;
    record.namespaces = prepared.plan.namespaces.all();
    if (prepared.plan.rdt) record.rdt = rdt::location_of(*prepared.plan.rdt);
    record.has_poststart_hooks = !prepared.plan.hooks.poststart.empty();
    record.has_poststop_hooks = !prepared.plan.hooks.poststop.empty();
    record.has_seccomp = prepared.plan.seccomp.has_value();
    record.seccomp_listener = prepared.plan.seccomp_listener;
    if (prepared.plan.seccomp) record.seccomp_metadata = prepared.plan.seccomp->listener_metadata;
    record.session_keyring = prepared.plan.session_keyring;
    record.rootless = prepared.plan.rootless;
    record.setgroups_denied = prepared.plan.ids.deny_setgroups;
    record.boot_id = boot_id().value_or("");
    return record;
}

sys::Fd open_filter_cache(const Runtime& runtime, const LaunchPlan& plan) {
    if (!plan.seccomp) return {};
    const auto path = text::cat(runtime.root, "/.seccomp");
    (void)sys::mkdirat(sys::FdRef::working_directory(), path, 0700);
    auto directory = sys::open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    return directory ? std::move(*directory) : sys::Fd();
}

void adopt_orphans_of(const Record& record) {
    if ((record.namespaces & CLONE_NEWPID) == 0) ::prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
}

}  // namespace arca::container
