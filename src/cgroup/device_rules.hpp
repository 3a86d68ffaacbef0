// The device rules of a container: the config's list completed with what every container may use. Pure.
#pragma once

#include <vector>

#include "spec/types.hpp"

namespace arca::cgroup {

/// The rules of the config, then the default devices (config-linux.md#default-devices), which no rule may deny.
std::vector<spec::DeviceRule> effective_device_rules(const std::vector<spec::DeviceRule>& rules);

/// Whether the last words of the list allow everything, so that no filter is needed. Without any rule all is denied.
bool allows_everything(const std::vector<spec::DeviceRule>& rules);

/// Access letters as BPF_DEVCG_ACC_* bits; no letters: all.
unsigned access_bits(const std::string& access);

}  // namespace arca::cgroup
