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
        char buffer[sizeof value];
        for (unsigned index = 0; index < width; ++index)
            buffer[index] = static_cast<char>(value >> (8 * index));
        bytes_.append(buffer, width);
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

/// Against accidents, not against enemies, who cannot write where it is used. Eight bytes a step; each step is a
/// bijection, so a change within one of them is always seen.
inline std::uint64_t checksum(std::string_view bytes) {
    constexpr std::uint64_t kMultiplier = 0x9e3779b97f4a7c15;
    std::uint64_t hash = bytes.size();
    while (!bytes.empty()) {
        std::uint64_t word = 0;
        bytes.remove_prefix(bytes.copy(reinterpret_cast<char*>(&word), sizeof word));
        hash = (hash ^ word) * kMultiplier;
        hash ^= hash >> 32U;
    }
    return hash;
}

}  // namespace arca::seccomp
