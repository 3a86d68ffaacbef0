// What CRIU is asked, from what the caller wants and what the container is. Pure.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "arca/checkpoint.hpp"
#include "base/result.hpp"
#include "container/plan.hpp"
#include "container/record.hpp"
#include "criu/protocol.hpp"
#include "mounts/plan.hpp"

namespace arca::container {

/// A mount whose content is the host's. CRIU writes down only its name, and is told at a restore where to find it.
struct ExternalMount {
    std::string destination;  ///< as configured: the name in the images
    std::string source;
    bool operator==(const ExternalMount&) const = default;
};
/// Binds, and devices that are bound. Unsupported for those that are id-mapped, of which CRIU would lose the mapping.
Result<std::vector<ExternalMount>> external_mounts(const mounts::Plan& plan);

/// One of the first three descriptors of the container's init.
struct StdioEntry {
    std::string name;  ///< for CRIU: "pipe:[123]", "file[17:4]", "tty[8801:18]"; a path for what the container owns
    enum class Kind : std::uint8_t { Closed, Inside, Pipe, Outside } kind = Kind::Closed;
    bool operator==(const StdioEntry&) const = default;
};
using Stdio = std::array<StdioEntry, 3>;
/// descriptors.json beside the images, as other runtimes write it: three names.
std::string to_json(const Stdio& stdio);
Result<std::vector<std::string>> parse_descriptors(std::string_view json);
/// Names that a restore hands descriptors over for, each once, with the number of the first that has it (0 to 2).
std::vector<std::pair<std::string, int>> inherited_stdio(const std::vector<std::string>& names);

/// What was seen of a container that is to be checkpointed.
struct Sighting {
    Stdio stdio;
    std::vector<std::pair<std::string, std::string>> mount_points;  ///< destination, where it really is inside
    std::uint64_t network_inode = 0;                                ///< of a joined namespace; 0: none is joined
    std::uint64_t pid_inode = 0;
};

/// Directories and configuration file, which both operations have.
struct Places {
    int images = -1;
    int work = -1;
    std::string config_file;
};

Result<> check_options(const CheckpointOptions& options);
/// Unsupported for containers that CRIU would restore without something that protects the host from them, or not at
/// all.
Result<> check_restorable(const Record& record);
Result<criu::Options> plan_checkpoint(const CheckpointOptions& options, const Record& record, const Sighting& seen,
                                      const Places& places);

/// Descriptors in which the joined namespaces are handed over.
struct JoinedNumbers {
    int network = -1;
    int pid = -1;
};
criu::Options plan_restore(const RestoreOptions& options, const LaunchPlan& plan,
                           const std::vector<ExternalMount>& external, const Places& places,
                           const JoinedNumbers& joined);

/// For Options::cgroup_roots: what the images say of the old container's cgroup is to be true of the new one's.
std::vector<std::pair<std::string, std::string>> cgroup_roots(const cgroup::Location& location);

/// Of a cgroup, for CRIU to stop everything in it at once; empty: CRIU goes from process to process.
std::string freezer_path(const cgroup::Location& location);

}  // namespace arca::container
