// What create, run and restore do alike before there is a process.
#pragma once

#include "arca/container.hpp"
#include "base/result.hpp"
#include "container/prepare.hpp"
#include "container/record.hpp"
#include "sys/fd.hpp"

namespace arca::container {

enum class Attachment : std::uint8_t { Detached, Foreground };

/// A terminal has to have somebody at its other end.
Result<> check_terminal(const Prepared& prepared, Attachment attachment);

Record new_record(const Prepared& prepared);

/// Directory of compiled seccomp programs. Without one nothing is kept, and compiling takes its time.
sys::Fd open_filter_cache(const Runtime& runtime, const LaunchPlan& plan);

/// Orphans of a container that shares our pid namespace become ours, so that they can be reaped (prctl(2)).
void adopt_orphans_of(const Record& record);

}  // namespace arca::container
