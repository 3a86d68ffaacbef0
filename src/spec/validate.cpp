#include "spec/validate.hpp"

#include "base/text.hpp"

namespace arca::spec {

namespace {
bool is_number(std::string_view text) {
    if (text.empty() || (text.size() > 1 && text.front() == '0')) return false;
    return text.find_first_not_of("0123456789") == std::string_view::npos;
}

/// Dot-separated identifiers of a pre-release or of build metadata.
bool are_identifiers(std::string_view text) {
    constexpr std::string_view kAllowed = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-";
    for (auto part : text::split(text, '.'))
        if (part.empty() || part.find_first_not_of(kAllowed) != std::string_view::npos) return false;
    return true;
}

bool is_semantic_version(std::string_view version) {
    if (auto plus = version.find('+'); plus != std::string_view::npos) {
        if (!are_identifiers(version.substr(plus + 1))) return false;
        version = version.substr(0, plus);
    }
    if (auto dash = version.find('-'); dash != std::string_view::npos) {
        if (!are_identifiers(version.substr(dash + 1))) return false;
        version = version.substr(0, dash);
    }
    auto numbers = text::split(version, '.');
    return numbers.size() == 3 && is_number(numbers[0]) && is_number(numbers[1]) && is_number(numbers[2]);
}

/// config.md#specification-version. A newer minor version must still run: what it adds is an unknown property here.
void validate_version(const std::string& version, Report& report) {
    if (!is_semantic_version(version)) {
        report.problem("/ociVersion", text::cat("\"", text::printable(version),
                                                "\" is no semantic version (major.minor.patch, as in 1.3.0)"));
    } else if (!version.starts_with("1.")) {
        report.problem("/ociVersion", text::cat("version ", version, " is not implemented; versions 1.x are"));
    }
}

void validate_name(const Config& config, const std::string& name, std::string_view pointer, Report& report) {
    constexpr std::size_t kMost = 64;  // __NEW_UTS_LEN, for both: sethostname(2), setdomainname(2)
    if (name.empty()) return;
    if (name.size() > kMost)
        report.problem(std::string(pointer), text::cat("longer than the ", kMost, " bytes that Linux allows"));
    if (!has_namespace(config, NamespaceType::Uts, report))
        report.problem(std::string(pointer), "needs a uts namespace in linux.namespaces: it would rename the host");
}

void validate_annotations(const Config& config, Report& report) {
    if (config.annotations.contains("")) report.problem("/annotations/", "the name of an annotation must not be empty");
}

/// SCHED_DEADLINE tasks must be able to run on every processor of their scheduling domain (sched(7)).
void validate_deadline(const Config& config, Report& report) {
    if (!config.process || !config.process->scheduler || config.process->scheduler->policy != "SCHED_DEADLINE") return;
    const auto& cpu = config.linux_.resources.cpu;
    if (cpu && !cpu->cpus.empty())
        report.problem("/process/scheduler/policy",
                       "SCHED_DEADLINE cannot be combined with linux.resources.cpu.cpus: such a process may not be "
                       "bound to some processors");
}
}  // namespace

bool has_namespace(const Config& config, NamespaceType type, const Report& report) {
    return find_namespace(config, type) != nullptr || report.unread("/linux/namespaces");
}

void validate(const Config& config, Report& report) {
    validate_version(config.oci_version, report);
    if (config.root.path.empty()) report.problem("/root/path", "must not be empty");
    if (config.process) validate(*config.process, "/process", report);
    validate_name(config, config.hostname, "/hostname", report);
    validate_name(config, config.domainname, "/domainname", report);
    validate_annotations(config, report);
    validate_hooks(config.hooks, report);
    validate_mounts(config, report);
    validate_linux(config, report);
    validate_deadline(config, report);
}

}  // namespace arca::spec
