#include "spec/names.hpp"
#include "spec/readers.hpp"

namespace arca::spec {

namespace {
void require_action(Object& object, std::string_view name, SeccompAction& out) {
    if (auto action = object.demand(name))
        if (auto index = read_name(*action, kSeccompActions, "seccomp action")) out = SeccompAction(*index);
}
}  // namespace

void read(Cursor at, SeccompArgument& out) {
    Object object(at);
    object.require("index", out.index);
    object.require("value", out.value);
    object.get("valueTwo", out.value_two);
    if (auto op = object.demand("op"))
        if (auto index = read_name(*op, kSeccompOperators, "operator")) out.op = SeccompOperator(*index);
}

void read(Cursor at, SeccompRule& out) {
    Object object(at);
    object.require("names", out.names);
    require_action(object, "action", out.action);
    object.get("errnoRet", out.errno_ret);
    object.get("args", out.args);
}

void read(Cursor at, Seccomp& out) {
    Object object(at);
    require_action(object, "defaultAction", out.default_action);
    object.get("defaultErrnoRet", out.default_errno_ret);
    if (auto list = object.find("architectures"))
        read_names(*list, kSeccompArchitectures, "architecture", out.architectures);
    if (auto list = object.find("flags")) read_names(*list, kSeccompFlags, "filter flag", out.flags.emplace());
    object.get("listenerPath", out.listener_path);
    object.get("listenerMetadata", out.listener_metadata);
    object.get("syscalls", out.syscalls);
}

}  // namespace arca::spec
