// From a bundle to a plan: the part that create, run, explain and check share, and that has no side effects.
#pragma once

#include <string>
#include <vector>

#include "arca/container.hpp"
#include "base/result.hpp"
#include "container/plan.hpp"
#include "host/facts.hpp"
#include "spec/types.hpp"

namespace arca::container {

/// Directory in the state directory for the container's notify socket.
inline constexpr auto kNotifyName = "notify";

struct Prepared {
    CreateOptions options;  ///< with an absolute bundle
    std::string config_text;
    spec::Config config;
    std::vector<spec::Note> notes;
    host::Facts facts;
    LaunchPlan plan;
};

Result<Prepared> prepare(const Runtime& runtime, CreateOptions options);

Result<std::string> absolute_path(const std::string& path);
void report(const Runtime& runtime, const std::vector<spec::Note>& notes);

}  // namespace arca::container
