// Values as D-Bus knows them, without the bus: made for systemd's properties, and read from text in GVariant's
// notation.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.hpp"

namespace arca::cgroup {

struct Value {
    std::string signature;  ///< D-Bus specification, "Type system": "s", "t", "as", "a(st)", "v"
    /// Signed types are held as int64, unsigned ones as uint64; the elements of arrays and structures, and what a
    /// variant ("v") holds, as values.
    std::variant<bool, std::int64_t, std::uint64_t, double, std::string, std::vector<Value>> content;
    bool operator==(const Value&) const = default;

    static Value boolean(bool value) { return {"b", value}; }
    static Value uint32(std::uint32_t value) { return {"u", std::uint64_t{value}}; }
    static Value uint64(std::uint64_t value) { return {"t", value}; }
    static Value string(std::string value) { return {"s", std::move(value)}; }
    static Value variant(Value value) { return {"v", std::vector<Value>{std::move(value)}}; }
    static Value structure(std::vector<Value> members);
    /// `element` is the signature of each, since there may be none.
    static Value array(std::string_view element, std::vector<Value> elements);
    static Value bytes(const std::vector<std::uint8_t>& bytes);
};

/// GVariant text format: true, 12, uint64 12, 'text', ['a', 'b'], (1, 'x'), @as []. Without a keyword an integer is an
/// int32 and a number with a point a double, as GLib has it. Dictionaries, maybes, variants and byte strings are
/// refused.
Result<Value> parse_gvariant(std::string_view text);

}  // namespace arca::cgroup
