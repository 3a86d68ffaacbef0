// One reader for each object of config.json, grouped by subject. They check types and names; rules that concern more
// than one property are in validate*.cpp. Internal to spec.
#pragma once

#include "spec/cursor.hpp"
#include "spec/types.hpp"

namespace arca::spec {

// parse.cpp
void read(Cursor at, Config& out);
void read(Cursor at, Root& out);
void read(Cursor at, Mount& out);
void read(Cursor at, Hook& out);
void read(Cursor at, Hooks& out);
void read(Cursor at, IdMapping& out);

// parse_process.cpp
void read(Cursor at, ConsoleSize& out);
void read(Cursor at, User& out);
void read(Cursor at, Capabilities& out);
void read(Cursor at, Rlimit& out);
void read(Cursor at, Scheduler& out);
void read(Cursor at, IoPriority& out);
void read(Cursor at, ExecCpuAffinity& out);
void read(Cursor at, Process& out);

// parse_linux.cpp
void read(Cursor at, Namespace& out);
void read(Cursor at, Device& out);
void read(Cursor at, IntelRdt& out);
void read(Cursor at, MemoryPolicy& out);
void read(Cursor at, PersonalityDomain& out);
void read(Cursor at, TimeOffset& out);
void read(Cursor at, RootfsPropagation& out);
void read(Cursor at, Linux& out);

// parse_resources.cpp
void read(Cursor at, DeviceRule& out);
void read(Cursor at, MemoryResources& out);
void read(Cursor at, CpuResources& out);
void read(Cursor at, WeightDevice& out);
void read(Cursor at, ThrottleDevice& out);
void read(Cursor at, BlockIoResources& out);
void read(Cursor at, HugepageLimit& out);
void read(Cursor at, InterfacePriority& out);
void read(Cursor at, NetworkResources& out);
void read(Cursor at, RdmaLimit& out);
void read(Cursor at, Resources& out);

// parse_seccomp.cpp
void read(Cursor at, SeccompArgument& out);
void read(Cursor at, SeccompRule& out);
void read(Cursor at, Seccomp& out);

/// Strings of a closed set, kept as strings.
inline void read_names(Cursor at, std::span<const std::string_view> names, std::string_view what,
                       std::vector<std::string>& out) {
    if (at.kind() != Kind::Array) return at.expected("an array");
    for (auto element = at.first(); element; element = element->next())
        if (auto index = read_name(*element, names, what)) out.emplace_back(names[*index]);
}

}  // namespace arca::spec
