// What happens once the program has been executed.
#pragma once

#include <optional>
#include <string>

#include "arca/container.hpp"
#include "base/result.hpp"
#include "container/record.hpp"
#include "container/store.hpp"
#include "process/notify_socket.hpp"

namespace arca::container {

/// NOTIFY_SOCKET of the service manager that waits for the container; empty: none does.
std::string notify_manager(const Runtime& runtime);
/// What create makes for such a container, and what start listens on. Nothing when the container was made without.
Result<> make_notify_directory(const Store& store);
Result<std::optional<process::NotifySocket>> listen_for_notification(const Runtime& runtime, const Store& store);

/// Records `running` and runs the poststart hooks. When one fails the container is stopped (runtime.md#lifecycle,
/// step 9, since 1.3).
Result<> mark_started(const Runtime& runtime, Store& store, Record& record);

}  // namespace arca::container
