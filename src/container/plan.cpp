#include "container/plan.hpp"

#include <sched.h>

#include <algorithm>

#include "base/text.hpp"
#include "process/environment.hpp"
#include "process/notify_socket.hpp"
#include "seccomp/program.hpp"

namespace arca::container {

namespace {

using spec::NamespaceType;

struct NamespaceFlag {
    NamespaceType type;
    std::uint64_t flag;
};
constexpr std::array kNamespaces = {
    NamespaceFlag{NamespaceType::Pid, CLONE_NEWPID},       NamespaceFlag{NamespaceType::Network, CLONE_NEWNET},
    NamespaceFlag{NamespaceType::Mount, CLONE_NEWNS},      NamespaceFlag{NamespaceType::Ipc, CLONE_NEWIPC},
    NamespaceFlag{NamespaceType::Uts, CLONE_NEWUTS},       NamespaceFlag{NamespaceType::User, CLONE_NEWUSER},
    NamespaceFlag{NamespaceType::Cgroup, CLONE_NEWCGROUP}, NamespaceFlag{NamespaceType::Time, CLONE_NEWTIME},
};

NamespacePlan plan_namespaces(const spec::Linux& config) {
    NamespacePlan plan;
    for (std::size_t i = 0; i < config.namespaces.size(); ++i) {
        const auto& entry = config.namespaces[i];
        if (!entry.path.empty())
            plan.joined.push_back({entry.type, entry.path, text::cat("/linux/namespaces/", i)});
        else if (entry.type == NamespaceType::Cgroup)
            plan.new_cgroup = true;
        else if (entry.type == NamespaceType::Time)
            plan.new_time = true;
        else
            plan.created |= clone_flag(entry.type);
    }
    for (const auto& [clock, offset] : config.time_offsets)
        plan.time_offsets.emplace_back(clock, offset);
    const bool joins_pid_or_user = std::ranges::any_of(plan.joined, [](const JoinedNamespace& joined) {
        return joined.type == NamespaceType::Pid || joined.type == NamespaceType::User;
    });
    // What is joined must be joined before rights over it are given up by entering a new user namespace.
    const bool joins_before_new_user = (plan.created & CLONE_NEWUSER) != 0 && !plan.joined.empty();
    plan.intermediate = plan.new_time || joins_pid_or_user || joins_before_new_user;
    return plan;
}

// config-linux.md#seccomp: without a rule that notifies listenerPath has no meaning and is ignored. The annotation and
// the variable are crun's, older than the property.
Result<std::string> plan_listener(const spec::Config& config, const Caller& caller) {
    if (!config.linux_.seccomp || !seccomp::notifies(*config.linux_.seccomp)) return std::string();
    auto path = config.linux_.seccomp->listener_path;
    if (const auto annotated = config.annotations.find("run.oci.seccomp.receiver");
        path.empty() && annotated != config.annotations.end())
        path = annotated->second;
    if (path.empty()) path = caller.seccomp_receiver;
    if (path.starts_with('/')) return path;
    return fail(Error(Code::InvalidConfig, path.empty()
                                               ? std::string("required by SCMP_ACT_NOTIFY, but empty or missing")
                                               : text::cat("the path of the agent's socket is not absolute: ", path))
                    .at("/linux/seccomp/listenerPath"));
}

// The host's devices are given away by who owns them.
Result<std::vector<network::NetDevice>> plan_net_devices(const spec::Config& config, const LaunchPlan& plan) {
    auto devices = network::plan_devices(config.linux_);
    if (devices.empty() || !plan.rootless) return devices;
    return fail(Error(Code::Unsupported, "moving network devices of the host needs root").at(devices[0].pointer));
}

void add_listen_environment(ProcessPlan& plan, const Caller& caller) {
    if (caller.listen_descriptors == 0) return;
    // sd_listen_fds(3): the program finds itself named by LISTEN_PID, and it is 1 in its pid namespace.
    plan.env.push_back(text::cat("LISTEN_FDS=", caller.listen_descriptors));
    plan.env.push_back("LISTEN_PID=1");
    if (!caller.listen_names.empty()) plan.env.push_back("LISTEN_FDNAMES=" + caller.listen_names);
}

// sd_notify(3): the container gets a directory with a socket of its own. Without a mount namespace there is no place to
// show it.
void add_notify_socket(spec::Config& config, const Caller& caller) {
    if (caller.notify_directory.empty() || !config.process) return;
    if (spec::find_namespace(config, NamespaceType::Mount) == nullptr) return;
    spec::Mount mount;
    mount.destination = process::kNotifyDirectory;
    mount.type = "bind";
    mount.source = caller.notify_directory;
    mount.options = {"bind", "nosuid", "noexec", "nodev"};
    config.mounts.push_back(std::move(mount));
    config.process->env.push_back(
        text::cat("NOTIFY_SOCKET=", process::kNotifyDirectory, "/", process::kNotifySocketName));
}

bool is_rootless(const host::Facts& facts, Tristate asked) {
    if (asked != Tristate::Auto) return asked == Tristate::Yes;
    return facts.euid != 0 || !facts.in_initial_user_namespace;
}

// config-linux.md#cgroup-ownership: a container that sees its own cgroup as the root of a writable hierarchy gets to
// own it, by the user its process runs as.
std::optional<std::uint32_t> owner_of_cgroup(const spec::Config& config, const LaunchPlan& plan) {
    const bool writable = std::ranges::any_of(config.mounts, [](const spec::Mount& mount) {
        return (mount.type == "cgroup" || mount.type == "cgroup2") && mount.destination == "/sys/fs/cgroup" &&
               std::ranges::find(mount.options, "ro") == mount.options.end();
    });
    if (!writable || !plan.namespaces.new_cgroup || !config.process) return std::nullopt;
    return ids::to_host(plan.ids.uids, config.process->user.uid);
}

mounts::Input mounts_input(const spec::Config& config, const host::Facts& facts, const CreateOptions& options,
                           const LaunchPlan& plan) {
    mounts::Input input;
    input.rootfs =
        config.root.path.starts_with('/') ? config.root.path : text::cat(options.bundle, "/", config.root.path);
    input.bundle = options.bundle;
    input.no_pivot = options.no_pivot;
    input.new_user_namespace = plan.namespaces.has(NamespaceType::User);
    input.in_initial_user_namespace = facts.in_initial_user_namespace;
    input.private_cgroup_namespace = plan.namespaces.has(NamespaceType::Cgroup);
    input.new_network_namespace = plan.namespaces.has(NamespaceType::Network);
    input.cgroup2_mount = facts.cgroup2_mount;
    input.cgroup_path = plan.cgroup.location.path;
    for (const auto& place : plan.cgroup.location.v1)
        input.v1_hierarchies.push_back({place.controllers, place.mount_point, place.path});
    if (plan.cgroup.location.kind == cgroup::Kind::None)
        for (const auto& hierarchy : facts.v1_hierarchies)
            input.v1_hierarchies.push_back({hierarchy.controllers, hierarchy.mount_point, hierarchy.own_path});
    return input;
}

}  // namespace

std::uint64_t clone_flag(NamespaceType type) {
    return std::ranges::find(kNamespaces, type, &NamespaceFlag::type)->flag;
}

std::uint64_t NamespacePlan::all() const {
    std::uint64_t flags = created;
    if (new_cgroup) flags |= CLONE_NEWCGROUP;
    if (new_time) flags |= CLONE_NEWTIME;
    for (const auto& entry : joined)
        flags |= clone_flag(entry.type);
    return flags;
}

bool NamespacePlan::has(NamespaceType type) const {
    return (all() & clone_flag(type)) != 0;
}

Result<std::vector<privileges::LandlockRule>> plan_landlock(const std::map<std::string, std::string>& annotations) {
    const auto found = annotations.find(std::string(privileges::kLandlockAnnotation));
    if (found == annotations.end()) return std::vector<privileges::LandlockRule>();
    return privileges::parse_landlock(found->second);
}

ProcessPlan plan_process(const spec::Process& process, std::vector<spec::Note>& notes) {
    ProcessPlan plan;
    plan.args = process.args;
    plan.env = process::without_duplicates(process.env);
    plan.cwd = process.cwd.empty() ? "/" : process.cwd;
    plan.user = process.user;
    plan.capabilities = privileges::plan_capabilities(process.capabilities ? &*process.capabilities : nullptr, notes);
    plan.no_new_privileges = process.no_new_privileges;
    plan.rlimits = process.rlimits;
    plan.oom_score_adj = process.oom_score_adj;
    plan.scheduler = process.scheduler;
    plan.io_priority = process.io_priority;
    plan.apparmor_profile = process.apparmor_profile;
    plan.selinux_label = process.selinux_label;
    plan.terminal = process.terminal;
    if (process.terminal) plan.console_size = process.console_size;
    return plan;
}

Result<LaunchPlan> plan(const spec::Config& original, const host::Facts& facts, const CreateOptions& options,
                        const Caller& caller) {
    auto config = original;
    add_notify_socket(config, caller);
    LaunchPlan plan;
    plan.id = options.id;
    plan.bundle = options.bundle;
    plan.oci_version = config.oci_version;
    plan.annotations = config.annotations;
    plan.namespaces = plan_namespaces(config.linux_);
    plan.rootless = is_rootless(facts, caller.rootless);
    plan.ids = TRY(ids::plan(config, facts));
    cgroup::Wish wish{options.id, caller.cgroup_manager, plan.rootless, owner_of_cgroup(config, plan),
                      caller.environment};
    plan.cgroup = TRY(cgroup::plan(config, facts, wish, plan.notes));
    plan.mounts = TRY(mounts::plan(config, mounts_input(config, facts, options, plan), plan.notes));
    plan.net_devices = TRY(plan_net_devices(config, plan));
    if (config.linux_.intel_rdt) plan.rdt = TRY(rdt::plan(*config.linux_.intel_rdt, options.id, facts.resctrl_mount));
    plan.hostname = config.hostname;
    plan.domainname = config.domainname;
    plan.sysctl = config.linux_.sysctl;
    plan.seccomp = config.linux_.seccomp;
    plan.seccomp_listener = TRY(plan_listener(config, caller));
    plan.session_keyring = !options.no_new_keyring;
    plan.hooks = config.hooks;
    if (config.process) {
        auto& process = plan.process.emplace(plan_process(*config.process, plan.notes));
        process.preserved_descriptors = caller.listen_descriptors + options.preserve_fds;
        process.call_setgroups =
            !plan.ids.deny_setgroups && !config.annotations.contains("run.oci.keep_original_groups");
        process.oom_tolerant = plan.rootless;
        process.personality = config.linux_.personality;
        process.memory_policy = config.linux_.memory_policy;
        process.landlock = TRY(plan_landlock(config.annotations));
        add_listen_environment(process, caller);
    }
    return plan;
}

}  // namespace arca::container
