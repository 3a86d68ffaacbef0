// The short operations on a container that exists: state, list, kill, delete, pause, resume, ps.
#include <regex.h>
#include <sched.h>

#include <algorithm>
#include <chrono>
#include <csignal>

#include "arca/container.hpp"
#include "base/progress.hpp"
#include "base/text.hpp"
#include "cgroup/cgroup.hpp"
#include "container/aftermath.hpp"
#include "container/destroy.hpp"
#include "container/status.hpp"
#include "container/store.hpp"
#include "container/users.hpp"
#include "sys/syscalls.hpp"

namespace arca {

namespace {
using namespace container;

constexpr int kFreezeTimeoutMs = 10'000;
constexpr int kDyingTimeoutMs = 1'000;
constexpr int kDeathTimeoutMs = 10'000;
constexpr auto kStopSignalAnnotation = "org.opencontainers.image.stopSignal";

struct Opened {
    Store store;
    Record record;
    Status status;
};

Result<Opened> open_container(const Runtime& runtime, const std::string& id, Store::Access access) {
    auto store = TRY(Store::open(runtime.root, id, access));
    auto record = TRY(store.read());
    const auto status = TRY(current_status(record));
    return Opened{std::move(store), std::move(record), status};
}

std::string default_signal(const Record& record) {
    auto annotated = record.annotations.find(kStopSignalAnnotation);
    return annotated != record.annotations.end() ? annotated->second : "TERM";
}

bool shares_pids(const Record& record) {
    return (record.namespaces & CLONE_NEWPID) == 0;
}

/// The cgroup, where all that is in it belongs to the container.
Result<cgroup::Cgroup> own_cgroup(const Record& record) {
    return record.cgroup_is_shared ? cgroup::Cgroup() : TRY(cgroup::Cgroup::open(record.cgroup));
}

Result<> signal_container(const Record& record, int signal, const KillOptions& options, const sys::Pidfd& init) {
    auto group = TRY(own_cgroup(record));
    // Without a pid namespace of its own the death of init does not take the others along.
    if (signal == SIGKILL && (options.all || shares_pids(record)) && group.exists()) return group.kill_all();
    if (options.all && group.exists()) return group.signal_all(signal);
    auto sent = init.send_signal(signal);
    if (!sent && sent.error().errnum() == ESRCH) return fail(Code::NotRunning, "container not running");
    if (sent && signal == SIGKILL) return group.let_killed_die();
    return sent;
}

// Where init had no pid namespace of its own, others may have outlived it.
Result<> signal_leftovers(const Record& record, int signal, const KillOptions& options) {
    auto group = TRY(own_cgroup(record));
    const bool has_leftovers = shares_pids(record) && TRY(group.is_populated());
    if (has_leftovers && (options.all || signal == SIGKILL)) return group.signal_all(signal);
    if (options.all) return {};
    return fail(Code::NotRunning, "container not running");
}

int in_ms(std::chrono::nanoseconds time) {
    const auto ms = std::chrono::ceil<std::chrono::milliseconds>(time).count();
    return static_cast<int>(std::clamp<long>(ms, 0, INT32_MAX));
}

bool has_ended(const sys::Pidfd& init, int timeout_ms, Store& store) {
    if (!await_exit(init, timeout_ms)) return false;
    if (auto status = init.exit_status()) remember_exit(store, *status);
    return true;
}

/// True when nothing of the container that was signalled is left.
Result<bool> has_gone(Store& store, const Record& record, const sys::Pidfd& init, const KillOptions& options) {
    const int timeout_ms = in_ms(*options.timeout);
    if (!has_ended(init, timeout_ms, store)) return false;
    if (!options.all) return true;
    auto emptied = TRY(own_cgroup(record)).wait_empty(timeout_ms);
    if (!emptied && emptied.error().code() != Code::Timeout) return fail(std::move(emptied.error()));
    return emptied.has_value();
}

Result<> finish_off(Store& store, const Record& record, const sys::Pidfd& init, const KillOptions& options) {
    auto killed = signal_container(record, SIGKILL, options, init);
    if (!killed && killed.error().code() != Code::NotRunning) return killed;
    TRY(await_exit(init, kDeathTimeoutMs));
    (void)has_ended(init, 0, store);
    return {};
}

// A created container may be deleted: runtime.md#delete wants an error, but every runtime does it and engines rely on
// it.
Result<> check_can_delete(Status status, const DeleteOptions& options) {
    if (options.force || status == Status::Stopped || status == Status::Created) return {};
    return fail(Code::WrongState,
                text::cat("cannot delete container ", options.id, " that is not stopped: ", name(status)));
}

ListEntry list_entry(const Runtime& runtime, const std::string& id) {
    auto opened = open_container(runtime, id, Store::Access::Unlocked);
    if (!opened) return {id, fail(std::move(opened.error()))};
    auto state = to_state(opened->record, opened->status);
    state.owner = user_name(opened->record.owner_uid);
    return {id, std::move(state)};
}
}  // namespace

Result<State> state(const Runtime& runtime, const std::string& id) {
    auto opened = TRY(open_container(runtime, id, Store::Access::Unlocked));
    return to_state(opened.record, opened.status);
}

Result<std::vector<ListEntry>> list(const Runtime& runtime, ListDepth depth) {
    std::vector<ListEntry> entries;
    for (auto& id : TRY(Store::ids(runtime.root))) {
        if (depth == ListDepth::IdsOnly) {
            State state;
            state.id = id;
            entries.push_back({id, std::move(state)});
            continue;
        }
        auto entry = list_entry(runtime, id);
        // Deleted while we were listing.
        if (!entry.state && entry.state.error().code() == Code::ContainerNotFound) continue;
        entries.push_back(std::move(entry));
    }
    return entries;
}

Result<std::vector<std::string>> matching_ids(const Runtime& runtime, const std::string& pattern) {
    regex_t expression;
    const int problem = ::regcomp(&expression, pattern.c_str(), REG_EXTENDED | REG_NOSUB);
    if (problem != 0) {
        char why[128];
        ::regerror(problem, &expression, why, sizeof why);
        return fail(Code::Usage, text::cat("\"", text::printable(pattern), "\" is no regular expression: ", why));
    }
    auto ids = Store::ids(runtime.root);
    if (ids)
        std::erase_if(*ids, [&](const auto& id) { return ::regexec(&expression, id.c_str(), 0, nullptr, 0) != 0; });
    ::regfree(&expression);
    return ids;
}

Result<> kill(const Runtime& runtime, const KillOptions& options) {
    auto store = TRY(Store::open(runtime.root, options.id, Store::Access::Unlocked));
    const auto record = TRY(store.read());
    const int signal = TRY(parse_signal(options.signal.empty() ? default_signal(record) : options.signal));
    const auto [status, init] = TRY(presence_of(record));
    if (!init) return signal_leftovers(record, signal, options);
    TRY(signal_container(record, signal, options, *init));
    if (options.timeout && !TRY(has_gone(store, record, *init, options)))
        return finish_off(store, record, *init, options);
    // A delete that follows is to find a stopped container. The signal is sent all the same when it does not die soon.
    if (signal == SIGKILL) (void)has_ended(*init, kDyingTimeoutMs, store);
    return {};
}

Result<> delete_container(const Runtime& runtime, const DeleteOptions& options) {
    auto store = Store::open(runtime.root, options.id, Store::Access::Exclusive);
    if (!store) {
        if (options.force && store.error().code() == Code::ContainerNotFound) return {};
        return fail(std::move(store.error()));
    }
    auto record = store->read();
    if (!record) {
        // A state that means nothing must not make a container undeletable; one that could not be read just now tells
        // of processes that would be lost with it.
        if (!options.force || record.error().code() != Code::BadState) return fail(std::move(record.error()));
        return store->remove();
    }
    TRY(check_can_delete(TRY(current_status(*record)), options));
    auto destroyed = destroy(runtime, *store, *record);
    progress::finish();
    return destroyed;
}

Result<std::vector<int>> processes(const Runtime& runtime, const std::string& id) {
    auto opened = TRY(open_container(runtime, id, Store::Access::Unlocked));
    auto group = TRY(cgroup::Cgroup::open(opened.record.cgroup));
    if (group.exists()) return group.processes();
    std::vector<int> pids;
    if (opened.status != Status::Stopped && opened.record.pid > 0) pids.push_back(opened.record.pid);
    return pids;
}

namespace {
Result<cgroup::Cgroup> open_freezer(const Opened& container) {
    auto group = TRY(cgroup::Cgroup::open(container.record.cgroup));
    if (!group.exists())
        return fail(Code::Unsupported, "the container has no cgroup of its own, so it cannot be paused");
    if (container.record.cgroup_is_shared)
        return fail(Code::Unsupported, "the container's cgroup holds other processes too, so it cannot be paused");
    return group;
}
}  // namespace

Result<> pause(const Runtime& runtime, const std::string& id) {
    auto opened = TRY(open_container(runtime, id, Store::Access::Exclusive));
    if (opened.status == Status::Stopped || opened.status == Status::Creating)
        return fail(Code::WrongState, text::cat("cannot pause a container that is ", name(opened.status)));
    if (opened.status == Status::Paused) return fail(Code::WrongState, "the container is paused already");
    return TRY(open_freezer(opened)).freeze(kFreezeTimeoutMs);
}

Result<> resume(const Runtime& runtime, const std::string& id) {
    auto opened = TRY(open_container(runtime, id, Store::Access::Exclusive));
    if (opened.status != Status::Paused)
        return fail(Code::WrongState, text::cat("cannot resume a container that is not paused: ", name(opened.status)));
    return TRY(open_freezer(opened)).thaw(kFreezeTimeoutMs);
}

}  // namespace arca
