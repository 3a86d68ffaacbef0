// JSON text, written in order and escaped. For documents whose key order and indentation others rely on.
#pragma once

#include <concepts>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/text.hpp"

namespace arca::spec {

class JsonWriter {
  public:
    /// `indent` is repeated for each level; empty: everything on one line, without spaces.
    explicit JsonWriter(std::string_view indent) : indent_(indent) {}

    void begin_object() { begin('{'); }
    void end_object() { end('}'); }
    void begin_array() { begin('['); }
    void end_array() { end(']'); }
    /// What is written next is the value of this member.
    void key(std::string_view name);

    void value(std::string_view text);
    void value(const char* text) { value(std::string_view(text)); }
    void value(const std::string& text) { value(std::string_view(text)); }
    void value(std::same_as<bool> auto flag) { literal(flag ? "true" : "false"); }
    template<class Number>
    requires(std::integral<Number> && !std::same_as<Number, bool>) void value(Number number) {
        literal(text::cat(number));
    }
    void null() { literal("null"); }
    /// A number with two digits behind the dot.
    void hundredths(std::uint64_t number) {
        literal(text::cat(number / 100, number % 100 < 10 ? ".0" : ".", number % 100));
    }
    template<class Element>
    void value(const std::vector<Element>& list) {
        begin_array();
        for (const auto& element : list)
            value(element);
        end_array();
    }
    void value(const std::map<std::string, std::string>& members) {
        begin_object();
        for (const auto& [name, text] : members)
            member(name, text);
        end_object();
    }

    /// A value that is JSON already.
    void raw(std::string_view text) { literal(text); }

    template<class Value>
    void member(std::string_view name, const Value& content) {
        key(name);
        value(content);
    }

    std::string take() { return std::move(out_); }

  private:
    void begin(char bracket);
    void end(char bracket);
    void literal(std::string_view text);
    void separate();
    void break_line();

    std::string indent_;
    std::string out_;
    unsigned depth_ = 0;
    bool empty_ = true;  ///< nothing written yet at this depth
    bool after_key_ = false;
};

}  // namespace arca::spec
