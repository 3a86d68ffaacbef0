// The device filter in the kernel: BPF programs loaded, attached to a cgroup, exchanged (bpf(2)).
#pragma once

#include <linux/bpf.h>

#include <vector>

#include "base/result.hpp"
#include "sys/fd.hpp"

namespace arca::cgroup {

Result<sys::Fd> load_device_program(const std::vector<bpf_insn>& program);
Result<> attach_device_program(sys::FdRef group, sys::FdRef program);
/// Puts `program` in the place of whatever the cgroup itself has attached.
Result<> exchange_device_program(sys::FdRef group, sys::FdRef program);

}  // namespace arca::cgroup
