#include <fcntl.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>

#include "probe.hpp"

namespace probe {

std::string quote(const std::string& text) {
    std::string out = "\"";
    for (unsigned char c : text) {
        char escaped[8];
        if (c == '"' || c == '\\') {
            out += '\\';
            out += static_cast<char>(c);
        } else if (c < 0x20 || c >= 0x7f) {
            snprintf(escaped, sizeof(escaped), "\\u%04x", c);
            out += escaped;
        } else {
            out += static_cast<char>(c);
        }
    }
    return out + "\"";
}

void Object::key(const char* name) {
    if (!body_.empty()) body_ += ",";
    body_ += quote(name) + ":";
}

Object& Object::raw(const char* name, const std::string& json) {
    key(name);
    body_ += json;
    return *this;
}

Object& Object::text(const char* name, const std::string& value) {
    return raw(name, quote(value));
}
Object& Object::number(const char* name, long long value) {
    return raw(name, std::to_string(value));
}
Object& Object::boolean(const char* name, bool value) {
    return raw(name, value ? "true" : "false");
}

Object& Object::texts(const char* name, const Words& values) {
    std::string list;
    for (const auto& value : values)
        list += (list.empty() ? "" : ",") + quote(value);
    return raw(name, "[" + list + "]");
}

Object& Object::numbers(const char* name, const std::vector<long long>& values) {
    std::string list;
    for (auto value : values)
        list += (list.empty() ? "" : ",") + std::to_string(value);
    return raw(name, "[" + list + "]");
}

Object& Object::error(int errnum) {
    const char* name = errnum == 0 ? "" : strerrorname_np(errnum);
    return text("error", name != nullptr ? name : std::to_string(errnum));
}

void print(const Object& object) {
    std::string line = object.str() + "\n";
    for (std::size_t at = 0; at < line.size();) {
        ssize_t n = write(1, line.data() + at, line.size() - at);
        if (n <= 0) return;
        at += static_cast<std::size_t>(n);
    }
}

std::string slurp(const std::string& path, int& errnum) {
    std::string content;
    errnum = 0;
    int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        errnum = errno;
        return content;
    }
    char buffer[4096];
    ssize_t n;
    while ((n = read(fd, buffer, sizeof(buffer))) > 0)
        content.append(buffer, static_cast<std::size_t>(n));
    if (n < 0) errnum = errno;
    close(fd);
    return content;
}

std::string word(const Words& words, std::size_t index, const std::string& fallback) {
    return index < words.size() ? words[index] : fallback;
}

}  // namespace probe
