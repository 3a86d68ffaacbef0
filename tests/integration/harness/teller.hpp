// Which command tells of a container that cannot run. Kept as properties of the test, for tables/failures to compare.
#pragma once

#include <functional>

#include "container.hpp"

namespace integration {

/// Creates and starts the container, and deletes what is left of it. "told" is the command that failed, empty when both
/// called it a success; "message" is what it said. What stays behind fails the test, as always.
void record_teller(
    Container& container, const std::function<void()>& before_start = [] {});

}  // namespace integration
