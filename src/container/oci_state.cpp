#include "container/oci_state.hpp"

#include "spec/state_json.hpp"

namespace arca::container {

std::string hook_state(const Record& record, Status status, int pid) {
    spec::StateFields fields;
    fields.oci_version = record.oci_version;
    fields.id = record.id;
    fields.status = name(status);
    fields.pid = pid;
    fields.bundle = record.bundle;
    fields.annotations = record.annotations;
    return spec::state_json(fields, spec::StateForm::Hook);
}

}  // namespace arca::container
