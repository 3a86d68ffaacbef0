// Reading of typed values out of a Document: a Cursor stands on one node, an Object reads the members of one. What does
// not fit is reported with its JSON pointer and reading goes on. JSON as Go programs write it is accepted: null for an
// absent list, map, object or string. Internal to spec; knows no property of the specification.
#pragma once

#include <array>
#include <concepts>
#include <limits>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "spec/document.hpp"
#include "spec/report.hpp"

namespace arca::spec {

class Cursor {
  public:
    Cursor(Document& document, Report& report, std::uint32_t index = 0)
        : document_(&document), report_(&report), index_(index) {}

    Node& node() const { return (*document_)[index_]; }
    Kind kind() const { return node().kind; }
    std::string pointer() const { return document_->pointer_to(index_); }
    Report& report() const { return *report_; }

    void problem(std::string text) const;
    void note(std::string text) const;
    /// "expected an unsigned integer, got string "0"".
    void expected(std::string_view what) const;

    /// Walks over members or elements: `for (auto at = c.first(); at; at = at->next())`.
    std::optional<Cursor> first() const { return at(node().first_child); }
    std::optional<Cursor> next() const { return at(node().next); }

  private:
    std::optional<Cursor> at(std::uint32_t index) const {
        if (index == 0) return std::nullopt;
        return Cursor(*document_, *report_, index);
    }

    Document* document_;
    Report* report_;
    std::uint32_t index_;
};

void read(Cursor at, bool& out);
void read(Cursor at, std::string& out);
/// The name of a member that is data, not a property.
std::string read_key(Cursor member);
/// Number within the range, or a problem is reported.
std::optional<std::int64_t> read_signed(Cursor at, std::int64_t lowest, std::int64_t highest);
std::optional<std::uint64_t> read_unsigned(Cursor at, std::uint64_t highest);
/// "unknown namespace type "pids"; did you mean "pid"?"
std::string unknown_name(std::string_view name, std::span<const std::string_view> names, std::string_view what);
/// Index in `names` of the string, or a problem is reported ("unknown namespace type ...").
std::optional<std::size_t> read_name(Cursor at, std::span<const std::string_view> names, std::string_view what);

template<class Number>
requires(std::integral<Number> && !std::same_as<Number, bool>) void read(Cursor at, Number& out) {
    using Limits = std::numeric_limits<Number>;
    if constexpr (std::is_signed_v<Number>) {
        if (auto value = read_signed(at, Limits::min(), Limits::max())) out = static_cast<Number>(*value);
    } else {
        if (auto value = read_unsigned(at, Limits::max())) out = static_cast<Number>(*value);
    }
}

template<class Value>
void read(Cursor at, std::optional<Value>& out) {
    read(at, out.emplace());
}

template<class Value>
void read(Cursor at, std::vector<Value>& out) {
    if (at.kind() != Kind::Array) return at.expected("an array");
    for (auto element = at.first(); element; element = element->next())
        read(*element, out.emplace_back());
}

template<class Value>
void read(Cursor at, std::map<std::string, Value>& out) {
    if (at.kind() != Kind::Object) return at.expected("an object");
    for (auto member = at.first(); member; member = member->next()) {
        auto& value = out[read_key(*member)];
        value = Value{};
        if (member->kind() != Kind::Null) read(*member, value);
    }
}

/// The members of one object. What was not asked for when this goes out of scope is noted as unknown.
class Object {
  public:
    explicit Object(Cursor at);
    Object(const Object&) = delete;
    Object& operator=(const Object&) = delete;
    ~Object();

    /// Where the member is; nothing when it is absent or null. Of duplicates the last one counts.
    std::optional<Cursor> find(std::string_view name);
    /// The same, and nothing when it is the empty string, which is how Go programs may write an absent name.
    std::optional<Cursor> find_name(std::string_view name);
    /// The same as find, but its absence is a problem.
    std::optional<Cursor> demand(std::string_view name);

    template<class Value>
    void get(std::string_view name, Value& out) {
        if (auto member = find(name)) read(*member, out);
    }
    template<class Value>
    void require(std::string_view name, Value& out) {
        if (auto member = demand(name)) read(*member, out);
    }
    /// A member that is known and means nothing on Linux.
    void ignore(std::string_view name) { find(name); }

  private:
    static constexpr std::size_t kMostMembers = 24;

    Cursor at_;
    bool is_object_;
    std::size_t count_ = 0;
    std::array<std::string_view, kMostMembers> known_;
};

}  // namespace arca::spec
