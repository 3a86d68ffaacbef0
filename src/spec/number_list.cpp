#include "spec/number_list.hpp"

#include "base/text.hpp"

namespace arca::spec {

std::optional<std::vector<NumberRange>> parse_number_list(std::string_view text) {
    std::vector<NumberRange> ranges;
    for (auto part : text::split(text, ',')) {
        part = text::trim(part);
        auto dash = part.find('-');
        auto first = text::to_uint(part.substr(0, dash));
        auto last = dash == std::string_view::npos ? first : text::to_uint(part.substr(dash + 1));
        if (!first || !last || *first > *last || *last > kHighestListed) return std::nullopt;
        ranges.push_back({static_cast<std::uint32_t>(*first), static_cast<std::uint32_t>(*last)});
    }
    return ranges;
}

}  // namespace arca::spec
