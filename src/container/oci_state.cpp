#include "container/oci_state.hpp"

#include <nlohmann/json.hpp>

namespace arca::container {

std::string hook_state(const Record& record, Status status, int pid) {
    nlohmann::ordered_json state = {
        {"ociVersion", record.oci_version},
        {"id", record.id},
        {"status", name(status)},
    };
    if (pid != 0) state["pid"] = pid;
    state["bundle"] = record.bundle;
    if (!record.annotations.empty()) state["annotations"] = record.annotations;
    return state.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

}  // namespace arca::container
