#include "cli/suggestion.hpp"

#include <algorithm>
#include <vector>

namespace arca::cli {

namespace {
std::size_t slips(std::string_view a, std::string_view b) {
    std::vector<std::vector<std::size_t>> table(a.size() + 1, std::vector<std::size_t>(b.size() + 1));
    for (std::size_t i = 0; i <= a.size(); ++i)
        for (std::size_t j = 0; j <= b.size(); ++j) {
            if (i == 0 || j == 0) {
                table[i][j] = i + j;
                continue;
            }
            const std::size_t wrong = a[i - 1] != b[j - 1] ? 1 : 0;
            table[i][j] = std::min({table[i - 1][j] + 1, table[i][j - 1] + 1, table[i - 1][j - 1] + wrong});
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                table[i][j] = std::min(table[i][j], table[i - 2][j - 2] + 1);
        }
    return table[a.size()][b.size()];
}
}  // namespace

std::string closest(std::string_view word, std::span<const std::string> known) {
    constexpr std::size_t kLongest = 32;
    if (word.size() > kLongest) return {};
    std::string best;
    std::size_t fewest = word.size() < 4 ? 2 : 3;  // of a short word little would be left
    for (const auto& candidate : known)
        if (const auto count = slips(word, candidate); count < fewest) {
            best = candidate;
            fewest = count;
        }
    return best;
}

}  // namespace arca::cli
