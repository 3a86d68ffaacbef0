// The config.json that `arca spec` writes: one that runs sh in a rootfs beside it, to be edited.
#pragma once

#include <cstdint>
#include <string>

namespace arca::spec {

enum class TemplateKind : std::uint8_t { Privileged, Rootless };

/// Who the container's root is on the host, for the one mapping of the rootless form.
struct HostIds {
    std::uint32_t uid = 0;
    std::uint32_t gid = 0;
};

/// Indented by tabs, keys in the order in which Go programs write them, with a final newline.
std::string config_template(TemplateKind kind, HostIds ids = {});

}  // namespace arca::spec
