// What the kernel says in files below /proc and /sys/fs/cgroup. One input goes to every parser; those of two files take
// it apart at the first empty line.
#include "cgroup/files.hpp"
#include "cgroup/statistics.hpp"
#include "cgroup/v1_devices.hpp"
#include "host/facts.hpp"
#include "privileges/keyring.hpp"
#include "process/number_list.hpp"
#include "rdt/group.hpp"
#include "spec/number_list.hpp"
#include "target.hpp"

using namespace arca;

namespace {
void read_statistics(std::string_view input) {
    cgroup::Statistics statistics;
    cgroup::parse_io_stat(input, statistics);
    (void)cgroup::parse_counters(input);
    (void)cgroup::parse_pressure(input);
    (void)cgroup::parse_events(input);
    (void)cgroup::value_of(input, "oom_kill");
    (void)cgroup::parse_device_list(input);
}

void read_lists(std::string_view line) {
    (void)cgroup::parse_list(line);
    (void)spec::parse_number_list(line);
    const auto mask = process::mask_of(line, 8192);
    fuzz::require(!mask || mask->size() <= 8192 / process::kBitsPerWord, "no mask is longer than its limit");
}

const fuzz::Target kernel_files("kernel_files", [](std::string_view input) {
    const auto gap = input.find("\n\n");
    const auto first = input.substr(0, gap);
    const auto second = gap == std::string_view::npos ? std::string_view() : input.substr(gap + 2);
    (void)host::cgroup2_path(first);
    (void)host::find_v1_hierarchies(first, second);
    (void)host::is_v1_controller(first, "memory");
    (void)host::classify({0x01021994, 0x63677270, first});
    (void)host::resctrl_mount(second.empty() ? first : second);
    read_statistics(input);
    read_lists(input.substr(0, input.find('\n')));
    (void)privileges::parse_key_users(input, 0);
    (void)rdt::agrees(std::string(first), std::string(second));
});
}  // namespace
