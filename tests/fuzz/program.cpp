// The beginning of the file that a container is to execute, which is the container's own; and the annotation for
// Landlock.
#include <sys/mman.h>
#include <unistd.h>

#include "privileges/landlock.hpp"
#include "process/program_format.hpp"
#include "sys/fd.hpp"
#include "target.hpp"

using namespace arca;

namespace {
const fuzz::Target program("program", [](std::string_view input) {
    const sys::Fd file(::memfd_create("program", MFD_CLOEXEC));
    fuzz::require(::write(file.number(), input.data(), input.size()) == static_cast<ssize_t>(input.size()), "written");
    (void)process::read_program_format(file);
    if (const auto rules = privileges::parse_landlock(input))
        for (const auto& rule : *rules)
            (void)privileges::describe(rule);
});
}  // namespace
