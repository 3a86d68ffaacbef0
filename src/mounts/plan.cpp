#include "mounts/plan.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "base/text.hpp"
#include "mounts/options.hpp"
#include "sys/mount_api.hpp"

namespace arca::mounts {

namespace {

using Kind = MountStep::Kind;

constexpr std::array kProcFiles = {
    "/proc/cpuinfo",
    "/proc/diskstats",
    "/proc/meminfo",
    "/proc/stat",
    "/proc/swaps",
    "/proc/uptime",
    "/proc/loadavg",
    "/proc/slabinfo",
    "/proc/sys/kernel/ns_last_pid",
    "/proc/sys/crypto/fips_enabled",
};

// mount(8), "FILESYSTEM-INDEPENDENT MOUNT OPTIONS": who takes a security context.
constexpr std::array<std::string_view, 4> kContexts = {"context", "fscontext", "defcontext", "rootcontext"};

struct DefaultDevice {
    const char* path;
    std::int64_t major;
    std::int64_t minor;
};
// config-linux.md#default-devices; /dev/console and /dev/ptmx are made by others.
constexpr DefaultDevice kDefaultDevices[] = {
    {"/dev/null", 1, 3},   {"/dev/zero", 1, 5},    {"/dev/full", 1, 7},
    {"/dev/random", 1, 8}, {"/dev/urandom", 1, 9}, {"/dev/tty", 5, 0},
};

std::unexpected<Error> invalid(const std::string& pointer, std::string what) {
    return fail(Error(Code::InvalidConfig, std::move(what)).at(pointer));
}

/// Absolute, without ".", ".." and doubled slashes: what a destination means is decided before any link is looked at.
std::string clean(std::string_view path) {
    std::vector<std::string_view> kept;
    for (auto part : text::split(path, '/')) {
        if (part.empty() || part == ".") continue;
        if (part != "..")
            kept.push_back(part);
        else if (!kept.empty())
            kept.pop_back();
    }
    std::string out;
    for (auto part : kept)
        out += text::cat("/", part);
    return out.empty() ? "/" : out;
}

Kind kind_of(std::string_view fs_type) {
    if (fs_type == "bind") return Kind::Bind;
    if (fs_type == "mqueue") return Kind::Mqueue;
    if (fs_type == "sysfs") return Kind::Sysfs;
    if (fs_type == "cgroup" || fs_type == "cgroup2") return Kind::Cgroup;
    return Kind::Filesystem;
}

/// One "0-1000-10#10-2000-5" of crun's idmap=uids=...;gids=...: id in the source, id on the host, size.
Result<std::vector<spec::IdMapping>> parse_mappings(std::string_view list, const std::string& pointer) {
    std::vector<spec::IdMapping> out;
    for (auto item : text::split(list, '#')) {
        const auto parts = text::split(item, '-');
        std::array<std::uint32_t, 3> ids{};
        for (std::size_t i = 0; i < ids.size(); ++i) {
            auto id = parts.size() == ids.size() ? text::to_uint(parts[i]) : std::nullopt;
            if (!id || *id > UINT32_MAX)
                return invalid(pointer, text::cat("idmap: \"", item, "\" is not CONTAINER-HOST-SIZE"));
            ids[i] = static_cast<std::uint32_t>(*id);
        }
        out.push_back({.container = ids[0], .host = ids[1], .size = ids[2]});
    }
    return out;
}

Result<> decode_idmap(std::string_view value, MountStep& step) {
    for (auto part : text::split(value, ';')) {
        if (part.starts_with("uids="))
            step.uid_mappings = TRY(parse_mappings(part.substr(5), step.pointer));
        else if (part.starts_with("gids="))
            step.gid_mappings = TRY(parse_mappings(part.substr(5), step.pointer));
        else
            return invalid(step.pointer, text::cat("idmap: \"", part, "\" is neither uids=... nor gids=..."));
    }
    return {};
}

Result<> decode_option(const std::string& word, MountStep& step) {
    if (const auto* option = find_option(word)) {
        apply(*option, step);
        return {};
    }
    for (std::string_view prefix : {"idmap=", "ridmap="}) {
        if (!word.starts_with(prefix)) continue;
        apply(*find_option(prefix.substr(0, prefix.size() - 1)), step);
        return decode_idmap(std::string_view(word).substr(prefix.size()), step);
    }
    if (!word.empty()) step.data.push_back(word);
    return {};
}

Result<> check_bind(const MountStep& step) {
    if (step.source.empty() && !step.remount)
        return invalid(step.pointer, text::cat("the bind mount at ", step.destination, " has no source"));
    if (step.copy_up) return invalid(step.pointer, "tmpcopyup is for tmpfs only");
    if (step.data.empty()) return {};
    auto near = nearest_option(step.data.front());
    return invalid(step.pointer,
                   text::cat("unknown option \"", text::printable(step.data.front()), "\" of a bind mount",
                             near.empty() ? "" : text::cat("; did you mean \"", near, "\"?")));
}

Result<> check_filesystem(const MountStep& step) {
    if (step.fs_type.empty() && !step.remount)
        return invalid(step.pointer, text::cat("the mount at ", step.destination, " has no type and is no bind mount"));
    if (step.copy_up && step.fs_type != "tmpfs") return invalid(step.pointer, "tmpcopyup is for tmpfs only");
    if (step.id_mapped) return invalid(step.pointer, "only bind mounts can be id-mapped");
    if (step.copy_symlink) return invalid(step.pointer, "copy-symlink is for bind mounts only");
    return {};
}

// A bind onto /proc itself may be a bind of another procfs: only a look at it can tell, so it is left to the execution.
Result<> check_proc(const MountStep& step) {
    if (!is_in_proc(step.destination) || may_cover_proc(step.destination)) return {};
    if (step.kind == Kind::Bind) return {};
    if (step.destination == "/proc" && step.fs_type == "proc") return {};
    if (step.remount) return {};
    return invalid(step.pointer, text::cat("mounting ", step.fs_type, " at ", step.destination,
                                           " is refused: only procfs may cover /proc (CVE-2019-16884)"));
}

Result<> complete_idmap(const spec::Config& config, const Input& input, MountStep& step) {
    if (step.uid_mappings.empty() != step.gid_mappings.empty())
        return invalid(step.pointer, "uidMappings and gidMappings must be given both or not at all");
    if (!step.uid_mappings.empty()) step.id_mapped = true;
    if (!step.id_mapped || !step.uid_mappings.empty()) return {};
    if (!input.new_user_namespace || config.linux_.uid_mappings.empty())
        return invalid(step.pointer,
                       "idmap without uidMappings and gidMappings needs a user namespace with mappings of its own");
    step.uid_mappings = config.linux_.uid_mappings;
    step.gid_mappings = config.linux_.gid_mappings;
    return {};
}

// A single mount has nothing below it: the recursive forms mean the plain ones.
void fold_recursive(MountStep& step) {
    step.attributes_set |= step.recursive_set;
    step.attributes_clear |= step.recursive_clear;
    step.recursive_set = step.recursive_clear = 0;
}

void note_fallbacks(const Input& input, const MountStep& step, std::vector<spec::Note>& notes) {
    if (step.kind == Kind::Sysfs && input.new_user_namespace && !input.new_network_namespace)
        notes.push_back({step.pointer,
                         "the kernel refuses sysfs in a user namespace that does not own the network namespace; the "
                         "host's /sys is bound read-only instead"});
    if (step.kind == Kind::Cgroup && !input.private_cgroup_namespace && input.cgroup2_mount.empty() &&
        input.v1_hierarchies.empty())
        notes.push_back(
            {step.pointer, text::cat("this host has no cgroup hierarchy; ", step.destination, " is left as it is")});
}

Result<MountStep> plan_mount(const spec::Config& config, const Input& input, std::size_t index,
                             std::vector<spec::Note>& notes) {
    const auto& mount = config.mounts[index];
    MountStep step;
    step.pointer = text::cat("/mounts/", index);
    if (mount.destination.empty()) return invalid(step.pointer, "the mount has no destination");
    step.destination = clean(mount.destination);
    step.source = mount.source;
    step.fs_type = mount.type;
    step.kind = kind_of(mount.type);
    step.uid_mappings = mount.uid_mappings;
    step.gid_mappings = mount.gid_mappings;
    for (const auto& word : mount.options)
        TRY(decode_option(word, step));
    TRY(complete_idmap(config, input, step));
    if (step.kind == Kind::Bind) {
        step.fs_type.clear();
        if (!step.source.empty() && !step.source.starts_with('/'))
            step.source = text::cat(input.bundle, "/", step.source);
        TRY(check_bind(step));
    } else {
        TRY(check_filesystem(step));
        fold_recursive(step);
    }
    TRY(check_proc(step));
    note_fallbacks(input, step, notes);
    return step;
}

DeviceNode default_device(const DefaultDevice& device) {
    DeviceNode node;
    node.device = {.path = device.path,
                   .type = spec::DeviceType::Character,
                   .major = device.major,
                   .minor = device.minor,
                   .file_mode = 0666,
                   .uid = 0,
                   .gid = 0};
    node.is_default = true;
    return node;
}

// A device that is listed although it is a default replaces it; listed twice, the last counts.
std::vector<DeviceNode> plan_devices(const spec::Config& config) {
    std::vector<DeviceNode> nodes;
    for (const auto& device : kDefaultDevices)
        nodes.push_back(default_device(device));
    for (std::size_t i = 0; i < config.linux_.devices.size(); ++i) {
        DeviceNode node{.device = config.linux_.devices[i], .pointer = text::cat("/linux/devices/", i)};
        node.device.path = clean(node.device.path);
        auto same = std::find_if(nodes.begin(), nodes.end(),
                                 [&](const DeviceNode& other) { return other.device.path == node.device.path; });
        if (same != nodes.end())
            *same = std::move(node);
        else
            nodes.push_back(std::move(node));
    }
    return nodes;
}

Result<std::string> plan_context(const spec::Config& config) {
    const std::string annotation = "run.oci.mount_context_type";
    const auto found = config.annotations.find(annotation);
    if (found == config.annotations.end()) return std::string(kContexts.front());
    if (std::ranges::find(kContexts, found->second) != kContexts.end()) return found->second;
    return invalid(text::cat("/annotations/", annotation),
                   "must be context, fscontext, defcontext or rootcontext (selinux(8))");
}

std::string_view kind_name(const MountStep& step) {
    if (step.remount) return "remount";
    if (step.kind == Kind::Bind) return step.recursive_bind ? "rbind" : "bind";
    return step.fs_type;
}

// Without a mount namespace the root is only a chroot(2): whatever else is asked for would happen to the host.
Result<> check_namespace(const spec::Config& config) {
    if (spec::find_namespace(config, spec::NamespaceType::Mount) != nullptr) return {};
    const auto* pointer = !config.mounts.empty()                  ? "/mounts"
                          : !config.linux_.masked_paths.empty()   ? "/linux/maskedPaths"
                          : !config.linux_.readonly_paths.empty() ? "/linux/readonlyPaths"
                          : !config.linux_.devices.empty()        ? "/linux/devices"
                          : config.root.readonly                  ? "/root/readonly"
                          : config.linux_.rootfs_propagation      ? "/linux/rootfsPropagation"
                                                                  : nullptr;
    if (pointer == nullptr) return {};
    return invalid(pointer, "needs a mount namespace in linux.namespaces: without one it would change the host");
}

}  // namespace

bool is_in_proc(const std::string& destination) {
    return destination == "/proc" || destination.starts_with("/proc/");
}

bool may_cover_proc(const std::string& destination) {
    return std::find(kProcFiles.begin(), kProcFiles.end(), destination) != kProcFiles.end();
}

Result<Plan> plan(const spec::Config& config, const Input& input, std::vector<spec::Note>& notes) {
    TRY(check_namespace(config));
    Plan out;
    out.rootfs = input.rootfs;
    out.bundle = input.bundle;
    out.root_readonly = config.root.readonly;
    out.root_propagation = config.linux_.rootfs_propagation;
    out.no_pivot = input.no_pivot;
    for (std::size_t i = 0; i < config.mounts.size(); ++i) {
        out.mounts.push_back(TRY(plan_mount(config, input, i, notes)));
        const auto& step = out.mounts.back();
        if (step.kind == Kind::Bind && step.destination == "/dev" && !step.remount) out.populate_dev = false;
    }
    out.devices = plan_devices(config);
    out.bind_devices = input.new_user_namespace || !input.in_initial_user_namespace;
    out.masked_paths = config.linux_.masked_paths;
    out.readonly_paths = config.linux_.readonly_paths;
    out.mount_label = config.linux_.mount_label;
    out.mount_context = TRY(plan_context(config));
    out.private_cgroup_namespace = input.private_cgroup_namespace;
    out.whole_cgroup_hierarchy =
        !input.private_cgroup_namespace && !input.new_user_namespace && input.in_initial_user_namespace;
    out.cgroup2_mount = input.cgroup2_mount;
    out.cgroup_path = input.cgroup_path;
    out.v1_hierarchies = input.v1_hierarchies;
    out.new_user_namespace = input.new_user_namespace;
    out.new_network_namespace = input.new_network_namespace;
    return out;
}

std::vector<std::string> known_options() {
    std::vector<std::string> names;
    for (const auto& option : option_table())
        names.emplace_back(option.name);
    return names;
}

std::string describe(const MountStep& step) {
    auto words = names_of_set(step.attributes_set);
    for (auto& word : names_of_cleared(step.attributes_clear))
        words.push_back(std::move(word));
    for (auto& word : names_of_set(step.recursive_set))
        words.push_back("r" + word);
    for (auto& word : names_of_cleared(step.recursive_clear))
        words.push_back("r" + word);
    for (auto flags : step.propagation)
        words.push_back(name_of_propagation(flags));
    if (step.id_mapped) words.emplace_back(step.id_mapped_recursive ? "ridmap" : "idmap");
    if (step.copy_up) words.emplace_back("tmpcopyup");
    words.insert(words.end(), step.data.begin(), step.data.end());
    auto line = std::string(kind_name(step));
    if (step.kind == Kind::Bind && !step.source.empty()) line += " " + step.source;
    line += " -> " + step.destination;
    if (!words.empty()) line += " " + text::join(words, ",");
    return text::printable(text::cat(line, " (", step.pointer, ")"));
}

}  // namespace arca::mounts
