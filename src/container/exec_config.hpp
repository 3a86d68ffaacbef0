// What exec needs of a container's configuration, as a file of its own beside the saved whole: an engine's config.json
// is ten times as long, most of it a seccomp profile that was compiled long ago and mounts that were made.
#pragma once

#include <string>

#include "base/result.hpp"
#include "container/store.hpp"
#include "spec/types.hpp"

namespace arca::container {

/// Pure. Again a config.json, of the process and the few other properties that hold for every process.
std::string exec_config_json(const spec::Config& config);

Result<> save_exec_config(const Store& store, const spec::Config& config);
/// Containers of earlier versions have none: then it is the whole.
Result<spec::Config> load_exec_config(const Store& store);

}  // namespace arca::container
