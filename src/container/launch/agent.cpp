#include "container/launch/agent.hpp"

#include "base/progress.hpp"
#include "base/text.hpp"
#include "container/oci_state.hpp"
#include "spec/state_json.hpp"
#include "sys/unix_socket.hpp"

namespace arca::container::launch {

namespace {
constexpr auto kPointer = "/linux/seccomp/listenerPath";
}

Result<Agent> Agent::connect(const Record& record) {
    Agent agent;
    if (record.seccomp_listener.empty()) return agent;
    progress::enter(Step::Seccomp);
    auto socket = sys::connect_unix(record.seccomp_listener);
    if (!socket) return fail(std::move(socket.error()).with("the agent of the seccomp filter").at(kPointer));
    agent.socket_ = std::move(*socket);
    return agent;
}

Result<> Agent::introduce(sys::FdRef listener, const Record& record, Status status, int pid) {
    if (!socket_) return fail(Code::Internal, "a filter notifies, but its container has no agent");
    spec::ContainerProcess process;
    process.oci_version = record.oci_version;
    process.pid = pid;
    process.metadata = record.seccomp_metadata;
    process.state = hook_state(record, status, record.pid);
    auto sent = sys::send_with_descriptor(socket_, spec::container_process_state(process), listener);
    socket_.reset();  // the end of the message
    if (!sent) return fail(std::move(sent.error()).with("the agent of the seccomp filter").at(kPointer));
    return {};
}

}  // namespace arca::container::launch
