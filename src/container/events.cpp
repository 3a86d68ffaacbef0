// events: what the kernel counts and tells of a container, as it happens. Nothing is looked for: the end of the
// container and its out-of-memory kills wake this process, and so does the time of the next statistics.
#include <poll.h>

#include <algorithm>
#include <array>
#include <chrono>

#include "arca/container.hpp"
#include "base/text.hpp"
#include "cgroup/cgroup.hpp"
#include "container/events_json.hpp"
#include "container/status.hpp"
#include "container/store.hpp"
#include "sys/syscalls.hpp"

namespace arca {

namespace {
using namespace container;
using Clock = std::chrono::steady_clock;

class Watcher {
  public:
    Watcher(std::string id, cgroup::Cgroup group, sys::Pidfd init, const EventSink& sink)
        : id_(std::move(id)), group_(std::move(group)), init_(std::move(init)), sink_(sink) {}

    Result<> tell_statistics() const { return sink_(stats_event(id_, TRY(group_.statistics()))); }

    Result<> follow(std::chrono::nanoseconds interval) {
        watch_ = TRY(group_.watch_oom());
        for (auto next = Clock::now() + interval;;) {
            const bool ended = TRY(wait_until(next));
            // ORDER: kills before the end, which they may have caused.
            for (auto kills = watch_.take_kills(); kills > 0; --kills)
                TRY(sink_(oom_event(id_)));
            if (ended) return {};
            if (Clock::now() < next) continue;
            TRY(tell_statistics());
            next += interval;
        }
    }

  private:
    /// True when the container has ended.
    Result<bool> wait_until(Clock::time_point time) const {
        using std::chrono::milliseconds;
        const auto left = std::chrono::ceil<milliseconds>(time - Clock::now()).count();
        std::array entries = {pollfd{init_.fd().number(), POLLIN, 0},
                              pollfd{watch_.fd().number(), watch_.poll_events(), 0}};
        const auto timeout = static_cast<int>(std::clamp<long>(left, 0, INT32_MAX));
        if (::poll(entries.data(), entries.size(), timeout) < 0 && errno != EINTR) return sys::last_error("poll");
        return (entries[0].revents & POLLIN) != 0;
    }

    std::string id_;
    cgroup::Cgroup group_;
    sys::Pidfd init_;
    const EventSink& sink_;
    cgroup::OomWatch watch_;
};

Result<Watcher> open_watcher(const Runtime& runtime, const std::string& id, const EventSink& sink) {
    auto store = TRY(Store::open(runtime.root, id, Store::Access::Unlocked));
    const auto record = TRY(store.read());
    auto [status, init] = TRY(presence_of(record));
    if (!init) return fail(Code::NotRunning, "container not running");
    auto group = TRY(cgroup::Cgroup::open(record.cgroup));
    if (!group.exists())
        return fail(Code::Unsupported, "the container has no cgroup of its own, so nothing is counted for it");
    return Watcher(id, std::move(group), std::move(*init), sink);
}
}  // namespace

Result<> events(const Runtime& runtime, const EventsOptions& options, const EventSink& sink) {
    if (options.interval <= std::chrono::nanoseconds(0))
        return fail(Code::Usage, "the interval of events must be greater than 0");
    auto watcher = TRY(open_watcher(runtime, options.id, sink));
    return options.once ? watcher.tell_statistics() : watcher.follow(options.interval);
}

}  // namespace arca
