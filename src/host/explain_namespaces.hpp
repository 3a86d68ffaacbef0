// Why the kernel refused to make namespaces, from what the host says (user_namespaces(7), namespaces(7)).
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
    bool is_filtered = false;              ///< runs under a seccomp filter
};

/// Pure. One sentence with a remedy, or nothing when the evidence explains nothing.
std::string explain_namespaces(const NamespaceEvidence& evidence);

/// Asks the host; after the failure only. `flags`: CLONE_NEW*.
NamespaceEvidence look_at_namespaces(std::uint64_t flags, int errnum);

/// The error of a clone3(2) or unshare(2) with these flags, with the reason as its hint.
Error explained(Error error, std::uint64_t namespaces);

/// Pure. A user namespace could be made, and its owner has no rights in it: what EACCES or EPERM of the first acts
/// inside of it means where AppArmor restricts them; or nothing.
std::string explain_rights_in_user_namespace(const NamespaceEvidence& evidence);

}  // namespace arca::host
