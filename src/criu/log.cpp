#include "criu/log.hpp"

#include <algorithm>
#include <array>

#include "base/text.hpp"

namespace arca::criu {

namespace {
// CRIU asks which forms of iptables there are.
constexpr std::string_view kAskedForVersion = " -V failed";

constexpr std::array kHarmless = {
    std::string_view("rlimit: Can't setup RLIMIT_NOFILE for self"),  // without CAP_SYS_RESOURCE
    std::string_view("exited, status="),                             // of a program that has been named before
    kAskedForVersion,
};

bool is_harmless(std::string_view line) {
    return std::ranges::any_of(kHarmless, [line](std::string_view known) { return line.contains(known); });
}

/// A program that could not be executed is told of twice before what it was wanted for.
bool asks_for_version(const std::vector<std::string_view>& lines, std::size_t i) {
    constexpr std::size_t kAhead = 2;
    if (!lines[i].contains("execvp(")) return false;
    for (auto next = i + 1; next < lines.size() && next <= i + kAhead; ++next)
        if (lines[next].contains(kAskedForVersion)) return true;
    return false;
}

/// "(00.119932) " and, during a restore, "     12: " before the rest.
std::string_view without_stamp(std::string_view line) {
    const auto error = line.find("Error (");
    return error == std::string_view::npos ? line : line.substr(error);
}
}  // namespace

std::string first_error(std::string_view log) {
    const auto lines = text::split(log, '\n');
    for (std::size_t i = 0; i < lines.size(); ++i)
        if (lines[i].contains("Error (") && !is_harmless(lines[i]) && !asks_for_version(lines, i))
            return text::printable(text::trim(without_stamp(lines[i])));
    return {};
}

}  // namespace arca::criu
