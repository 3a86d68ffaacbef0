// The kernel's list syntax for processors and memory nodes: "0-3,7".
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace arca::spec {

/// Both ends belong to it.
struct NumberRange {
    std::uint32_t first = 0;
    std::uint32_t last = 0;
    bool operator==(const NumberRange&) const = default;
};

/// More processors or nodes than any kernel can be built for: what is above is refused, not allocated.
inline constexpr std::uint32_t kHighestListed = 65535;

/// The ranges as written; nothing when the text is empty, malformed, has a range that runs backwards or a number above
/// kHighestListed.
std::optional<std::vector<NumberRange>> parse_number_list(std::string_view text);

}  // namespace arca::spec
