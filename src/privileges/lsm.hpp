// Labels of security modules: AppArmor profile and SELinux label for the next execve, written through a verified
// procfs.
#pragma once

#include <string>

#include "base/result.hpp"
#include "sys/procfs.hpp"

namespace arca::privileges {

/// Which of the modules that take labels this kernel has switched on.
struct SecurityModules {
    bool apparmor = false;
    bool selinux = false;
    bool operator==(const SecurityModules&) const = default;
};
/// Looks at the host's sysfs: only of use before the root is changed.
SecurityModules active_security_modules();

/// Pure: Unsupported, with the JSON pointer, when a label is asked for whose module is not active. For the plan, so
/// that the answer does not depend on a /sys that belongs to the container.
Result<> check_labels(const SecurityModules& modules, const std::string& apparmor_profile,
                      const std::string& selinux_label);

/// Error (Unsupported) when a label is asked for and the module is not active on this host. The error text holds the
/// path in backquotes (`/proc/self/attr/exec`) because podman looks for it.
Result<> set_exec_labels(const sys::Procfs& procfs, const std::string& apparmor_profile,
                         const std::string& selinux_label);

/// The label that keys made from now on get (attr/keycreate), so that the process may use its session keyring; to be
/// called before it is joined. An empty label changes nothing.
Result<> set_keyring_label(const sys::Procfs& procfs, const std::string& selinux_label);

}  // namespace arca::privileges
