// The config.json that arca writes itself: the one of `arca spec`, which runs sh in a rootfs beside it and is to be
// edited, and the one of `arca run --rootfs`, which is used as it is.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace arca::spec {

enum class TemplateKind : std::uint8_t { Privileged, Rootless };

/// Who the container's root is on the host, for the one mapping of the rootless form.
struct HostIds {
    std::uint32_t uid = 0;
    std::uint32_t gid = 0;
};

/// Indented by tabs, keys in the order in which Go programs write them, with a final newline.
std::string config_template(TemplateKind kind, HostIds ids = {});

enum class Terminal : std::uint8_t { Without, With };
enum class RootAccess : std::uint8_t { ReadOnly, Writable };

/// A program in a bare root file system.
struct TreeProgram {
    std::string rootfs;
    std::vector<std::string> args;
    std::vector<std::string> env;
    std::string cwd = "/";
    std::vector<std::string> capabilities;
    std::string hostname;
    Terminal terminal = Terminal::Without;
    RootAccess access = RootAccess::ReadOnly;
};

/// What a container that nobody wrote a configuration for may do: no capability that was not named, no gain of
/// privileges, a filter without the system calls that change the system, a network of its own, a root file system that
/// stays as it is, fresh /tmp and /run.
std::string tree_config(const TreeProgram& program, TemplateKind kind, HostIds ids);

}  // namespace arca::spec
