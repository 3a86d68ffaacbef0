#include "mounts/views.hpp"

#include <algorithm>
#include <ranges>

namespace arca::mounts {

bool lies_below(std::string_view path, std::string_view directory) {
    if (directory == "/") return path.size() > 1;
    return path.starts_with(directory) && path.size() > directory.size() && path[directory.size()] == '/';
}

void forget_covered(KernelViews& views, std::string_view destination) {
    std::erase_if(views, [&](const KernelView& view) {
        return view.destination == destination || lies_below(view.destination, destination);
    });
}

// The last one is the deepest: what it covers was forgotten.
Place place_of(std::string_view path, const sys::RootDir& root, const KernelViews& views) {
    for (const auto& view : std::views::reverse(views))
        if (lies_below(path, view.destination)) return {view.root, path.substr(view.destination.size())};
    return {root, path};
}

}  // namespace arca::mounts
