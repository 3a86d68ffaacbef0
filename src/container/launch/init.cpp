// Init: who am I? Pid 1 of the container (or its only process when the pid namespace is shared), a fork of arca that
// will become the container's program. I begin in my new namespaces and in my cgroup, with all rights in my user
// namespace, and with the host's files still in sight. Each step below takes something of that away. Until `Pivot` I
// see host paths; from then on everything that can be reached is the container's and may be hostile; from `Identity`
// on I have only the rights of the container's process.
#include <grp.h>
#include <sched.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/progress.hpp"
#include "base/text.hpp"
#include "container/launch/gate.hpp"
#include "container/launch/launch.hpp"
#include "container/launch/namespaces.hpp"
#include "container/launch/program.hpp"
#include "container/launch/protocol.hpp"
#include "container/oci_state.hpp"
#include "hooks/hooks.hpp"
#include "mounts/execute.hpp"
#include "network/loopback.hpp"
#include "privileges/keyring.hpp"
#include "privileges/landlock.hpp"
#include "privileges/lsm.hpp"
#include "process/attributes.hpp"
#include "process/descriptors.hpp"
#include "process/environment.hpp"
#include "process/executable.hpp"
#include "process/terminal.hpp"
#include "sys/procfs.hpp"
#include "sys/syscalls.hpp"

namespace arca::container::launch {

namespace {
class Init {
  public:
    Init(ChildContext& context, BornOf born_of)
        : context_(context), plan_(context.plan), resources_(context.resources), born_of_(born_of) {}

    // The life of a container's process, from birth to the start gate.
    Result<> become_created() {
        if (maps_need_no_access()) become_undumpable();
        TRY(await_place());
        TRY(settle_in());
        TRY(await_adoption());
        TRY(await_id_maps());
        TRY(join_namespaces_myself());
        TRY(enter_own_cgroup_namespace());
        TRY(bring_network_up());
        TRY(build_rootfs());
        TRY(await_runtime_hooks());
        TRY(set_host_name());
        TRY(run_create_container_hooks());
        TRY(enter_rootfs());
        TRY(set_up_terminal());
        TRY(seal_rootfs());
        TRY(set_kernel_parameters());
        TRY(join_keyring());
        TRY(prepare_process());
        TRY(take_the_identity());
        TRY(find_program());
        return tell_ready();
    }

    // From the start gate to the program. Returns only on failure; errors then belong to whoever starts.
    Result<> become_the_program() {
        TRY(await_start());
        TRY(run_start_container_hooks());
        TRY(read_filter());
        execute(*process_, path_, filter_, listener());
    }

    /// To whom failures are told.
    const sys::Channel& listener() const { return starter_ ? starter_ : context_.channel; }

  private:
    // ORDER: the very first act, before any namespace is entered in which somebody else lives: nobody in it may trace
    // me or see my descriptors (CVE-2016-9962). But without privileges only after the id maps are written:
    // /proc/PID/uid_map of a process that cannot be dumped is root's, and a rootless parent could not write it. Until
    // then nobody but the user who called arca could look: in a user namespace of my own I am out of reach of every
    // other (ptrace(2)).
    static void become_undumpable() { ::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0); }

    bool maps_need_no_access() const { return !in_new_user_namespace() || !plan_.rootless; }

    // ORDER: before anything is made that would be charged to, or limited by, the caller's cgroup.
    Result<> await_place() {
        if (!plan_.cgroup.scope || born_of_ == BornOf::Intermediate) return {};
        progress::enter(Step::Cgroup);
        return expect(Kind::Placed);
    }

    Result<> settle_in() {
        // ORDER: before anything else is made, so that it is in the container's cgroup; the intermediate has done it
        // for both of us.
        if (born_of_ == BornOf::Parent) TRY(cgroup::enter(resources_.cgroup));
        ::prctl(PR_SET_NAME, "arca:[init]", 0, 0, 0);
        if (born_of_ == BornOf::Parent) TRY(close_inherited(context_));
        if (::setsid() < 0 && errno != EPERM) return sys::last_error("setsid");
        return {};
    }

    bool in_new_user_namespace() const { return plan_.ids.new_user_namespace; }

    // ORDER: before anything is said: what I say could overtake the intermediate's InitIs, since both of us write to
    // the same socket.
    Result<> await_adoption() {
        if (born_of_ == BornOf::Parent) return {};
        progress::enter(Step::AwaitAdoption);
        return expect(Kind::Adopted);
    }

    Result<> await_id_maps() {
        progress::enter(Step::AwaitIdMaps);
        if (!in_new_user_namespace()) return {};
        TRY(expect(Kind::IdMapsWritten));
        become_undumpable();
        progress::enter(Step::BecomeRoot);
        if (plan_.ids.deny_setgroups || ::setgroups(0, nullptr) == 0 || errno == EPERM) return become_root();
        return sys::last_error("setgroups");
    }

    Result<> join_namespaces_myself() {
        if (born_of_ == BornOf::Intermediate || plan_.namespaces.joined.empty()) return {};
        progress::enter(Step::JoinNamespaces);
        if (plan_.process) process::raise_hard_limits_of(0, plan_.process->rlimits);
        return join_namespaces(plan_.namespaces.joined, resources_.namespaces);
    }

    // ORDER: after CLONE_INTO_CGROUP, so that the container's cgroup is the root of its view (cgroup_namespaces(7)).
    Result<> enter_own_cgroup_namespace() {
        progress::enter(Step::CgroupNamespace);
        if (plan_.namespaces.new_cgroup && ::unshare(CLONE_NEWCGROUP) < 0)
            return sys::last_error("unshare(CLONE_NEWCGROUP)");
        return {};
    }

    Result<> bring_network_up() {
        progress::enter(Step::Network);
        if ((plan_.namespaces.created & CLONE_NEWNET) != 0) TRY(network::bring_loopback_up());
        return plan_.net_devices.empty() ? Result<>{} : expect(Kind::DevicesMoved);
    }

    bool owns_mounts() const { return plan_.namespaces.has(spec::NamespaceType::Mount); }

    Result<> build_rootfs() {
        progress::enter(Step::Rootfs);
        if (!owns_mounts()) {
            root_.emplace(TRY(sys::RootDir::open(plan_.mounts.rootfs)));
            return {};
        }
        root_.emplace(TRY(mounts::prepare_root(plan_.mounts)));
        progress::enter(Step::Mounts);
        views_ = TRY(mounts::make_mounts(plan_.mounts, *root_, resources_.sources));
        progress::enter(Step::DeviceNodes);
        return mounts::make_devices(plan_.mounts, *root_, resources_.sources);
    }

    Result<> await_runtime_hooks() {
        if (plan_.hooks.prestart.empty() && plan_.hooks.create_runtime.empty()) return {};
        progress::enter(Step::AwaitHooks);
        TRY(send(context_.channel, Kind::MountsReady));
        return expect(Kind::HooksDone);
    }

    Result<> set_host_name() {
        progress::enter(Step::Hostname);
        const auto& host = plan_.hostname;
        if (!host.empty() && ::sethostname(host.data(), host.size()) < 0)
            return fail(std::move(sys::last_error(text::cat("sethostname(", host, ")")).error()).at("/hostname"));
        const auto& domain = plan_.domainname;
        if (!domain.empty() && ::setdomainname(domain.data(), domain.size()) < 0)
            return fail(std::move(sys::last_error(text::cat("setdomainname(", domain, ")")).error()).at("/domainname"));
        return {};
    }

    // config.md#createcontainer-hooks: in the container's namespaces, found in the runtime's: before pivot_root.
    Result<> run_create_container_hooks() {
        if (plan_.hooks.create_container.empty()) return {};
        progress::enter(Step::CreateContainerHooks);
        return hooks::run(plan_.hooks.create_container,
                          {"createContainer", hook_state(context_.record, Status::Creating, ::getpid()),
                           plan_.mounts.rootfs, nullptr});
    }

    Result<> enter_rootfs() {
        progress::enter(Step::Pivot);
        if (owns_mounts()) {
            root_.emplace(TRY(mounts::enter_root(plan_.mounts, *root_)));
        } else {
            TRY(sys::fchdir(root_->fd()));
            if (::chroot(".") < 0) return sys::last_error(text::cat("chroot(", plan_.mounts.rootfs, ")"));
            root_.emplace(TRY(sys::RootDir::open("/")));
        }
        // ORDER: after the pid namespace is ours and before any right is lost; attached nowhere, so that nothing in the
        // container can stand in its place (CVE-2025-52881).
        if (needs_procfs()) procfs_ = TRY(sys::Procfs::open());
        return {};
    }

    bool needs_procfs() const {
        return !plan_.sysctl.empty() ||
               (plan_.process && (!plan_.process->apparmor_profile.empty() || !plan_.process->selinux_label.empty()));
    }

    // ORDER: the console is bound before paths are masked and the root becomes read-only, while it can still be made.
    Result<> set_up_terminal() {
        progress::enter(Step::Console);
        if (!plan_.process || !plan_.process->terminal) return {};
        auto terminal = TRY(process::open_terminal(*root_, plan_.process->console_size, plan_.process->user.uid));
        if (owns_mounts()) TRY(process::bind_console(*root_, terminal));
        return hand_over_terminal(terminal, resources_.console_socket, context_.channel);
    }

    Result<> seal_rootfs() {
        progress::enter(Step::MaskPaths);
        if (plan_.process && owns_mounts()) TRY(make_working_directory(*root_, *plan_.process));
        return owns_mounts() ? mounts::seal_root(plan_.mounts, *root_, views_) : Result<>{};
    }

    Result<> set_kernel_parameters() {
        progress::enter(Step::Sysctl);
        return plan_.sysctl.empty() ? Result<>{} : mounts::write_sysctls(procfs_, plan_.sysctl);
    }

    Result<> join_keyring() {
        progress::enter(Step::Keyring);
        if (!plan_.session_keyring) return {};
        if (plan_.process && !plan_.process->selinux_label.empty())
            TRY(privileges::set_keyring_label(procfs_, plan_.process->selinux_label));
        return privileges::join_session_keyring(plan_.id);
    }

    Result<> prepare_process() {
        progress::enter(Step::ProcessAttributes);
        if (!plan_.process) return {};
        process_.emplace(*plan_.process);
        complete_environment(*process_, *root_);
        if (!process_->terminal) TRY(process::give_stdio_to(process_->user.uid));
        TRY(set_attributes(*process_, procfs_));
        // ORDER: while CAP_SYS_ADMIN is held, which it takes without no_new_privs, and after the last file that I have
        // to open for myself. It needs none of the rights that go next, and takes mount(2) away as well.
        return privileges::restrict_files(process_->landlock, *root_);
    }

    Result<> take_the_identity() {
        progress::enter(Step::Identity);
        // The directory of the host's procfs and of the root are no use to the container's user.
        procfs_ = {};
        views_.clear();
        root_.reset();
        if (!process_) return {};
        TRY(restrict_capabilities(*process_, context_.channel));
        return take_identity(*process_, plan_.seccomp ? filter_needs(*process_) : FilterNeeds::Nothing);
    }

    // Looked for now, with the user's own rights, so that create already tells of a program that is missing.
    Result<> find_program() {
        progress::enter(Step::Executable);
        if (!process_) return {};
        path_ = TRY(process::find_executable(process_->args.at(0), process::find(process_->env, "PATH").value_or("")));
        return {};
    }

    Result<> tell_ready() {
        progress::enter(Step::Ready);
        return send(context_.channel, Kind::Ready);
    }

    Result<> await_start() {
        progress::enter(Step::AwaitStart);
        if (resources_.gate) {
            context_.channel.close();  // the parent may go
            starter_ = TRY(accept_starter(resources_.gate));
            resources_.gate.reset();
        } else {
            starter_ = std::move(context_.channel);
        }
        auto message = TRY(receive(starter_));
        // A starter that goes away without a word starts nothing.
        if (!message || message->kind != Kind::Go) ::_exit(1);
        if (!process_) return fail(Error(Code::InvalidConfig, "the container has no process to start").at("/process"));
        return {};
    }

    Result<> run_start_container_hooks() {
        if (plan_.hooks.start_container.empty()) return {};
        progress::enter(Step::StartContainerHooks);
        return hooks::run(
            plan_.hooks.start_container,
            {"startContainer", hook_state(context_.record, Status::Created, ::getpid()), {}, &process_->env});
    }

    Result<> read_filter() {
        progress::enter(Step::LoadFilter);
        if (!resources_.filter) return {};
        if (::lseek(resources_.filter.number(), 0, SEEK_SET) < 0) return sys::last_error("lseek");
        filter_ = TRY(seccomp::parse(TRY(sys::read_all(resources_.filter))));
        return {};
    }

    Result<> expect(Kind kind) {
        auto message = TRY(receive(context_.channel));
        if (!message) ::_exit(1);  // the parent is gone: so is the reason to live
        if (message->kind != kind)
            return fail(Code::Internal, text::cat("unexpected message ", name(message->kind), " of the launch"));
        return {};
    }

    ChildContext& context_;
    const LaunchPlan& plan_;
    Resources& resources_;
    BornOf born_of_;
    std::optional<sys::RootDir> root_;
    mounts::KernelViews views_;
    sys::Procfs procfs_;
    std::optional<ProcessPlan> process_;  ///< the plan's, completed by what only the container's files tell
    std::string path_;
    std::optional<seccomp::Program> filter_;
    sys::Channel starter_;
};
}  // namespace

void init_main(ChildContext context, BornOf born_of) noexcept {
    progress::assume_role(Role::Init, context.progress);
    Init init(context, born_of);
    auto result = init.become_created();
    if (result) result = init.become_the_program();
    if (!result) send_failure(init.listener(), result.error());
    ::_exit(1);
}

}  // namespace arca::container::launch
