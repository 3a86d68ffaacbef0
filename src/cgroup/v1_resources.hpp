// linux.resources as writes to files of cgroup v1, whose units are those of the specification; and which part of them
// belongs to which version on a host that has both. Pure.
#pragma once

#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "cgroup/plan.hpp"
#include "cgroup/resources.hpp"
#include "spec/types.hpp"

namespace arca::cgroup {

/// In the order in which they must happen. What only v2 has is an error, what no kernel has any more a note.
Result<std::vector<Write>> translate_v1(const spec::Resources& resources, std::vector<spec::Note>& notes);

/// Whether one of the hierarchies has the controller.
bool has_controller(const std::vector<V1Place>& places, std::string_view controller);

struct ByVersion {
    spec::Resources v1;
    spec::Resources v2;
};
/// What a mounted v1 hierarchy can do goes there, everything else to v2.
ByVersion divide(const spec::Resources& resources, const std::vector<V1Place>& places);

}  // namespace arca::cgroup
