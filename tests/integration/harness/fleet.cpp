#include "fleet.hpp"

namespace integration {

Fleet::Fleet(const std::filesystem::path& directory, const std::filesystem::path& root, const std::string& prefix,
             int size) {
    for (int i = 0; i < size; ++i) {
        const std::string name = "f" + std::to_string(i);
        bundles_.push_back(std::make_unique<Bundle>(directory / name));
        containers.push_back(std::make_unique<Container>(root, *bundles_.back(), prefix + name));
    }
}

}  // namespace integration
