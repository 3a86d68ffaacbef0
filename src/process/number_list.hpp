// Lists of CPUs and memory nodes ("0-3,7") as the bit masks that system calls take.
#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace arca::process {

inline constexpr std::size_t kBitsPerWord = 8 * sizeof(unsigned long);

/// A mask just long enough for the largest number of the list (spec::parse_number_list); empty for an empty list. A
/// number of `limit` or more is refused before anything of its size is allocated.
Result<std::vector<unsigned long>> mask_of(std::string_view list, std::size_t limit);

}  // namespace arca::process
