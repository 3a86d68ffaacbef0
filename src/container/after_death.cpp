// wait and why: what became of a container.
#include <poll.h>

#include <chrono>

#include "arca/container.hpp"
#include "base/text.hpp"
#include "cgroup/cgroup.hpp"
#include "container/aftermath.hpp"
#include "container/status.hpp"
#include "container/store.hpp"
#include "sys/exit_notice.hpp"
#include "sys/syscalls.hpp"

namespace arca {

namespace {
using namespace container;

// What the kernel announces as a process ends comes a moment after the process counts as ended.
constexpr std::chrono::seconds kNoticeTakes{2};

Result<> await_end(const sys::Pidfd& process) {
    pollfd entry{process.fd().number(), POLLIN, 0};
    while (::poll(&entry, 1, -1) < 0)
        if (errno != EINTR) return sys::last_error("poll(pidfd)");
    return {};
}

/// Nothing where the parent has collected it, and the kernel has not told.
Result<std::optional<sys::ExitStatus>> await_status(const sys::Pidfd& process) {
    // FALLBACK(linux<6.15): a status that the parent has collected is not kept, so its announcement is listened for.
    std::optional<sys::ExitNotice> notice;
    if (sys::ExitNotice::is_needed())
        if (auto listening = sys::ExitNotice::of(process.pid())) notice = std::move(*listening);
    TRY(await_end(process));
    auto ended = process.exit_status();
    if (!ended && notice) ended = notice->await(kNoticeTakes);
    return ended;
}

Result<int> status_is_lost() {
    return fail(Code::NotRunning,
                "container not running, and its exit status is known only to the process that collected it");
}

std::uint64_t oom_kills(const Record& record) {
    auto group = cgroup::Cgroup::open(record.cgroup);
    return group ? group->oom_kills() : 0;
}

/// One that was followed by a launch under the same id is of no interest any more.
bool is_of(const Failure& failure, const Record& record) {
    return record.created.empty() || failure.time >= record.created;
}

void add_failure(Explanation& why, Failure&& failure) {
    why.operation = std::move(failure.operation);
    why.time = std::move(failure.time);
    why.step = std::move(failure.step);
    why.message = std::move(failure.message);
}
}  // namespace

Result<int> wait(const Runtime& runtime, const std::string& id) {
    auto store = TRY(Store::open(runtime.root, id, Store::Access::Unlocked));
    const auto record = TRY(store.read());
    if (record.status == Status::Creating) return fail(Code::WrongState, "the container is still being created");
    auto init = TRY(open_init(record));
    if (!init) {
        const auto known = recall_exit(store, record);
        return known ? Result<int>(known->shell_code()) : status_is_lost();
    }
    auto ended = TRY(await_status(*init));
    if (ended) remember_exit(store, *ended);
    if (!ended) ended = recall_exit(store, record);
    return ended ? Result<int>(ended->shell_code()) : status_is_lost();
}

Result<Explanation> why(const Runtime& runtime, const std::string& id) {
    Explanation why;
    why.id = id;
    auto failure = recall_failure(runtime, id);
    auto store = Store::open(runtime.root, id, Store::Access::Unlocked);
    if (!store) {
        if (store.error().code() != Code::ContainerNotFound || !failure) return fail(std::move(store.error()));
        add_failure(why, std::move(*failure));
        return why;
    }
    const auto record = TRY(store->read());
    why.status = TRY(current_status(record));
    why.message = record.reason;
    if (failure && is_of(*failure, record)) add_failure(why, std::move(*failure));
    why.oom_kills = oom_kills(record);
    if (why.status != Status::Stopped) return why;
    if (auto ended = recall_exit(*store, record)) {
        why.exit_status = ended->shell_code();
        why.ending = ended->describe();
    }
    return why;
}

}  // namespace arca
