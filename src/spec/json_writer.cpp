#include "spec/json_writer.hpp"

#include <algorithm>

namespace arca::spec {

namespace {
/// Length of the UTF-8 sequence that text begins with; 0 when it is none (RFC 3629).
std::size_t sequence_length(std::string_view text) {
    auto byte = [&](std::size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U; };
    auto lead = byte(0);
    if (lead < 0x80) return 1;
    std::size_t length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
    if (lead < 0xc2 || lead > 0xf4) return 0;
    for (std::size_t i = 1; i < length; ++i)
        if ((byte(i) & 0xc0) != 0x80) return 0;
    bool overlong = (lead == 0xe0 && byte(1) < 0xa0) || (lead == 0xf0 && byte(1) < 0x90);
    bool surrogate = lead == 0xed && byte(1) > 0x9f;
    bool too_high = lead == 0xf4 && byte(1) > 0x8f;
    return overlong || surrogate || too_high ? 0 : length;
}

bool is_plain(char c) {
    return static_cast<unsigned char>(c) >= 0x20 && static_cast<unsigned char>(c) < 0x80 && c != '"' && c != '\\';
}

/// Adds the first character, in whatever way it has to be written. Returns its length in bytes.
std::size_t append_character(std::string& out, std::string_view text) {
    const auto length = sequence_length(text);
    const auto c = text.front();
    if (length == 0) {
        out += "\xef\xbf\xbd";
    } else if (c == '"' || c == '\\') {
        (out += '\\') += c;
    } else if (c == '\n') {
        out += "\\n";
    } else if (c == '\t') {
        out += "\\t";
    } else if (static_cast<unsigned char>(c) < 0x20) {
        ((out += "\\u00") += "0123456789abcdef"[c >> 4]) += "0123456789abcdef"[c & 15];
    } else {
        out += text.substr(0, length);
    }
    return std::max<std::size_t>(length, 1);
}

/// A path need not be UTF-8 and JSON must be: bytes that are none become U+FFFD, as Go writes them.
void append_quoted(std::string& out, std::string_view text) {
    out += '"';
    while (!text.empty()) {
        const auto plain = std::ranges::find_if_not(text, is_plain);
        out.append(text.begin(), plain);
        text.remove_prefix(static_cast<std::size_t>(plain - text.begin()));
        if (!text.empty()) text.remove_prefix(append_character(out, text));
    }
    out += '"';
}
}  // namespace

void JsonWriter::break_line() {
    if (indent_.empty()) return;
    out_ += '\n';
    for (unsigned i = 0; i < depth_; ++i)
        out_ += indent_;
}

void JsonWriter::separate() {
    if (after_key_) {
        after_key_ = false;
        return;
    }
    if (!empty_) out_ += ',';
    if (depth_ > 0) break_line();
    empty_ = false;
}

void JsonWriter::key(std::string_view name) {
    separate();
    append_quoted(out_, name);
    out_ += indent_.empty() ? ":" : ": ";
    after_key_ = true;
}

void JsonWriter::value(std::string_view text) {
    separate();
    append_quoted(out_, text);
}

void JsonWriter::literal(std::string_view text) {
    separate();
    out_ += text;
}

void JsonWriter::begin(char bracket) {
    separate();
    out_ += bracket;
    ++depth_;
    empty_ = true;
}

void JsonWriter::end(char bracket) {
    --depth_;
    if (!empty_) break_line();
    out_ += bracket;
    empty_ = false;
}

}  // namespace arca::spec
