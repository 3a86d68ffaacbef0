// What happens once the program has been executed.
#pragma once

#include "arca/container.hpp"
#include "base/result.hpp"
#include "container/record.hpp"
#include "container/store.hpp"

namespace arca::container {

/// Records `running` and runs the poststart hooks. When one fails the container is stopped (runtime.md#lifecycle,
/// step 9, since 1.3).
Result<> mark_started(const Runtime& runtime, Store& store, Record& record);

}  // namespace arca::container
