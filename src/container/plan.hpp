// The launch plan: everything that create, run and explain decide, as plain data. plan() is pure: it sees the config,
// what was asked for and the facts of the host, and touches nothing.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "arca/container.hpp"
#include "base/result.hpp"
#include "cgroup/plan.hpp"
#include "host/facts.hpp"
#include "ids/id_maps.hpp"
#include "mounts/plan.hpp"
#include "network/net_devices.hpp"
#include "privileges/capabilities.hpp"
#include "privileges/landlock.hpp"
#include "rdt/plan.hpp"
#include "spec/types.hpp"

namespace arca::container {

struct JoinedNamespace {
    spec::NamespaceType type = spec::NamespaceType::Pid;
    std::string path;
    std::string pointer;  ///< "/linux/namespaces/2"
};

struct NamespacePlan {
    std::uint64_t created = 0;  ///< CLONE_NEW* for the clone3 that makes init
    std::vector<JoinedNamespace> joined;
    bool new_cgroup = false;  ///< unshared by init, because it must be in its cgroup first (cgroup_namespaces(7))
    bool new_time = false;    ///< unshared by the intermediate, because offsets are written before the first entry
    std::vector<std::pair<std::string, spec::TimeOffset>> time_offsets;
    /// A process between parent and init is needed when init must be born inside something that only a process which
    /// is already there can give it: a joined pid namespace, a time namespace, rights in a joined user namespace.
    bool intermediate = false;

    /// CLONE_NEW* of every namespace that is not the runtime's.
    std::uint64_t all() const;
    bool has(spec::NamespaceType type) const;
};

struct ProcessPlan {
    std::vector<std::string> args;
    std::vector<std::string> env;
    std::string cwd;
    spec::User user;
    bool call_setgroups = true;
    privileges::CapabilitySets capabilities;
    bool no_new_privileges = false;
    std::vector<spec::Rlimit> rlimits;
    std::optional<std::int32_t> oom_score_adj;
    bool oom_tolerant = false;
    std::optional<spec::Scheduler> scheduler;
    std::optional<spec::IoPriority> io_priority;
    std::optional<spec::PersonalityDomain> personality;
    std::optional<spec::MemoryPolicy> memory_policy;
    std::string apparmor_profile;
    std::string selinux_label;
    std::vector<privileges::LandlockRule> landlock;
    bool terminal = false;
    std::optional<spec::ConsoleSize> console_size;
    unsigned preserved_descriptors = 0;  ///< LISTEN_FDS and --preserve-fds together
};

struct LaunchPlan {
    std::string id;
    std::string bundle;
    std::string oci_version;
    std::map<std::string, std::string> annotations;
    NamespacePlan namespaces;
    ids::Plan ids;
    cgroup::Plan cgroup;
    mounts::Plan mounts;
    std::vector<network::NetDevice> net_devices;
    std::optional<rdt::Plan> rdt;
    std::string hostname;
    std::string domainname;
    std::map<std::string, std::string> sysctl;
    std::optional<spec::Seccomp> seccomp;
    std::string seccomp_listener;  ///< socket of the agent, when the profile notifies
    bool session_keyring = true;
    std::optional<ProcessPlan> process;  ///< absent: start will refuse
    spec::Hooks hooks;
    bool rootless = false;
    std::vector<spec::Note> notes;
};

/// How a call was made, beyond CreateOptions: facts about the caller that change the plan.
struct Caller {
    unsigned listen_descriptors = 0;
    std::string listen_names;
    std::string notify_directory;  ///< of the host, that holds the container's notify socket; empty: no manager waits
    std::string seccomp_receiver;  ///< crun's RUN_OCI_SECCOMP_RECEIVER
    CgroupManager cgroup_manager = CgroupManager::Cgroupfs;
    Tristate rootless = Tristate::Auto;
    std::vector<std::string> environment;  ///< to find systemd's bus; empty unless that manager is asked for
};

/// `options.bundle` must be absolute. Errors carry the JSON pointer of the entry that cannot be carried out.
Result<LaunchPlan> plan(const spec::Config& config, const host::Facts& facts, const CreateOptions& options,
                        const Caller& caller);

/// What of the annotations is for each process of the container, exec'd ones too.
Result<std::vector<privileges::LandlockRule>> plan_landlock(const std::map<std::string, std::string>& annotations);

/// The process part alone, for exec.
ProcessPlan plan_process(const spec::Process& process, std::vector<spec::Note>& notes);

std::uint64_t clone_flag(spec::NamespaceType type);

std::string to_text(const LaunchPlan& plan);
std::string to_json(const LaunchPlan& plan);

}  // namespace arca::container
