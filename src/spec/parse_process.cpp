#include <algorithm>

#include "spec/names.hpp"
#include "spec/readers.hpp"

namespace arca::spec {

namespace {
/// One of the five sets: upper case, each name once. config.md#linux-process: unknown ones are no error.
void read_capabilities(Cursor at, std::vector<std::string>& out) {
    std::vector<std::string> names;
    read(at, names);
    for (auto& name : names) {
        for (auto& c : name)
            if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
        if (std::find(out.begin(), out.end(), name) != out.end()) continue;
        if (std::find(kCapabilities.begin(), kCapabilities.end(), name) == kCapabilities.end())
            at.note(unknown_name(name, kCapabilities, "capability"));
        out.push_back(std::move(name));
    }
}

void get_capabilities(Object& object, std::string_view set, std::vector<std::string>& out) {
    if (auto member = object.find(set)) read_capabilities(*member, out);
}
}  // namespace

void read(Cursor at, ConsoleSize& out) {
    Object object(at);
    object.require("height", out.height);
    object.require("width", out.width);
}

void read(Cursor at, User& out) {
    Object object(at);
    object.get("uid", out.uid);
    object.get("gid", out.gid);
    object.get("umask", out.umask);
    object.get("additionalGids", out.additional_gids);
    object.ignore("username");
}

void read(Cursor at, Capabilities& out) {
    Object object(at);
    get_capabilities(object, "bounding", out.bounding);
    get_capabilities(object, "effective", out.effective);
    get_capabilities(object, "inheritable", out.inheritable);
    get_capabilities(object, "permitted", out.permitted);
    get_capabilities(object, "ambient", out.ambient);
}

void read(Cursor at, Rlimit& out) {
    Object object(at);
    if (auto type = object.demand("type"))
        if (auto index = read_name(*type, kRlimits, "rlimit type")) out.type = kRlimits[*index];
    object.require("soft", out.soft);
    object.require("hard", out.hard);
}

void read(Cursor at, Scheduler& out) {
    Object object(at);
    if (auto policy = object.demand("policy"))
        if (auto index = read_name(*policy, kSchedulerPolicies, "scheduler policy"))
            out.policy = kSchedulerPolicies[*index];
    object.get("nice", out.nice);
    object.get("priority", out.priority);
    if (auto flags = object.find("flags")) read_names(*flags, kSchedulerFlags, "scheduler flag", out.flags);
    object.get("runtime", out.runtime_ns);
    object.get("deadline", out.deadline_ns);
    object.get("period", out.period_ns);
}

void read(Cursor at, IoPriority& out) {
    Object object(at);
    if (auto io_class = object.demand("class"))
        if (auto index = read_name(*io_class, kIoPriorityClasses, "class")) out.io_class = kIoPriorityClasses[*index];
    object.require("priority", out.priority);
}

void read(Cursor at, ExecCpuAffinity& out) {
    Object object(at);
    object.get("initial", out.initial);
    object.get("final", out.final);
}

void read(Cursor at, Process& out) {
    Object object(at);
    object.get("terminal", out.terminal);
    object.get("consoleSize", out.console_size);
    object.get("user", out.user);
    object.get("args", out.args);
    object.get("env", out.env);
    object.require("cwd", out.cwd);
    object.get("capabilities", out.capabilities);
    object.get("rlimits", out.rlimits);
    object.get("noNewPrivileges", out.no_new_privileges);
    object.get("apparmorProfile", out.apparmor_profile);
    object.get("oomScoreAdj", out.oom_score_adj);
    object.get("scheduler", out.scheduler);
    object.get("selinuxLabel", out.selinux_label);
    object.get("ioPriority", out.io_priority);
    object.get("execCPUAffinity", out.exec_cpu_affinity);
    object.ignore("commandLine");
}

}  // namespace arca::spec
