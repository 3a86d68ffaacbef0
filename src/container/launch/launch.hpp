// The launch of a container, as three storylines that read side by side, in the order of arca/step.hpp:
//
//   parent.cpp        arca create or run: owns what a container may not (maps, cgroup, hooks, state)
//   intermediate.cpp  only when init must be born inside something else (a joined pid namespace, a time namespace)
//   init.cpp          becomes the container's process
//
// What they say to each other is in protocol.hpp. Nothing is decided here: the plan has been made before.
#pragma once

#include <optional>
#include <vector>

#include "base/result.hpp"
#include "cgroup/cgroup.hpp"
#include "container/launch/agent.hpp"
#include "container/plan.hpp"
#include "container/record.hpp"
#include "container/store.hpp"
#include "mounts/execute.hpp"
#include "sys/channel.hpp"
#include "sys/fd.hpp"
#include "sys/process.hpp"

namespace arca::container::launch {

/// Who opens the start gate: another command, by the socket in the state directory, or the launching one itself.
enum class Gate : std::uint8_t { Socket, Channel };

/// Name of the gate's socket and of the compiled filter in the state directory.
inline constexpr auto kGateName = "start.sock";
inline constexpr auto kFilterName = "seccomp.bpf";
inline constexpr auto kConfigName = "config.json";

/// What only the parent can open, inherited by the others.
struct Resources {
    mounts::Sources sources;
    std::vector<sys::Fd> namespaces;  ///< one per plan.namespaces.joined
    cgroup::Entrance cgroup;          ///< the way into the container's cgroup
    sys::Fd console_socket;           ///< of the engine; none: the controller comes to the parent
    sys::Fd gate;                     ///< listening; none with Gate::Channel
    sys::Fd filter;  ///< the parent writes the program here while init mounts; init reads it after start
};

struct Request {
    const LaunchPlan& plan;
    Store& store;
    Record& record;  ///< filled with pid and start time; written as `created`
    Gate gate = Gate::Socket;
    std::string console_socket;
    std::string pidfd_socket;
    std::string pid_file;
    const std::vector<std::string>& environment;  ///< of the caller, to find newuidmap
    sys::FdRef filter_cache;                      ///< compiled seccomp programs of earlier containers; may be invalid
    log::Sink* log = nullptr;
};

struct Launched {
    sys::Child init;
    sys::Channel channel;  ///< to init; with Gate::Channel it opens the gate
    cgroup::Cgroup cgroup;
    sys::Fd controller;  ///< of the terminal, when the parent shall proxy it
};

/// Zone A. Makes the container up to `created`. When that fails, nothing is left, not even the state directory; but for
/// what could not be taken back, and then the state says where it is.
Result<Launched> launch(Request& request);

/// Says Go to a created container's init and waits for the outcome, as await_execution.
Result<> start_through(const sys::Channel& starter, const Record& record);

/// A process of a container that is about to load its filter and to execute its program.
struct Starting {
    const Record& record;
    Status status;  ///< of the container, as an agent is told
    int pid;
    Agent& agent;
};
/// Success when the process says Executing and then ends the connection by executing; its error when it says Failed.
/// In between the listener of its filter goes to the agent.
Result<> await_execution(const sys::Channel& starter, const Starting& process);

/// The receivers of --pidfd-socket and of crun's run.oci.pidfd_receiver: connected to before there is a process, so
/// that one that is missing is told in time.
Result<sys::Fd> connect_pidfd_receiver(const std::string& path);
/// `how` the process came about: "standard", or "setns" for exec.
Result<> send_pidfd(sys::FdRef receiver, const sys::Pidfd& process, std::string_view how);

/// Decimal, without a newline, replaced atomically: callers read it as soon as it is there.
Result<> write_pid_file_at(const std::string& path, pid_t pid);

// ---- for the storylines
// ----------------------------------------------------------------------------------------------

/// Everything that the forked processes of a launch use.
struct ChildContext {
    const LaunchPlan& plan;
    const Record& record;  ///< for the state that hooks get
    Resources& resources;
    sys::Channel channel;
    volatile Step* progress;  ///< shared with the parent
};
[[noreturn]] void intermediate_main(ChildContext context) noexcept;
/// Where a new init comes from decides who has joined namespaces and waited for maps already.
enum class BornOf : std::uint8_t { Parent, Intermediate };
[[noreturn]] void init_main(ChildContext context, BornOf born_of) noexcept;

/// Closes what a child of the launch does not need.
Result<> close_inherited(const ChildContext& context);

}  // namespace arca::container::launch
