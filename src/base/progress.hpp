// Which step this process is in. Errors, the trace and the kill points all read it; a launch also shares it with the
// parent through a page of shared memory, so that the death of init can be told with the step in which it happened.
#pragma once

#include <string>
#include <string_view>

#include "arca/step.hpp"

namespace arca::progress {

/// Ends the current step (with a line in the trace, if one is open) and begins the next.
void enter(Step step);
Step current();
/// Ends the last step.
void finish();

/// From now on this process is `role`; its steps are also mirrored to `shared` (may be null).
void assume_role(Role role, volatile Step* shared);
Role role();

/// Appends one JSON line per finished step to `descriptor` (opened O_APPEND by the caller, kept open).
/// `trace_parent` is copied into each line when it is not empty (the W3C TRACEPARENT of the caller).
void trace_to(int descriptor, std::string_view operation, std::string_view trace_parent);

/// The descriptor of the trace, -1 without one: a child that closes everything else keeps it.
int trace_descriptor();

}  // namespace arca::progress
