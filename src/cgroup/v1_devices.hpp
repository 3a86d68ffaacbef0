// Device rules as cgroup v1 keeps them: a default and its exceptions (Documentation/admin-guide/cgroup-v1/devices.rst).
// Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "spec/types.hpp"

namespace arca::cgroup {

struct DeviceException {
    char type = 'c';
    std::optional<std::int64_t> major;  ///< none: any
    std::optional<std::int64_t> minor;
    unsigned access = 0;  ///< BPF_DEVCG_ACC_*
    bool operator==(const DeviceException&) const = default;
};

struct DeviceList {
    bool allows_by_default = false;
    std::vector<DeviceException> exceptions;  ///< what is allowed, or denied, against the default
    bool operator==(const DeviceList&) const = default;
};

/// The ordered rules, of which the last that speaks of a device decides, without order. An error for what cannot be
/// said so: a rule that takes back a part of what an earlier, wider one gave.
Result<DeviceList> device_list(const std::vector<spec::DeviceRule>& rules);

/// What devices.list says. It does not tell the exceptions of a group that allows by default.
DeviceList parse_device_list(std::string_view content);

struct DeviceWrite {
    const char* file = nullptr;  ///< "devices.allow" or "devices.deny"
    std::string value;
    bool operator==(const DeviceWrite&) const = default;
};
/// From the one to the other; what both allow is allowed all the time.
std::vector<DeviceWrite> device_writes(const DeviceList& from, const DeviceList& to);

}  // namespace arca::cgroup
