#include <algorithm>
#include <array>

#include "base/text.hpp"
#include "spec/validate.hpp"

namespace arca::spec {

namespace {
/// Of ipc_namespaces(7), besides fs.mqueue.
constexpr auto kIpcSysctls = std::to_array<std::string_view>(
    {"kernel.msgmax", "kernel.msgmnb", "kernel.msgmni", "kernel.msg_next_id", "kernel.sem", "kernel.sem_next_id",
     "kernel.shmall", "kernel.shmmax", "kernel.shmmni", "kernel.shm_rmid_forced", "kernel.shm_next_id"});

/// sysctl.d(5): the first separator tells which of the two is meant; the other one stands for itself in a name.
/// "net/ipv4/conf/eth0.1/forwarding" -> "net.ipv4.conf.eth0/1.forwarding"
std::string with_dots(std::string_view key) {
    std::string out(key);
    auto first = key.find_first_of("./");
    if (first == std::string_view::npos || key[first] == '.') return out;
    for (auto& c : out)
        c = c == '.' ? '/' : c == '/' ? '.' : c;
    return out;
}

/// The key becomes a path below /proc/sys: no part of it may be empty or climb.
bool is_well_formed(std::string_view dotted) {
    auto parts = text::split(dotted, '.');
    return parts.size() > 1 && std::none_of(parts.begin(), parts.end(),
                                            [](auto part) { return part.empty() || part == "/" || part == "//"; });
}

/// What is wrong with the key, or "". A host's own settings must stay out of reach: CVE-2022-0811 was one of them.
std::string problem_with(std::string_view key, const Config& config, const Report& report) {
    auto has = [&](NamespaceType type) { return has_namespace(config, type, report); };
    if (!is_well_formed(key)) return "no name of a kernel parameter";
    if (key == "kernel.hostname") return "the hostname is set by the property hostname";
    if (key.starts_with("fs.mqueue.") || std::find(kIpcSysctls.begin(), kIpcSysctls.end(), key) != kIpcSysctls.end())
        return has(NamespaceType::Ipc) ? "" : "needs an ipc namespace in linux.namespaces";
    if (key.starts_with("net."))
        return has(NamespaceType::Network) ? "" : "needs a network namespace in linux.namespaces";
    if (key.starts_with("user.")) return has(NamespaceType::User) ? "" : "needs a user namespace in linux.namespaces";
    if (key == "kernel.domainname") return has(NamespaceType::Uts) ? "" : "needs a uts namespace in linux.namespaces";
    return "no parameter of a namespace: it would change the host";
}
}  // namespace

void validate_sysctl(const Config& config, Report& report) {
    for (const auto& [key, value] : config.linux_.sysctl)
        if (auto wrong = problem_with(with_dots(key), config, report); !wrong.empty())
            report.problem(pointer_join("/linux/sysctl", key), wrong);
}

}  // namespace arca::spec
