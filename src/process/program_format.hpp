// What the kernel will make of a program, from its bytes: a script and its interpreter, an ELF file and its loader, or
// neither. Knows nothing of permissions and does not look at the interpreter itself.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.hpp"
#include "sys/fd.hpp"

namespace arca::process {

enum class ProgramKind : std::uint8_t { Script, Elf, Unknown };
/// Whether this machine runs such files itself. Another is run, at most, by a binfmt_misc handler (qemu-user).
enum class Machine : std::uint8_t { Native, Compatible, Foreign };

struct ProgramFormat {
    ProgramKind kind = ProgramKind::Unknown;
    Machine machine = Machine::Native;
    std::string interpreter;  ///< of the script, or the ELF loader (PT_INTERP); empty: none
    std::string problem;      ///< "is empty": what would make execve(2) answer ENOEXEC; empty: nothing seen
};

Result<ProgramFormat> read_program_format(sys::FdRef file);

}  // namespace arca::process
