// A procfs that a container cannot have tampered with: mounted privately by descriptor, or, where that is refused, the
// /proc found at start, verified to be one (CVE-2019-16884, CVE-2025-52881: writes to /proc/self/attr/exec and to
// sysctls that were redirected to other files).
#pragma once

#include <string>
#include <string_view>

#include "base/result.hpp"
#include "sys/fd.hpp"

namespace arca::sys {

class Procfs {
  public:
    Procfs() = default;
    /// A new mount of procfs for the current pid namespace (fsopen(2)), attached nowhere.
    /// FALLBACK(EPERM in a user namespace whose /proc is partly covered): a verified descriptor of /proc.
    static Result<Procfs> open();

    FdRef fd() const { return root_; }
    /// Opens a file below it: no symlinks, no magic links, no crossing of mounts.
    Result<Fd> open(const std::string& path, int flags) const;
    Result<> write(const std::string& path, std::string_view data) const;
    Result<std::string> read(const std::string& path) const;

  private:
    explicit Procfs(Fd root) : root_(std::move(root)) {}
    Fd root_;
};

}  // namespace arca::sys
