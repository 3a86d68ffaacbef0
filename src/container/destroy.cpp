#include "container/destroy.hpp"

#include <poll.h>

#include <csignal>

#include "base/progress.hpp"
#include "base/text.hpp"
#include "cgroup/cgroup.hpp"
#include "container/launch/launch.hpp"
#include "container/oci_state.hpp"
#include "container/status.hpp"
#include "hooks/hooks.hpp"
#include "rdt/group.hpp"
#include "spec/parse.hpp"
#include "sys/syscalls.hpp"

namespace arca::container {

namespace {
constexpr int kDeathTimeoutMs = 10'000;

void run_poststop_hooks(const Runtime& runtime, const Store& store, const Record& record) {
    if (!record.has_poststop_hooks) return;
    progress::enter(Step::PoststopHooks);
    auto config = load_saved_config(store);
    if (!config) {
        if (runtime.log != nullptr) runtime.log->write(log::Level::Warning, config.error().message());
        return;
    }
    const hooks::Call call{"poststop", hook_state(record, Status::Stopped, 0), record.bundle, nullptr};
    for (const auto& failure : hooks::run_all(config->hooks.poststop, call))
        if (runtime.log != nullptr) runtime.log->write(log::Level::Warning, failure);
}
}  // namespace

Result<spec::Config> load_saved_config(const Store& store) {
    std::vector<spec::Note> notes;
    return spec::load_config("config.json", TRY(store.read_file(launch::kConfigName)), notes);
}

Result<> await_exit(const sys::Pidfd& process, int timeout_ms) {
    pollfd entry{process.fd().number(), POLLIN, 0};
    int ready;
    do
        ready = ::poll(&entry, 1, timeout_ms);
    while (ready < 0 && errno == EINTR);
    if (ready < 0) return sys::last_error("poll(pidfd)");
    if (ready == 0)
        return fail(Code::Timeout,
                    text::cat("process ", process.pid(), " does not die within ", timeout_ms / 1000, " s"));
    return {};
}

Result<> kill_everything(const Record& record) {
    progress::enter(Step::Kill);
    auto group = TRY(cgroup::Cgroup::open(record.cgroup));
    auto init = TRY(open_init(record));
    if (init) {
        auto sent = init->send_signal(SIGKILL);
        if (!sent && sent.error().errnum() != ESRCH) return sent;
    }
    if (!record.cgroup_is_shared) TRY(group.kill_all());
    if (init) TRY(await_exit(*init, kDeathTimeoutMs));
    return record.cgroup_is_shared ? Result<>{} : group.wait_empty(kDeathTimeoutMs);
}

Result<> take_back_cgroup(const cgroup::Plan& plan, const cgroup::Cgroup& group) {
    Result<> emptied;
    if (!plan.shared) {
        emptied = group.kill_all();
        // Even so: those who live could be dying of something else.
        auto ended = group.wait_empty(kDeathTimeoutMs);
        if (emptied) emptied = std::move(ended);
    }
    if (!group.was_made_here()) return emptied;
    auto removed = group.remove();
    return removed ? Result<>{} : fail(also(std::move(removed.error()), emptied));
}

Result<> destroy(const Runtime& runtime, Store& store, const Record& record) {
    TRY(kill_everything(record));
    progress::enter(Step::RemoveCgroup);
    if (record.cgroup_was_made) TRY(TRY(cgroup::Cgroup::open(record.cgroup)).remove());
    TRY(rdt::remove(record.rdt));
    run_poststop_hooks(runtime, store, record);
    progress::enter(Step::RemoveState);
    return store.remove();
}

}  // namespace arca::container
