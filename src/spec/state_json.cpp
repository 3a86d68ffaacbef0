#include "spec/state_json.hpp"

#include "spec/json_writer.hpp"

namespace arca::spec {

std::string state_json(const StateFields& state, StateForm form) {
    const bool full = form == StateForm::Full;
    JsonWriter json(full ? "  " : "");
    json.begin_object();
    json.member("ociVersion", state.oci_version);
    json.member("id", state.id);
    if (full) {
        json.member("pid", state.pid);
        json.member("status", state.status);
    } else {
        json.member("status", state.status);
        if (state.pid != 0) json.member("pid", state.pid);
    }
    json.member("bundle", state.bundle);
    if (full) {
        json.member("rootfs", state.rootfs);
        json.member("created", state.created);
    }
    if (!state.annotations.empty()) json.member("annotations", state.annotations);
    if (full) json.member("owner", state.owner);
    json.end_object();
    return json.take();
}

std::string container_process_state(const ContainerProcess& process) {
    JsonWriter json("");
    json.begin_object();
    json.member("ociVersion", process.oci_version);
    json.member("fds", std::vector<std::string>{"seccompFd"});
    json.member("pid", process.pid);
    if (!process.metadata.empty()) json.member("metadata", process.metadata);
    json.key("state");
    json.raw(process.state);
    json.end_object();
    return json.take();
}

}  // namespace arca::spec
