// User namespaces that exist only to carry the mapping of id-mapped mounts (mount_setattr(2), since Linux 5.12).
#pragma once

#include <vector>

#include "base/result.hpp"
#include "spec/types.hpp"
#include "sys/fd.hpp"

namespace arca::mounts {

/// Descriptors of throw-away user namespaces, one for each different pair of mappings.
class MappingNamespaces {
  public:
    Result<sys::FdRef> find_or_make(const std::vector<spec::IdMapping>& uids, const std::vector<spec::IdMapping>& gids);

  private:
    struct Entry {
        std::vector<spec::IdMapping> uids;
        std::vector<spec::IdMapping> gids;
        sys::Fd user_namespace;
    };
    std::vector<Entry> entries_;
};

}  // namespace arca::mounts
