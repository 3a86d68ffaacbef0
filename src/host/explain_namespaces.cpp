#include "host/explain_namespaces.hpp"

#include <linux/capability.h>
#include <sched.h>

#include <array>
#include <charconv>
#include <string_view>
#include <utility>

#include "base/text.hpp"
#include "host/facts.hpp"
#include "sys/syscalls.hpp"

namespace arca::host {

namespace {
#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x00000080
#endif

struct LimitFile {
    std::uint64_t flag;
    const char* name;
};
constexpr std::array kLimits = {
    LimitFile{CLONE_NEWUSER, "max_user_namespaces"},     LimitFile{CLONE_NEWNS, "max_mnt_namespaces"},
    LimitFile{CLONE_NEWPID, "max_pid_namespaces"},       LimitFile{CLONE_NEWNET, "max_net_namespaces"},
    LimitFile{CLONE_NEWIPC, "max_ipc_namespaces"},       LimitFile{CLONE_NEWUTS, "max_uts_namespaces"},
    LimitFile{CLONE_NEWCGROUP, "max_cgroup_namespaces"}, LimitFile{CLONE_NEWTIME, "max_time_namespaces"},
};

std::string sysctl(std::string_view name) {
    return std::string(text::trim(sys::read_file(text::cat("/proc/sys/", name)).value_or("")));
}

/// A field of /proc/self/status, without blanks; empty when there is none.
std::string status_field(std::string_view name) {
    const auto status = sys::read_file("/proc/self/status").value_or("");
    for (auto line : text::split(status, '\n'))
        if (line.starts_with(name) && line.substr(name.size()).starts_with(':'))
            return std::string(text::trim(line.substr(name.size() + 1)));
    return {};
}

bool has_sys_admin() {
    const auto digits = status_field("CapEff");
    std::uint64_t bits = 0;
    (void)std::from_chars(digits.data(), digits.data() + digits.size(), bits, 16);
    return (bits >> CAP_SYS_ADMIN & 1U) != 0;
}

std::string label() {
    auto read = sys::read_file("/proc/self/attr/apparmor/current");
    return std::string(text::trim(read.value_or("")));
}

std::string selinux_context() {
    if (text::trim(sys::read_file("/sys/fs/selinux/enforce").value_or("")) != "1") return {};
    const auto context = sys::read_file("/proc/self/attr/current").value_or("");
    return std::string(text::trim(std::string_view(context.c_str())));  // it ends with a null byte
}

// The type is the third field (user:role:type:level); this one is held back by nothing that matters here.
bool is_confined(std::string_view context) {
    return !context.empty() && context.find(":unconfined_t") == std::string_view::npos;
}

std::string explain_limits(const std::vector<NamespaceLimit>& limits) {
    for (const auto& limit : limits)
        if (limit.value == "0")
            return text::cat("this host forbids such namespaces: /proc/sys/user/", limit.file, " is 0; `sysctl user.",
                             limit.file, "=15000` allows them");
    std::vector<std::string> shown;
    for (const auto& limit : limits)
        shown.push_back(text::cat(limit.file, " ", limit.value));
    return text::cat(
        "too many namespaces are in use, or they are nested more than 32 deep (limits in "
        "/proc/sys/user: ",
        text::join(shown, ", "), ")");
}

bool is_restricted_by_apparmor(const NamespaceEvidence& evidence) {
    return evidence.unprivileged_by_apparmor == "1" && evidence.in_initial_user_namespace &&
           evidence.asks_for_user_namespace && !evidence.has_sys_admin;
}

std::string apparmor_remedy(const NamespaceEvidence& evidence) {
    return text::cat(
        "AppArmor restricts user namespaces of programs whose profile does not allow them "
        "(kernel.apparmor_restrict_unprivileged_userns is 1; arca runs as \"",
        evidence.label.empty() ? "unconfined" : evidence.label,
        "\"): load the profile contrib/apparmor/arca that comes with arca, with the path of this program "
        "in it");
}

std::string explain_permission(const NamespaceEvidence& evidence) {
    if (is_restricted_by_apparmor(evidence)) return apparmor_remedy(evidence);
    if (evidence.asks_for_user_namespace) {
        if (evidence.unprivileged_clone == "0" && !evidence.has_sys_admin)
            return "this host forbids user namespaces to users: `sysctl kernel.unprivileged_userns_clone=1` allows "
                   "them";
        if (evidence.is_chrooted) return "in a chroot(2) no user namespace can be made";
    }
    if (evidence.is_filtered)
        return evidence.has_sys_admin ? "arca runs under a seccomp filter, which seems to refuse new namespaces"
                                      : "arca runs under a seccomp filter and without CAP_SYS_ADMIN: the container "
                                        "around it must allow new namespaces";
    if (evidence.asks_for_user_namespace || evidence.has_sys_admin) return {};
    return "arca runs without CAP_SYS_ADMIN: without a user namespace in /linux/namespaces it takes root to make "
           "the others";
}
}  // namespace

// The root of the mount namespace is where its first mount is; a directory below looks the same but for "..".
bool is_chrooted() {
    const auto mountinfo = sys::read_file("/proc/self/mountinfo").value_or("");
    for (auto line : text::split(mountinfo, '\n')) {
        const auto fields = text::split(line, ' ');
        if (fields.size() > 4 && fields[4] == "/") return false;
    }
    return !mountinfo.empty();
}

std::string explain_namespaces(const NamespaceEvidence& evidence) {
    switch (evidence.errnum) {
        case ENOSPC:
        case EUSERS:  // before Linux 4.9
            return explain_limits(evidence.limits);
        case EPERM:
        case EACCES:
            return explain_permission(evidence);
        case EINVAL:
            return "this kernel was built without one of the namespaces that are asked for";
        default:
            return {};
    }
}

std::string explain_refusal(const NamespaceEvidence& evidence) {
    if (evidence.errnum != EPERM && evidence.errnum != EACCES) return {};
    if (is_restricted_by_apparmor(evidence)) return apparmor_remedy(evidence);
    std::vector<std::string> found;
    if (evidence.label.ends_with("(enforce)"))
        found.push_back(text::cat("under the AppArmor profile \"", text::printable(evidence.label), "\""));
    if (evidence.errnum == EACCES && is_confined(evidence.selinux_context))
        found.push_back(text::cat("under SELinux as \"", text::printable(evidence.selinux_context), "\""));
    // EACCES is no answer of these, and may be one of files.
    if (evidence.errnum == EPERM) {
        if (evidence.is_filtered) found.emplace_back("under a seccomp filter");
        if (!evidence.has_sys_admin && (evidence.is_filtered || !evidence.asks_for_user_namespace))
            found.emplace_back("without CAP_SYS_ADMIN");
        if (!evidence.in_initial_user_namespace) found.emplace_back("in a user namespace that is not the host's");
    }
    if (found.empty()) return {};
    return text::cat("arca itself runs ", text::join(found, ", "), ": most likely that is in the way");
}

NamespaceEvidence look_at_namespaces(std::uint64_t flags, int errnum) {
    NamespaceEvidence evidence{.errnum = errnum,
                               .asks_for_user_namespace = (flags & CLONE_NEWUSER) != 0,
                               .has_sys_admin = has_sys_admin(),
                               .in_initial_user_namespace = in_initial_user_namespace().value_or(true),
                               .is_chrooted = is_chrooted(),
                               .unprivileged_clone = sysctl("kernel/unprivileged_userns_clone"),
                               .unprivileged_by_apparmor = sysctl("kernel/apparmor_restrict_unprivileged_userns"),
                               .label = label(),
                               .selinux_context = selinux_context(),
                               .is_filtered = status_field("Seccomp") == "2"};
    for (const auto& limit : kLimits)
        if ((flags & limit.flag) != 0) evidence.limits.push_back({limit.name, sysctl(text::cat("user/", limit.name))});
    return evidence;
}

Error explained(Error error, std::uint64_t namespaces) {
    if (namespaces == 0 || error.errnum() == 0) return error;
    auto reason = explain_namespaces(look_at_namespaces(namespaces, error.errnum()));
    return reason.empty() ? std::move(error) : std::move(error).hinting(std::move(reason));
}

namespace {
bool takes_sys_admin(Step step) {
    switch (step) {
        case Step::Devices:
        case Step::Fork:
        case Step::JoinNamespaces:
        case Step::NewNamespaces:
        case Step::ForkInit:
        case Step::BecomeRoot:
        case Step::CgroupNamespace:
        case Step::Network:
        case Step::Rootfs:
        case Step::Mounts:
        case Step::DeviceNodes:
        case Step::Hostname:
        case Step::Pivot:
        case Step::Console:
        case Step::MaskPaths:
        case Step::Sysctl:
        case Step::ProcessAttributes:
        case Step::Identity:
            return true;
        default:
            return false;
    }
}
}  // namespace

Error explain_refusal(Error error, std::uint64_t made) {
    const bool is_refusal = error.errnum() == EPERM || error.errnum() == EACCES;
    if (!is_refusal || !error.hint().empty() || !takes_sys_admin(error.step())) return error;
    auto reason = explain_refusal(look_at_namespaces(made, error.errnum()));
    return std::move(error).hinting(std::move(reason));
}

}  // namespace arca::host
