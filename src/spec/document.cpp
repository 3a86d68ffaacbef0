#include "spec/document.hpp"

#include <algorithm>
#include <cstring>
#include <iterator>
#include <nlohmann/json.hpp>

#include "base/text.hpp"
#include "spec/report.hpp"

namespace arca::spec {

namespace {
/// Larger files are refused: offsets are 32 bits wide, and no config.json comes near.
constexpr std::size_t kMaxBytes = 64U << 20;

/// Walks over the text and keeps a shared position up to date, because the library tells no positions for values.
class TellingIterator {
  public:
    using iterator_category = std::forward_iterator_tag;
    using value_type = char;
    using difference_type = std::ptrdiff_t;
    using pointer = const char*;
    using reference = const char&;

    TellingIterator() = default;
    TellingIterator(const char* at, const char** shared) : at_(at), shared_(shared) {}
    reference operator*() const { return *at_; }
    TellingIterator& operator++() {
        *shared_ = ++at_;
        return *this;
    }
    TellingIterator operator++(int) {
        auto before = *this;
        ++*this;
        return before;
    }
    bool operator==(const TellingIterator& other) const { return at_ == other.at_; }

  private:
    const char* at_ = nullptr;
    const char** shared_ = nullptr;
};

unsigned line_in(std::string_view text, std::size_t offset) {
    auto before = text.substr(0, offset);
    return 1 + static_cast<unsigned>(std::count(before.begin(), before.end(), '\n'));
}

/// "[json.exception.parse_error.101] parse error at line 1, column 2: what" -> "what"
std::string_view cause(std::string_view what) {
    auto place = what.find("column ");
    auto start = place == std::string_view::npos ? what.find("] ") : what.find(": ", place);
    return start == std::string_view::npos ? what : what.substr(start + 2);
}

Problem not_json(std::string_view json, std::size_t offset, std::string_view what) {
    auto bad = std::min(offset == 0 ? 0 : offset - 1, json.size());
    auto newline = json.substr(0, bad).rfind('\n');
    auto column = newline == std::string_view::npos ? bad + 1 : bad - newline;
    return Problem{"", line_in(json, bad),
                   text::cat("not JSON at column ", column, ": ", text::printable(cause(what)))};
}
}  // namespace

/// Receives the library's events and appends nodes.
class TreeBuilder {
  public:
    TreeBuilder(Document& document, const char* const& position)
        : document_(document), position_(position), string_end_(document.strings_.get()) {
        document_.nodes_.reserve(document.json_.size() / 16 + 8);
    }

    bool null() { return add(Kind::Null, 0); }
    bool boolean(bool value) { return add(Kind::Boolean, value ? 1 : 0); }
    bool number_integer(std::int64_t value) { return add_number(Kind::Integer, static_cast<std::uint64_t>(value)); }
    bool number_unsigned(std::uint64_t value) { return add_number(Kind::Unsigned, value); }
    bool number_float(double, const std::string& digits) {
        add_number(Kind::Real, 0);
        document_.nodes_.back().text = keep(digits);
        return true;
    }
    bool string(const std::string& value) {
        add(Kind::String, 0);
        document_.nodes_.back().text = keep(value);
        return true;
    }
    template<class Binary>
    bool binary(const Binary&) {
        return false;  // has no form in JSON text
    }
    bool key(const std::string& value) {
        key_ = keep(value);
        key_offset_ = offset();
        return true;
    }
    bool start_object(std::size_t) { return open(Kind::Object); }
    bool start_array(std::size_t) { return open(Kind::Array); }
    bool end_object() { return close(); }
    bool end_array() { return close(); }
    bool parse_error(std::size_t at, const std::string&, const std::exception& error) {
        problem = not_json(document_.json_, at, error.what());
        return false;
    }

    Problem problem;

  private:
    struct Open {
        std::uint32_t index;
        std::uint32_t last_child;
    };

    std::uint32_t offset() const { return static_cast<std::uint32_t>(position_ - document_.json_.data()); }

    std::string_view keep(const std::string& value) {
        std::memcpy(string_end_, value.data(), value.size());
        std::string_view kept(string_end_, value.size());
        string_end_ += value.size();
        return kept;
    }

    bool add(Kind kind, std::uint64_t number) {
        auto index = static_cast<std::uint32_t>(document_.nodes_.size());
        auto& node = document_.nodes_.emplace_back();
        node.kind = kind;
        node.number = number;
        node.offset = offset();
        if (open_.empty()) return true;
        auto& above = open_.back();
        node.parent = above.index;
        if (document_.nodes_[above.index].kind == Kind::Object) {
            node.key = key_;
            node.offset = key_offset_;
        }
        (above.last_child == 0 ? document_.nodes_[above.index].first_child : document_.nodes_[above.last_child].next) =
            index;
        above.last_child = index;
        return true;
    }

    /// The lexer knows that a number has ended only when it has read one character more, which may be a newline.
    bool add_number(Kind kind, std::uint64_t number) {
        add(kind, number);
        auto& node = document_.nodes_.back();
        if (node.key.data() == nullptr && node.offset > 0) --node.offset;
        return true;
    }

    bool open(Kind kind) {
        auto index = static_cast<std::uint32_t>(document_.nodes_.size());
        add(kind, 0);
        open_.push_back({index, 0});
        return true;
    }

    bool close() {
        open_.pop_back();
        return true;
    }

    Document& document_;
    const char* const& position_;
    char* string_end_;
    std::vector<Open> open_;
    std::string_view key_;
    std::uint32_t key_offset_ = 0;
};

std::expected<Document, Problem> Document::parse(std::string_view json) {
    if (json.size() > kMaxBytes) return std::unexpected(Problem{"", 0, "the file is larger than 64 MiB"});
    if (text::trim(json).empty()) return std::unexpected(Problem{"", 0, "the file is empty"});
    Document document(json);
    const char* position = json.data();
    TreeBuilder builder(document, position);
    TellingIterator first(json.data(), &position);
    TellingIterator last(json.data() + json.size(), &position);
    if (!nlohmann::json::sax_parse(first, last, &builder)) return std::unexpected(builder.problem);
    return document;
}

std::string Document::pointer_to(std::uint32_t index) const {
    if (index == 0) return "";
    const auto& node = nodes_[index];
    auto base = pointer_to(node.parent);
    if (nodes_[node.parent].kind == Kind::Object) return pointer_join(base, node.key);
    std::size_t position = 0;
    for (auto child = nodes_[node.parent].first_child; child != index; child = nodes_[child].next)
        ++position;
    return pointer_join(base, position);
}

std::uint32_t Document::child(std::uint32_t index, std::string_view segment) const {
    auto position = text::to_uint(segment).value_or(~0ULL);
    std::uint32_t found = 0;
    std::uint64_t count = 0;
    for (auto child = nodes_[index].first_child; child != 0; child = nodes_[child].next, ++count) {
        if (nodes_[index].kind == Kind::Array) {
            if (count == position) return child;
        } else if (pointer_join("", nodes_[child].key).substr(1) == segment) {
            found = child;  // of duplicate keys the last one counts
        }
    }
    return found;
}

std::size_t Document::offset_of(std::string_view pointer) const {
    std::uint32_t index = 0;
    if (!pointer.empty()) {
        for (auto segment : text::split(pointer.substr(1), '/')) {
            auto below = child(index, segment);
            if (below == 0) break;
            index = below;
        }
    }
    return nodes_[index].offset;
}

unsigned Document::line_at(std::size_t offset) const {
    return line_in(json_, offset);
}

}  // namespace arca::spec
