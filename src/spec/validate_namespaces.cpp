#include <algorithm>
#include <limits>

#include "base/text.hpp"
#include "spec/names.hpp"
#include "spec/validate.hpp"

namespace arca::spec {

namespace {
void validate_list(const std::vector<Namespace>& namespaces, Report& report) {
    for (std::size_t i = 0; i < namespaces.size(); ++i) {
        const auto& entry = namespaces[i];
        auto base = pointer_join("/linux/namespaces", i);
        if (!entry.path.empty() && entry.path.front() != '/')
            report.problem(base + "/path",
                           text::cat("expected an absolute path, got \"", text::printable(entry.path), "\""));
        for (std::size_t j = 0; j < i; ++j)
            if (namespaces[j].type == entry.type) {
                report.problem(base, text::cat("a second ", name(entry.type), " namespace"));
                break;
            }
    }
}

/// config-linux.md#user-namespace-mappings. With a path the mappings are those of the namespace that is joined.
void validate_user_namespace(const Config& config, Report& report) {
    const auto& settings = config.linux_;
    const auto* user = find_namespace(config, NamespaceType::User);
    bool known = !report.unread("/linux/namespaces");
    if (user != nullptr && user->path.empty()) {
        if (settings.uid_mappings.empty())
            report.problem("/linux/uidMappings", "required by the new user namespace, but empty or missing");
        if (settings.gid_mappings.empty())
            report.problem("/linux/gidMappings", "required by the new user namespace, but empty or missing");
    } else if (user == nullptr && known) {
        if (!settings.uid_mappings.empty())
            report.problem("/linux/uidMappings", "needs a user namespace in linux.namespaces");
        if (!settings.gid_mappings.empty())
            report.problem("/linux/gidMappings", "needs a user namespace in linux.namespaces");
    }
    validate_id_mappings(settings.uid_mappings, "/linux/uidMappings", report);
    validate_id_mappings(settings.gid_mappings, "/linux/gidMappings", report);
}

/// time_namespaces(7): offsets can be set only before the first process is in the namespace.
void validate_time_offsets(const Config& config, Report& report) {
    const auto& offsets = config.linux_.time_offsets;
    if (offsets.empty()) return;
    const auto* time = find_namespace(config, NamespaceType::Time);
    if (time == nullptr) {
        if (!report.unread("/linux/namespaces"))
            report.problem("/linux/timeOffsets", "needs a new time namespace in linux.namespaces");
    } else if (!time->path.empty()) {
        report.problem("/linux/timeOffsets", "the clocks of a time namespace that is joined cannot be set");
    }
    for (const auto& [clock, offset] : offsets) {
        auto base = pointer_join("/linux/timeOffsets", clock);
        if (clock != "monotonic" && clock != "boottime")
            report.problem(base, "unknown clock; known are monotonic, boottime");
        if (offset.nanosecs >= 1'000'000'000)
            report.problem(base + "/nanosecs", text::cat(offset.nanosecs, " is out of range: expected 0 to 999999999"));
    }
}

/// netdevice names as dev_valid_name() of the kernel has them.
bool is_interface_name(std::string_view name) {
    constexpr std::size_t kMost = 15;  // IFNAMSIZ - 1
    return !name.empty() && name.size() <= kMost && name != "." && name != ".." &&
           name.find_first_of("/: \t\n\v\f\r") == std::string_view::npos;
}

void validate_net_devices(const Config& config, Report& report) {
    const auto& devices = config.linux_.net_devices;
    if (devices.empty()) return;
    if (!has_namespace(config, NamespaceType::Network, report))
        report.problem("/linux/netDevices", "needs a network namespace in linux.namespaces");
    for (auto device = devices.begin(); device != devices.end(); ++device) {
        auto base = pointer_join("/linux/netDevices", device->first);
        if (!is_interface_name(device->first)) report.problem(base, "no name that a network device can have");
        if (!is_interface_name(device->second)) {
            report.problem(base + "/name", text::cat("\"", text::printable(device->second),
                                                     "\" is no name that a network device can have"));
        } else if (device->second.find('%') == std::string::npos &&
                   std::any_of(devices.begin(), device,
                               [&](const auto& earlier) { return earlier.second == device->second; })) {
            report.problem(base + "/name", text::cat("a second device named ", device->second));
        }
    }
}

bool overlap(std::uint32_t a, std::uint32_t a_size, std::uint32_t b, std::uint32_t b_size) {
    return a < std::uint64_t{b} + b_size && b < std::uint64_t{a} + a_size;
}
}  // namespace

void validate_id_mappings(const std::vector<IdMapping>& mappings, std::string_view base, Report& report) {
    constexpr std::size_t kMost = 340;  // user_namespaces(7), since Linux 4.15
    constexpr auto kHighest = std::numeric_limits<std::uint32_t>::max();
    if (mappings.size() > kMost) {
        report.problem(std::string(base), text::cat(mappings.size(), " mappings; Linux allows ", kMost));
        return;
    }
    for (std::size_t i = 0; i < mappings.size(); ++i) {
        const auto& entry = mappings[i];
        auto fits = [&](std::uint32_t first) { return entry.size <= kHighest - first; };
        if (entry.size == 0) {
            report.problem(pointer_join(base, i) + "/size", "must be greater than 0");
        } else if (!fits(entry.container) || !fits(entry.host)) {
            report.problem(pointer_join(base, i) + "/size", "the mapping runs beyond the highest id, 4294967294");
        }
        for (std::size_t j = 0; j < i; ++j) {
            if (overlap(entry.container, entry.size, mappings[j].container, mappings[j].size))
                report.problem(pointer_join(base, i), text::cat("ids in the container overlap those of entry ", j));
            if (overlap(entry.host, entry.size, mappings[j].host, mappings[j].size))
                report.problem(pointer_join(base, i), text::cat("ids on the host overlap those of entry ", j));
        }
    }
}

void validate_namespaces(const Config& config, Report& report) {
    validate_list(config.linux_.namespaces, report);
    validate_user_namespace(config, report);
    validate_time_offsets(config, report);
    validate_net_devices(config, report);
}

}  // namespace arca::spec
