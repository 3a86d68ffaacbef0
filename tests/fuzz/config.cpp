// config.json, up to the plan of a launch on several kinds of host, and the part of it that is kept for exec.
#include "container/exec_config.hpp"
#include "container/plan.hpp"
#include "spec/parse.hpp"
#include "target.hpp"

using namespace arca;

namespace {
host::Facts host_of(host::CgroupLayout layout, uid_t euid) {
    host::Facts facts;
    facts.euid = facts.egid = euid;
    facts.cgroup_layout = layout;
    facts.own_cgroup = "/user.slice/session";
    if (layout != host::CgroupLayout::Legacy) facts.cgroup2_mount = "/sys/fs/cgroup";
    if (layout == host::CgroupLayout::Unified) return facts;
    facts.v1_hierarchies = {{"memory", "/sys/fs/cgroup/memory", "/"}, {"name=systemd", "/sys/fs/cgroup/systemd", "/x"}};
    return facts;
}

void plan_on(const host::Facts& facts, CgroupManager manager, const spec::Config& config) {
    CreateOptions options;
    options.id = "web";
    options.bundle = "/bundle";
    container::Caller caller;
    caller.cgroup_manager = manager;
    caller.environment = {"XDG_RUNTIME_DIR=/run/user/1"};
    const auto plan = container::plan(config, facts, options, caller);
    if (!plan) return;
    (void)container::to_text(*plan);
    (void)container::to_json(*plan);
}

const fuzz::Target config("config", [](std::string_view input) {
    const auto parsed = spec::parse_config(input);
    if (!parsed.problems.empty()) {
        (void)spec::to_error("config.json", parsed.problems).message();
        return;
    }
    plan_on(host_of(host::CgroupLayout::Unified, 0), CgroupManager::Cgroupfs, parsed.value);
    plan_on(host_of(host::CgroupLayout::Unified, 1000), CgroupManager::Systemd, parsed.value);
    plan_on(host_of(host::CgroupLayout::Hybrid, 0), CgroupManager::Cgroupfs, parsed.value);
    plan_on(host_of(host::CgroupLayout::Legacy, 0), CgroupManager::Systemd, parsed.value);
    const auto kept = spec::parse_config(container::exec_config_json(parsed.value));
    fuzz::require(kept.problems.empty(), "what is kept for exec is a configuration");
});
}  // namespace
