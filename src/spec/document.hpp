// JSON text as a flat tree: all nodes in one array, all decoded strings in one buffer, so that reading a config.json
// costs three allocations. Remembers where in the text each node stands, for error texts; knows nothing of OCI.
// Internal to spec: document.cpp is the only file of this module that sees the JSON library.
#pragma once

#include <cstdint>
#include <expected>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "spec/parse.hpp"

namespace arca::spec {

enum class Kind : std::uint8_t { Null, Boolean, Integer, Unsigned, Real, String, Array, Object };

/// Children form a list in the order of the text. Index 0 is the document itself and nobody's child: 0 means "none".
struct Node {
    Kind kind = Kind::Null;
    bool used = false;  ///< a reader has asked for it
    std::uint32_t offset = 0;
    std::uint32_t parent = 0;
    std::uint32_t first_child = 0;
    std::uint32_t next = 0;
    std::string_view key;      ///< of a member of an object
    std::string_view text;     ///< of a string; the digits of a Real
    std::uint64_t number = 0;  ///< of Boolean, Unsigned and (two's complement) Integer
};

class Document {
  public:
    static std::expected<Document, Problem> parse(std::string_view json);

    const Node& operator[](std::uint32_t index) const { return nodes_[index]; }
    Node& operator[](std::uint32_t index) { return nodes_[index]; }

    std::string pointer_to(std::uint32_t index) const;
    /// Where in the text that is what the pointer names, or the innermost thing around it that is there.
    std::size_t offset_of(std::string_view pointer) const;
    unsigned line_at(std::size_t offset) const;

  private:
    friend class TreeBuilder;
    explicit Document(std::string_view json) : json_(json), strings_(new char[json.size() + 1]) {}
    std::uint32_t child(std::uint32_t index, std::string_view segment) const;

    std::string_view json_;
    std::unique_ptr<char[]> strings_;
    std::vector<Node> nodes_;
};

}  // namespace arca::spec
