// The public face of libarca: what the command line does, as functions. Every call is one operation on one container;
// nothing here prints, exits or reads the environment.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "arca/error.hpp"
#include "arca/log.hpp"

namespace arca {

enum class CgroupManager : std::uint8_t { Cgroupfs, Systemd, Disabled };
enum class Tristate : std::uint8_t { Auto, Yes, No };

/// What all operations share: where state lives and how the caller wants to be served.
struct Runtime {
    std::string root;  ///< state directory; see default_root()
    CgroupManager cgroup_manager = CgroupManager::Cgroupfs;
    Tristate rootless = Tristate::Auto;
    log::Sink* log = nullptr;              ///< notes and warnings; may be null
    std::vector<std::string> environment;  ///< of the caller: LISTEN_FDS, NOTIFY_SOCKET, PATH
};

/// Where state lives when --root is not given. `banner` is the name arca was called by ("arca", "runc", "crun").
std::string default_root(const std::string& banner, const std::vector<std::string>& environment);

struct CreateOptions {
    std::string id;
    std::string bundle = ".";
    std::string config = "config.json";  ///< relative to the bundle
    std::string console_socket;
    std::string pidfd_socket;  ///< receives a pidfd of the container's process
    std::string pid_file;
    bool no_pivot = false;
    bool no_new_keyring = false;
    unsigned preserve_fds = 0;
    bool strict = false;  ///< notes on config.json become errors
};

struct RunOptions {
    CreateOptions create;
    bool detach = false;
    bool keep = false;
    bool no_subreaper = false;
};

/// Makes a container that waits for start().
Result<> create(const Runtime& runtime, const CreateOptions& options);
/// create, start, wait, delete. Returns the exit status of the process (128 + signal); 0 when detached.
Result<int> run(const Runtime& runtime, const RunOptions& options);
/// Lets the process of a created container execute its program. Fails when the program cannot be executed.
Result<> start(const Runtime& runtime, const std::string& id);

enum class Status : std::uint8_t { Creating, Created, Running, Paused, Stopped };
std::string_view name(Status status);

struct State {
    std::string oci_version;
    std::string id;
    int pid = 0;  ///< 0 when stopped
    Status status = Status::Stopped;
    std::string bundle;
    std::string rootfs;
    std::string created;  ///< RFC 3339, nanoseconds, UTC
    std::string owner;    ///< name of the user who created it (filled by list only, as runc does)
    std::vector<std::pair<std::string, std::string>> annotations;
    std::string systemd_scope;  ///< the unit it runs in, with that cgroup manager
    std::string reason;         ///< why the container stopped, when arca knows (a failed exec)
};

Result<State> state(const Runtime& runtime, const std::string& id);

struct ListEntry {
    std::string id;
    Result<State> state;
};
/// Every container below the root, by name. `ids_only` reads no state files (their entries hold only the id).
enum class ListDepth : std::uint8_t { IdsOnly, Full };
Result<std::vector<ListEntry>> list(const Runtime& runtime, ListDepth depth);

/// Ids of the containers that match, anywhere, an extended regular expression (regex(7)).
Result<std::vector<std::string>> matching_ids(const Runtime& runtime, const std::string& pattern);

/// A signal by name ("TERM", "sigterm", "SIGRTMIN+3") or number.
Result<int> parse_signal(std::string_view text);

struct KillOptions {
    std::string id;
    std::string signal;  ///< empty: the stop signal of the image's annotation, else TERM
    bool all = false;    ///< every process of the container
    /// Wait that long for the end, then kill what is left. Not given: do not wait.
    std::optional<std::chrono::nanoseconds> timeout;
};
Result<> kill(const Runtime& runtime, const KillOptions& options);

struct DeleteOptions {
    std::string id;
    bool force = false;
};
Result<> delete_container(const Runtime& runtime, const DeleteOptions& options);

struct ExecOptions {
    std::string id;
    std::string process_file;  ///< a whole process object; the fields below that describe the process are then ignored
    std::vector<std::string> args;
    std::optional<bool> tty;
    bool detach = false;
    std::string cwd;
    std::vector<std::string> env;
    std::string user;  ///< "UID" or "UID:GID"
    std::vector<std::uint32_t> additional_gids;
    std::vector<std::string> capabilities;
    std::optional<bool> no_new_privileges;
    std::string process_label;
    std::string apparmor;
    std::string console_socket;
    std::string pidfd_socket;  ///< receives a pidfd of the process
    std::string pid_file;
    unsigned preserve_fds = 0;
    bool ignore_paused = false;
    std::vector<std::string> cgroups;  ///< sub-cgroups of the container's: one, or with v1 one for each "CONTROLLER:"
};
/// Returns the exit status of the process (128 + signal); 0 when detached.
Result<int> exec(const Runtime& runtime, const ExecOptions& options);

/// Host pids of every process of the container, sub-cgroups included.
Result<std::vector<int>> processes(const Runtime& runtime, const std::string& id);

Result<> pause(const Runtime& runtime, const std::string& id);
Result<> resume(const Runtime& runtime, const std::string& id);

/// The entries of `mounts` in a JSON file, made in a container that lives; binds and tmpfs.
Result<> add_mounts(const Runtime& runtime, const std::string& id, const std::string& file);
/// Takes away again what was added at the destinations of those entries, the last one first.
Result<> remove_mounts(const Runtime& runtime, const std::string& id, const std::string& file);
struct HotMount {
    std::string destination;
    std::string type;
    std::string source;
    std::vector<std::string> options;
};
/// What was added and is not removed.
Result<std::vector<HotMount>> list_mounts(const Runtime& runtime, const std::string& id);

/// New limits for a container that lives. What is not given stays as it is; 0 is "not given" where it is no limit.
struct UpdateOptions {
    std::string id;
    /// A linux.resources object as JSON (the content, not a path). When given, the limits below are ignored, as runc
    /// does. Its devices are ignored too: only `device_rules` changes them.
    std::optional<std::string> resources;
    std::string resources_name = "resources";  ///< what errors call that text
    std::optional<std::int64_t> memory;        ///< bytes; -1: unlimited, and so swap unless it is given
    std::optional<std::int64_t> memory_reservation;
    std::optional<std::int64_t> memory_swap;  ///< memory and swap together
    std::optional<std::int64_t> kernel_memory;
    std::optional<std::int64_t> kernel_memory_tcp;
    std::optional<std::uint64_t> cpu_shares;
    std::optional<std::int64_t> cpu_quota_us;
    std::optional<std::uint64_t> cpu_period_us;
    std::optional<std::uint64_t> cpu_burst_us;
    std::optional<std::int64_t> cpu_realtime_runtime_us;
    std::optional<std::uint64_t> cpu_realtime_period_us;
    std::optional<std::int64_t> cpu_idle;
    std::string cpuset_cpus;
    std::string cpuset_mems;
    std::optional<std::int64_t> pids_limit;
    std::optional<std::uint16_t> block_io_weight;
    std::string l3_cache_schema;
    std::string memory_bandwidth_schema;
    std::vector<std::string> device_rules;  ///< "allow c 195:* rw", after those the container has; the last one counts
};
/// Nothing is changed when anything of it is wrong; when the kernel refuses a part, what was written is taken back.
Result<> update(const Runtime& runtime, const UpdateOptions& options);

/// Takes one event, a JSON object on one line without a newline. A failure ends the stream.
using EventSink = std::function<Result<>(std::string_view event)>;

struct EventsOptions {
    std::string id;
    std::chrono::nanoseconds interval = std::chrono::seconds(5);  ///< between statistics
    bool once = false;                                            ///< statistics now, and no more
};
/// Statistics at each interval and out-of-memory kills as they happen, until the container ends.
Result<> events(const Runtime& runtime, const EventsOptions& options, const EventSink& sink);

/// Blocks until the container's process ends. Returns its exit status (128 + signal).
Result<int> wait(const Runtime& runtime, const std::string& id);

/// What became of a container, or of one that did not come to be.
struct Explanation {
    std::string id;
    std::optional<Status> status;  ///< none: there is no such container (any more)
    std::string operation;         ///< that failed: "create"; empty when none did
    std::string time;
    std::string step;
    std::string message;             ///< what failed, with the tail of a hook's output
    std::optional<int> exit_status;  ///< 128 + signal
    std::string ending;              ///< "exited with status 3", "was killed by SIGKILL"
    std::uint64_t oom_kills = 0;
};
Result<Explanation> why(const Runtime& runtime, const std::string& id);

enum class Format : std::uint8_t { Text, Json };
/// The plan for a bundle on this host, as text or JSON. Has no side effects.
Result<std::string> explain(const Runtime& runtime, const CreateOptions& options, Format format);

struct CheckReport {
    std::vector<std::string> errors;
    std::vector<std::string> warnings;
};
/// Validates a bundle against the specification and this host. Has no side effects.
Result<CheckReport> check(const Runtime& runtime, const CreateOptions& options);

/// The text of config.json that `arca spec` writes.
enum class SpecKind : std::uint8_t { Privileged, Rootless };
std::string spec_template(SpecKind kind);

/// The features document of runtime-spec 1.3.
std::string features_json();

struct Version {
    std::string arca;
    std::string commit;
    std::string spec;
    std::string libseccomp;
};
Version version();

/// Writes one JSON line per step of whatever follows to `path`. `trace_parent` may be empty.
Result<> trace_to(const std::string& path, std::string_view operation, std::string_view trace_parent);

/// Makes this process run from an image that a container cannot write to (CVE-2019-5736). Returns only when that is
/// the case already; else executes itself again, from a read-only or sealed image, with the same arguments.
Result<> protect_own_image(char** argv, char** environment);

}  // namespace arca
