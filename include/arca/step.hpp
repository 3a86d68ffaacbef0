// The named steps of every operation. One list serves progress, errors, the trace and the kill-point tests, so that a
// step that exists is reported, traced and tested by existing. Order is the order in which a launch meets them.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace arca {

/// Which process of a launch is speaking.
enum class Role : std::uint8_t { Parent, Intermediate, Init };

enum class Step : std::uint16_t {
    None,
    // parent
    LoadConfig,
    Plan,
    Reserve,
    OpenResources,
    Cgroup,
    Devices,
    Fork,
    IdMaps,
    TimeOffsets,
    Limits,
    Seccomp,
    RuntimeHooks,
    AwaitReady,
    SaveState,
    PidFile,
    ConsoleHandover,
    Start,
    PoststartHooks,
    Wait,
    Kill,
    RemoveCgroup,
    RemoveState,
    PoststopHooks,
    // intermediate
    JoinNamespaces,
    NewNamespaces,
    ForkInit,
    Handover,
    // init
    AwaitAdoption,
    AwaitIdMaps,
    BecomeRoot,
    CgroupNamespace,
    Network,
    Rootfs,
    Mounts,
    DeviceNodes,
    AwaitHooks,
    CreateContainerHooks,
    Pivot,
    Console,
    MaskPaths,
    Sysctl,
    Hostname,
    ProcessAttributes,
    Keyring,
    Executable,
    Ready,
    AwaitStart,
    StartContainerHooks,
    Identity,
    Verify,
    LoadFilter,
    Exec,
};

/// Stable name of a step, as the trace, errors and arca-errors(7) print it.
std::string_view name(Step step);
std::string_view name(Role role);

/// Every step but None, for tables and generated tests.
constexpr std::uint16_t kStepCount = static_cast<std::uint16_t>(Step::Exec) + 1;

}  // namespace arca
