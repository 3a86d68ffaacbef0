#include "cgroup/systemd_scope.hpp"

#include <algorithm>
#include <csignal>

#include "base/text.hpp"
#include "cgroup/systemd_bus.hpp"
#include "host/facts.hpp"
#include "sys/syscalls.hpp"

namespace arca::cgroup {

namespace {
// As long as systemd itself lets a unit take, but for D-Bus activation: a machine that is this slow is broken.
constexpr int kTimeoutMs = 30'000;

Value as_argument(const std::vector<Property>& properties) {
    std::vector<Value> pairs;
    for (const auto& property : properties)
        pairs.push_back(Value::structure({Value::string(property.name), Value::variant(property.value)}));
    return Value::array("(sv)", std::move(pairs));
}

MethodCall start_call(const ScopePlan& plan, pid_t pid) {
    auto properties = plan.properties;
    properties.push_back({"PIDs", Value::array("u", {Value::uint32(static_cast<std::uint32_t>(pid))})});
    return {"StartTransientUnit",
            {Value::string(plan.unit), Value::string("fail"), as_argument(properties), Value::array("(sa(sv))", {})}};
}

std::string frame(const std::string& unit) {
    return text::cat("systemd unit ", unit);
}

Error refusal(const MethodCall& call, const Reply& reply) {
    const auto code = reply.says(".UnitExists") ? Code::WrongState : Code::System;
    return Error(code, text::cat("systemd refuses ", call.method, ": ", text::printable(reply.text), " (",
                                 reply.error_name, ")"));
}

// Which property is meant is not always said: "Invalid argument" may be any of them.
Error refusal(const MethodCall& call, const Reply& reply, const std::vector<Property>& sent) {
    auto error = refusal(call, reply);
    std::vector<std::string> names;
    for (const auto& property : sent)
        names.push_back(property.name);
    const bool is_said = std::ranges::any_of(names, [&](const auto& name) { return reply.text.contains(name); });
    if (is_said || names.empty() || error.code() == Code::WrongState) return error;
    return std::move(error).hinting(text::cat("the properties sent: ", text::join(names, ", ")));
}

Result<> check_job(const Reply& reply) {
    if (reply.text == "done") return {};
    return fail(Code::System, text::cat("systemd could not make it: the job ended as \"", reply.text, "\""));
}

// A unit of that name that has failed is in the way until it is forgotten: systemd collects it a moment later, or never
// when its CollectMode was changed.
Result<> start(const ScopePlan& plan, pid_t pid) {
    const Deadline deadline(kTimeoutMs);
    auto bus = TRY(SystemdBus::connect(plan.bus, deadline));
    const auto call = start_call(plan, pid);
    auto reply = TRY(bus.run_job(call, deadline));
    if (reply.says(".UnitExists")) {
        (void)TRY(bus.call({"ResetFailedUnit", {Value::string(plan.unit)}}, deadline));
        reply = TRY(bus.run_job(call, deadline));
    }
    if (!reply.ok()) return fail(refusal(call, reply, plan.properties));
    return check_job(reply);
}
}  // namespace

Result<> start_scope(const ScopePlan& plan, pid_t pid) {
    auto started = start(plan, pid);
    if (started) return {};
    auto error = std::move(started.error()).with(frame(plan.unit));
    // The job may yet come to its end after we have given up. Another's unit is left alone.
    if (error.code() == Code::Timeout) (void)stop_scope(plan.bus, plan.unit, Inhabitants::Kill);
    return fail(std::move(error));
}

Result<> set_properties(const std::string& bus, const std::string& unit, const std::vector<Property>& properties) {
    if (properties.empty()) return {};
    const Deadline deadline(kTimeoutMs);
    auto connection = TRY_CTX(SystemdBus::connect(bus, deadline), frame(unit));
    const MethodCall call{"SetUnitProperties", {Value::string(unit), Value::boolean(true), as_argument(properties)}};
    const auto reply = TRY_CTX(connection.call(call, deadline), frame(unit));
    if (!reply.ok()) return fail(refusal(call, reply, properties).with(frame(unit)));
    return {};
}

Result<> stop_scope(const std::string& bus, const std::string& unit, Inhabitants inhabitants) {
    const Deadline deadline(kTimeoutMs);
    auto connection = TRY_CTX(SystemdBus::connect(bus, deadline), frame(unit));
    if (inhabitants == Inhabitants::Kill)
        TRY(connection.tell({"KillUnit", {Value::string(unit), Value::string("all"), {"i", std::int64_t{SIGKILL}}}},
                            deadline));
    const MethodCall call{"StopUnit", {Value::string(unit), Value::string("replace")}};
    const auto reply = TRY_CTX(connection.run_job(call, deadline), frame(unit));
    if (reply.says(".NoSuchUnit")) return {};
    if (!reply.ok()) return fail(refusal(call, reply).with(frame(unit)));
    // With a CollectMode of the user's own a scope that has failed would stay.
    return connection.tell({"ResetFailedUnit", {Value::string(unit)}}, deadline);
}

Result<std::string> cgroup_of(pid_t pid) {
    auto path = host::cgroup2_path(TRY(sys::read_file(text::cat("/proc/", pid, "/cgroup"))));
    if (path.empty()) return fail(Code::Unsupported, "systemd does not use cgroup v2 on this host");
    return path;
}

}  // namespace arca::cgroup
