// Bytes in and out: little-endian integers of fixed width, strings and lists with their length before them. What is
// written can be read in one way only, which is what a cache key needs.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace arca::seccomp {

class Writer {
  public:
    void u8(std::uint8_t value) { integer(value, 1); }
    void u32(std::uint32_t value) { integer(value, 4); }
    void u64(std::uint64_t value) { integer(value, 8); }
    void string(std::string_view value) {
        u64(value.size());
        bytes_.append(value);
    }
    void raw(std::string_view value) { bytes_.append(value); }
    const std::string& bytes() const { return bytes_; }
    std::string take() { return std::move(bytes_); }

  private:
    void integer(std::uint64_t value, unsigned width) {
        for (unsigned index = 0; index < width; ++index)
            bytes_.push_back(static_cast<char>(value >> (8 * index)));
    }
    std::string bytes_;
};

/// Nothing once the bytes do not suffice.
class Reader {
  public:
    explicit Reader(std::string_view bytes) : rest_(bytes) {}
    std::optional<std::uint32_t> u32() {
        const auto value = integer(4);
        return value ? std::optional(static_cast<std::uint32_t>(*value)) : std::nullopt;
    }
    std::optional<std::uint64_t> u64() { return integer(8); }
    std::optional<std::string_view> string() {
        const auto size = u64();
        return size ? raw(*size) : std::nullopt;
    }
    std::optional<std::string_view> raw(std::uint64_t size) {
        if (size > rest_.size()) return std::nullopt;
        const auto value = rest_.substr(0, size);
        rest_.remove_prefix(size);
        return value;
    }
    std::string_view rest() const { return rest_; }

  private:
    std::optional<std::uint64_t> integer(unsigned width) {
        const auto bytes = raw(width);
        if (!bytes) return std::nullopt;
        std::uint64_t value = 0;
        for (unsigned index = 0; index < width; ++index)
            value |= std::uint64_t{static_cast<unsigned char>((*bytes)[index])} << (8 * index);
        return value;
    }
    std::string_view rest_;
};

/// FNV-1a: against accidents, not against enemies, who cannot write where it is used.
inline std::uint64_t checksum(std::string_view bytes) {
    std::uint64_t hash = 0xcbf29ce484222325;
    for (const char byte : bytes)
        hash = (hash ^ static_cast<unsigned char>(byte)) * 0x100000001b3;
    return hash;
}

}  // namespace arca::seccomp
