// linux.resources back to JSON: what arca remembers of the resources of a container after an update. The inverse of
// parse_resources.
#pragma once

#include <string>

#include "spec/types.hpp"

namespace arca::spec {

/// Absent properties are left out.
std::string to_json(const Resources& resources);

}  // namespace arca::spec
