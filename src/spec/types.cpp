#include "spec/types.hpp"

namespace arca::spec {

const Namespace* find_namespace(const Config& config, NamespaceType type) {
    for (const auto& entry : config.linux_.namespaces)
        if (entry.type == type) return &entry;
    return nullptr;
}

}  // namespace arca::spec
