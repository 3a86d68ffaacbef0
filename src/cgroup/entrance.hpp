// How a process gets into a cgroup: it is born there, or its first act is to write itself into files it inherited.
#pragma once

#include <vector>

#include "base/result.hpp"
#include "sys/fd.hpp"

namespace arca::cgroup {

struct Entrance {
    sys::Fd birthplace;               ///< for CLONE_INTO_CGROUP (v2); none: born where the parent is
    std::vector<sys::Fd> membership;  ///< cgroup.procs of hierarchies in which nobody can be born (v1)
};

/// By the new process itself, as its first act: what it makes later is inside as well.
Result<> enter(const Entrance& entrance);

}  // namespace arca::cgroup
