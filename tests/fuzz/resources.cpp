// The documents of `update` and `mounts`: resources become what is written to the files of both versions of cgroups.
#include "cgroup/resources.hpp"

#include "cgroup/systemd_plan.hpp"
#include "cgroup/v1_devices.hpp"
#include "cgroup/v1_resources.hpp"
#include "container/resource_changes.hpp"
#include "spec/parse.hpp"
#include "target.hpp"

using namespace arca;

namespace {
void translate(const spec::Resources& resources) {
    std::vector<spec::Note> notes;
    if (const auto writes = cgroup::translate(resources, notes)) (void)cgroup::properties_of(*writes);
    (void)cgroup::translate_v1(resources, notes);
    (void)cgroup::device_list(resources.devices);
}

const fuzz::Target resources("resources", [](std::string_view input) {
    (void)spec::parse_mounts(input);
    (void)container::parse_device_rule(input.substr(0, input.find('\n')));
    const auto parsed = spec::parse_resources(input);
    if (!parsed.problems.empty()) return;
    translate(parsed.value);
    const auto changes = container::change_resources(parsed.value, parsed.value);
    (void)spec::check_resources(changes.merged);
    translate(changes.applied);
});
}  // namespace
