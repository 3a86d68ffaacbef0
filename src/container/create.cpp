// create and run: a bundle becomes a container.
#include <fcntl.h>
#include <unistd.h>

#include "arca/container.hpp"
#include "base/progress.hpp"
#include "base/text.hpp"
#include "container/aftermath.hpp"
#include "container/destroy.hpp"
#include "container/exec_config.hpp"
#include "container/launch/launch.hpp"
#include "container/launch/protocol.hpp"
#include "container/new_container.hpp"
#include "container/prepare.hpp"
#include "container/start.hpp"
#include "process/descriptors.hpp"
#include "process/notify_socket.hpp"
#include "process/terminal.hpp"
#include "sys/syscalls.hpp"

namespace arca {

namespace {
using namespace container;

// crun's annotation is an older way to ask.
std::string pidfd_receiver(const Prepared& prepared) {
    if (!prepared.options.pidfd_socket.empty()) return prepared.options.pidfd_socket;
    const auto annotated = prepared.plan.annotations.find("run.oci.pidfd_receiver");
    return annotated == prepared.plan.annotations.end() ? std::string() : annotated->second;
}

struct Created {
    Store store;
    Record record;
    launch::Launched launched;
    Attachment attachment;
    std::optional<process::NotifySocket> notify;
};

// ORDER: the id is reserved only when the bundle is known to be good, so that a wrong config changes nothing.
Result<Created> make(const Runtime& runtime, const CreateOptions& options, Attachment attachment, launch::Gate gate) {
    TRY(check_id(options.id));
    TRY(process::check_preserved(options.preserve_fds));
    auto prepared = TRY(prepare(runtime, options));
    TRY(check_terminal(prepared, attachment));
    report(runtime, prepared.notes);
    progress::enter(Step::Reserve);
    auto store = TRY(Store::create(runtime.root, options.id));
    auto record = new_record(prepared);
    const auto filter_cache = open_filter_cache(runtime, prepared.plan);
    launch::Request request{.plan = prepared.plan,
                            .store = store,
                            .record = record,
                            .gate = gate,
                            .console_socket = options.console_socket,
                            .pidfd_socket = pidfd_receiver(prepared),
                            .pid_file = options.pid_file,
                            .environment = runtime.environment,
                            .filter_cache = filter_cache,
                            .log = runtime.log};
    auto saved = store.write_file(launch::kConfigName, prepared.config_text);
    if (saved) saved = save_exec_config(store, prepared.config);
    if (saved && !notify_manager(runtime).empty()) saved = make_notify_directory(store);
    if (!saved) return fail(also(std::move(saved.error()), store.remove()));
    auto launched = TRY(launch::launch(request));
    return Created{std::move(store), std::move(record), std::move(launched), attachment, std::nullopt};
}

Result<> open_gate_and_start(const Runtime& runtime, Created& created) {
    progress::enter(Step::Start);
    TRY(launch::start_through(created.launched.channel, created.record));
    created.launched.channel.close();
    TRY(mark_started(runtime, created.store, created.record));
    // In the foreground the manager keeps its eyes on us, and is told as soon as there is something to tell.
    if (!created.notify || created.attachment == Attachment::Foreground) return {};
    created.store.unlock();
    return created.notify->relay_until_ready(created.launched.init.pidfd(), process::MainProcess::Container);
}

Result<int> stay_with(Created& created, const RunOptions& options) {
    progress::enter(Step::Wait);
    created.store.unlock();
    auto& launched = created.launched;
    auto* notify = created.notify ? &*created.notify : nullptr;
    const auto status =
        TRY(process::stay_in_foreground(std::move(launched.controller), std::move(launched.init), notify));
    if (options.keep) remember_exit(created.store, status);
    return status.shell_code();
}
}  // namespace

Result<> create(const Runtime& runtime, const CreateOptions& options) {
    auto created = TRY(remember_failure(runtime, options.id, "create",
                                        make(runtime, options, Attachment::Detached, launch::Gate::Socket)));
    (void)created.launched.init.release();
    progress::finish();
    return {};
}

Result<int> run(const Runtime& runtime, const RunOptions& options) {
    const auto attachment = options.detach ? Attachment::Detached : Attachment::Foreground;
    auto created = TRY(remember_failure(runtime, options.create.id, "run",
                                        make(runtime, options.create, attachment, launch::Gate::Channel)));
    if (!options.no_subreaper && !options.detach) adopt_orphans_of(created.record);
    // What arrives between the start of the program and the moment we forward signals must not be lost, nor kill us.
    std::optional<sys::SignalsBlocked> blocked;
    if (attachment == Attachment::Foreground) blocked.emplace();
    auto notify = listen_for_notification(runtime, created.store);
    auto started = notify ? Result<>() : Result<>(fail(std::move(notify.error())));
    if (started) {
        created.notify = std::move(*notify);
        started = open_gate_and_start(runtime, created);
    }
    if (!started) {
        auto first = std::move(started.error());
        created.launched.init = {};
        write_failure(runtime, options.create.id, "run", first);
        const auto removed = destroy(runtime, created.store, created.record);
        if (removed) return fail(std::move(first));
        first = also(std::move(first), removed);
        write_failure(runtime, options.create.id, "run", first);
        return fail(std::move(first));
    }
    if (options.detach) {
        (void)created.launched.init.release();
        progress::finish();
        return 0;
    }
    auto code = stay_with(created, options);
    if (!options.keep) {
        auto store = Store::open(runtime.root, options.create.id, Store::Access::Exclusive);
        // Somebody else may have deleted it meanwhile.
        if (store) TRY(destroy(runtime, *store, created.record));
    }
    progress::finish();
    return code;
}

}  // namespace arca
