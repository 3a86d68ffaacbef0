// What an update means: the resources that a container has, changed by those that are asked for. Pure.
#pragma once

#include "arca/container.hpp"
#include "base/result.hpp"
#include "spec/types.hpp"

namespace arca::container {

struct ResourceChanges {
    spec::Resources before;   ///< what held until now, to be put back when the update is refused
    spec::Resources merged;   ///< what holds afterwards: the base of the next update
    spec::Resources applied;  ///< what is written now: what was asked for, with what means something only together
                              ///< with it (a quota has its period); everything else is left as it is
};

/// 0 and "" are how Go callers write "not given", and change nothing, where they are no value of their own.
ResourceChanges change_resources(const spec::Resources& saved, const spec::Resources& wanted);

/// What the options of the command line ask for, without the file.
Result<spec::Resources> wanted_resources(const UpdateOptions& options);

/// "[allow|deny] TYPE MAJOR:MINOR [ACCESS]", as v1 wrote device rules, "*" for any number: "allow c 195:* rw".
Result<spec::DeviceRule> parse_device_rule(std::string_view text);

}  // namespace arca::container
