// The files of one cgroup, by the descriptor of its directory: read, parsed, waited for. Knows no container.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "sys/fd.hpp"

namespace arca::cgroup {

Result<std::string> read_file(sys::FdRef directory, const std::string& name);
/// The whole content of a file that is kept open, as it is now.
Result<std::string> read_from_start(sys::FdRef file, const std::string& name);
/// Names of the files of the cgroup itself.
Result<std::vector<std::string>> file_names(sys::FdRef directory);
/// Names of the cgroups directly below.
Result<std::vector<std::string>> child_names(sys::FdRef directory);
/// Value of "KEY number" in a flat keyed file.
std::optional<std::uint64_t> value_of(std::string_view content, std::string_view key);

struct Events {
    bool populated = false;
    bool frozen = false;
};
Events parse_events(std::string_view content);
Result<Events> read_events(sys::FdRef directory);

/// What the kernel answers for a cgroup that was removed under our descriptor.
bool is_gone(const Error& error);

class Deadline {
  public:
    explicit Deadline(int timeout_ms) : end_(Clock::now() + std::chrono::milliseconds(timeout_ms)) {}
    /// For poll(2): rounded up, 0 when it has passed.
    int remaining_ms() const;

  private:
    using Clock = std::chrono::steady_clock;
    Clock::time_point end_;
};

enum class Condition : std::uint8_t { Empty, Frozen, Thawed };
/// Waits for cgroup.events to say so, by poll(POLLPRI) (cgroup-v2.rst, "cgroup.events"). False when time has run out. A
/// cgroup that disappears is empty and thawed.
Result<bool> await(sys::FdRef directory, Condition condition, Deadline deadline);

}  // namespace arca::cgroup
