// The end of a container: its processes, its cgroup, its poststop hooks, its state, in this order.
#pragma once

#include "arca/container.hpp"
#include "base/result.hpp"
#include "cgroup/cgroup.hpp"
#include "container/record.hpp"
#include "container/store.hpp"
#include "sys/process.hpp"

namespace arca::container {

/// Fails with Timeout when the process is still there after that time. A zombie has ended.
Result<> await_exit(const sys::Pidfd& process, int timeout_ms);
/// Kills what is left and waits for it, bounded in time; the error names the processes that do not die.
Result<> kill_everything(const Record& record);
/// Of a launch that has failed: kills who is in its cgroup, and removes what was made for it. When that fails, `delete`
/// still has something to do.
Result<> take_back_cgroup(const cgroup::Plan& plan, const cgroup::Cgroup& group);
/// Everything. Failing poststop hooks are warnings (runtime.md#lifecycle). The store's directory is gone afterwards.
Result<> destroy(const Runtime& runtime, Store& store, const Record& record);

/// The configuration that was in force at create: later changes of the bundle's file have no effect (runtime.md).
Result<spec::Config> load_saved_config(const Store& store);

}  // namespace arca::container
