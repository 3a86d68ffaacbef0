#include <csignal>
#include <cstring>

#include "arca/container.hpp"
#include "base/result.hpp"
#include "base/text.hpp"

namespace arca {

namespace {
// Real-time signals as kill(1) names them: RTMIN, RTMIN+3, RTMAX-1.
std::optional<int> real_time_signal(std::string_view name) {
    int base;
    if (name.starts_with("rtmin"))
        base = SIGRTMIN;
    else if (name.starts_with("rtmax"))
        base = SIGRTMAX;
    else
        return std::nullopt;
    name.remove_prefix(5);
    if (name.empty()) return base;
    if (name[0] != '+' && name[0] != '-') return std::nullopt;
    const auto offset = text::to_uint(name.substr(1));
    if (!offset || *offset > 64) return std::nullopt;
    const int number = name[0] == '+' ? base + static_cast<int>(*offset) : base - static_cast<int>(*offset);
    if (number < SIGRTMIN || number > SIGRTMAX) return std::nullopt;
    return number;
}

std::optional<int> named_signal(std::string_view name) {
    if (name == "iot") return SIGIOT;
    if (name == "cld") return SIGCHLD;
    if (name == "poll") return SIGPOLL;
    for (int number = 1; number < SIGRTMIN; ++number) {
        const char* known = sigabbrev_np(number);
        if (known != nullptr && text::lower(known) == name) return number;
    }
    return real_time_signal(name);
}
}  // namespace

Result<int> parse_signal(std::string_view text) {
    if (auto number = text::to_int(text)) {
        if (*number >= 0 && *number <= SIGRTMAX) return static_cast<int>(*number);
        return fail(Code::Usage, text::cat("unknown signal \"", text, "\""));
    }
    auto name = text::lower(text);
    if (name.starts_with("sig")) name = name.substr(3);
    if (auto number = named_signal(name)) return *number;
    return fail(Code::Usage, text::cat("unknown signal \"", text::printable(text), "\""));
}

}  // namespace arca
