#include "spec/features.hpp"

#include <algorithm>
#include <span>

#include "spec/json_writer.hpp"

namespace arca::spec {

namespace {
std::vector<std::string> sorted(std::span<const std::string_view> names) {
    std::vector<std::string> out(names.begin(), names.end());
    std::sort(out.begin(), out.end());
    return out;
}

std::vector<std::string> sorted(std::vector<std::string> names) {
    std::sort(names.begin(), names.end());
    return names;
}

void write_flags(JsonWriter& json, std::string_view key,
                 std::initializer_list<std::pair<std::string_view, bool>> members) {
    json.key(key);
    json.begin_object();
    for (auto [name, value] : members)
        json.member(name, value);
    json.end_object();
}

void write_seccomp(JsonWriter& json, const FeatureFacts& facts) {
    json.key("seccomp");
    json.begin_object();
    json.member("enabled", facts.seccomp);
    if (facts.seccomp) {
        json.member("actions", sorted(kSeccompActions));
        json.member("operators", sorted(kSeccompOperators));
        json.member("archs", facts.seccomp_architectures.empty() ? sorted(kSeccompArchitectures)
                                                                 : sorted(facts.seccomp_architectures));
        json.member("knownFlags", sorted(kSeccompFlags));
        json.member("supportedFlags", sorted(facts.seccomp_flags));
    }
    json.end_object();
}

void write_memory_policy(JsonWriter& json) {
    json.key("memoryPolicy");
    json.begin_object();
    json.member("modes", sorted(kMemoryPolicyModes));
    json.member("flags", sorted(kMemoryPolicyFlags));
    json.end_object();
}

void write_linux(JsonWriter& json, const FeatureFacts& facts) {
    const std::vector<std::string_view> capabilities(kCapabilities.begin(), kCapabilities.end());
    json.key("linux");
    json.begin_object();
    json.member("namespaces", sorted(kNamespaceNames));
    facts.capabilities.empty() ? json.member("capabilities", capabilities)
                               : json.member("capabilities", facts.capabilities);
    write_flags(json, "cgroup",
                {{"v1", facts.cgroup_v1},
                 {"v2", facts.cgroup_v2},
                 {"systemd", facts.cgroup_systemd},
                 {"systemdUser", facts.cgroup_systemd_user},
                 {"rdma", facts.cgroup_rdma}});
    write_seccomp(json, facts);
    write_flags(json, "apparmor", {{"enabled", facts.apparmor}});
    write_flags(json, "selinux", {{"enabled", facts.selinux}});
    write_flags(json, "intelRdt",
                {{"enabled", facts.intel_rdt},
                 {"schemata", facts.intel_rdt_schemata},
                 {"monitoring", facts.intel_rdt_monitoring}});
    if (facts.memory_policy) write_memory_policy(json);
    json.key("mountExtensions");
    json.begin_object();
    write_flags(json, "idmap", {{"enabled", facts.id_mapped_mounts}});
    json.end_object();
    write_flags(json, "netDevices", {{"enabled", facts.net_devices}});
    write_flags(json, "landlock", {{"enabled", facts.landlock}});
    json.end_object();
}

std::map<std::string, std::string> annotations_of(const FeatureFacts& facts) {
    std::map<std::string, std::string> out = {{"run.arca.version", facts.arca_version},
                                              {"run.arca.commit", facts.arca_commit},
                                              {"io.github.seccomp.libseccomp.version", facts.libseccomp_version}};
    // Where engines look whether containers can be checkpointed at all.
    if (facts.checkpoint) out["org.opencontainers.runc.checkpoint.enabled"] = "true";
    std::erase_if(out, [](const auto& entry) { return entry.second.empty(); });
    return out;
}
}  // namespace

std::string features_document(const FeatureFacts& facts) {
    JsonWriter json("    ");
    json.begin_object();
    json.member("ociVersionMin", kOldestSpecVersion);
    json.member("ociVersionMax", kSpecVersion);
    json.member("hooks", std::vector<std::string_view>(kHookNames.begin(), kHookNames.end()));
    json.member("mountOptions", sorted(facts.mount_options));
    write_linux(json, facts);
    json.member("annotations", annotations_of(facts));
    json.member("potentiallyUnsafeConfigAnnotations", facts.unsafe_annotations);
    json.end_object();
    return json.take() + "\n";
}

}  // namespace arca::spec
