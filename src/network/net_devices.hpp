// Network devices of the host that a container gets for itself (config-linux.md#network-devices).
#pragma once

#include <string>
#include <vector>

#include "base/result.hpp"
#include "spec/types.hpp"
#include "sys/fd.hpp"

namespace arca::network {

struct NetDevice {
    std::string host_name;
    std::string name;     ///< in the container; "net%d" takes the first number that is free
    std::string pointer;  ///< "/linux/netDevices/eth0"
};

/// Pure.
std::vector<NetDevice> plan_devices(const spec::Linux& config);

/// What has been moved, by the name it got.
struct Moved {
    std::string host_name;
    std::string name;
};

/// From the caller's network namespace to another: each is shut down, moved, renamed, gets its permanent addresses of
/// global scope back (a move loses them), and is set up. Appends to `moved` as it goes, so that a failure can be
/// undone. At the end of the namespace the kernel gives physical devices back to the host and removes virtual ones.
Result<> move_devices(const std::vector<NetDevice>& devices, sys::FdRef network_namespace, std::vector<Moved>& moved);

/// Undoes it, as well as can be: the devices come back under their names, without addresses, and down.
void return_devices(const std::vector<Moved>& moved, sys::FdRef network_namespace);

}  // namespace arca::network
