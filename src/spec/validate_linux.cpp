#include <algorithm>

#include "base/text.hpp"
#include "spec/number_list.hpp"
#include "spec/validate.hpp"

namespace arca::spec {

namespace {
/// makedev(3) and mknod(2): twelve and twenty bits in the kernel.
constexpr std::int64_t kHighestMajor = 4095;
constexpr std::int64_t kHighestMinor = 1048575;

void validate_device(const Device& device, const std::string& base, Report& report) {
    if (!device.path.starts_with('/'))
        report.problem(base + "/path",
                       text::cat("expected an absolute path, got \"", text::printable(device.path), "\""));
    if (device.major < 0 || device.major > kHighestMajor)
        report.problem(base + "/major", text::cat(device.major, " is out of range: expected 0 to ", kHighestMajor));
    if (device.minor < 0 || device.minor > kHighestMinor)
        report.problem(base + "/minor", text::cat(device.minor, " is out of range: expected 0 to ", kHighestMinor));
}

void validate_paths(const Config& config, const std::vector<std::string>& paths, std::string_view base,
                    Report& report) {
    if (!paths.empty() && !has_namespace(config, NamespaceType::Mount, report))
        report.problem(std::string(base),
                       "needs a mount namespace in linux.namespaces: it would cover paths of the host");
    for (std::size_t i = 0; i < paths.size(); ++i)
        if (!paths[i].starts_with('/'))
            report.problem(pointer_join(base, i),
                           text::cat("expected an absolute path, got \"", text::printable(paths[i]), "\""));
}

/// config-linux.md#intelrdt: the name of one directory of the resctrl file system; "/" is its root.
void validate_intel_rdt(const IntelRdt& rdt, Report& report) {
    const auto& id = rdt.clos_id;
    if (id == "." || id == ".." || (id != "/" && id.find('/') != std::string::npos))
        report.problem("/linux/intelRdt/closID",
                       text::cat("\"", text::printable(id), "\" is no name of one directory, nor \"/\""));
}

bool has_flag(const MemoryPolicy& policy, std::string_view flag) {
    return std::find(policy.flags.begin(), policy.flags.end(), flag) != policy.flags.end();
}

/// set_mempolicy(2) refuses the same with a bare EINVAL.
void validate_memory_policy(const MemoryPolicy& policy, Report& report) {
    const std::string base = "/linux/memoryPolicy";
    if (policy.mode.empty()) return;  // could not be read
    bool is_local = policy.mode == "MPOL_DEFAULT" || policy.mode == "MPOL_LOCAL";
    if (!policy.nodes.empty() && !parse_number_list(policy.nodes)) {
        report.problem(base + "/nodes",
                       text::cat("\"", text::printable(policy.nodes), "\" is no list of memory nodes such as 0-3,7"));
    } else if (is_local && !policy.nodes.empty()) {
        report.problem(base + "/nodes", policy.mode + " takes no nodes");
    } else if (!is_local && policy.mode != "MPOL_PREFERRED" && policy.nodes.empty()) {
        report.problem(base + "/nodes", policy.mode + " needs at least one node");
    }
    if (has_flag(policy, "MPOL_F_RELATIVE_NODES") && has_flag(policy, "MPOL_F_STATIC_NODES"))
        report.problem(base + "/flags", "MPOL_F_RELATIVE_NODES and MPOL_F_STATIC_NODES exclude each other");
    // MPOL_PREFERRED_MANY can be balanced since Linux 6.9.
    if (has_flag(policy, "MPOL_F_NUMA_BALANCING") && policy.mode != "MPOL_BIND" && policy.mode != "MPOL_PREFERRED_MANY")
        report.problem(base + "/flags", "MPOL_F_NUMA_BALANCING goes with MPOL_BIND only");
}
}  // namespace

void validate_linux(const Config& config, Report& report) {
    const auto& settings = config.linux_;
    validate_namespaces(config, report);
    validate_sysctl(config, report);
    validate(settings.resources, "/linux/resources", report);
    for (std::size_t i = 0; i < settings.devices.size(); ++i)
        validate_device(settings.devices[i], pointer_join("/linux/devices", i), report);
    if (settings.seccomp) validate_seccomp(*settings.seccomp, report);
    validate_paths(config, settings.masked_paths, "/linux/maskedPaths", report);
    validate_paths(config, settings.readonly_paths, "/linux/readonlyPaths", report);
    if (settings.intel_rdt) validate_intel_rdt(*settings.intel_rdt, report);
    if (settings.memory_policy) validate_memory_policy(*settings.memory_policy, report);
}

}  // namespace arca::spec
