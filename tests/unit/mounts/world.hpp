// Two real processes instead of a mocked kernel: a "host" with a mount namespace of its own and a tmpfs to play in, and
// a "container" born of it with new namespaces, in which the code under test runs. What happens to the host is looked
// at when the container has ended.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "mounts/execute.hpp"

namespace arca::mounts::test {

/// In whose user namespace the container is.
enum class Identity : std::uint8_t { SameUser, NewUserNamespace };
std::string name_of(Identity identity);

/// Whether the test was started by root, as opposed to being root of a user namespace of its own by now.
bool started_by_root();

struct MountInfo {
    std::string point;
    std::string root;
    std::vector<std::string> options;   ///< of the mount
    std::vector<std::string> optional;  ///< "shared:1", "master:2"
    std::string fs_type;
    std::vector<std::string> superblock_options;
    bool has(std::string_view option) const;
    bool is_shared() const;
    bool is_slave() const;
};

/// What both processes know, and where they put what they find wrong.
class Site {
  public:
    explicit Site(std::string base) : base_(std::move(base)) {}

    /// A path on the host; "" is the tmpfs itself.
    std::string on_host(std::string_view path) const { return base_ + std::string(path); }
    std::string rootfs() const { return base_ + "/rootfs"; }
    std::string in_rootfs(std::string_view path) const { return rootfs() + std::string(path); }

    void fail(std::string problem);
    /// The body ends early: the host cannot show it.
    void skip(std::string reason);
    void check(bool condition, std::string_view what);
    void equal(const std::string& found, const std::string& expected, std::string_view what);
    /// False, with a problem told, when it is an error.
    template<class T>
    bool good(const Result<T>& result, std::string_view what) {
        if (!result) fail(std::string(what) + ": " + result.error().message());
        return result.has_value();
    }
    /// The message, with a problem told when it is none.
    template<class T>
    std::string message(const Result<T>& result, std::string_view what) {
        if (!result) return result.error().message();
        fail(std::string(what) + " should have failed");
        return {};
    }
    void contains(const std::string& text, std::string_view part);

    // Files, by paths of the process that calls.
    void directory(const std::string& path, mode_t mode = 0755);
    void file(const std::string& path, std::string_view content = "");
    void link(const std::string& path, const std::string& target);
    void owner(const std::string& path, uid_t uid, gid_t gid);
    void set_mode(const std::string& path, mode_t mode);
    std::string content(const std::string& path);
    bool exists(const std::string& path) const;
    std::vector<std::string> names(const std::string& directory) const;
    std::string mode(const std::string& path) const;

    /// The topmost mount on exactly that place of the caller's namespace.
    std::optional<MountInfo> mount_at(const std::string& path) const;
    std::vector<MountInfo> mounts() const;
    /// Works after the root has changed, too: call it once before.
    void open_procfs();

    const std::string& report() const { return report_; }

  private:
    std::string base_;
    std::string report_;
    sys::Procfs procfs_;
};

struct Scenario {
    Identity identity = Identity::SameUser;
    std::uint64_t without = 0;  ///< CLONE_NEW* that the container shall share with the host
    std::function<void(Site&)> host = {};
    std::function<void(Site&)> container = {};
    std::function<void(Site&)> afterwards = {};  ///< on the host
};

/// What went wrong, or "". "SKIP: reason" when this machine cannot show it.
std::string run(const Scenario& scenario);

/// EXPECTs that nothing went wrong.
void expect_good(const Scenario& scenario);

/// A plan with nothing in it but the root file system.
Plan plan_for(const Site& site, Identity identity);
MountStep bind_step(std::string source, std::string destination);
MountStep filesystem_step(std::string type, std::string destination, std::vector<std::string> data = {});

/// The steps of a launch, up to the one named.
std::optional<sys::RootDir> mount_all(Site& site, const Plan& plan, KernelViews* views = nullptr);
std::optional<sys::RootDir> enter(Site& site, const Plan& plan, KernelViews* views = nullptr);
bool seal(Site& site, const Plan& plan);

}  // namespace arca::mounts::test
