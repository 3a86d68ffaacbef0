#include "mounts/views.hpp"

#include <algorithm>
#include <ranges>

namespace arca::mounts {

bool lies_below(std::string_view path, std::string_view directory) {
    return path.starts_with(directory) && path.size() > directory.size() && path[directory.size()] == '/';
}

// The last one covers what was mounted before it.
Place place_of(std::string_view path, const sys::RootDir& root, const KernelViews& views) {
    for (const auto& view : std::views::reverse(views))
        if (lies_below(path, view.destination)) return {view.root, path.substr(view.destination.size())};
    return {root, path};
}

}  // namespace arca::mounts
