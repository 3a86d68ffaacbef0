// A fuzz target: one function that takes whatever bytes come, as the code behind it has to. It fails by crashing.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

namespace fuzz {

struct Target {
    using Function = void (*)(std::string_view);
    /// Of static storage: it is found by its name from then on.
    Target(std::string_view name, Function function);

    std::string_view name;
    Function run;

    static const std::vector<const Target*>& all();
};

/// What has to hold for every input; `what` says so.
inline void require(bool holds, const char* what) {
    if (holds) return;
    std::fprintf(stderr, "does not hold: %s\n", what);
    std::abort();
}

/// Inputs of several words or lines: "a\nb" is {"a", "b"}.
inline std::vector<std::string> lines_of(std::string_view input) {
    std::vector<std::string> lines;
    for (;;) {
        const auto end = input.find('\n');
        lines.emplace_back(input.substr(0, end));
        if (end == std::string_view::npos) return lines;
        input.remove_prefix(end + 1);
    }
}

}  // namespace fuzz
