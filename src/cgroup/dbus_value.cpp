#include "cgroup/dbus_value.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <optional>

#include "base/text.hpp"

namespace arca::cgroup {

Value Value::structure(std::vector<Value> members) {
    std::string signature = "(";
    for (const auto& member : members)
        signature += member.signature;
    return {signature + ")", std::move(members)};
}

Value Value::array(std::string_view element, std::vector<Value> elements) {
    return {text::cat("a", element), std::move(elements)};
}

Value Value::bytes(const std::vector<std::uint8_t>& bytes) {
    std::vector<Value> elements;
    for (auto byte : bytes)
        elements.push_back({"y", std::uint64_t{byte}});
    return array("y", std::move(elements));
}

namespace {
struct NumberType {
    std::string_view keyword;
    char code;
    std::int64_t least;
    std::uint64_t most;
};
template<class T>
constexpr NumberType number_type(std::string_view keyword, char code) {
    using Limits = std::numeric_limits<T>;
    return {keyword, code, std::is_signed_v<T> ? static_cast<std::int64_t>(Limits::min()) : 0,
            static_cast<std::uint64_t>(Limits::max())};
}
constexpr std::array kNumberTypes = {
    number_type<std::uint8_t>("byte", 'y'),    number_type<std::int16_t>("int16", 'n'),
    number_type<std::uint16_t>("uint16", 'q'), number_type<std::int32_t>("int32", 'i'),
    number_type<std::uint32_t>("uint32", 'u'), number_type<std::int64_t>("int64", 'x'),
    number_type<std::uint64_t>("uint64", 't'),
};

class Parser {
  public:
    explicit Parser(std::string_view text) : rest_(text) {}

    Result<Value> whole() {
        auto value = TRY(any(std::nullopt));
        skip_space();
        if (!rest_.empty()) return unexpected("the end");
        return value;
    }

  private:
    // `wanted`: the type that a keyword or the first element of the array has named.
    Result<Value> any(std::optional<std::string> wanted) {
        skip_space();
        if (rest_.empty()) return unexpected("a value");
        if (++depth_ > kDeepest) return fail(Code::InvalidConfig, "nested too deeply");
        auto value = one(wanted);
        --depth_;
        if (value && wanted && value->signature != *wanted)
            return fail(Code::InvalidConfig, text::cat("expected type ", *wanted, ", got ", value->signature));
        return value;
    }

    Result<Value> one(const std::optional<std::string>& wanted) {
        const char first = rest_.front();
        if (first == '\'' || first == '"') return string(wanted);
        if (first == '[') return array(wanted);
        if (first == '(') return tuple();
        if (first == '@') return typed();
        if (first == '-' || first == '+' || first == '.' || (first >= '0' && first <= '9')) return number(wanted);
        return word();
    }

    Result<Value> word() {
        const auto length = std::min(rest_.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789"), rest_.size());
        const auto word = rest_.substr(0, length);
        if (word.empty()) return unexpected("a value");
        rest_.remove_prefix(length);
        if (word == "true" || word == "false") return Value::boolean(word == "true");
        const std::array<std::pair<std::string_view, const char*>, 5> others = {
            {{"boolean", "b"}, {"double", "d"}, {"string", "s"}, {"objectpath", "o"}, {"signature", "g"}}};
        for (const auto& [keyword, signature] : others)
            if (word == keyword) return any(signature);
        const auto type = std::ranges::find(kNumberTypes, word, &NumberType::keyword);
        if (type != kNumberTypes.end()) return any(std::string(1, type->code));
        return fail(Code::InvalidConfig, text::cat("\"", word, "\" is no value; strings stand in quotation marks"));
    }

    // "@as []": the type of what follows.
    Result<Value> typed() {
        const auto length = std::min(rest_.find_first_of(" \t\n"), rest_.size());
        std::string type(rest_.substr(1, length - 1));
        rest_.remove_prefix(length);
        return any(std::move(type));
    }

    Result<Value> number(const std::optional<std::string>& wanted) {
        const auto length = std::min(rest_.find_first_not_of("0123456789abcdefABCDEFxX+-."), rest_.size());
        const auto digits = rest_.substr(0, length);
        rest_.remove_prefix(length);
        const bool hexadecimal = digits.contains('x') || digits.contains('X');
        const bool broken = !hexadecimal && digits.find_first_of(".eE") != std::string_view::npos;
        if (wanted == "d" || (!wanted && broken)) return floating(digits);
        const auto code = wanted ? wanted->front() : 'i';
        const auto type = std::ranges::find(kNumberTypes, code, &NumberType::code);
        if (type == kNumberTypes.end() || wanted.value_or("i").size() != 1)
            return fail(Code::InvalidConfig, text::cat("expected type ", *wanted, ", got the number ", digits));
        return integer(digits, *type);
    }

    Result<Value> floating(std::string_view digits) {
        double value = 0;
        const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
        if (error != std::errc() || end != digits.data() + digits.size()) return bad_number(digits);
        return Value{"d", value};
    }

    Result<Value> integer(std::string_view digits, const NumberType& type) {
        auto magnitude_of = digits;
        const bool negative = magnitude_of.starts_with('-');
        if (negative || magnitude_of.starts_with('+')) magnitude_of.remove_prefix(1);
        const bool hexadecimal = magnitude_of.starts_with("0x") || magnitude_of.starts_with("0X");
        if (hexadecimal) magnitude_of.remove_prefix(2);
        std::uint64_t magnitude = 0;
        const auto* last = magnitude_of.data() + magnitude_of.size();
        const auto [end, error] = std::from_chars(magnitude_of.data(), last, magnitude, hexadecimal ? 16 : 10);
        const auto most = negative ? std::uint64_t{0} - static_cast<std::uint64_t>(type.least) : type.most;
        if (error != std::errc() || end != last || magnitude > most) return bad_number(digits);
        Value value{std::string(1, type.code), magnitude};
        if (type.least < 0) value.content = static_cast<std::int64_t>(negative ? 0 - magnitude : magnitude);
        return value;
    }

    Result<Value> string(const std::optional<std::string>& wanted) {
        const char quote = rest_.front();
        rest_.remove_prefix(1);
        std::string content;
        while (!rest_.empty() && rest_.front() != quote) {
            if (rest_.front() == '\\')
                content += TRY(escaped());
            else
                content += rest_.front();
            rest_.remove_prefix(1);
        }
        if (rest_.empty()) return unexpected("the closing quotation mark");
        rest_.remove_prefix(1);
        const bool named = wanted == "o" || wanted == "g";
        return Value{named ? *wanted : "s", std::move(content)};
    }

    Result<char> escaped() {
        rest_.remove_prefix(1);
        constexpr std::string_view kLetters = "abfnrtv";
        constexpr std::string_view kMeanings = "\a\b\f\n\r\t\v";
        if (rest_.empty()) return unexpected("a character after \\");
        const auto at = kLetters.find(rest_.front());
        return at == std::string_view::npos ? rest_.front() : kMeanings[at];
    }

    Result<Value> array(const std::optional<std::string>& wanted) {
        if (wanted && !wanted->starts_with('a'))
            return fail(Code::InvalidConfig, text::cat("expected type ", *wanted, ", got an array"));
        std::optional<std::string> element;
        if (wanted) element = wanted->substr(1);
        auto elements = TRY(sequence(']', element));
        if (!element && elements.empty())
            return fail(Code::InvalidConfig, "an empty array needs its type before it: @as []");
        if (!element) element = elements.front().signature;
        return Value::array(*element, std::move(elements));
    }

    Result<Value> tuple() {
        std::optional<std::string> each_its_own;
        return Value::structure(TRY(sequence(')', each_its_own)));
    }

    // Elements of an array have the type of the first; those of a tuple have each their own.
    Result<std::vector<Value>> sequence(char close, std::optional<std::string> element) {
        std::vector<Value> values;
        rest_.remove_prefix(1);
        for (skip_space(); !rest_.empty() && rest_.front() != close; skip_space()) {
            values.push_back(TRY(any(element)));
            if (close == ']') element = values.front().signature;
            skip_space();
            if (!rest_.empty() && rest_.front() == ',')
                rest_.remove_prefix(1);
            else if (!rest_.starts_with(close))
                return unexpected(std::string(1, close));
        }
        if (rest_.empty()) return unexpected(std::string(1, close));
        rest_.remove_prefix(1);
        return values;
    }

    void skip_space() { rest_.remove_prefix(std::min(rest_.find_first_not_of(" \t\n"), rest_.size())); }

    std::unexpected<Error> unexpected(std::string_view wanted) const {
        return fail(Code::InvalidConfig, text::cat("expected ", wanted, " at \"", text::printable(rest_), "\""));
    }
    static std::unexpected<Error> bad_number(std::string_view digits) {
        return fail(Code::InvalidConfig, text::cat("\"", digits, "\" is not a number of that type"));
    }

    static constexpr int kDeepest = 16;
    std::string_view rest_;
    int depth_ = 0;
};
}  // namespace

Result<Value> parse_gvariant(std::string_view text) {
    return Parser(text).whole();
}

}  // namespace arca::cgroup
