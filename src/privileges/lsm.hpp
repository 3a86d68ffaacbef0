// Labels of security modules: AppArmor profile and SELinux label for the next execve, written through a verified
// procfs.
#pragma once

#include <string>
#include <string_view>

#include "base/result.hpp"
#include "sys/fd.hpp"
#include "sys/procfs.hpp"

namespace arca::privileges {

/// Which of the modules that take labels this kernel has switched on.
struct SecurityModules {
    bool apparmor = false;
    bool selinux = false;
    bool operator==(const SecurityModules&) const = default;
};
/// Looks at the host's sysfs: only of use before the root is changed.
SecurityModules active_security_modules(const std::string& sysfs = "/sys");

/// What config.json asks of them.
struct LabelWishes {
    std::string apparmor_profile;
    std::string selinux_label;
    std::string mount_label;
};
/// Pure: Unsupported, with the JSON pointer, when a label is asked for whose module is not active. For the plan, so
/// that the answer does not depend on a /sys that belongs to the container.
Result<> check_labels(const SecurityModules& modules, const LabelWishes& wishes);

/// Error (Unsupported) when a label is asked for and the module is not active on this host. The error text holds the
/// path in backquotes (`/proc/self/attr/exec`) because podman looks for it.
Result<> set_exec_labels(const sys::Procfs& procfs, const std::string& apparmor_profile,
                         const std::string& selinux_label);

/// The same in a directory that is the process's attr: exec, keycreate and, since Linux 5.8, apparmor/exec.
Result<> write_exec_labels(sys::FdRef attributes, const std::string& apparmor_profile,
                           const std::string& selinux_label);

/// Pure: whether what the kernel shows is what was asked for. AppArmor adds its mode to a profile's name and orders the
/// parts of a stack ("a//&b") as it likes; SELinux writes the categories of a range in its own way.
bool shows_profile(std::string_view shown, std::string_view profile);
bool shows_label(std::string_view shown, std::string_view label);

/// The label that keys made from now on get (attr/keycreate), so that the process may use its session keyring; to be
/// called before it is joined. An empty label changes nothing.
Result<> set_keyring_label(const sys::Procfs& procfs, const std::string& selinux_label);

}  // namespace arca::privileges
