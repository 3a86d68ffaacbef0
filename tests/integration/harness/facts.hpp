// What the host and the runtime under test can do, asked once. Tests skip by these facts and print the reason; they
// never look at the name or the version of the host.
#pragma once

#include <string>
#include <vector>

namespace integration {

enum class Kind { Arca, Runc, Crun, Other };

struct Facts {
    std::string runtime;  ///< absolute path of the program under test
    Kind kind = Kind::Other;
    int major = 0, minor = 0, patch = 0;  ///< of its version
    std::string probe;                    ///< absolute path of the payload
    std::string refuse;                   ///< absolute path of the launcher that makes system calls fail
    std::string fault;                    ///< absolute path of the launcher that lists calls, and makes one fail
    std::string busybox;                  ///< a static busybox; empty when there is none
    bool root = false;
    bool cgroup_v2 = false;  ///< /sys/fs/cgroup is a unified hierarchy that we may write to
    std::vector<std::string> controllers;
    std::vector<std::string> v1_controllers;  ///< directories of /sys/fs/cgroup that are hierarchies of v1
    bool user_namespaces = false;
    bool time_namespaces = false;
    bool systemd = false;
    /// Others than the parent learn how a process ended, even if the parent collects it at once.
    bool exit_status_is_told = false;
    bool mount_setattr = false;    ///< since Linux 5.12
    bool systemd_manager = false;  ///< ARCA_TEST_CGROUP_MANAGER=systemd: containers are scopes of systemd's

    bool has_controller(const std::string& name) const;
    bool has_v1_controller(const std::string& name) const;
    /// Version of the runtime is at least this; true for runtimes other than `kind`.
    bool at_least(Kind which, int want_major, int want_minor) const;
};

const Facts& facts();

/// Where the table of that name is. Needs no facts(): rows become tests before those may be asked for.
std::string table_file(const std::string& name);

/// Whether the program under test has AddressSanitizer in it, which makes system calls and needs memory of its own.
bool is_sanitized();

/// Puts this process into a mount namespace of its own, so that no test can change the host's mounts, and gives it a
/// unified cgroup hierarchy on hosts that have a hybrid one, unless ARCA_TEST_CGROUPS is "host". Must be called before
/// facts(). Root only; else no effect.
void enter_private_view();

/// Whether this process has the capability effectively; numbers as in <linux/capability.h>.
bool has_capability(int number);

}  // namespace integration

#define REQUIRE(condition, reason) \
    if (!(condition)) GTEST_SKIP() << reason
#define REQUIRE_ROOT() REQUIRE(::integration::facts().root, "needs root")
#define REQUIRE_CGROUP()                                                    \
    REQUIRE(::integration::facts().root&& ::integration::facts().cgroup_v2, \
            "needs root and a unified cgroup "                              \
            "hierarchy")
#define REQUIRE_CONTROLLER(name)                                                       \
    REQUIRE(::integration::facts().root&& ::integration::facts().has_controller(name), \
            "needs root and the cgroup v2 controller " name)
#define REQUIRE_ARCA(reason) REQUIRE(::integration::facts().kind == ::integration::Kind::Arca, "arca only: " reason)
#define REQUIRE_RUNC(major_version, minor_version, feature)                                           \
    REQUIRE(::integration::facts().at_least(::integration::Kind::Runc, major_version, minor_version), \
            "runc has this since " #major_version "." #minor_version ": " feature)
#define SKIP_FOR(which, reason) \
    if (::integration::facts().kind == ::integration::Kind::which) GTEST_SKIP() << #which " deviates: " reason
