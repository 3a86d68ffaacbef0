#include "container/checkpoint_plan.hpp"

#include <sched.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/text.hpp"
#include "privileges/landlock.hpp"
#include "spec/json_writer.hpp"

namespace arca::container {

namespace {
// Names in the images. Those of runc, so that images can be exchanged.
constexpr std::string_view kNetworkKey = "extRootNetNS";
constexpr std::string_view kPidKey = "extRootPidNS";
constexpr auto kDumpLog = "dump.log";
constexpr auto kRestoreLog = "restore.log";

criu::CgroupMode mode_of(CgroupRestoring restoring) {
    switch (restoring) {
        case CgroupRestoring::Soft:
            return criu::CgroupMode::Soft;
        case CgroupRestoring::Full:
            return criu::CgroupMode::Full;
        case CgroupRestoring::Strict:
            return criu::CgroupMode::Strict;
        case CgroupRestoring::Ignore:
            return criu::CgroupMode::Ignore;
    }
    return criu::CgroupMode::Soft;
}

std::optional<criu::NetworkLock> lock_of(NetworkLock lock) {
    switch (lock) {
        case NetworkLock::Default:
            return std::nullopt;
        case NetworkLock::Iptables:
            return criu::NetworkLock::Iptables;
        case NetworkLock::Nftables:
            return criu::NetworkLock::Nftables;
        case NetworkLock::Skip:
            return criu::NetworkLock::Skip;
    }
    return std::nullopt;
}

criu::Options common_options(const ImageOptions& image, const Places& places) {
    criu::Options options;
    options.images_directory = places.images;
    options.work_directory = places.work;
    options.config_file = places.config_file;
    options.external_unix_sockets = image.external_unix_sockets;
    options.tcp_established = image.tcp_established;
    options.shell_job = image.shell_job;
    options.file_locks = image.file_locks;
    options.link_remap = image.link_remap;
    options.auto_dedup = image.auto_dedup;
    options.lazy_pages = image.lazy_pages;
    options.cgroup_mode = mode_of(image.cgroups);
    options.network_lock = lock_of(image.network_lock);
    if (image.empty_network) options.empty_namespaces = CLONE_NEWNET;
    return options;
}

Result<criu::PageServer> parse_page_server(const std::string& text) {
    const auto colon = text.rfind(':');
    const auto port =
        colon == std::string::npos ? std::nullopt : text::to_uint(std::string_view(text).substr(colon + 1));
    if (!port || *port == 0 || *port > 65535)
        return fail(Code::Usage, text::cat("--page-server ", text::printable(text), ": expected ADDRESS:PORT"));
    return criu::PageServer{text.substr(0, colon), static_cast<int>(*port)};
}

/// What CRIU calls the namespaces that it joins by a path.
std::string_view criu_name(spec::NamespaceType type) {
    switch (type) {
        case spec::NamespaceType::Ipc:
            return "ipc";
        case spec::NamespaceType::Uts:
            return "uts";
        case spec::NamespaceType::User:
            return "user";
        case spec::NamespaceType::Time:
            return "time";
        case spec::NamespaceType::Mount:
            return "mnt";
        case spec::NamespaceType::Cgroup:
            return "cgroup";
        case spec::NamespaceType::Network:
        case spec::NamespaceType::Pid:
            break;  // by descriptor
    }
    return {};
}

void add_namespaces(const LaunchPlan& plan, const JoinedNumbers& joined, criu::Options& out) {
    if (joined.network >= 0) out.inherited.emplace_back(kNetworkKey, joined.network);
    if (joined.pid >= 0) out.inherited.emplace_back(kPidKey, joined.pid);
    for (const auto& entry : plan.namespaces.joined)
        if (const auto name = criu_name(entry.type); !name.empty()) out.joined.emplace_back(name, entry.path);
}

}  // namespace

Result<std::vector<ExternalMount>> external_mounts(const mounts::Plan& plan) {
    std::vector<ExternalMount> external;
    for (const auto& step : plan.mounts) {
        if (step.kind != mounts::MountStep::Kind::Bind || step.remount) continue;
        if (step.id_mapped)
            return fail(Error(Code::Unsupported, text::cat("the mount at ", step.destination,
                                                           " is id-mapped, and CRIU cannot restore such mounts"))
                            .at(step.pointer));
        external.push_back({step.destination, step.source});
    }
    if (plan.bind_devices)
        for (const auto& node : plan.devices)
            external.push_back({node.device.path, node.device.path});
    return external;
}

std::string to_json(const Stdio& stdio) {
    spec::JsonWriter json("");
    json.begin_array();
    for (const auto& entry : stdio)
        json.value(text::printable(entry.name));
    json.end_array();
    return json.take();
}

Result<std::vector<std::string>> parse_descriptors(std::string_view text) {
    const auto json = nlohmann::json::parse(text, nullptr, /*allow_exceptions=*/false);
    std::vector<std::string> names;
    if (!json.is_array()) return fail(Code::BadState, "descriptors.json is no list of names");
    for (const auto& entry : json) {
        if (!entry.is_string()) return fail(Code::BadState, "descriptors.json holds something that is no name");
        names.push_back(entry.get<std::string>());
    }
    return names;
}

std::vector<std::pair<std::string, int>> inherited_stdio(const std::vector<std::string>& names) {
    std::vector<std::pair<std::string, int>> inherited;
    for (std::size_t i = 0; i < names.size() && i < Stdio{}.size(); ++i) {
        const auto& name = names[i];
        const bool outside = name.starts_with("pipe:[") || name.starts_with("file[") || name.starts_with("tty[");
        const bool known = std::ranges::find(inherited, name, &std::pair<std::string, int>::first) != inherited.end();
        if (outside && !known) inherited.emplace_back(name, static_cast<int>(i));
    }
    return inherited;
}

Result<> check_options(const CheckpointOptions& options) {
    if (options.parent_path.starts_with('/'))
        return fail(Code::Usage, text::cat("--parent-path ", text::printable(options.parent_path),
                                           ": must be relative to the directory of the images"));
    if (options.image.lazy_pages && options.page_server.empty())
        return fail(Code::Usage, "--lazy-pages needs --page-server: from there the memory is fetched");
    return {};
}

Result<> check_restorable(const Record& record) {
    if (record.rootless)
        return fail(Code::Unsupported, "checkpoints of containers of ordinary users are not made: CRIU needs root");
    if (!record.seccomp_listener.empty())
        return fail(Error(Code::Unsupported,
                          "a container whose seccomp profile notifies an agent cannot be "
                          "checkpointed: the kernel does not give its listener away again")
                        .at("/linux/seccomp"));
    if (record.annotations.contains(std::string(privileges::kLandlockAnnotation)))
        return fail(Code::Unsupported,
                    "a container that Landlock restricts cannot be checkpointed: CRIU would restore "
                    "it without the restriction");
    return {};
}

Result<criu::Options> plan_checkpoint(const CheckpointOptions& options, const Record& record, const Sighting& seen,
                                      const Places& places) {
    auto out = common_options(options.image, places);
    out.log_file = kDumpLog;
    out.pid = record.pid;
    out.root = record.rootfs;
    out.parent_images = options.parent_path;
    out.leave_running = options.leave_running;
    out.track_memory = options.pre_dump || !options.parent_path.empty();
    out.tcp_skip_in_flight = options.tcp_skip_in_flight;
    if (!options.page_server.empty()) out.page_server = TRY(parse_page_server(options.page_server));
    out.freeze_cgroup = record.cgroup_is_shared ? std::string() : freezer_path(record.cgroup);
    for (const auto& [destination, place] : seen.mount_points)
        out.external.push_back(text::cat("mnt[", place, "]:", destination));
    for (const auto& entry : seen.stdio)
        if (entry.kind == StdioEntry::Kind::Outside) out.external.push_back(entry.name);
    if (seen.network_inode != 0) out.external.push_back(text::cat("net[", seen.network_inode, "]:", kNetworkKey));
    if (seen.pid_inode != 0) out.external.push_back(text::cat("pid[", seen.pid_inode, "]:", kPidKey));
    return out;
}

criu::Options plan_restore(const RestoreOptions& options, const LaunchPlan& plan,
                           const std::vector<ExternalMount>& external, const Places& places,
                           const JoinedNumbers& joined) {
    auto out = common_options(options.image, places);
    out.log_file = kRestoreLog;
    out.root = plan.mounts.rootfs;
    out.as_sibling = true;
    out.tcp_close = options.tcp_close;
    out.lsm_profile = options.lsm_profile;
    out.lsm_mount_context = options.lsm_mount_context;
    for (const auto& mount : external)
        out.external.push_back(text::cat("mnt[", mount.destination, "]:", mount.source));
    add_namespaces(plan, joined, out);
    return out;
}

std::vector<std::pair<std::string, std::string>> cgroup_roots(const cgroup::Location& location) {
    std::vector<std::pair<std::string, std::string>> roots;
    for (const auto& place : location.v1)
        roots.emplace_back(place.controllers, place.path);
    if (!location.mount_point.empty() && !location.path.empty()) roots.emplace_back("", location.path);
    return roots;
}

std::string freezer_path(const cgroup::Location& location) {
    for (const auto& place : location.v1) {
        const auto controllers = text::split(place.controllers, ',');
        if (std::ranges::find(controllers, "freezer") != controllers.end())
            return text::cat(place.mount_point, place.path);
    }
    if (location.kind == cgroup::Kind::None || location.mount_point.empty() || !location.v1.empty()) return {};
    return text::cat(location.mount_point, location.path);
}

}  // namespace arca::container
