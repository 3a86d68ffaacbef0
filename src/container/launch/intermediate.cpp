// The intermediate: who am I? A fork of the parent, in the container's cgroup, with the parent's rights, still in the
// host's mount namespace. I exist only when init must be born inside of something that has to be entered or made first,
// and I end as soon as init lives.
#include <linux/sched.h>
#include <sched.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/progress.hpp"
#include "base/text.hpp"
#include "container/launch/launch.hpp"
#include "container/launch/namespaces.hpp"
#include "container/launch/protocol.hpp"
#include "host/explain_namespaces.hpp"
#include "process/attributes.hpp"
#include "sys/syscalls.hpp"

namespace arca::container::launch {

namespace {
// ORDER: before init is made: what systemd moves is this process, not its children.
Result<> await_place(const ChildContext& context) {
    if (!context.plan.cgroup.scope) return {};
    progress::enter(Step::Cgroup);
    auto message = TRY(receive(context.channel));
    if (!message) ::_exit(1);  // the parent is gone
    if (message->kind == Kind::Placed) return {};
    return fail(Code::Internal, text::cat("unexpected message ", name(message->kind), " of the launch"));
}

Result<> join_planned_namespaces(const ChildContext& context) {
    progress::enter(Step::JoinNamespaces);
    if (context.plan.process) process::raise_hard_limits_of(0, context.plan.process->rlimits);
    return join_namespaces(context.plan.namespaces.joined, context.resources.namespaces);
}

// time_namespaces(7): offsets can be written only before the first process enters, and unshare(2) puts only later
// children into it.
Result<> make_time_namespace(const ChildContext& context) {
    progress::enter(Step::NewNamespaces);
    if (!context.plan.namespaces.new_time) return {};
    if (::unshare(CLONE_NEWTIME) < 0) return sys::last_error("unshare(CLONE_NEWTIME)");
    std::string offsets;
    for (const auto& [clock, offset] : context.plan.namespaces.time_offsets)
        offsets += text::cat(clock, " ", offset.secs, " ", offset.nanosecs, "\n");
    if (offsets.empty()) return {};
    auto written = sys::write_file_at(sys::FdRef::working_directory(), "/proc/self/timens_offsets", offsets);
    if (!written) return fail(std::move(written.error()).at("/linux/timeOffsets"));
    return {};
}

// CLONE_PARENT: init is the parent's child, not mine, so that whoever called arca can wait for it.
Result<> fork_init(ChildContext& context) {
    progress::enter(Step::ForkInit);
    auto born = sys::clone3({context.plan.namespaces.created | CLONE_PARENT, {}});
    if (!born) return fail(host::explained(std::move(born.error()), context.plan.namespaces.created));
    auto cloned = std::move(*born);
    if (cloned.is_child) init_main(std::move(context), BornOf::Intermediate);
    progress::enter(Step::Handover);
    auto init = cloned.child.release();
    const std::array descriptors = {init.fd()};
    return send(context.channel, Kind::InitIs, init.pid(), {}, descriptors);
}

Result<> run(ChildContext& context) {
    // ORDER: before anything else (CVE-2016-9962). Where init must stay dumpable for its id maps, it inherits that from
    // me.
    if (!context.plan.ids.new_user_namespace || !context.plan.rootless) ::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    // ORDER: the first act that takes anything, so that whatever I make is in the container's cgroup.
    TRY(cgroup::enter(context.resources.cgroup));
    TRY(await_place(context));
    TRY(close_inherited(context));
    TRY(join_planned_namespaces(context));
    TRY(make_time_namespace(context));
    return fork_init(context);
}
}  // namespace

void intermediate_main(ChildContext context) noexcept {
    progress::assume_role(Role::Intermediate, context.progress);
    auto result = run(context);
    if (!result) send_failure(context.channel, result.error());
    ::_exit(result ? 0 : 1);
}

}  // namespace arca::container::launch
