#include "cgroup/v1_group.hpp"

#include <fcntl.h>
#include <poll.h>

#include <algorithm>
#include <csignal>

#include "cgroup/device_rules.hpp"
#include "cgroup/hierarchy.hpp"
#include "cgroup/inhabitants.hpp"
#include "cgroup/limits.hpp"
#include "cgroup/remove.hpp"
#include "cgroup/v1_devices.hpp"
#include "cgroup/v1_resources.hpp"
#include "sys/process.hpp"
#include "sys/syscalls.hpp"

namespace arca::cgroup {

namespace {
constexpr const char* kFreezer = "freezer.state";
constexpr const char* kFrozen = "FROZEN";
constexpr const char* kThawed = "THAWED";

std::string frame(const Location& location) {
    return text::cat("cgroup ", location.path);
}

// Nothing tells when the v1 freezer is done; reading its state is what moves it on.
void pause_briefly(Deadline deadline) {
    constexpr int kPauseMs = 1;
    (void)::poll(nullptr, 0, std::min(kPauseMs, deadline.remaining_ms()));
}

Result<std::string> frozen_state(sys::FdRef freezer) {
    return std::string(text::trim(TRY(read_file(freezer, kFreezer))));
}

struct SubCgroup {
    std::vector<std::string_view> controllers;  ///< empty: all
    std::string_view path;
};

SubCgroup parse_sub_cgroup(std::string_view text) {
    const auto colon = text.find(':');
    SubCgroup sub{.controllers = {}, .path = colon == std::string_view::npos ? text : text.substr(colon + 1)};
    if (colon != std::string_view::npos) sub.controllers = text::split(text.substr(0, colon), ',');
    sub.path.remove_prefix(std::min(sub.path.find_first_not_of('/'), sub.path.size()));
    return sub;
}

bool concerns(const SubCgroup& sub, const V1Place& place) {
    return sub.controllers.empty() ||
           std::ranges::any_of(sub.controllers, [&](auto name) { return has_controller({place}, name); });
}

Result<> check_known(const SubCgroup& sub, const std::vector<V1Place>& places) {
    for (const auto name : sub.controllers)
        if (!has_controller(places, name))
            return fail(Code::Usage, text::cat("no cgroup v1 hierarchy of the container has a controller \"",
                                               text::printable(name), "\""));
    return {};
}
}  // namespace

Result<V1Group> V1Group::open(const Location& location) {
    V1Group group;
    group.location_ = location;
    for (const auto& place : location.v1) {
        auto mount = open_mount(place.mount_point);
        auto directory = mount ? open_beneath(*mount, place.path) : std::move(mount);
        if (!directory && is_gone(directory.error())) continue;
        group.members_.push_back({place, TRY_CTX(std::move(directory), frame(location))});
    }
    if (!location.mount_point.empty()) {
        auto unified = V2Group::open({Kind::V2, location.mount_point, location.path});
        if (unified)
            group.unified_ = std::move(*unified);
        else if (!is_gone(unified.error()))
            return fail(std::move(unified.error()));
    }
    if (group.members_.empty() && !group.unified_)
        return fail(Code::System, text::cat("there is no ", frame(location)), ENOENT);
    return group;
}

sys::FdRef V1Group::directory_of(std::string_view controller) const {
    for (const auto& member : members_)
        if (has_controller({member.place}, controller)) return member.directory;
    return {};
}

Result<Entrance> V1Group::entrance() const {
    Entrance entrance;
    if (unified_) entrance = TRY(unified_->entrance());
    for (const auto& member : members_)
        entrance.membership.push_back(TRY_CTX(sys::openat(member.directory, "cgroup.procs", O_WRONLY),
                                              text::cat(frame(location_), " of ", member.place.controllers)));
    return entrance;
}

Result<sys::Fd> V1Group::membership_below(const Member& member, std::string_view path) const {
    auto below = open_beneath(member.directory, text::cat("/", path));
    if (!below && is_gone(below.error()))
        return fail(Code::Usage, text::cat("the container has no sub-cgroup ", text::printable(path),
                                           " in the hierarchy of ", member.place.controllers));
    return TRY_CTX(sys::openat(TRY(std::move(below)), "cgroup.procs", O_WRONLY), frame(location_));
}

Result<Entrance> V1Group::entrance_below(const std::vector<std::string>& relatives) const {
    auto entrance = TRY(this->entrance());
    std::vector<bool> decided(members_.size());
    for (const auto& relative : relatives) {
        const auto sub = parse_sub_cgroup(relative);
        TRY(check_known(sub, location_.v1));
        for (std::size_t i = 0; i < members_.size(); ++i) {
            if (!concerns(sub, members_[i].place)) continue;
            if (decided[i])
                return fail(Code::Usage, text::cat("two sub-cgroups are given for the hierarchy of ",
                                                   members_[i].place.controllers));
            decided[i] = true;
            entrance.membership[i] = TRY(membership_below(members_[i], sub.path));
        }
    }
    return entrance;
}

Result<> V1Group::apply(const std::vector<Write>& writes) const {
    const auto directory_for = [this](const Write& write) {
        const auto directory = directory_of(write.controller);
        return directory || !unified_ ? directory : unified_->fd();
    };
    TRY_CTX(apply_writes(writes, directory_for), frame(location_));
    return {};
}

Result<> V1Group::install_device_filter(const std::vector<spec::DeviceRule>& rules) const {
    const auto directory = directory_of("devices");
    if (!directory && unified_) return unified_->install_device_filter(rules);
    if (!directory)
        return fail(Error(Code::Unsupported, "no mounted cgroup v1 hierarchy has the controller \"devices\"")
                        .at("/linux/resources/devices"));
    const auto wanted = TRY(device_list(rules));
    const auto current = parse_device_list(TRY_CTX(read_file(directory, "devices.list"), frame(location_)));
    for (const auto& write : device_writes(current, wanted)) {
        auto written = sys::write_file_at(directory, write.file, write.value);
        if (written) continue;
        auto error = std::move(written.error())
                         .with(text::cat(frame(location_), ": write(", write.file, ", \"", write.value, "\")"))
                         .at("/linux/resources/devices");
        if (error.errnum() != EPERM) return fail(std::move(error));
        auto above = std::string(text::trim(sys::read_file_at(directory, "../devices.list").value_or("?")));
        std::ranges::replace(above, '\n', ',');
        return fail(std::move(error).hinting(text::cat("the cgroup above allows only: ", above)));
    }
    return {};
}

Result<> V1Group::replace_device_filter(const std::vector<spec::DeviceRule>& rules) const {
    if (!directory_of("devices") && unified_) return unified_->replace_device_filter(rules);
    return install_device_filter(rules);
}

Result<std::vector<pid_t>> V1Group::processes() const {
    std::vector<pid_t> pids;
    const auto add = [&pids](const std::vector<pid_t>& more) { pids.insert(pids.end(), more.begin(), more.end()); };
    for (const auto& member : members_)
        add(TRY_CTX(list_processes(member.directory), frame(location_)));
    if (unified_) add(TRY(unified_->processes()));
    std::ranges::sort(pids);
    const auto doubles = std::ranges::unique(pids);
    pids.erase(doubles.begin(), doubles.end());
    return pids;
}

Result<> V1Group::signal_each(int signal) const {
    TRY_CTX(signal_listed([this] { return processes(); }, signal), frame(location_));
    return {};
}

Result<> V1Group::kill_all() const {
    if (unified_) TRY(unified_->kill_all());
    TRY_CTX(let_killed_die(), frame(location_));
    constexpr int kTimeToDieMs = 20;  // what the v2 hierarchy has killed is not worth a freeze
    if (unified_ && TRY(await_empty(Deadline(kTimeToDieMs)))) return {};
    TRY_CTX(kill_strays(), frame(location_));
    return {};
}

// Freeze, so that nothing forks; kill each; thaw, so that they die.
Result<> V1Group::kill_strays() const {
    constexpr int kMaximalPasses = 32;
    constexpr int kPassMs = 100;
    const auto freezer = directory_of("freezer");
    for (int pass = 0; pass < kMaximalPasses; ++pass) {
        if (freezer) TRY(sys::write_file_at(freezer, kFreezer, kFrozen));
        auto signalled = signal_listed([this] { return processes(); }, SIGKILL);
        if (freezer) TRY(sys::write_file_at(freezer, kFreezer, kThawed));
        if (TRY(std::move(signalled)) == 0 || TRY(await_empty(Deadline(kPassMs)))) break;
    }
    return {};
}

Result<> V1Group::let_killed_die() const {
    const auto freezer = directory_of("freezer");
    if (!freezer) return {};
    auto state = frozen_state(freezer);
    if (!state && is_gone(state.error())) return {};
    if (TRY(std::move(state)) == kThawed) return {};
    return sys::write_file_at(freezer, kFreezer, kThawed);
}

Result<bool> V1Group::is_populated() const {
    return !TRY(processes()).empty();
}

Result<bool> V1Group::is_frozen() const {
    const auto freezer = directory_of("freezer");
    if (!freezer) return unified_ ? unified_->is_frozen() : Result<bool>(false);
    auto state = frozen_state(freezer);
    if (!state && is_gone(state.error())) return false;
    return TRY_CTX(std::move(state), frame(location_)) != kThawed;
}

// A process that forks while it is frozen can keep the freezer at FREEZING: then it is let go and caught anew.
Result<> V1Group::set_frozen(const char* wanted, Deadline deadline) const {
    constexpr int kPatience = 50;
    const auto freezer = directory_of("freezer");
    for (int attempt = 1;; ++attempt) {
        TRY(sys::write_file_at(freezer, kFreezer, wanted));
        if (TRY(frozen_state(freezer)) == wanted) return {};
        if (deadline.remaining_ms() == 0) return fail(Code::Timeout, "time has run out");
        if (wanted == kFrozen && attempt % kPatience == 0) TRY(sys::write_file_at(freezer, kFreezer, kThawed));
        pause_briefly(deadline);
    }
}

Result<> V1Group::freeze(int timeout_ms) const {
    const auto freezer = directory_of("freezer");
    if (!freezer && unified_) return unified_->freeze(timeout_ms);
    if (!freezer) return fail(Code::Unsupported, "no mounted cgroup v1 hierarchy has the controller \"freezer\"");
    auto frozen = set_frozen(kFrozen, Deadline(timeout_ms));
    if (frozen) return {};
    (void)sys::write_file_at(freezer, kFreezer, kThawed);
    if (frozen.error().code() != Code::Timeout) return fail(std::move(frozen.error()).with(frame(location_)));
    return fail(Code::Timeout, text::cat(frame(location_), " is not frozen after ", timeout_ms,
                                         " ms and was thawed again; it holds ", describe_inhabitants(freezer)));
}

Result<> V1Group::thaw(int timeout_ms) const {
    const auto freezer = directory_of("freezer");
    if (!freezer) return unified_ ? unified_->thaw(timeout_ms) : Result<>{};
    auto thawed = set_frozen(kThawed, Deadline(timeout_ms));
    if (thawed) return {};
    if (thawed.error().code() != Code::Timeout) return fail(std::move(thawed.error()).with(frame(location_)));
    Error error(Code::Timeout, text::cat(frame(location_), " is still frozen after ", timeout_ms, " ms"));
    const bool from_above = text::trim(read_file(freezer, "freezer.parent_freezing").value_or("")) == "1";
    return fail(from_above ? std::move(error).hinting("a cgroup above it is frozen") : std::move(error));
}

// In v1 nothing tells when a cgroup becomes empty, but the end of a process does: one after the other is waited for.
Result<bool> V1Group::await_empty(Deadline deadline) const {
    if (unified_ && !TRY(await(unified_->fd(), Condition::Empty, deadline))) return false;
    for (;;) {
        const auto pids = TRY(processes());
        if (pids.empty()) return true;
        const int remaining = deadline.remaining_ms();
        if (remaining == 0) return false;
        auto one = sys::Pidfd::open(pids.front());
        if (!one) continue;  // gone meanwhile
        pollfd entry{one->fd().number(), POLLIN, 0};
        const int ended = ::poll(&entry, 1, remaining);
        if (ended < 0 && errno != EINTR) return sys::last_error("poll(pidfd)");
    }
}

Result<> V1Group::wait_empty(int timeout_ms) const {
    if (TRY_CTX(await_empty(Deadline(timeout_ms)), frame(location_))) return {};
    return fail(Code::Timeout, text::cat(frame(location_), " is not empty after ", timeout_ms, " ms; it holds ",
                                         describe(TRY(processes()))));
}

Result<> V1Group::remove() const {
    Result<> outcome;
    const auto keep_first = [&outcome](Result<> result) {
        if (outcome && !result) outcome = std::move(result);
    };
    const auto is_empty = [this](Deadline deadline) { return await_empty(deadline); };
    for (const auto& member : members_) {
        auto removed = remove_group(member.place.mount_point, member.place.path, member.directory, is_empty);
        if (!removed)
            removed = fail(std::move(removed.error()).with(text::cat("hierarchy of ", member.place.controllers)));
        keep_first(std::move(removed));
    }
    if (unified_) keep_first(unified_->remove());
    return outcome;
}

// memory.oom_control counts since Linux 4.13.
std::uint64_t V1Group::oom_kills() const {
    const auto memory = directory_of("memory");
    if (!memory) return 0;
    return value_of(read_file(memory, "memory.oom_control").value_or(""), "oom_kill").value_or(0);
}

}  // namespace arca::cgroup
