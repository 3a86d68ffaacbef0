#include "base/progress.hpp"

#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <ctime>

#include "base/text.hpp"

namespace arca {

namespace {
struct State {
    Step step = Step::None;
    Role role = Role::Parent;
    volatile Step* shared = nullptr;
    int trace = -1;
    std::uint64_t began_ns = 0;
    bool has_begun = false;
    std::string operation;
    std::string trace_parent;
};

State& state() {
    static State the_state;
    return the_state;
}

std::uint64_t read_ns(clockid_t clock) {
    timespec now{};
    clock_gettime(clock, &now);
    return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000U + static_cast<std::uint64_t>(now.tv_nsec);
}

std::uint64_t now_ns() {
    return read_ns(CLOCK_MONOTONIC);
}

/// What is before the first step and after the last one has a name in the trace only.
std::string_view label(const State& s) {
    if (s.step != Step::None) return name(s.step);
    return s.has_begun ? "End" : "Begin";
}

void write_trace_line(const State& s, std::uint64_t now) {
    auto line =
        text::cat(R"({"role":")", name(s.role), R"(","step":")", label(s), R"(","operation":")", s.operation,
                  R"(","start_ns":)", s.began_ns, R"(,"duration_ns":)", now - s.began_ns, R"(,"pid":)", getpid());
    if (!s.trace_parent.empty()) line += text::cat(R"(,"traceparent":")", s.trace_parent, "\"");
    line += "}\n";
    // A trace that cannot be written must not change what is traced.
    [[maybe_unused]] auto written = write(s.trace, line.data(), line.size());
}

#ifdef ARCA_TESTING
bool is_asked_for(const State& s, const char* variable) {
    const char* wanted = std::getenv(variable);
    return wanted != nullptr && wanted == text::cat(name(s.role), ":", label(s));
}

// ARCA_TEST_DIE_AT=role:Step kills this process as a crash would, at the beginning of that step.
void die_if_asked(const State& s) {
    if (!is_asked_for(s, "ARCA_TEST_DIE_AT")) return;
    kill(getpid(), SIGKILL);
    _exit(128 + SIGKILL);  // the first process of a pid namespace cannot kill itself (pid_namespaces(7))
}

// ARCA_TEST_LINGER_AT=role:Step lets the other processes of the launch run ahead of this one.
void linger_if_asked(const State& s) {
    constexpr timespec kLong{0, 300'000'000};
    if (is_asked_for(s, "ARCA_TEST_LINGER_AT")) nanosleep(&kLong, nullptr);  // forbidden elsewhere
}
#endif
/// Processes that a launch makes execute something else, or leave by _exit.
void end_trace() {
    const State& s = state();
    if (s.role == Role::Parent) write_trace_line(s, now_ns());
}
}  // namespace

void progress::enter(Step step) {
    State& s = state();
    if (s.trace >= 0) {
        auto now = now_ns();
        if (s.step != Step::None || !s.has_begun) write_trace_line(s, now);
        s.began_ns = now;
    }
    s.has_begun = true;
    s.step = step;
    if (s.shared != nullptr) *s.shared = step;
#ifdef ARCA_TESTING
    die_if_asked(s);
    linger_if_asked(s);
#endif
}

Step progress::current() {
    return state().step;
}
Role progress::role() {
    return state().role;
}
int progress::trace_descriptor() {
    return state().trace;
}
void progress::finish() {
    enter(Step::None);
}

void progress::assume_role(Role role, volatile Step* shared) {
    State& s = state();
    s.role = role;
    s.shared = shared;
    s.step = Step::None;
    s.has_begun = true;
}

void progress::trace_to(int descriptor, std::string_view operation, std::string_view trace_parent) {
    State& s = state();
    s.trace = descriptor;
    s.operation = operation;
    s.trace_parent = trace_parent;
    // The process has computed since its birth, and waited for nothing.
    s.began_ns = now_ns() - read_ns(CLOCK_PROCESS_CPUTIME_ID);
    s.has_begun = false;
    std::atexit(end_trace);
#ifdef ARCA_TESTING
    die_if_asked(s);
#endif
}

std::string_view name(Role role) {
    switch (role) {
        case Role::Parent:
            return "parent";
        case Role::Intermediate:
            return "intermediate";
        case Role::Init:
            return "init";
    }
    return "?";
}

std::string_view name(Step step) {
    static constexpr std::array<std::string_view, kStepCount> kNames = {
        "None",
        "LoadConfig",
        "Plan",
        "Reserve",
        "OpenResources",
        "Cgroup",
        "Devices",
        "Fork",
        "IdMaps",
        "TimeOffsets",
        "Limits",
        "Seccomp",
        "RuntimeHooks",
        "AwaitReady",
        "SaveState",
        "PidFile",
        "ConsoleHandover",
        "Start",
        "PoststartHooks",
        "Wait",
        "Kill",
        "RemoveCgroup",
        "RemoveState",
        "PoststopHooks",
        "JoinNamespaces",
        "NewNamespaces",
        "ForkInit",
        "Handover",
        "AwaitAdoption",
        "AwaitIdMaps",
        "BecomeRoot",
        "CgroupNamespace",
        "Network",
        "Rootfs",
        "Mounts",
        "DeviceNodes",
        "AwaitHooks",
        "CreateContainerHooks",
        "Pivot",
        "Console",
        "MaskPaths",
        "Sysctl",
        "Hostname",
        "ProcessAttributes",
        "Keyring",
        "Executable",
        "Ready",
        "AwaitStart",
        "StartContainerHooks",
        "Identity",
        "Verify",
        "LoadFilter",
        "Exec",
    };
    return kNames[static_cast<std::uint16_t>(step)];
}

}  // namespace arca
