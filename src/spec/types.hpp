// config.json as typed values: the whole of runtime-spec 1.3 for Linux, defaults resolved. This header knows no system
// call and no JSON. Strings that name one of a closed set are kept as enums; what is absent in the file is an empty
// vector, a std::nullopt, or the default the specification gives.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace arca::spec {

/// Something worth telling that is no error: an unknown key, an ignored property.
struct Note {
    std::string pointer;  ///< JSON pointer into config.json
    std::string text;
    bool operator==(const Note&) const = default;
};

// ---- config.md ------------------------------------------------------------------------------------------------------

struct Root {
    std::string path;  ///< as written; relative to the bundle when not absolute
    bool readonly = false;
};

/// One line of uidMappings or gidMappings. `container` and `host` are ids inside and outside of the user namespace.
struct IdMapping {
    std::uint32_t container = 0;
    std::uint32_t host = 0;
    std::uint32_t size = 0;
    bool operator==(const IdMapping&) const = default;
};

struct Mount {
    std::string destination;
    std::string type;    ///< empty when absent
    std::string source;  ///< empty when absent
    std::vector<std::string> options;
    std::vector<IdMapping> uid_mappings;
    std::vector<IdMapping> gid_mappings;
};

struct ConsoleSize {
    std::uint16_t height = 0;
    std::uint16_t width = 0;
};

struct User {
    std::uint32_t uid = 0;
    std::uint32_t gid = 0;
    std::optional<std::uint32_t> umask;
    std::vector<std::uint32_t> additional_gids;
};

/// Names as written in the file ("CAP_KILL"), in its order, without duplicates.
struct Capabilities {
    std::vector<std::string> bounding;
    std::vector<std::string> effective;
    std::vector<std::string> inheritable;
    std::vector<std::string> permitted;
    std::vector<std::string> ambient;
};

struct Rlimit {
    std::string type;  ///< "RLIMIT_NOFILE"
    std::uint64_t soft = 0;
    std::uint64_t hard = 0;
};

struct Scheduler {
    std::string policy;  ///< "SCHED_OTHER"
    std::int32_t nice = 0;
    std::int32_t priority = 0;
    std::vector<std::string> flags;  ///< "SCHED_FLAG_RESET_ON_FORK"
    std::uint64_t runtime_ns = 0;
    std::uint64_t deadline_ns = 0;
    std::uint64_t period_ns = 0;
};

struct IoPriority {
    std::string io_class;  ///< "IOPRIO_CLASS_BE"
    std::int32_t priority = 0;
};

/// CPU lists ("0-3,7"); empty: unchanged.
struct ExecCpuAffinity {
    std::string initial;
    std::string final;
};

struct Process {
    bool terminal = false;
    std::optional<ConsoleSize> console_size;
    User user;
    std::vector<std::string> args;
    std::vector<std::string> env;  ///< "NAME=value"
    std::string cwd;
    std::optional<Capabilities> capabilities;
    std::vector<Rlimit> rlimits;
    bool no_new_privileges = false;
    std::string apparmor_profile;
    std::optional<std::int32_t> oom_score_adj;
    std::optional<Scheduler> scheduler;
    std::string selinux_label;
    std::optional<IoPriority> io_priority;
    std::optional<ExecCpuAffinity> exec_cpu_affinity;
};

struct Hook {
    std::string path;
    std::vector<std::string> args;  ///< args[0] is argv[0]; empty: path
    std::vector<std::string> env;
    std::optional<std::uint32_t> timeout_s;
    std::string pointer;  ///< "/hooks/createRuntime/0", for error texts
};

struct Hooks {
    std::vector<Hook> prestart;
    std::vector<Hook> create_runtime;
    std::vector<Hook> create_container;
    std::vector<Hook> start_container;
    std::vector<Hook> poststart;
    std::vector<Hook> poststop;
};

// ---- config-linux.md ------------------------------------------------------------------------------------------------

enum class NamespaceType : std::uint8_t { Pid, Network, Mount, Ipc, Uts, User, Cgroup, Time };

struct Namespace {
    NamespaceType type = NamespaceType::Pid;
    std::string path;  ///< empty: create a new one
};

enum class DeviceType : std::uint8_t { Character, Block, Fifo };

/// linux.devices[]: a node to be made in the container ("u" is read as Character).
struct Device {
    std::string path;
    DeviceType type = DeviceType::Character;
    std::int64_t major = 0;
    std::int64_t minor = 0;
    std::uint32_t file_mode = 0666;
    std::uint32_t uid = 0;
    std::uint32_t gid = 0;
};

/// linux.resources.devices[]. type 'a', 'b' or 'c'; no major or minor: any.
struct DeviceRule {
    bool allow = false;
    char type = 'a';
    std::optional<std::int64_t> major;
    std::optional<std::int64_t> minor;
    std::string access;  ///< of r, w, m; empty means all ("rwm")
};

struct MemoryResources {
    std::optional<std::int64_t> limit;  ///< bytes; -1: unlimited
    std::optional<std::int64_t> reservation;
    std::optional<std::int64_t> swap;  ///< memory and swap together, as the specification counts
    std::optional<std::int64_t> kernel;
    std::optional<std::int64_t> kernel_tcp;
    std::optional<std::uint64_t> swappiness;
    bool disable_oom_killer = false;
    bool use_hierarchy = false;
    bool check_before_update = false;
};

struct CpuResources {
    std::optional<std::uint64_t> shares;
    std::optional<std::int64_t> quota_us;
    std::optional<std::uint64_t> burst_us;
    std::optional<std::uint64_t> period_us;
    std::optional<std::int64_t> realtime_runtime_us;
    std::optional<std::uint64_t> realtime_period_us;
    std::string cpus;
    std::string mems;
    std::optional<std::int64_t> idle;
};

struct WeightDevice {
    std::int64_t major = 0;
    std::int64_t minor = 0;
    std::optional<std::uint16_t> weight;
    std::optional<std::uint16_t> leaf_weight;
};

struct ThrottleDevice {
    std::int64_t major = 0;
    std::int64_t minor = 0;
    std::uint64_t rate = 0;
};

struct BlockIoResources {
    std::optional<std::uint16_t> weight;
    std::optional<std::uint16_t> leaf_weight;
    std::vector<WeightDevice> weight_device;
    std::vector<ThrottleDevice> throttle_read_bps;
    std::vector<ThrottleDevice> throttle_write_bps;
    std::vector<ThrottleDevice> throttle_read_iops;
    std::vector<ThrottleDevice> throttle_write_iops;
};

struct HugepageLimit {
    std::string page_size;  ///< "2MB"
    std::uint64_t limit_bytes = 0;
};

struct InterfacePriority {
    std::string name;
    std::uint32_t priority = 0;
};

struct NetworkResources {
    std::optional<std::uint32_t> class_id;
    std::vector<InterfacePriority> priorities;
};

struct RdmaLimit {
    std::optional<std::uint32_t> hca_handles;
    std::optional<std::uint32_t> hca_objects;
};

struct Resources {
    std::vector<DeviceRule> devices;
    std::optional<MemoryResources> memory;
    std::optional<CpuResources> cpu;
    std::optional<std::int64_t> pids_limit;
    std::optional<BlockIoResources> block_io;
    std::vector<HugepageLimit> hugepage_limits;
    std::optional<NetworkResources> network;
    std::map<std::string, RdmaLimit> rdma;
    std::map<std::string, std::string> unified;
};

enum class SeccompAction : std::uint8_t { Kill, KillThread, KillProcess, Trap, Errno, Trace, Allow, Log, Notify };
enum class SeccompOperator : std::uint8_t {
    NotEqual,
    LessThan,
    LessOrEqual,
    Equal,
    GreaterOrEqual,
    GreaterThan,
    MaskedEqual,
};

struct SeccompArgument {
    std::uint32_t index = 0;
    std::uint64_t value = 0;
    std::uint64_t value_two = 0;
    SeccompOperator op = SeccompOperator::Equal;
};

struct SeccompRule {
    std::vector<std::string> names;
    SeccompAction action = SeccompAction::Allow;
    std::optional<std::uint32_t> errno_ret;
    std::vector<SeccompArgument> args;
};

struct Seccomp {
    SeccompAction default_action = SeccompAction::Allow;
    std::optional<std::uint32_t> default_errno_ret;
    std::vector<std::string> architectures;         ///< "SCMP_ARCH_X86_64"
    std::optional<std::vector<std::string>> flags;  ///< absent and empty differ (config-linux.md#seccomp)
    std::string listener_path;
    std::string listener_metadata;
    std::vector<SeccompRule> syscalls;
};

struct IntelRdt {
    std::string clos_id;
    std::vector<std::string> schemata;
    std::string l3_cache_schema;
    std::string mem_bw_schema;
    bool enable_monitoring = false;
};

struct MemoryPolicy {
    std::string mode;  ///< "MPOL_BIND"
    std::string nodes;
    std::vector<std::string> flags;
};

enum class PersonalityDomain : std::uint8_t { Linux, Linux32 };

struct TimeOffset {
    std::int64_t secs = 0;
    std::uint32_t nanosecs = 0;
};

enum class Propagation : std::uint8_t { Private, Shared, Slave, Unbindable };

/// linux.rootfsPropagation; `recursive` for the r-forms.
struct RootfsPropagation {
    Propagation type = Propagation::Private;
    bool recursive = false;
};

struct Linux {
    std::vector<IdMapping> uid_mappings;
    std::vector<IdMapping> gid_mappings;
    std::map<std::string, std::string> sysctl;
    Resources resources;
    std::string cgroups_path;
    std::vector<Namespace> namespaces;
    std::vector<Device> devices;
    std::map<std::string, std::string> net_devices;  ///< host name -> name in the container (same when not given)
    std::optional<Seccomp> seccomp;
    std::optional<RootfsPropagation> rootfs_propagation;
    std::vector<std::string> masked_paths;
    std::vector<std::string> readonly_paths;
    std::string mount_label;
    std::optional<IntelRdt> intel_rdt;
    std::optional<MemoryPolicy> memory_policy;
    std::optional<PersonalityDomain> personality;
    std::map<std::string, TimeOffset> time_offsets;  ///< "monotonic", "boottime"
};

struct Config {
    std::string oci_version;
    Root root;
    std::optional<Process> process;  ///< absent: create works, start does not
    std::string hostname;
    std::string domainname;
    std::vector<Mount> mounts;
    Hooks hooks;
    std::map<std::string, std::string> annotations;
    Linux linux_;  ///< `linux` is a macro of the GNU dialect
};

/// First namespace of that type in the list, or null when the container inherits the runtime's.
const Namespace* find_namespace(const Config& config, NamespaceType type);

}  // namespace arca::spec
