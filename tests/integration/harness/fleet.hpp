// Several containers of one test.
#pragma once

#include <memory>
#include <vector>

#include "container.hpp"

namespace integration {

/// Containers with bundles of their own, below `directory`; their ids begin with `prefix`.
class Fleet {
  public:
    Fleet(const std::filesystem::path& directory, const std::filesystem::path& root, const std::string& prefix,
          int size);

    std::vector<std::unique_ptr<Container>> containers;
    Container& operator[](std::size_t index) const { return *containers.at(index); }
    std::size_t size() const { return containers.size(); }

  private:
    std::vector<std::unique_ptr<Bundle>> bundles_;
};

}  // namespace integration
