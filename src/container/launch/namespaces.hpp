// Entering namespaces that exist.
#pragma once

#include <vector>

#include "base/result.hpp"
#include "container/plan.hpp"
#include "sys/fd.hpp"

namespace arca::container::launch {

/// Opens every path before any namespace is entered (afterwards it may lead elsewhere), checking that each is what the
/// config says it is (NS_GET_NSTYPE, ioctl_ns(2)).
Result<std::vector<sys::Fd>> open_namespaces(const std::vector<JoinedNamespace>& joined);
/// setns(2) into each. Rights over some come from the user namespace that is joined, rights over others are lost by
/// joining it: what is refused at first is tried again after.
Result<> join_namespaces(const std::vector<JoinedNamespace>& joined, const std::vector<sys::Fd>& descriptors);
/// uid and gid 0 of the user namespace just entered.
Result<> become_root();

}  // namespace arca::container::launch
