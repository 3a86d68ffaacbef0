// The state object of the specification (runtime.md#state), as hooks read it and as `state` prints it.
#pragma once

#include <cstdint>
#include <map>
#include <string>

namespace arca::spec {

struct StateFields {
    std::string oci_version;
    std::string id;
    std::string status;  ///< "creating", "created", "running", "paused", "stopped"
    int pid = 0;         ///< 0: there is none
    std::string bundle;
    std::map<std::string, std::string> annotations;
    // Beyond the specification; written in StateForm::Full only.
    std::string rootfs;
    std::string created;
    std::string owner;
};

enum class StateForm : std::uint8_t {
    Hook,  ///< the fields of the specification, on one line; without a process there is no pid
    Full,  ///< all fields, indented by two spaces; without a process the pid is 0
};

/// Without a final newline.
std::string state_json(const StateFields& state, StateForm form);

/// What an agent gets with the listener of a filter (config-linux.md#the-container-process-state), on one line. `state`
/// as state_json wrote it.
struct ContainerProcess {
    std::string oci_version;
    int pid = 0;  ///< of the process that the filter binds
    std::string metadata;
    std::string state;
};
std::string container_process_state(const ContainerProcess& process);

}  // namespace arca::spec
