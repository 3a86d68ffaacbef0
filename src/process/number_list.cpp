#include "process/number_list.hpp"

#include <utility>

#include "base/text.hpp"

namespace arca::process {

namespace {
std::unexpected<Error> refuse(std::string_view list, std::string_view reason) {
    return fail(Code::InvalidConfig, text::cat("\"", text::printable(list), "\" ", reason));
}

std::optional<std::pair<std::uint64_t, std::uint64_t>> parse_range(std::string_view part) {
    const auto dash = part.find('-');
    auto first = text::to_uint(part.substr(0, dash));
    auto last = dash == std::string_view::npos ? first : text::to_uint(part.substr(dash + 1));
    if (!first || !last || *first > *last) return std::nullopt;
    return std::pair{*first, *last};
}
}  // namespace

Result<std::vector<unsigned long>> parse_number_list(std::string_view list, std::size_t limit) {
    std::vector<unsigned long> mask;
    if (text::trim(list).empty()) return mask;
    for (auto part : text::split(list, ',')) {
        auto range = parse_range(text::trim(part));
        if (!range) return refuse(list, "is not a list such as \"0-3,7\"");
        if (range->second >= limit) return refuse(list, text::cat("holds a number above ", limit - 1));
        if (mask.size() * kBitsPerWord <= range->second) mask.resize(range->second / kBitsPerWord + 1);
        for (auto bit = range->first; bit <= range->second; ++bit)
            mask[bit / kBitsPerWord] |= 1UL << (bit % kBitsPerWord);
    }
    return mask;
}

}  // namespace arca::process
