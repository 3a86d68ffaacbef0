#include "cgroup/device_rules.hpp"

#include <linux/bpf.h>

namespace arca::cgroup {

namespace {
constexpr unsigned kAllAccess = BPF_DEVCG_ACC_MKNOD | BPF_DEVCG_ACC_READ | BPF_DEVCG_ACC_WRITE;

spec::DeviceRule allow(char type, std::optional<std::int64_t> major, std::optional<std::int64_t> minor,
                       const char* access) {
    return {.allow = true, .type = type, .major = major, .minor = minor, .access = access};
}

// Numbers of Documentation/admin-guide/devices.txt. mknod is harmless: opening what was made asks the filter again.
const std::vector<spec::DeviceRule>& default_rules() {
    static const std::vector<spec::DeviceRule> kRules = {
        allow('c', std::nullopt, std::nullopt, "m"),
        allow('b', std::nullopt, std::nullopt, "m"),
        allow('c', 1, 3, "rwm"),               // null
        allow('c', 1, 5, "rwm"),               // zero
        allow('c', 1, 7, "rwm"),               // full
        allow('c', 1, 8, "rwm"),               // random
        allow('c', 1, 9, "rwm"),               // urandom
        allow('c', 5, 0, "rwm"),               // tty
        allow('c', 5, 1, "rwm"),               // console
        allow('c', 5, 2, "rwm"),               // ptmx
        allow('c', 136, std::nullopt, "rwm"),  // pts
        allow('c', 10, 200, "rwm"),            // net/tun: engines count on it since runc allowed it
    };
    return kRules;
}

bool covers_everything(const spec::DeviceRule& rule) {
    return rule.type == 'a' && !rule.major && !rule.minor && access_bits(rule.access) == kAllAccess;
}
}  // namespace

std::vector<spec::DeviceRule> effective_device_rules(const std::vector<spec::DeviceRule>& rules) {
    auto effective = rules;
    effective.insert(effective.end(), default_rules().begin(), default_rules().end());
    return effective;
}

bool allows_everything(const std::vector<spec::DeviceRule>& rules) {
    for (auto rule = rules.rbegin(); rule != rules.rend(); ++rule) {
        if (!rule->allow) return false;
        if (covers_everything(*rule)) return true;
    }
    return false;
}

unsigned access_bits(const std::string& access) {
    if (access.empty()) return kAllAccess;
    unsigned bits = 0;
    for (char letter : access) {
        if (letter == 'm') bits |= BPF_DEVCG_ACC_MKNOD;
        if (letter == 'r') bits |= BPF_DEVCG_ACC_READ;
        if (letter == 'w') bits |= BPF_DEVCG_ACC_WRITE;
    }
    return bits;
}

}  // namespace arca::cgroup
