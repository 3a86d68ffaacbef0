#include "container/start.hpp"

#include <fcntl.h>

#include "base/progress.hpp"
#include "base/text.hpp"
#include "container/aftermath.hpp"
#include "container/destroy.hpp"
#include "container/launch/gate.hpp"
#include "container/launch/launch.hpp"
#include "container/launch/protocol.hpp"
#include "container/oci_state.hpp"
#include "container/prepare.hpp"
#include "container/status.hpp"
#include "hooks/hooks.hpp"
#include "process/environment.hpp"
#include "sys/syscalls.hpp"

namespace arca {

namespace container {

namespace {
Result<> run_poststart_hooks(const Store& store, const Record& record) {
    if (!record.has_poststart_hooks) return {};
    progress::enter(Step::PoststartHooks);
    auto config = TRY(load_saved_config(store));
    return hooks::run(config.hooks.poststart,
                      {"poststart", hook_state(record, Status::Running, record.pid), record.bundle, nullptr});
}

// The container may be looked at, and stopped, while its manager waits.
Result<> await_readiness(const process::NotifySocket& notify, Store& store, const Record& record) {
    store.unlock();
    const auto init = TRY(open_init(record));
    return init ? notify.relay_until_ready(*init, process::MainProcess::Container) : Result<>{};
}

Error has_stopped(const Store& store, const Record& record) {
    Error error(Code::WrongState, "cannot start a container that has stopped");
    const auto ended = recall_exit(store, record);
    if (!ended) return error;
    return std::move(error).hinting("its process " + ended->describe());
}

Result<> check_can_start(const Store& store, const Record& record) {
    switch (TRY(current_status(record))) {
        case Status::Created:
            return {};
        case Status::Stopped:
            return fail(has_stopped(store, record));
        case Status::Running:
            return fail(Code::WrongState, "cannot start an already running container");
        case Status::Paused:
            return fail(Code::WrongState, "cannot start a paused container: resume it first");
        case Status::Creating:
            return fail(Code::WrongState, "cannot start a container that is still being created");
    }
    return fail(Code::Internal, "unknown status");
}

Result<> open_the_gate(const Store& store, const Record& record) {
    progress::enter(Step::Start);
    auto starter = TRY(launch::connect_gate(store.directory(), launch::kGateName));
    return launch::start_through(starter, record);
}
}  // namespace

std::string notify_manager(const Runtime& runtime) {
    return std::string(process::find(runtime.environment, "NOTIFY_SOCKET").value_or(""));
}

Result<> make_notify_directory(const Store& store) {
    return sys::mkdirat(store.directory(), kNotifyName, 0755);
}

Result<std::optional<process::NotifySocket>> listen_for_notification(const Runtime& runtime, const Store& store) {
    const auto manager = notify_manager(runtime);
    if (manager.empty()) return std::nullopt;
    auto directory = sys::openat(store.directory(), kNotifyName, O_RDONLY | O_DIRECTORY);
    if (!directory && directory.error().errnum() == ENOENT) return std::nullopt;
    return TRY(process::NotifySocket::listen(TRY(std::move(directory)), manager));
}

Result<> mark_started(const Runtime&, Store& store, Record& record) {
    record.status = Status::Running;
    TRY(store.write(record));
    auto hooks = run_poststart_hooks(store, record);
    if (hooks) return {};
    return fail(also(std::move(hooks.error()), kill_everything(record)));
}

}  // namespace container

Result<> start(const Runtime& runtime, const std::string& id) {
    using namespace container;
    auto store = TRY(Store::open(runtime.root, id, Store::Access::Exclusive));
    auto record = TRY(store.read());
    TRY(check_can_start(store, record));
    auto notify = TRY(listen_for_notification(runtime, store));
    auto opened = open_the_gate(store, record);
    if (!opened) {
        // The container is over; what it died of stays on record until it is deleted.
        record.status = Status::Stopped;
        record.reason = opened.error().message();
        write_failure(runtime, id, "start", opened.error());
        auto error = also(std::move(opened.error()), kill_everything(record));
        return fail(also(std::move(error), store.write(record)));
    }
    (void)sys::unlinkat(store.directory(), launch::kGateName, 0);
    TRY(remember_failure(runtime, id, "start", mark_started(runtime, store, record)));
    if (notify) TRY(await_readiness(*notify, store, record));
    progress::finish();
    return {};
}

}  // namespace arca
