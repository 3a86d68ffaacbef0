// One filter out of filters for one architecture each. Pure.
#pragma once

#include <cstdint>
#include <vector>

namespace arca::seccomp {

struct Section {
    std::uint32_t audit_architecture = 0;     ///< seccomp_data.arch
    std::vector<std::uint64_t> instructions;  ///< ends every path with a return
    /// Only for the numbers of x32; the other section of that architecture gets the rest. Alone it gets all.
    bool is_x32 = false;
};

/// Goes to the section of the architecture; kills the thread on any other, as libseccomp does.
std::vector<std::uint64_t> dispatch(std::vector<Section> sections);

}  // namespace arca::seccomp
