#include "spec/cursor.hpp"

#include <algorithm>
#include <utility>

#include "base/text.hpp"

namespace arca::spec {

namespace {
std::string quoted(std::string_view text) {
    constexpr std::size_t kMost = 60;
    auto shown = text::printable(text.substr(0, kMost));
    return text::cat("\"", shown, text.size() > kMost ? "...\"" : "\"");
}

std::string number_text(const Node& node) {
    if (node.kind == Kind::Real) return std::string(node.text);
    if (node.kind == Kind::Integer) return text::cat(static_cast<std::int64_t>(node.number));
    return text::cat(node.number);
}

/// "string "0"", "an array": what the file holds, in words.
std::string describe(const Node& node) {
    switch (node.kind) {
        case Kind::Null:
            return "null";
        case Kind::Boolean:
            return node.number != 0 ? "true" : "false";
        case Kind::Integer:
        case Kind::Unsigned:
        case Kind::Real:
            return "number " + number_text(node);
        case Kind::String:
            return "string " + quoted(node.text);
        case Kind::Array:
            return "an array";
        case Kind::Object:
            return "an object";
    }
    return "";
}

/// Digits only, so a Real that the library made of an integer beyond 64 bits.
bool is_huge_integer(const Node& node) {
    return node.kind == Kind::Real && node.text.find_first_not_of("-0123456789") == std::string_view::npos;
}
}  // namespace

void Cursor::problem(std::string text) const {
    report_->problem(pointer(), std::move(text));
}
void Cursor::note(std::string text) const {
    report_->note(pointer(), std::move(text));
}
void Cursor::expected(std::string_view what) const {
    problem(text::cat("expected ", what, ", got ", describe(node())));
}

void read(Cursor at, bool& out) {
    if (at.kind() != Kind::Boolean) return at.expected("true or false");
    out = at.node().number != 0;
}

// Everything a runtime reads ends in a system call, which would see the string cut short at a NUL byte.
void read(Cursor at, std::string& out) {
    if (at.kind() != Kind::String) return at.expected("a string");
    if (at.node().text.find('\0') != std::string_view::npos) return at.problem("the string has a NUL byte in it");
    out = at.node().text;
}

std::string read_key(Cursor member) {
    auto key = member.node().key;
    if (key.find('\0') != std::string_view::npos) member.problem("the name has a NUL byte in it");
    return std::string(key);
}

std::optional<std::int64_t> read_signed(Cursor at, std::int64_t lowest, std::int64_t highest) {
    const auto& node = at.node();
    bool is_integer = node.kind == Kind::Integer || node.kind == Kind::Unsigned;
    auto value = static_cast<std::int64_t>(node.number);
    bool fits = node.kind == Kind::Integer
                    ? value >= lowest && value <= highest
                    : highest >= 0 && node.number <= static_cast<std::uint64_t>(highest) && value >= lowest;
    if (is_integer && fits) return value;
    if (is_integer || is_huge_integer(node)) {
        at.problem(text::cat(number_text(node), " is out of range: expected ", lowest, " to ", highest));
    } else {
        at.expected("an integer");
    }
    return std::nullopt;
}

std::optional<std::uint64_t> read_unsigned(Cursor at, std::uint64_t highest) {
    const auto& node = at.node();
    bool is_unsigned = node.kind == Kind::Unsigned || (node.kind == Kind::Integer && node.number == 0);
    if (is_unsigned && node.number <= highest) return node.number;
    if (is_unsigned || (is_huge_integer(node) && !node.text.starts_with('-'))) {
        at.problem(text::cat(number_text(node), " is out of range: expected 0 to ", highest));
    } else {
        at.expected("an unsigned integer");
    }
    return std::nullopt;
}

std::optional<std::size_t> read_name(Cursor at, std::span<const std::string_view> names, std::string_view what) {
    if (at.kind() != Kind::String) {
        at.expected("a string");
        return std::nullopt;
    }
    auto found = std::find(names.begin(), names.end(), at.node().text);
    if (found != names.end()) return static_cast<std::size_t>(found - names.begin());
    at.problem(unknown_name(at.node().text, names, what));
    return std::nullopt;
}

std::string unknown_name(std::string_view name, std::span<const std::string_view> names, std::string_view what) {
    constexpr std::size_t kMostListed = 10;
    auto out = text::cat("unknown ", what, " ", quoted(name));
    if (auto meant = closest(name, names); !meant.empty()) return text::cat(out, "; did you mean \"", meant, "\"?");
    if (names.size() > kMostListed) return out;
    return text::cat(out, "; known are ", text::join({names.begin(), names.end()}, ", "));
}

Object::Object(Cursor at) : at_(at), is_object_(at.kind() == Kind::Object) {
    if (!is_object_) at.expected("an object");
}

Object::~Object() {
    if (!is_object_) return;
    for (auto member = at_.first(); member; member = member->next()) {
        if (member->node().used) continue;
        auto meant = closest(member->node().key, {known_.data(), count_});
        member->note(meant.empty() ? std::string("unknown property, ignored")
                                   : text::cat("unknown property, ignored; did you mean ",
                                               pointer_join(at_.pointer(), meant), "?"));
    }
}

std::optional<Cursor> Object::find(std::string_view name) {
    if (count_ < kMostMembers) known_[count_++] = name;
    if (!is_object_) return std::nullopt;
    std::optional<Cursor> found;
    for (auto member = at_.first(); member; member = member->next()) {
        if (member->node().key != name) continue;
        member->node().used = true;
        found = member;
    }
    if (found && found->kind() == Kind::Null) return std::nullopt;
    return found;
}

std::optional<Cursor> Object::find_name(std::string_view name) {
    auto found = find(name);
    if (found && found->kind() == Kind::String && found->node().text.empty()) return std::nullopt;
    return found;
}

std::optional<Cursor> Object::demand(std::string_view name) {
    auto found = find(name);
    if (!found && is_object_) at_.report().problem(pointer_join(at_.pointer(), name), "required, but missing");
    return found;
}

}  // namespace arca::spec
