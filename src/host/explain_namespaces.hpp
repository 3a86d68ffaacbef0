// Why the kernel refused to make namespaces, or what takes rights in them, from what the host says about itself and
// about this process (user_namespaces(7), namespaces(7)).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.hpp"

namespace arca::host {

struct NamespaceLimit {
    std::string file;  ///< "max_user_namespaces" of /proc/sys/user
    std::string value;
};

struct NamespaceEvidence {
    int errnum = 0;
    bool asks_for_user_namespace = false;
    bool has_sys_admin = false;  ///< effectively, in its own user namespace
    bool in_initial_user_namespace = true;
    bool is_chrooted = false;              ///< where no user namespace can be made
    std::vector<NamespaceLimit> limits;    ///< of what is asked for, here and now
    std::string unprivileged_clone;        ///< kernel.unprivileged_userns_clone (Debian); empty: no such sysctl
    std::string unprivileged_by_apparmor;  ///< kernel.apparmor_restrict_unprivileged_userns
    std::string label;                     ///< of this process, under AppArmor
    std::string selinux_context;           ///< of this process, where SELinux enforces
    bool is_filtered = false;              ///< runs under a seccomp filter
};

/// Pure. One sentence with a remedy, or nothing when the evidence explains nothing.
std::string explain_namespaces(const NamespaceEvidence& evidence);

/// Whether this process's root is a directory below the first mount, as chroot(2) makes it.
bool is_chrooted();

/// Asks the host; after the failure only. `flags`: CLONE_NEW*.
NamespaceEvidence look_at_namespaces(std::uint64_t flags, int errnum);

/// The error of a clone3(2) or unshare(2) with these flags, with the reason as its hint.
Error explained(Error error, std::uint64_t namespaces);

/// Pure. What most likely refused an act that takes CAP_SYS_ADMIN: what arca itself runs under, where that is less than
/// root of the host has; or nothing.
std::string explain_refusal(const NamespaceEvidence& evidence);

/// The error with that as its hint, if it is a bare EACCES or EPERM of a step of the launch that takes such rights.
/// `made`: the namespaces (CLONE_NEW*) that the container has of its own.
Error explain_refusal(Error error, std::uint64_t made);

}  // namespace arca::host
