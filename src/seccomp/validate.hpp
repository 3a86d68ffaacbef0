// What the kernel would refuse in a seccomp program, found before it is asked (seccomp(2), and the checks of classic
// BPF: only forward jumps, all paths end in a return). For programs that were read from somewhere.
#pragma once

#include <cstddef>

#include "base/result.hpp"
#include "seccomp/program.hpp"

namespace arca::seccomp {

constexpr std::size_t kMaximalInstructions = 4096;  // BPF_MAXINSNS

Result<> validate(const Program& program);

}  // namespace arca::seccomp
