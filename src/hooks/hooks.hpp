// OCI hooks: run in order, state on stdin, bounded in time, the tail of their output kept for the error.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "spec/types.hpp"

namespace arca::hooks {

struct Call {
    std::string_view name;                                          ///< "createRuntime", for texts
    std::string state;                                              ///< JSON for stdin
    std::string working_directory;                                  ///< empty: unchanged
    const std::vector<std::string>* default_environment = nullptr;  ///< for hooks without env; null: empty environment
};

/// Stops at the first that fails: `error running createRuntime hook #1: /usr/bin/x exited with status 3 after 0.12 s;
/// last output: ...` (Code::HookFailed). A hook that exceeds its timeout is killed with its process group; one that
/// leaves a background process holding its output does not block us (the pidfd is polled, not the pipe).
Result<> run(const std::vector<spec::Hook>& hooks, const Call& call);
/// For poststop: all are run; the failures come back as texts.
std::vector<std::string> run_all(const std::vector<spec::Hook>& hooks, const Call& call);

}  // namespace arca::hooks
