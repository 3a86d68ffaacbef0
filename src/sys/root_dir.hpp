// RootDir: the only way to touch a path below a container's root filesystem. Every look-up happens inside the root
// (openat2(2) RESOLVE_IN_ROOT: symlinks and ".." cannot leave it) and gives a descriptor, never a string; what is done
// next is done to the descriptor. This makes a class of holes impossible by type: CVE-2021-30465, CVE-2024-45310,
// CVE-2025-31133, CVE-2025-52565, CVE-2026-41579 were all paths looked up twice.
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include "base/result.hpp"
#include "sys/fd.hpp"

namespace arca::sys {

class RootDir {
  public:
    /// `display` is how messages name the root; it is never resolved again.
    RootDir(Fd directory, std::string display) : directory_(std::move(directory)), display_(std::move(display)) {}
    static Result<RootDir> open(const std::string& path);

    FdRef fd() const { return directory_; }
    const std::string& display() const { return display_; }

    /// Opens `path` inside the root, following symlinks within it. `flags` as open(2).
    Result<Fd> open(std::string_view path, int flags) const;
    /// The same, but fails (ELOOP; ENOTDIR with O_DIRECTORY) when the last component is a symlink.
    Result<Fd> open_nofollow(std::string_view path, int flags) const;
    /// The directory of that path, O_PATH, missing components made with `mode`. A component that is a dangling symlink
    /// is made where it points to, inside the root.
    Result<Fd> make_directories(std::string_view path, mode_t mode) const;

    struct Parent {
        Fd directory;
        std::string name;  ///< last component, no slash; "." for the root itself
    };
    /// Directory of the last component (made when missing), for mknodat, symlinkat and the like on a single name.
    Result<Parent> make_parent(std::string_view path, mode_t mode) const;
    /// An O_PATH descriptor of a regular file, made empty (0644... `mode`) when missing; directories are left alone.
    Result<Fd> make_file(std::string_view path, mode_t mode) const;

  private:
    Result<Fd> make_last_directory(const std::string& path, mode_t mode) const;

    Fd directory_;
    std::string display_;
};

}  // namespace arca::sys
