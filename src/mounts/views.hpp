// Which mounts a path of the configuration leads through, told from its words alone.
#pragma once

#include <string>
#include <string_view>

#include "mounts/execute.hpp"

namespace arca::mounts {

/// Strictly below: not the directory itself.
bool lies_below(std::string_view path, std::string_view directory);

/// Views that a mount at `destination` hides are no longer on anybody's way.
void forget_covered(KernelViews& views, std::string_view destination);

/// Where to look `path` up: in the last mount on the way to it that is a view of the kernel's, else in the root.
struct Place {
    const sys::RootDir& root;
    std::string_view path;
};
Place place_of(std::string_view path, const sys::RootDir& root, const KernelViews& views);

}  // namespace arca::mounts
