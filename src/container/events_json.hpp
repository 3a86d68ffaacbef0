// Events of a container as JSON, one line each: the schema of `runc events`, which tools parse, and what the kernel
// tells beyond it as further members. Pure.
#pragma once

#include <string>
#include <string_view>

#include "cgroup/statistics.hpp"

namespace arca::container {

/// {"type":"stats","id":...,"data":{...}}, without a final newline.
std::string stats_event(std::string_view id, const cgroup::Statistics& statistics);
/// {"type":"oom","id":...}
std::string oom_event(std::string_view id);

}  // namespace arca::container
