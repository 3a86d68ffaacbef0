// What is true of a container now: the record tells what arca did, the kernel tells what became of it.
#pragma once

#include <optional>

#include "arca/container.hpp"
#include "base/result.hpp"
#include "container/record.hpp"
#include "container/store.hpp"
#include "sys/process.hpp"

namespace arca::container {

/// Status by record, process and freezer. An error when the process cannot be asked for: one that is merely not seen,
/// for want of descriptors for instance, has not stopped.
Result<Status> current_status(const Record& record);
/// A handle of init, checked to be the process that was recorded (a pid may have been used again). Nothing: it is gone.
Result<std::optional<sys::Pidfd>> open_init(const Record& record);
/// Both at once, for what needs both: init is there unless the container has stopped, or is not yet made.
struct Presence {
    Status status;
    std::optional<sys::Pidfd> init;
};
Result<Presence> presence_of(const Record& record);
State to_state(const Record& record, Status status);

}  // namespace arca::container
