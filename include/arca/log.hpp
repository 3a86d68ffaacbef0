// Where notes and warnings go. The library never prints; the caller hands it a sink.
#pragma once

#include <cstdint>
#include <string_view>

namespace arca::log {

enum class Level : std::uint8_t { Debug, Info, Warning, Error };

class Sink {
  public:
    virtual ~Sink() = default;
    virtual void write(Level level, std::string_view message) = 0;
};

}  // namespace arca::log
