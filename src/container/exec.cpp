// exec: a further process in a container that lives. One clone into its cgroup and its pid namespace (two without
// privileges), one setns into everything else, and then the same road to the program that init takes.
#include <fcntl.h>
#include <sched.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <array>

#include "arca/container.hpp"
#include "base/progress.hpp"
#include "base/text.hpp"
#include "cgroup/cgroup.hpp"
#include "container/destroy.hpp"
#include "container/exec_plan.hpp"
#include "container/launch/launch.hpp"
#include "container/launch/namespaces.hpp"
#include "container/launch/program.hpp"
#include "container/launch/protocol.hpp"
#include "container/status.hpp"
#include "container/store.hpp"
#include "host/explain_namespaces.hpp"
#include "host/facts.hpp"
#include "privileges/keyring.hpp"
#include "privileges/landlock.hpp"
#include "privileges/lsm.hpp"
#include "process/attributes.hpp"
#include "process/descriptors.hpp"
#include "process/environment.hpp"
#include "process/executable.hpp"
#include "process/terminal.hpp"
#include "rdt/group.hpp"
#include "sys/syscalls.hpp"

namespace arca {

namespace {
using namespace container;

struct ExecContext {
    const ExecPlan& plan;
    const Record& record;
    sys::FdRef init;  ///< pidfd of the container's init
    const cgroup::Entrance& entrance;
    const std::optional<seccomp::Program>& filter;
    sys::FdRef root;  ///< of the container, where no mount namespace has it
    sys::Fd console_socket;
    sys::Channel channel;      ///< to the parent
    std::uint64_t joined = 0;  ///< namespaces that the process is in already
};

// The process that will be the program. As in init: whatever can be reached from here may be hostile, and nobody in the
// container may look into this process before it has become the program.
class Joiner {
  public:
    explicit Joiner(ExecContext& context) : context_(context), process_(context.plan.process) {}

    Result<> become_the_program() {
        TRY(settle_in());
        TRY(await_adoption());
        TRY(join_container());
        TRY(set_up_terminal());
        TRY(prepare_process());
        TRY(take_the_identity());
        const auto path = TRY(find_program());
        if (context_.plan.entry == Entry::AfterDrops) TRY(cross_over());
        add_listen_environment();
        launch::execute(process_, path, context_.filter, context_.channel);
    }

  private:
    Result<> settle_in() {
        progress::assume_role(Role::Init, nullptr);
        // ORDER: before anything else: the container may see this process already (CVE-2016-9962).
        ::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
        // ORDER: the first act that takes anything, as in init; who went ahead has done it for both.
        if ((context_.joined & CLONE_NEWUSER) == 0) TRY(cgroup::enter(context_.entrance));
        ::prctl(PR_SET_NAME, "arca:[exec]", 0, 0, 0);
        TRY(process::close_others({context_.channel.fd().number(), context_.init.number(), context_.root.number(),
                                   progress::trace_descriptor(), context_.console_socket.number()},
                                  process_.preserved_descriptors));
        return own_session();
    }

    // ORDER: as in init: no word of mine may overtake that of the process that went ahead.
    Result<> await_adoption() { return (context_.joined & CLONE_NEWUSER) != 0 ? expect_adoption() : Result<>{}; }

    Result<> expect_adoption() {
        progress::enter(Step::AwaitAdoption);
        auto message = TRY(launch::receive(context_.channel));
        if (!message) ::_exit(1);  // the parent is gone
        if (message->kind == launch::Kind::Adopted) return {};
        return fail(Code::Internal, text::cat("unexpected message ", launch::name(message->kind), " of exec"));
    }

    Result<> join_container() {
        progress::enter(Step::JoinNamespaces);
        process::raise_hard_limits_of(0, process_.rlimits);
        const auto flags = context_.record.namespaces & ~context_.joined;
        if (flags != 0 && ::setns(context_.init.number(), static_cast<int>(flags)) < 0)
            return sys::last_error("joining the container's namespaces");
        if (context_.root) TRY(enter_root());
        if ((flags & CLONE_NEWUSER) != 0) TRY(launch::become_root());
        root_.emplace(TRY(sys::RootDir::open("/")));
        return {};
    }

    // A container without a mount namespace is held by its root directory only, which setns(2) does not set.
    Result<> enter_root() {
        TRY(sys::fchdir(context_.root));
        if (::chroot(".") < 0) return sys::last_error("chroot(the container's root)");
        return {};
    }

    Result<> set_up_terminal() {
        progress::enter(Step::Console);
        if (!process_.terminal) return {};
        auto terminal = TRY(process::open_terminal(*root_, process_.console_size, process_.user.uid));
        if (context_.plan.entry == Entry::AtBirth)
            return launch::hand_over_terminal(terminal, context_.console_socket, context_.channel);
        TRY(launch::give_controller(terminal, context_.console_socket, context_.channel));
        terminal_ = std::move(terminal);
        return {};
    }

    // sd_listen_fds(3): LISTEN_PID is the pid that the program itself sees.
    void add_listen_environment() {
        if (context_.plan.listen_descriptors == 0) return;
        process_.env.push_back(text::cat("LISTEN_FDS=", context_.plan.listen_descriptors));
        process_.env.push_back(text::cat("LISTEN_PID=", ::getpid()));
        if (!context_.plan.listen_names.empty()) process_.env.push_back("LISTEN_FDNAMES=" + context_.plan.listen_names);
    }

    Result<> prepare_process() {
        progress::enter(Step::ProcessAttributes);
        sys::Procfs procfs;
        if (!process_.apparmor_profile.empty() || !process_.selinux_label.empty()) procfs = TRY(sys::Procfs::open());
        if (context_.record.session_keyring) {
            TRY(privileges::set_keyring_label(procfs, process_.selinux_label));
            TRY(privileges::join_session_keyring(context_.record.id));
        }
        launch::complete_environment(process_, *root_);
        if (!process_.terminal) TRY(process::give_stdio_to(process_.user.uid));
        TRY(launch::set_attributes(process_, procfs));
        TRY(privileges::restrict_files(process_.landlock, *root_));
        return process::set_affinity(context_.plan.final_affinity);
    }

    Result<> take_the_identity() {
        progress::enter(Step::Identity);
        root_.reset();
        TRY(launch::restrict_capabilities(process_, context_.channel));
        return launch::take_identity(process_,
                                     context_.filter ? launch::filter_needs(process_) : launch::FilterNeeds::Nothing);
    }

    Result<std::string> find_program() {
        progress::enter(Step::Executable);
        return process::find_executable(process_.args.at(0), process::find(process_.env, "PATH").value_or(""));
    }

    // ORDER: last of all. Until here no process of the container could see this one; from here on it can be traced by
    // one that has CAP_SYS_PTRACE, and has nothing more than that one (CVE-2016-9962): no directory of the host, no
    // capability but the container's. Returns in the process that crossed. (CAP_SYS_ADMIN, for a filter without
    // no_new_privs, is still held: see take_identity.)
    Result<> cross_over() {
        progress::enter(Step::ForkInit);
        auto cloned = TRY(sys::clone3({CLONE_PARENT, {}}));
        if (!cloned.is_child) {
            const auto crossed = cloned.child.release();
            const std::array descriptors = {crossed.fd()};
            auto said = launch::send(context_.channel, launch::Kind::InitIs, crossed.pid(), {}, descriptors);
            ::_exit(said ? 0 : 1);
        }
        TRY(terminal_ ? process::become_terminal(*terminal_) : own_session());
        terminal_.reset();
        TRY(process::close_others({context_.channel.fd().number(), progress::trace_descriptor()},
                                  process_.preserved_descriptors));
        return expect_adoption();
    }

    static Result<> own_session() {
        if (::setsid() < 0) return sys::last_error("setsid");
        return {};
    }

    ExecContext& context_;
    ProcessPlan process_;
    std::optional<sys::RootDir> root_;
    std::optional<process::Terminal> terminal_;  ///< for the process that crosses over
};

[[noreturn]] void joiner_main(ExecContext context) noexcept {
    auto result = Joiner(context).become_the_program();
    if (!result) launch::send_failure(context.channel, result.error());
    ::_exit(1);
}

// Without privileges the rights over the container's pid namespace come from its user namespace, which a process that
// stays behind to wait cannot enter: one that goes ahead enters both, is followed by the joiner, and ends.
Result<> go_ahead(ExecContext& context) {
    progress::assume_role(Role::Intermediate, nullptr);
    TRY(cgroup::enter(context.entrance));
    progress::enter(Step::JoinNamespaces);
    ::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    if (::setns(context.init.number(), CLONE_NEWUSER) < 0)
        return sys::last_error("joining the container's user namespace");
    TRY(launch::become_root());
    if (::setns(context.init.number(), CLONE_NEWPID) < 0)
        return sys::last_error("joining the container's pid namespace");
    progress::enter(Step::ForkInit);
    auto cloned = TRY(sys::clone3({CLONE_PARENT, {}}));
    if (cloned.is_child) {
        context.joined |= CLONE_NEWUSER;
        joiner_main(std::move(context));
    }
    progress::enter(Step::Handover);
    const auto joiner = cloned.child.release();
    const std::array descriptors = {joiner.fd()};
    return launch::send(context.channel, launch::Kind::InitIs, joiner.pid(), {}, descriptors);
}

[[noreturn]] void intermediate_main(ExecContext context) noexcept {
    auto result = go_ahead(context);
    if (!result) launch::send_failure(context.channel, result.error());
    ::_exit(result ? 0 : 1);
}

struct Target {
    Store store;
    Record record;
    sys::Pidfd init;
};

Result<Target> find_target(const Runtime& runtime, const ExecOptions& options) {
    auto store = TRY(Store::open(runtime.root, options.id, Store::Access::Unlocked));
    auto record = TRY(store.read());
    auto [status, init] = TRY(presence_of(record));
    switch (status) {
        case Status::Stopped:
            return fail(Code::NotRunning, "cannot exec in a stopped container: container not running");
        case Status::Creating:
            return fail(Code::WrongState, "cannot exec in a container that is still being created");
        case Status::Paused:
            if (!options.ignore_paused)
                return fail(Code::WrongState, "cannot exec in a paused container (use --ignore-paused to override)");
            break;
        default:
            break;
    }
    return Target{std::move(store), std::move(record), std::move(*init)};
}

Result<std::optional<seccomp::Program>> load_filter(const Target& target) {
    if (!target.record.has_seccomp) return std::nullopt;
    return seccomp::parse(TRY(target.store.read_file(launch::kFilterName)));
}

Result<> check_terminal(const ExecPlan& plan, const ExecOptions& options) {
    const bool socket = !options.console_socket.empty();
    if (plan.process.terminal && options.detach && !socket)
        return fail(Code::Usage, "cannot allocate tty if the runtime will detach without setting console socket");
    if (!plan.process.terminal && socket)
        return fail(Code::Usage, "cannot use console socket if the runtime will not allocate a tty");
    return {};
}

struct Running {
    sys::Child process;
    sys::Fd controller;
};

// The end of the container takes its processes along, this one at any moment of its way in: no call that fails then is
// to blame. Its pid namespace kills first and ends after.
Error explain(Error error, const Target& target) {
    constexpr int kEndingMs = 200;
    const bool may_be_that = error.code() == Code::InitDied || error.errnum() == ESRCH || error.errnum() == ENOMEM;
    if (!may_be_that || !await_exit(target.init, kEndingMs))
        return host::explain_refusal(std::move(error), target.record.namespaces);
    return Error(Code::NotRunning, "the container has ended meanwhile: container not running");
}

class ExecParent {
  public:
    ExecParent(const ExecPlan& plan, const Target& target, const ExecOptions& options)
        : plan_(plan), target_(target), options_(options) {}

    Result<Running> run() {
        TRY(open_resources());
        TRY(fork());
        TRY(place());
        TRY(await_execution());
        if (pidfd_receiver_) TRY(launch::send_pidfd(pidfd_receiver_, running_.process.pidfd(), "setns"));
        return std::move(running_);
    }

  private:
    Result<> open_resources() {
        progress::enter(Step::OpenResources);
        filter_ = TRY(load_filter(target_));
        agent_ = TRY(launch::Agent::connect(target_.record));
        auto group = TRY(cgroup::Cgroup::open(target_.record.cgroup));
        entrance_ = TRY(options_.cgroups.empty() ? group.entrance() : group.entrance_below(options_.cgroups));
        if (!options_.console_socket.empty())
            console_socket_ = TRY(process::connect_console_socket(options_.console_socket));
        if (!options_.pidfd_socket.empty())
            pidfd_receiver_ = TRY(launch::connect_pidfd_receiver(options_.pidfd_socket));
        return open_root();
    }

    Result<> open_root() {
        if ((target_.record.namespaces & CLONE_NEWNS) != 0) return {};
        const auto path = text::cat("/proc/", target_.init.pid(), "/root");
        root_ = TRY_CTX(sys::open(path, O_PATH | O_DIRECTORY), "opening the container's root");
        // The number is init's as long as init lives.
        if (target_.init.has_exited())
            return fail(Code::NotRunning, "cannot exec in a stopped container: container not running");
        return {};
    }

    // setns(2) into a pid namespace changes nothing for the caller, only where its children are born: one process less.
    Result<> fork() {
        progress::enter(Step::Fork);
        const bool own_pids = (target_.record.namespaces & CLONE_NEWPID) != 0 && plan_.entry == Entry::AtBirth;
        const bool refused = own_pids && ::setns(target_.init.fd().number(), CLONE_NEWPID) < 0;
        const bool through_user = refused && errno == EPERM && (target_.record.namespaces & CLONE_NEWUSER) != 0;
        if (refused && !through_user) return sys::last_error("joining the container's pid namespace");
        TRY(process::set_affinity(plan_.initial_affinity));
        auto [mine, theirs] = TRY(sys::Channel::pair());
        auto cloned = TRY(clone_into_cgroup());
        if (cloned.is_child) {
            ExecContext context{plan_,   target_.record, target_.init.fd(),          entrance_,
                                filter_, root_,          std::move(console_socket_), std::move(theirs)};
            if (plan_.entry == Entry::AtBirth) context.joined = CLONE_NEWPID;
            if (through_user) intermediate_main(std::move(context));
            joiner_main(std::move(context));
        }
        running_.process = std::move(cloned.child);
        channel_ = std::move(mine);
        console_socket_.reset();
        theirs.close();
        return through_user ? learn_who_joined() : Result<>{};
    }

    // A program that has moved itself further down, to hand controllers on, leaves a cgroup that takes no process
    // (cgroups(7), "no internal processes"): then the place of init is right.
    Result<sys::Cloned> clone_into_cgroup() {
        auto cloned = sys::clone3({0, entrance_.birthplace.ref()});
        if (!cloned && cloned.error().errnum() == EACCES) return fail(explain_refused_move(std::move(cloned.error())));
        if (cloned || cloned.error().errnum() != EBUSY || !options_.cgroups.empty()) return cloned;
        const auto memberships = TRY(sys::read_file(text::cat("/proc/", target_.init.pid(), "/cgroup"), 65536));
        const auto place = host::cgroup2_path(memberships);
        const auto& top = target_.record.cgroup.path;
        if (!place.starts_with(top + "/")) return cloned;
        const auto group = TRY(cgroup::Cgroup::open(target_.record.cgroup));
        entrance_ = TRY(group.entrance_below({place.substr(top.size() + 1)}));
        return sys::clone3({0, entrance_.birthplace.ref()});
    }

    // cgroup-v2.rst, "Delegation Containment": who moves a process needs to write in both cgroups' common ancestor,
    // which a session of a login and the user's own instance of systemd have not in common.
    Error explain_refused_move(Error refusal) const {
        const auto memberships = sys::read_file("/proc/self/cgroup", 65536);
        if (!memberships) return refusal;
        auto error = std::move(refusal).with("entering the container's cgroup");
        const auto own = host::cgroup2_path(*memberships);
        return std::move(error).hinting(
            text::cat("no process may be moved from ", text::printable(own), " to ", target_.record.cgroup.path,
                      target_.record.cgroup.kind == cgroup::Kind::Systemd
                          ? "; from a place within the user's instance of systemd it may: systemd-run --user --scope"
                          : ": neither is the other's, and the cgroup above both belongs to somebody else"));
    }

    Result<> learn_who_joined() {
        auto message = TRY(launch::receive(channel_));
        if (!message) return fail(Code::InitDied, "the process ended before it could enter the container");
        if (message->kind == launch::Kind::Failed) return fail(std::move(*message->error));
        return adopt(*message);
    }

    // The process that sent this ends; from now on the one it names is ours.
    Result<> adopt(launch::Message& message) {
        auto pidfd = TRY(launch::only_descriptor(message, launch::Kind::InitIs));
        (void)TRY(running_.process.wait());
        running_.process = sys::Child(sys::Pidfd(std::move(pidfd), message.pid));
        if (plan_.entry == Entry::AfterDrops) TRY(place());
        return launch::send(channel_, launch::Kind::Adopted);
    }

    // What its children inherit: one that crosses over may be born before or after.
    Result<> place() {
        TRY(adjust_oom_score());
        return rdt::enter(target_.record.rdt, running_.process.pid());
    }

    Result<> adjust_oom_score() {
        if (!plan_.process.oom_score_adj) return {};
        const auto policy = target_.record.rootless ? process::OomPolicy::Tolerant : process::OomPolicy::Strict;
        return process::set_oom_score_adj(running_.process.pid(), *plan_.process.oom_score_adj, policy);
    }

    Result<> await_execution() {
        progress::enter(Step::AwaitReady);
        bool terminal_due = plan_.process.terminal && options_.console_socket.empty();
        bool crossing_due = plan_.entry == Entry::AfterDrops;
        while (terminal_due || crossing_due) {
            auto message = TRY(launch::receive(channel_));
            if (!message) return fail(Code::InitDied, "the process ended before it could execute its program");
            if (message->kind == launch::Kind::Failed) return fail(std::move(*message->error));
            if (message->kind == launch::Kind::Warning) continue;
            if (terminal_due)
                TRY(take_terminal(*message));
            else
                TRY(adopt(*message));
            (terminal_due ? terminal_due : crossing_due) = false;
        }
        return launch::await_execution(channel_, {target_.record, Status::Running, running_.process.pid(), agent_});
    }

    Result<> take_terminal(launch::Message& message) {
        running_.controller = TRY(launch::only_descriptor(message, launch::Kind::Terminal));
        return {};
    }

    const ExecPlan& plan_;
    const Target& target_;
    const ExecOptions& options_;
    std::optional<seccomp::Program> filter_;
    launch::Agent agent_;
    cgroup::Entrance entrance_;
    sys::Fd root_;
    sys::Fd console_socket_;
    sys::Fd pidfd_receiver_;
    sys::Channel channel_;
    Running running_;
};

Result<int> stay_with(Running running) {
    progress::enter(Step::Wait);
    return TRY(process::stay_in_foreground(std::move(running.controller), std::move(running.process))).shell_code();
}
}  // namespace

Result<int> exec(const Runtime& runtime, const ExecOptions& options) {
    TRY(process::check_preserved(options.preserve_fds));
    auto target = TRY(find_target(runtime, options));
    progress::enter(Step::Plan);
    auto plan = TRY(plan_exec(runtime, options, target.store, target.record));
    if (target.record.setgroups_denied) plan.process.call_setgroups = false;
    TRY(check_terminal(plan, options));
    auto result = ExecParent(plan, target, options).run();
    if (!result) return fail(explain(std::move(result.error()), target));
    auto running = std::move(*result);
    if (!options.pid_file.empty()) TRY(launch::write_pid_file_at(options.pid_file, running.process.pid()));
    if (!options.detach) {
        auto code = stay_with(std::move(running));
        progress::finish();
        return code;
    }
    (void)running.process.release();
    progress::finish();
    return 0;
}

}  // namespace arca
