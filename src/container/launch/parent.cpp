// The parent: who am I? `arca create` or `arca run`, with the caller's rights, in the host's namespaces. I own what a
// container may not: its cgroup, its id maps, its state on disk, its hooks. Until `created` is on disk everything I
// make is undone when a step fails; if I am killed, state.json says enough for `delete --force` to undo it.
#include <fcntl.h>
#include <sched.h>
#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <utility>

#include "base/progress.hpp"
#include "base/text.hpp"
#include "container/destroy.hpp"
#include "container/launch/gate.hpp"
#include "container/launch/launch.hpp"
#include "container/launch/namespaces.hpp"
#include "container/launch/protocol.hpp"
#include "container/oci_state.hpp"
#include "hooks/hooks.hpp"
#include "host/explain_namespaces.hpp"
#include "ids/id_maps.hpp"
#include "network/net_devices.hpp"
#include "process/attributes.hpp"
#include "process/descriptors.hpp"
#include "process/terminal.hpp"
#include "rdt/group.hpp"
#include "seccomp/cache.hpp"
#include "sys/syscalls.hpp"
#include "sys/unix_socket.hpp"

namespace arca::container::launch {

namespace {
constexpr auto kOutOfMemory = "the kernel killed it because the cgroup is out of memory: memory.max is too low";

// One word of memory that parent and child share: the step in which a child was when it died.
class SharedStep {
  public:
    SharedStep()
        : step_(static_cast<Step*>(
              ::mmap(nullptr, sizeof(Step), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0))) {}
    ~SharedStep() {
        if (get() != nullptr) ::munmap(step_, sizeof(Step));
    }
    SharedStep(const SharedStep&) = delete;
    SharedStep& operator=(const SharedStep&) = delete;
    volatile Step* get() const { return step_ == MAP_FAILED ? nullptr : step_; }
    Step value() const { return get() != nullptr ? *get() : Step::None; }

  private:
    Step* step_;
};

std::vector<Kind> expected_messages(const LaunchPlan& plan, bool proxies_terminal) {
    std::vector<Kind> sequence;
    if (plan.namespaces.intermediate) sequence.push_back(Kind::InitIs);
    if (!plan.hooks.prestart.empty() || !plan.hooks.create_runtime.empty()) sequence.push_back(Kind::MountsReady);
    if (proxies_terminal) sequence.push_back(Kind::Terminal);
    sequence.push_back(Kind::Ready);
    return sequence;
}

class Parent {
  public:
    explicit Parent(Request& request)
        : request_(request), plan_(request.plan), expected_(expected_messages(plan_, proxies_terminal())) {}
    ~Parent() { (void)undo(); }
    Parent(const Parent&) = delete;
    Parent& operator=(const Parent&) = delete;

    Result<Launched> run() {
        TRY(save_intention());
        TRY(open_resources());
        TRY(make_cgroup());
        TRY(fork());
        TRY(place());
        TRY(write_id_maps());
        TRY(learn_who_init_is());
        TRY(move_net_devices());
        TRY(adjust_oom_score());
        TRY(limit());
        TRY(join_resctrl_group());
        TRY(compile_filter());
        TRY(run_runtime_hooks());
        TRY(await_ready());
        TRY(save_created());
        TRY(write_pid_file());
        if (pidfd_receiver_) TRY(send_pidfd(pidfd_receiver_, init_.pidfd(), "standard"));
        done_ = true;
        return Launched{std::move(init_), std::move(channel_), std::move(cgroup_), std::move(controller_)};
    }

    /// Takes back what was made. The first failure stays the error; what cannot be taken back is told beside it.
    Error undo_after(Error first) {
        for (const auto& outcome : undo())
            first = also(std::move(first), outcome);
        return first;
    }

  private:
    bool proxies_terminal() const {
        return plan_.process && plan_.process->terminal && request_.console_socket.empty();
    }

    // ORDER: before the first side effect, so that a create that is killed can be cleaned up after: the record holds
    // the cgroup that is going to be made.
    Result<> save_intention() {
        progress::enter(Step::SaveState);
        request_.record.status = Status::Creating;
        return request_.store.write(request_.record);
    }

    Result<> open_resources() {
        progress::enter(Step::OpenResources);
        resources_.namespaces = TRY(open_namespaces(plan_.namespaces.joined));
        resources_.sources = TRY(mounts::open_sources(plan_.mounts));
        if (!request_.console_socket.empty())
            resources_.console_socket = TRY(process::connect_console_socket(request_.console_socket));
        if (!request_.pidfd_socket.empty()) pidfd_receiver_ = TRY(connect_pidfd_receiver(request_.pidfd_socket));
        if (request_.gate == Gate::Socket) resources_.gate = TRY(open_gate(request_.store.directory(), kGateName));
        if (plan_.seccomp)
            resources_.filter =
                TRY(sys::openat(request_.store.directory(), kFilterName, O_RDWR | O_CREAT | O_EXCL, 0600));
        return {};
    }

    Result<> make_cgroup() {
        if (plan_.cgroup.scope) return {};
        progress::enter(Step::Cgroup);
        cgroup_ = TRY(cgroup::Cgroup::create(plan_.cgroup));
        request_.record.cgroup = cgroup_.location();  // none, where none could be made and none was needed
        request_.record.cgroup_was_made = cgroup_.was_made_here();
        resources_.cgroup = TRY(cgroup_.entrance());
        return {};
    }

    // With CLONE_INTO_CGROUP there is no moment at which a process of the container is outside of its cgroup. Where
    // nobody can be born (cgroup v1), to enter is the first thing a child does.
    Result<> fork() {
        progress::enter(Step::Fork);
        auto [mine, theirs] = TRY(sys::Channel::pair());
        const auto flags = plan_.namespaces.intermediate ? 0 : plan_.namespaces.created;
        auto born = sys::clone3({flags, resources_.cgroup.birthplace.ref()});
        if (!born) return fail(host::explained(std::move(born.error()), flags));
        auto cloned = std::move(*born);
        if (cloned.is_child) {
            ChildContext context{plan_, request_.record, resources_, std::move(theirs), shared_step_.get()};
            if (plan_.namespaces.intermediate) intermediate_main(std::move(context));
            init_main(std::move(context), BornOf::Parent);
        }
        (plan_.namespaces.intermediate ? intermediate_ : init_) = std::move(cloned.child);
        channel_ = std::move(mine);
        return {};
    }

    // systemd moves a process that lives, so the child that was made waits until it has been moved, before it does
    // anything that its cgroup decides about: the price for asking one who need not let us write there ourselves.
    Result<> place() {
        if (!plan_.cgroup.scope) return {};
        progress::enter(Step::Cgroup);
        cgroup_ = TRY(cgroup::Cgroup::create_around(plan_.cgroup, (init_ ? init_ : intermediate_).pid()));
        if (cgroup_.location() != request_.record.cgroup) {
            request_.record.cgroup = cgroup_.location();
            TRY(request_.store.write(request_.record));
        }
        return tell(Kind::Placed);
    }

    Result<> learn_who_init_is() {
        if (!plan_.namespaces.intermediate) return {};
        progress::enter(Step::Fork);
        auto message = TRY(receive_next());
        init_ = sys::Child(sys::Pidfd(TRY(only_descriptor(message, Kind::InitIs)), message.pid));
        (void)TRY(intermediate_.wait());
        TRY(tell(Kind::Adopted));
        return write_id_maps();
    }

    // The new user namespace is init's; without an intermediate init exists already.
    Result<> write_id_maps() {
        if (!plan_.ids.new_user_namespace || !init_) return {};
        progress::enter(Step::IdMaps);
        if (plan_.process) process::raise_hard_limits_of(init_.pid(), plan_.process->rlimits);
        TRY(ids::write_maps(plan_.ids, init_.pid(), request_.environment));
        return tell(Kind::IdMapsWritten);
    }

    // ORDER: before init goes on to what may concern the devices: sysctls, hooks.
    Result<> move_net_devices() {
        if (plan_.net_devices.empty()) return {};
        progress::enter(Step::Network);
        network_ = TRY(open_network());
        TRY(network::move_devices(plan_.net_devices, network_, moved_devices_));
        return tell(Kind::DevicesMoved);
    }

    // One that init joins may not be its own yet.
    Result<sys::Fd> open_network() const {
        const auto& joined = plan_.namespaces.joined;
        for (std::size_t i = 0; i < joined.size(); ++i)
            if (joined[i].type == spec::NamespaceType::Network) return sys::duplicate(resources_.namespaces[i]);
        return sys::open(text::cat("/proc/", init_.pid(), "/ns/net"), O_RDONLY);
    }

    Result<> join_resctrl_group() {
        if (!plan_.rdt) return {};
        progress::enter(Step::Limits);
        resctrl_ = TRY(rdt::create(*plan_.rdt));
        return rdt::enter(resctrl_, init_.pid());
    }

    // By the parent: in a user namespace init may not lower it, and a process that cannot be dumped may not even open
    // its own file.
    Result<> adjust_oom_score() {
        if (!plan_.process || !plan_.process->oom_score_adj) return {};
        progress::enter(Step::ProcessAttributes);
        const auto policy = plan_.process->oom_tolerant ? process::OomPolicy::Tolerant : process::OomPolicy::Strict;
        return process::set_oom_score_adj(init_.pid(), *plan_.process->oom_score_adj, policy);
    }

    // A cgroup of systemd's goes with its last process: what that said last, or how it ended, is the cause then.
    Result<> limit() {
        auto limited = set_limits();
        return limited || !init_.pidfd().has_exited() ? std::move(limited) : last_words();
    }

    Result<> set_limits() {
        progress::enter(Step::Devices);
        if (plan_.cgroup.needs_device_filter) TRY(cgroup_.install_device_filter(plan_.cgroup.devices));
        progress::enter(Step::Limits);
        return cgroup_.apply(plan_.cgroup.writes);
    }

    // While init mounts: it reads the program only after the start gate.
    Result<> compile_filter() {
        if (!plan_.seccomp) return {};
        progress::enter(Step::Seccomp);
        std::vector<spec::Note> notes;
        auto program = TRY(seccomp::compile_cached(*plan_.seccomp, request_.filter_cache, notes));
        if (request_.log != nullptr)
            for (const auto& note : notes)
                request_.log->write(log::Level::Debug, text::cat(note.pointer, ": ", note.text));
        return sys::write_all(resources_.filter, seccomp::serialise(program));
    }

    Result<> run_runtime_hooks() {
        if (plan_.hooks.prestart.empty() && plan_.hooks.create_runtime.empty()) return {};
        (void)TRY(receive_next());
        progress::enter(Step::RuntimeHooks);
        hooks_ran_ = true;
        const auto state = hook_state(request_.record, Status::Creating, init_.pid());
        TRY(hooks::run(plan_.hooks.prestart, {"prestart", state, plan_.bundle, nullptr}));
        TRY(hooks::run(plan_.hooks.create_runtime, {"createRuntime", state, plan_.bundle, nullptr}));
        return tell(Kind::HooksDone);
    }

    Result<> await_ready() {
        progress::enter(Step::AwaitReady);
        if (!plan_.hooks.create_container.empty()) hooks_ran_ = true;
        while (!expected_.complete()) {
            auto message = TRY(receive_next());
            if (message.kind != Kind::Terminal) continue;
            controller_ = TRY(only_descriptor(message, Kind::Terminal));
        }
        return {};
    }

    Result<> save_created() {
        progress::enter(Step::SaveState);
        request_.record.pid = init_.pid();
        request_.record.start_time = TRY(sys::start_time(init_.pid()));
        request_.record.status = Status::Created;
        return request_.store.write(request_.record);
    }

    // No newline: go-runc reads the whole content as a number.
    Result<> write_pid_file() {
        if (request_.pid_file.empty()) return {};
        progress::enter(Step::PidFile);
        return write_pid_file_at(request_.pid_file, init_.pid());
    }

    // One that is gone cannot be told anything: what it said last, or else how it ended, is the error.
    Result<> tell(Kind kind) {
        auto sent = send(channel_, kind);
        return sent || sent.error().errnum() != EPIPE ? std::move(sent) : last_words();
    }

    // Of a child that is gone: never a success.
    Result<> last_words() {
        for (;;)
            (void)TRY(receive_next());
    }

    Result<Message> receive_next() {
        for (;;) {
            auto message = TRY(receive(channel_));
            if (!message) return fail(explain_death());
            if (message->kind == Kind::Failed) return fail(std::move(*message->error));
            TRY(expected_.accept(message->kind));
            if (message->kind != Kind::Warning) return std::move(*message);
            if (request_.log != nullptr) request_.log->write(log::Level::Warning, message->text);
        }
    }

    // The channel ended without a word. What is told is how the process ended, in which step, and what the kernel
    // counted meanwhile; never "EOF".
    Error explain_death() {
        const auto* who = init_ ? "init " : "the intermediate ";
        auto status = (init_ ? init_ : intermediate_).wait();
        const auto step = shared_step_.value();
        auto error =
            Error(Code::InitDied, text::cat(who, status ? status->describe() : "ended", " during step ", name(step)))
                .in(step);
        if (cgroup_.oom_kills() > 0)
            error = std::move(error).hinting(kOutOfMemory);
        else if (const auto limit = memory_limit(); limit && plan_.cgroup.scope && status && status->signal == SIGKILL)
            error = std::move(error).hinting(text::cat(
                "what the kernel counted went with the scope; its memory.max was ", *limit, ", which may be too low"));
        else if (step == Step::None && status && status->signal == SIGKILL && resources_.cgroup.birthplace)
            // sys::clone3 sees it and makes another, but for the moment in which a dying process looks alive.
            error = std::move(error).hinting(
                "it had not run yet: Linux since 6.14 does this to who is born from or into a cgroup whose cgroup.kill "
                "was written to; another try may succeed");
        return error;
    }

    std::optional<std::string> memory_limit() const {
        for (const auto& write : plan_.cgroup.writes)
            if (write.file == "memory.max" && write.value != "max") return write.value;
        return std::nullopt;
    }

    std::vector<Result<>> undo() {
        if (std::exchange(done_, true)) return {};
        std::vector<Result<>> outcomes;
        network::return_devices(moved_devices_, network_);
        intermediate_ = {};
        init_ = {};
        // Descriptors may be what there are too few of, and taking back takes some.
        channel_.close();
        resources_ = {};
        outcomes.push_back(take_back_cgroup(plan_.cgroup, cgroup_));
        const bool is_gone = outcomes.back().has_value();
        outcomes.push_back(rdt::remove(resctrl_));
        if (hooks_ran_) run_poststop_hooks();
        // Else `delete` will need it.
        if (is_gone) outcomes.push_back(request_.store.remove());
        return outcomes;
    }

    void run_poststop_hooks() {
        const hooks::Call call{"poststop", hook_state(request_.record, Status::Stopped, 0), plan_.bundle, nullptr};
        for (const auto& failure : hooks::run_all(plan_.hooks.poststop, call))
            if (request_.log != nullptr) request_.log->write(log::Level::Warning, failure);
    }

    Request& request_;
    const LaunchPlan& plan_;
    Expectation expected_;
    Resources resources_;
    SharedStep shared_step_;
    cgroup::Cgroup cgroup_;
    sys::Channel channel_;
    sys::Child intermediate_;
    sys::Child init_;
    sys::Fd controller_;
    sys::Fd pidfd_receiver_;
    sys::Fd network_;  ///< namespace that devices were moved into
    std::vector<network::Moved> moved_devices_;
    rdt::Location resctrl_;
    bool hooks_ran_ = false;
    bool done_ = false;
};
}  // namespace

Result<Launched> launch(Request& request) {
    Parent parent(request);
    auto launched = parent.run();
    if (launched) return launched;
    return fail(parent.undo_after(host::explain_refusal(std::move(launched.error()), request.plan.namespaces.created)));
}

namespace {
// A process closes its end before it is a zombie, whose status can be read until somebody collects it.
std::optional<sys::ExitStatus> await_end(pid_t pid) {
    constexpr int kMomentMs = 1000;
    auto process = sys::Pidfd::open(pid);
    if (!process) return std::nullopt;
    (void)await_exit(*process, kMomentMs);
    return process->exit_status();
}

Error died_before_its_program(const Starting& process) {
    const auto status = await_end(process.pid);
    Error error(Code::InitDied, text::cat("the container's process ", status ? status->describe() : "ended",
                                          " before it could execute its program"));
    if (status && status->signal == SIGSYS)
        return std::move(error).hinting("its seccomp filter ends who executes a program");
    // Once programs have run in it, it may have been another that was killed.
    if (process.status != Status::Creating) return error;
    auto group = cgroup::Cgroup::open(process.record.cgroup);
    if (group && group->oom_kills() > 0) return std::move(error).hinting(kOutOfMemory);
    return error;
}

// The end of file is also that of a process which its filter ends for calling execve: that one has never executed
// anything since it was forked.
Result<> verify_execution(const Starting& process) {
    constexpr std::uint64_t kForkedOnly = 0x40;  // PF_FORKNOEXEC of linux/sched.h, gone before execve closes anything
    const auto seen = sys::process_info(process.pid);
    if (!seen || (seen->flags & kForkedOnly) == 0) return {};
    return fail(died_before_its_program(process));
}
}  // namespace

Result<sys::Fd> connect_pidfd_receiver(const std::string& path) {
    return TRY_CTX(sys::connect_unix(path), "the pidfd socket");
}

Result<> send_pidfd(sys::FdRef receiver, const sys::Pidfd& process, std::string_view how) {
    TRY_CTX(sys::send_with_descriptor(receiver, how, process.fd()), "the pidfd socket");
    return {};
}

Result<> write_pid_file_at(const std::string& path, pid_t pid) {
    const auto slash = path.rfind('/');
    const auto directory = slash == std::string::npos ? "." : slash == 0 ? "/" : path.substr(0, slash);
    auto fd = TRY_CTX(sys::open(directory, O_RDONLY | O_DIRECTORY), "writing the pid file");
    TRY_CTX(sys::replace_file_at(fd, path.substr(slash + 1), text::cat(pid), 0644),
            text::cat("writing the pid file ", path));
    return {};
}

Result<> start_through(const sys::Channel& starter, const Record& record) {
    auto agent = TRY(Agent::connect(record));
    TRY(send(starter, Kind::Go));
    // `creating`, as other runtimes say and agents expect: the program has not begun.
    return await_execution(starter, {record, Status::Creating, record.pid, agent});
}

Result<> await_execution(const sys::Channel& starter, const Starting& process) {
    bool executing = false;
    for (;;) {
        auto message = TRY(receive(starter));
        if (!message && executing) return verify_execution(process);
        if (!message) return fail(died_before_its_program(process));
        if (message->kind == Kind::Failed) return fail(std::move(*message->error));
        if (message->kind == Kind::Executing) executing = true;
        if (message->kind == Kind::Listener)
            TRY(process.agent.introduce(TRY(only_descriptor(*message, Kind::Listener)), process.record, process.status,
                                        process.pid));
    }
}

Result<> close_inherited(const ChildContext& context) {
    std::vector<int> keep = {context.channel.fd().number(), progress::trace_descriptor()};
    const auto add = [&keep](const sys::Fd& fd) { keep.push_back(fd.number()); };
    add(context.resources.console_socket);
    add(context.resources.gate);
    add(context.resources.filter);
    for (const auto& fd : context.resources.namespaces)
        add(fd);
    for (const auto& fd : context.resources.sources.mounts)
        add(fd);
    for (const auto& fd : context.resources.sources.devices)
        add(fd);
    const auto preserved = context.plan.process ? context.plan.process->preserved_descriptors : 0;
    return process::close_others(std::move(keep), preserved);
}

}  // namespace arca::container::launch
