#include "process/number_list.hpp"

#include "base/text.hpp"
#include "spec/number_list.hpp"

namespace arca::process {

Result<std::vector<unsigned long>> mask_of(std::string_view list, std::size_t limit) {
    std::vector<unsigned long> mask;
    if (text::trim(list).empty()) return mask;
    const auto ranges = spec::parse_number_list(list);
    if (!ranges)
        return fail(Code::InvalidConfig,
                    text::cat("\"", text::printable(list), "\" is not a list such as \"0-3,7\" of numbers up to ",
                              spec::kHighestListed));
    for (const auto& range : *ranges) {
        if (range.last >= limit)
            return fail(Code::InvalidConfig,
                        text::cat("\"", text::printable(list), "\" holds a number above ", limit - 1));
        if (mask.size() * kBitsPerWord <= range.last) mask.resize(range.last / kBitsPerWord + 1);
        for (std::size_t bit = range.first; bit <= range.last; ++bit)
            mask[bit / kBitsPerWord] |= 1UL << (bit % kBitsPerWord);
    }
    return mask;
}

}  // namespace arca::process
