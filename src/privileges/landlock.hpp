// Landlock (landlock(7)): which files a process may still touch, decided by the annotation `run.arca.landlock`, on top
// of what their modes say. It is a list of rules with ";" between them, each a word of letters and an absolute path
// inside of the container:
//
//     "rx /; rw /tmp; rw /var/lib/app"
//
// r: read files and list directories; w: write, make, remove, rename files, and what belongs to it; x: execute. A path
// stands for everything below it, the rules add up, and what no rule allows is refused.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "sys/root_dir.hpp"

namespace arca::privileges {

inline constexpr std::string_view kLandlockAnnotation = "run.arca.landlock";

struct LandlockRule {
    std::uint64_t access = 0;  ///< LANDLOCK_ACCESS_FS_*
    std::string path;
    bool operator==(const LandlockRule&) const = default;
};

/// Pure.
Result<std::vector<LandlockRule>> parse_landlock(std::string_view annotation);

/// "rx /usr".
std::string describe(const LandlockRule& rule);

/// What the kernel understands: 0 where Landlock is absent or switched off. The rights of an older one are fewer.
int landlock_version();
/// Pure: Unsupported where `rules` cannot be enforced as they are meant.
Result<> check_landlock(const std::vector<LandlockRule>& rules, int version);

/// For this process and its descendants, for good. Paths are looked up now, inside of `root`. Needs CAP_SYS_ADMIN or
/// no_new_privs. Nothing without rules.
Result<> restrict_files(const std::vector<LandlockRule>& rules, const sys::RootDir& root);

}  // namespace arca::privileges
