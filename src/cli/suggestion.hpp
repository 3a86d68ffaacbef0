// What may have been meant by a word that is none of those known. Pure.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace arca::cli {

/// The nearest of `known` by slips of the fingers (a letter too many, missing, wrong, or two in the wrong order), empty
/// when none is near.
std::string closest(std::string_view word, std::span<const std::string> known);

}  // namespace arca::cli
