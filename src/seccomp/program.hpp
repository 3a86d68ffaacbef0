// A seccomp profile as a BPF program. libseccomp knows the numbers; the instructions are ours, a search tree that costs
// the kernel a sixth of what libseccomp's list does. Kept as bytes so that exec loads the container's program without
// compiling again.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "spec/types.hpp"

namespace arca::seccomp {

struct Program {
    std::vector<std::uint64_t> instructions;  ///< struct sock_filter, eight bytes each
    std::uint32_t flags = 0;                  ///< SECCOMP_FILTER_FLAG_*
};

/// Unknown system calls are ignored with a note at debug level, as the specification wants; rules equal to the default
/// action are skipped.
Result<Program> compile(const spec::Seccomp& profile, std::vector<spec::Note>& notes);

/// The form kept in the state directory, and back (validated: magic, length, checksum).
std::string serialise(const Program& program);
Result<Program> parse(std::string_view bytes);

/// Whether system calls can be handed to an agent: loading the program then gives a listener.
bool notifies(const spec::Seccomp& profile);
bool notifies(const Program& program);

struct Loaded {
    int errnum = 0;
    int listener = -1;  ///< a descriptor with FD_CLOEXEC, when the program notifies
};
/// seccomp(SECCOMP_SET_MODE_FILTER). Zone C: allocates nothing, may be the last call before execve.
Loaded load(const Program& program) noexcept;

/// The errno that the program gives for a system call in place of a result; nothing when it does not stand in its way,
/// or ends who makes it. What execve(2) fails with can then be told from what the kernel would have said.
std::optional<int> errno_for(const Program& program, int number, std::span<const std::uint64_t> arguments);

/// For `features`: names libseccomp and this kernel know.
std::vector<std::string> known_flags();
std::vector<std::string> supported_flags();
std::vector<std::string> architectures();
std::string library_version();
/// AUDIT_ARCH_* of this machine, as libseccomp sees it.
std::uint32_t native_architecture();

}  // namespace arca::seccomp
