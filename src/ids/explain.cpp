#include "ids/explain.hpp"

#include <algorithm>
#include <optional>

#include "base/text.hpp"

namespace arca::ids {

namespace {
struct Range {
    std::uint64_t first = 0;
    std::uint64_t count = 0;
    std::uint64_t end() const { return first + count; }
};

std::string show(const Range& range) {
    return range.count == 1 ? text::cat(range.first) : text::cat(range.first, "-", range.end() - 1);
}

std::string show(const std::vector<Range>& ranges) {
    constexpr std::size_t kShown = 4;
    std::vector<std::string> parts;
    for (std::size_t i = 0; i < std::min(ranges.size(), kShown); ++i)
        parts.push_back(show(ranges[i]));
    if (ranges.size() > kShown) parts.emplace_back("...");
    return text::join(parts, ", ");
}

// Whether ranges that may adjoin each other hold all of `wanted`.
bool holds(const std::vector<Range>& ranges, const Range& wanted) {
    auto next = wanted.first;
    while (next < wanted.end()) {
        auto around = std::ranges::find_if(ranges, [&](const Range& r) { return r.first <= next && next < r.end(); });
        if (around == ranges.end()) return false;
        next = around->end();
    }
    return true;
}

// subuid(5): "NAME-OR-UID:FIRST:COUNT".
std::vector<Range> granted_to(std::string_view sub_ids, std::string_view user, std::uint32_t uid) {
    std::vector<Range> ranges;
    for (auto line : text::split(sub_ids, '\n')) {
        auto fields = text::split(text::trim(line), ':');
        if (fields.size() != 3 || (fields[0] != text::cat(uid) && (user.empty() || fields[0] != user))) continue;
        auto first = text::to_uint(fields[1]);
        auto count = text::to_uint(fields[2]);
        if (first && count) ranges.push_back({*first, *count});
    }
    return ranges;
}

// user_namespaces(7): "INSIDE OUTSIDE COUNT", columns padded with blanks. Inside is what may be mapped further.
std::vector<Range> held_by(std::string_view own_map) {
    std::vector<Range> ranges;
    for (auto line : text::split(own_map, '\n')) {
        std::vector<std::uint64_t> numbers;
        for (auto field : text::split(line, ' '))
            if (auto number = text::to_uint(text::trim(field))) numbers.push_back(*number);
        if (numbers.size() == 3) ranges.push_back({numbers[0], numbers[2]});
    }
    return ranges;
}

std::string explain_rights(const HelperEvidence& evidence) {
    if (!evidence.has_rights) return text::cat(evidence.helper, " is neither setuid root nor has file capabilities");
    if (evidence.is_on_nosuid_mount) return text::cat(evidence.helper, " is on a mount with nosuid");
    if (evidence.no_new_privileges) return text::cat("no_new_privs is set, so ", evidence.helper, " gains no rights");
    return {};
}

std::string explain_grant(const HelperEvidence& evidence) {
    const auto who = evidence.user.empty() ? text::cat("uid ", evidence.uid) : evidence.user;
    const auto granted = granted_to(evidence.sub_ids, evidence.user, evidence.uid);
    for (const auto& mapping : evidence.map) {
        if (mapping.size == 1 && mapping.host == evidence.own_id) continue;
        if (granted.empty()) return text::cat(evidence.sub_ids_file, " has no entry for ", who);
        const Range wanted{mapping.host, mapping.size};
        if (!holds(granted, wanted))
            return text::cat(evidence.sub_ids_file, " gives ", who, " ", show(granted), ", but config.json asks for ",
                             show(wanted));
    }
    return {};
}
}  // namespace

std::string explain_unmapped(const std::vector<spec::IdMapping>& map, std::string_view own_map) {
    const auto held = held_by(own_map);
    if (held.empty()) return {};
    for (const auto& mapping : map) {
        const Range wanted{mapping.host, mapping.size};
        if (!holds(held, wanted))
            return text::cat("arca runs in a user namespace that has the ids ", show(held), ", not ", show(wanted));
    }
    return {};
}

std::string explain_helper(const HelperEvidence& evidence) {
    if (auto rights = explain_rights(evidence); !rights.empty()) return rights;
    if (auto grant = explain_grant(evidence); !grant.empty()) return grant;
    return explain_unmapped(evidence.map, evidence.own_map);
}

std::string login_name(std::string_view passwd, std::uint32_t uid) {
    for (auto line : text::split(passwd, '\n')) {
        auto fields = text::split(line, ':');
        if (fields.size() > 2 && fields[2] == text::cat(uid)) return std::string(fields[0]);
    }
    return {};
}

}  // namespace arca::ids
