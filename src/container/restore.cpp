// restore: images become the processes of a new container. CRIU makes the processes, their namespaces and the mounts in
// them; what surrounds them (cgroup, device filter, root filesystem, hooks, state) is made here, as for a create.
#include <fcntl.h>
#include <sched.h>
#include <unistd.h>

#include <utility>

#include "arca/checkpoint.hpp"
#include "base/progress.hpp"
#include "base/text.hpp"
#include "cgroup/cgroup.hpp"
#include "container/aftermath.hpp"
#include "container/checkpoint_plan.hpp"
#include "container/criu_images.hpp"
#include "container/destroy.hpp"
#include "container/exec_config.hpp"
#include "container/launch/launch.hpp"
#include "container/launch/namespaces.hpp"
#include "container/new_container.hpp"
#include "container/oci_state.hpp"
#include "container/start.hpp"
#include "hooks/hooks.hpp"
#include "mounts/execute.hpp"
#include "privileges/keyring.hpp"
#include "process/terminal.hpp"
#include "rdt/group.hpp"
#include "seccomp/cache.hpp"
#include "sys/mount_api.hpp"
#include "sys/syscalls.hpp"

namespace arca {

namespace {
using namespace container;

// In a process of its own: the attributes of a mount can be changed only from its mount namespace (mount_setattr(2)).
[[noreturn]] void seal_root_inside(const sys::Pidfd& init) noexcept {
    if (::setns(init.fd().number(), CLONE_NEWNS) < 0) ::_exit(errno);
    const auto root = sys::open("/", O_PATH | O_DIRECTORY);
    if (!root) ::_exit(root.error().errnum());
    const auto sealed = sys::change_attached(*root, sys::Depth::One, {.set = MOUNT_ATTR_RDONLY});
    ::_exit(sealed ? 0 : sealed.error().errnum());
}

Result<> seal_root(const sys::Pidfd& init) {
    auto cloned = TRY(sys::clone3({}));
    if (cloned.is_child) seal_root_inside(init);
    const auto status = TRY(cloned.child.wait());
    if (status.signal == 0 && status.code == 0) return {};
    return fail(Error(Code::System, "making / read-only", status.code).at("/root/readonly"));
}

struct Restored {
    sys::Child init;
    sys::Fd controller;  ///< of the terminal, when nobody else takes it
};

// The parent of the story, as in launch/parent.cpp: what it has made is undone when a step fails.
class Restorer {
  public:
    Restorer(const Runtime& runtime, const RestoreOptions& options, const Prepared& prepared, Store& store,
             Record& record)
        : runtime_(runtime),
          options_(options),
          plan_(prepared.plan),
          prepared_(prepared),
          store_(store),
          record_(record) {}
    ~Restorer() { (void)undo(); }
    Restorer(const Restorer&) = delete;
    Restorer& operator=(const Restorer&) = delete;

    Result<Restored> run() {
        TRY(save_intention());
        TRY(open_resources());
        TRY(make_cgroup());
        TRY(save_filter());
        TRY(start_criu());
        TRY(place());
        TRY(await_criu());
        TRY(write_pid_file());
        done_ = true;
        return std::move(restored_);
    }

    /// Takes back what was made. The first failure stays the error; what cannot be taken back is told beside it.
    Error undo_after(Error first) {
        for (const auto& outcome : undo())
            first = also(std::move(first), outcome);
        return first;
    }

  private:
    // ORDER: before the first side effect, so that `delete --force` finds what a restore that was killed has left.
    Result<> save_intention() {
        progress::enter(Step::SaveState);
        TRY(store_.write_file(launch::kConfigName, prepared_.config_text));
        TRY(save_exec_config(store_, prepared_.config));
        return store_.write(record_);
    }

    Result<> open_resources() {
        progress::enter(Step::OpenResources);
        program_ = TRY(criu::find_program(runtime_.environment));
        directories_ = TRY(ImageDirectories::open(options_.image, ImageDirectories::Missing::Refuse));
        external_ = TRY(external_mounts(plan_.mounts));
        namespaces_ = TRY(launch::open_namespaces(plan_.namespaces.joined));
        if (!options_.console_socket.empty())
            console_socket_ = TRY(process::connect_console_socket(options_.console_socket));
        return open_stdio();
    }

    // What the container's first process had of the engine's, under the names that the images have for it, is ours now.
    Result<> open_stdio() {
        if (plan_.process && plan_.process->terminal) return {};
        const auto text = sys::read_file_at(directories_.images, kDescriptorsName);
        if (!text && text.error().errnum() == ENOENT) return {};
        if (!text) return fail(Error(Code::System, "descriptors.json of the images", text.error().errnum()));
        for (auto& [name, number] : inherited_stdio(TRY(parse_descriptors(*text))))
            stdio_.emplace_back(std::move(name), TRY(sys::duplicate(sys::FdRef(number))));
        return {};
    }

    Result<> make_cgroup() {
        if (plan_.cgroup.scope) return {};
        progress::enter(Step::Cgroup);
        cgroup_ = TRY(cgroup::Cgroup::create(plan_.cgroup));
        record_.cgroup = cgroup_.location();
        record_.cgroup_was_made = cgroup_.was_made_here();
        entrance_ = TRY(cgroup_.entrance());
        return install_device_filter();
    }

    // ORDER: before anything of the container is in there.
    Result<> install_device_filter() {
        progress::enter(Step::Devices);
        return plan_.cgroup.needs_device_filter ? cgroup_.install_device_filter(plan_.cgroup.devices) : Result<>{};
    }

    // The restored processes bring their filters along; this one is for exec.
    Result<> save_filter() {
        if (!plan_.seccomp) return {};
        progress::enter(Step::Seccomp);
        std::vector<spec::Note> notes;
        const auto cache = open_filter_cache(runtime_, plan_);
        const auto program = TRY(seccomp::compile_cached(*plan_.seccomp, cache, notes));
        return store_.write_file(launch::kFilterName, seccomp::serialise(program));
    }

    // What CRIU makes is born in the container's cgroup because CRIU is in it.
    Result<> start_criu() {
        progress::enter(Step::Fork);
        criu::Launch launch{.program = program_,
                            .environment = runtime_.environment,
                            .inherited = {directories_.images, directories_.work}};
        for (const auto& [name, descriptor] : stdio_)
            launch.inherited.push_back(descriptor);
        for (const auto& descriptor : namespaces_)
            launch.inherited.push_back(descriptor);
        launch.birthplace = entrance_.birthplace;
        launch.before_execve = [this] { return surround_criu(); };
        session_.emplace(TRY(criu::Session::start(launch)));
        return {};
    }

    // In the process that becomes CRIU: its view of files is the container's surroundings. CRIU wants the root to be a
    // mount point; made in a mount namespace of its own that never reaches the host, nor has to be taken away.
    Result<> surround_criu() {
        TRY(cgroup::enter(entrance_));
        if (plan_.session_keyring) TRY(privileges::join_session_keyring(plan_.id));
        if (!plan_.namespaces.has(spec::NamespaceType::Mount)) return {};
        if (::unshare(CLONE_NEWNS) < 0) return sys::last_error("unshare(CLONE_NEWNS)");
        TRY(directories_.open_again());
        const auto root = TRY(mounts::prepare_root(plan_.mounts));
        return mounts::make_mount_points(plan_.mounts, root);
    }

    Result<> place() {
        if (plan_.cgroup.scope) {
            progress::enter(Step::Cgroup);
            cgroup_ = TRY(cgroup::Cgroup::create_around(plan_.cgroup, session_->pid()));
            record_.cgroup = cgroup_.location();
            TRY(install_device_filter());
        }
        return store_.write(record_);
    }

    Result<> await_criu() {
        progress::enter(Step::AwaitReady);
        TRY(check_abilities(*session_, options_.image, nullptr));
        const auto places = directories_.places(criu_config_file(plan_.annotations));
        auto request = plan_restore(options_, plan_, external_, places, joined_numbers());
        request.cgroup_roots = cgroup_roots(record_.cgroup);
        for (const auto& [name, descriptor] : stdio_)
            request.inherited.emplace_back(name, descriptor.number());
        auto outcome = session_->carry_out(criu::Call::Restore, request,
                                           [this](const criu::Notification& notification, sys::Fd descriptor) {
                                               return listen(notification, std::move(descriptor));
                                           });
        (void)TRY(judge(std::move(outcome), "restore", text::cat(directories_.work_path, "/", request.log_file)));
        return session_->finish();
    }

    JoinedNumbers joined_numbers() const {
        JoinedNumbers numbers;
        const auto& joined = plan_.namespaces.joined;
        for (std::size_t i = 0; i < joined.size(); ++i) {
            if (joined[i].type == spec::NamespaceType::Network) numbers.network = namespaces_[i].number();
            if (joined[i].type == spec::NamespaceType::Pid) numbers.pid = namespaces_[i].number();
        }
        return numbers;
    }

    Result<> listen(const criu::Notification& notification, sys::Fd descriptor) {
        if (notification.script == "setup-namespaces") return run_runtime_hooks(notification.pid);
        if (notification.script == "orphan-pts-master") return take_terminal(std::move(descriptor));
        if (notification.script == "post-restore") return adopt(notification.pid);
        return {};
    }

    // The namespaces are there, and nothing in them but what CRIU has made.
    Result<> run_runtime_hooks(pid_t pid) {
        if (plan_.hooks.prestart.empty() && plan_.hooks.create_runtime.empty()) return {};
        progress::enter(Step::RuntimeHooks);
        hooks_ran_ = true;
        const auto state = hook_state(record_, Status::Creating, pid);
        TRY(hooks::run(plan_.hooks.prestart, {"prestart", state, plan_.bundle, nullptr}));
        TRY(hooks::run(plan_.hooks.create_runtime, {"createRuntime", state, plan_.bundle, nullptr}));
        progress::enter(Step::AwaitReady);
        return {};
    }

    Result<> take_terminal(sys::Fd controller) {
        if (!controller) return fail(Code::System, "CRIU did not send the terminal");
        if (console_socket_) return process::send_controller(console_socket_, controller, "/dev/ptmx");
        restored_.controller = std::move(controller);
        return {};
    }

    // ORDER: while everything is there but nothing runs yet: what it may, its limits, and its place on record.
    Result<> adopt(pid_t pid) {
        restored_.init = sys::Child(TRY(sys::Pidfd::open(pid)));
        // CRIU needs a writable root until now, and takes what it finds for what was there.
        if (plan_.mounts.root_readonly) TRY(seal_root(restored_.init.pidfd()));
        progress::enter(Step::Limits);
        TRY(cgroup_.apply(plan_.cgroup.writes));
        if (plan_.rdt) {
            resctrl_ = TRY(rdt::create(*plan_.rdt));
            TRY(rdt::enter(resctrl_, pid));
        }
        progress::enter(Step::SaveState);
        record_.pid = pid;
        record_.start_time = TRY(sys::start_time(pid));
        record_.status = Status::Running;
        TRY(store_.write(record_));
        progress::enter(Step::AwaitReady);
        return {};
    }

    Result<> write_pid_file() {
        if (!restored_.init) return fail(Code::Internal, "CRIU restored no process");
        if (options_.pid_file.empty()) return {};
        progress::enter(Step::PidFile);
        return launch::write_pid_file_at(options_.pid_file, restored_.init.pid());
    }

    std::vector<Result<>> undo() {
        if (std::exchange(done_, true)) return {};
        std::vector<Result<>> outcomes;
        session_.reset();
        restored_.init = {};
        entrance_ = {};
        outcomes.push_back(take_back_cgroup(plan_.cgroup, cgroup_));
        const bool is_gone = outcomes.back().has_value();
        outcomes.push_back(rdt::remove(resctrl_));
        if (hooks_ran_) run_poststop_hooks();
        // Else `delete` will need it.
        if (is_gone) outcomes.push_back(store_.remove());
        return outcomes;
    }

    void run_poststop_hooks() {
        const hooks::Call call{"poststop", hook_state(record_, Status::Stopped, 0), plan_.bundle, nullptr};
        for (const auto& failure : hooks::run_all(plan_.hooks.poststop, call))
            if (runtime_.log != nullptr) runtime_.log->write(log::Level::Warning, failure);
    }

    const Runtime& runtime_;
    const RestoreOptions& options_;
    const LaunchPlan& plan_;
    const Prepared& prepared_;
    Store& store_;
    Record& record_;
    std::string program_;
    ImageDirectories directories_;
    std::vector<ExternalMount> external_;
    std::vector<sys::Fd> namespaces_;  ///< one per plan_.namespaces.joined
    std::vector<std::pair<std::string, sys::Fd>> stdio_;
    sys::Fd console_socket_;
    cgroup::Cgroup cgroup_;
    cgroup::Entrance entrance_;
    std::optional<criu::Session> session_;
    rdt::Location resctrl_;
    Restored restored_;
    bool hooks_ran_ = false;
    bool done_ = false;
};

Result<> check(const RestoreOptions& options, const LaunchPlan& plan) {
    if (options.no_pivot) return fail(Code::Unsupported, "--no-pivot: CRIU knows no other way to the container's root");
    if (plan.rootless) return fail(Code::Unsupported, "ordinary users cannot restore containers: CRIU needs root");
    if (plan.net_devices.empty()) return {};
    return fail(Error(Code::Unsupported, "a network device of the host cannot be moved into a restored container")
                    .at(plan.net_devices.front().pointer));
}

CreateOptions as_creation(const RestoreOptions& options) {
    CreateOptions create;
    create.id = options.id;
    create.bundle = options.bundle;
    create.console_socket = options.console_socket;
    create.pid_file = options.pid_file;
    return create;
}

struct Made {
    Store store;
    Record record;
    Restored restored;
};

// ORDER: as in create, the id is reserved only when the bundle is known to be good.
Result<Made> make(const Runtime& runtime, const RestoreOptions& options) {
    TRY(check_id(options.id));
    const auto prepared = TRY(prepare(runtime, as_creation(options)));
    TRY(check(options, prepared.plan));
    TRY(check_terminal(prepared, options.detach ? Attachment::Detached : Attachment::Foreground));
    report(runtime, prepared.notes);
    progress::enter(Step::Reserve);
    auto store = TRY(Store::create(runtime.root, options.id));
    auto record = new_record(prepared);
    Restorer restorer(runtime, options, prepared, store, record);
    auto restored = restorer.run();
    if (restored) return Made{std::move(store), std::move(record), std::move(*restored)};
    return fail(restorer.undo_after(std::move(restored.error())));
}

Result<int> stay_with(const Runtime& runtime, Made& made, const RestoreOptions& options) {
    progress::enter(Step::Wait);
    made.store.unlock();
    const auto status =
        TRY(process::stay_in_foreground(std::move(made.restored.controller), std::move(made.restored.init)));
    auto store = Store::open(runtime.root, options.id, Store::Access::Exclusive);
    // Somebody else may have deleted it meanwhile.
    if (store) TRY(destroy(runtime, *store, made.record));
    return status.shell_code();
}
}  // namespace

Result<int> restore(const Runtime& runtime, const RestoreOptions& options) {
    auto made = TRY(remember_failure(runtime, options.id, "restore", make(runtime, options)));
    if (!options.no_subreaper && !options.detach) adopt_orphans_of(made.record);
    std::optional<sys::SignalsBlocked> blocked;
    if (!options.detach) blocked.emplace();
    auto started = mark_started(runtime, made.store, made.record);
    if (!started) {
        made.restored.init = {};
        Result<int> failed = fail(also(std::move(started.error()), destroy(runtime, made.store, made.record)));
        return remember_failure(runtime, options.id, "restore", std::move(failed));
    }
    if (!options.detach) return stay_with(runtime, made, options);
    (void)made.restored.init.release();
    progress::finish();
    return 0;
}

}  // namespace arca
