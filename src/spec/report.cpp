#include "spec/report.hpp"

#include <algorithm>
#include <utility>

#include "base/text.hpp"

namespace arca::spec {

namespace {
/// More are not collected: each costs a walk through the file, and nobody reads them.
constexpr std::size_t kMost = 200;

/// Whether `outer` is `inner` or something around it.
bool encloses(std::string_view outer, std::string_view inner) {
    return inner.starts_with(outer) && (inner.size() == outer.size() || inner[outer.size()] == '/');
}
}  // namespace

void Report::problem(std::string pointer, std::string text) {
    if (problems.size() >= kMost) return;
    for (std::size_t i = 0; i < unread_; ++i)
        if (encloses(problems[i].pointer, pointer) || encloses(pointer, problems[i].pointer)) return;
    problems.push_back({std::move(pointer), 0, std::move(text)});
}

void Report::note(std::string pointer, std::string text) {
    notes.push_back({std::move(pointer), std::move(text)});
}

bool Report::unread(std::string_view pointer) const {
    auto unread = problems.begin() + static_cast<std::ptrdiff_t>(unread_);
    return std::any_of(problems.begin(), unread, [&](const Problem& problem) {
        return encloses(pointer, problem.pointer) || encloses(problem.pointer, pointer);
    });
}

std::string pointer_join(std::string_view base, std::string_view key) {
    auto out = text::cat(base, "/");
    for (char c : key) {
        if (c == '~') {
            out += "~0";
        } else if (c == '/') {
            out += "~1";
        } else {
            out += c;
        }
    }
    return out;
}

std::string pointer_join(std::string_view base, std::size_t index) {
    return text::cat(base, "/", index);
}

std::string_view closest(std::string_view word, std::span<const std::string_view> candidates) {
    auto wanted = text::lower(word);
    auto allowed = std::clamp<std::size_t>(wanted.size() / 3, 1, 3);
    std::string_view best;
    for (auto candidate : candidates) {
        auto distance = text::edit_distance(wanted, text::lower(candidate));
        if (distance > allowed || distance >= candidate.size()) continue;
        allowed = distance == 0 ? 0 : distance - 1;
        best = candidate;
        if (distance == 0) break;
    }
    return best;
}

}  // namespace arca::spec
