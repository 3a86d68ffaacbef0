// Labels of security modules: AppArmor profile and SELinux label for the next execve, written through a verified
// procfs.
#pragma once

#include <string>

#include "base/result.hpp"
#include "sys/procfs.hpp"

namespace arca::privileges {

/// Error (Unsupported) when a label is asked for and the module is not active on this host. The error text holds the
/// path in backquotes
/// (`/proc/self/attr/exec`) because podman looks for it.
Result<> set_exec_labels(const sys::Procfs& procfs, const std::string& apparmor_profile,
                         const std::string& selinux_label);

}  // namespace arca::privileges
