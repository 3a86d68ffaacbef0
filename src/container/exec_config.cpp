#include "container/exec_config.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include "container/destroy.hpp"
#include "spec/json_writer.hpp"
#include "spec/names.hpp"
#include "spec/parse.hpp"

namespace arca::container {

namespace {
constexpr auto kFileName = "exec.json";
/// Beginnings of those that change what arca does.
constexpr std::array kAnnotations = {std::string_view("run.arca."), std::string_view("run.oci.")};

using Json = spec::JsonWriter;

template<class Members>
void object(Json& json, std::string_view key, Members write) {
    json.key(key);
    json.begin_object();
    write();
    json.end_object();
}

template<class Value>
void if_set(Json& json, std::string_view key, const std::optional<Value>& value) {
    if (value) json.member(key, *value);
}

void if_set(Json& json, std::string_view key, const std::string& value) {
    if (!value.empty()) json.member(key, value);
}

void write(Json& json, const spec::User& user) {
    object(json, "user", [&] {
        json.member("uid", user.uid);
        json.member("gid", user.gid);
        if_set(json, "umask", user.umask);
        json.member("additionalGids", user.additional_gids);
    });
}

void write(Json& json, const spec::Capabilities& sets) {
    object(json, "capabilities", [&] {
        json.member("bounding", sets.bounding);
        json.member("effective", sets.effective);
        json.member("inheritable", sets.inheritable);
        json.member("permitted", sets.permitted);
        json.member("ambient", sets.ambient);
    });
}

void write(Json& json, const std::vector<spec::Rlimit>& rlimits) {
    json.key("rlimits");
    json.begin_array();
    for (const auto& rlimit : rlimits) {
        json.begin_object();
        json.member("type", rlimit.type);
        json.member("soft", rlimit.soft);
        json.member("hard", rlimit.hard);
        json.end_object();
    }
    json.end_array();
}

void write(Json& json, const spec::Scheduler& scheduler) {
    object(json, "scheduler", [&] {
        json.member("policy", scheduler.policy);
        json.member("nice", scheduler.nice);
        json.member("priority", scheduler.priority);
        json.member("flags", scheduler.flags);
        json.member("runtime", scheduler.runtime_ns);
        json.member("deadline", scheduler.deadline_ns);
        json.member("period", scheduler.period_ns);
    });
}

void write(Json& json, const spec::Process& process) {
    object(json, "process", [&] {
        json.member("terminal", process.terminal);
        if (process.console_size)
            object(json, "consoleSize", [&] {
                json.member("height", process.console_size->height);
                json.member("width", process.console_size->width);
            });
        write(json, process.user);
        json.member("args", process.args);
        json.member("env", process.env);
        json.member("cwd", process.cwd);
        if (process.capabilities) write(json, *process.capabilities);
        write(json, process.rlimits);
        json.member("noNewPrivileges", process.no_new_privileges);
        if_set(json, "apparmorProfile", process.apparmor_profile);
        if_set(json, "oomScoreAdj", process.oom_score_adj);
        if (process.scheduler) write(json, *process.scheduler);
        if_set(json, "selinuxLabel", process.selinux_label);
        if (process.io_priority)
            object(json, "ioPriority", [&] {
                json.member("class", process.io_priority->io_class);
                json.member("priority", process.io_priority->priority);
            });
        if (process.exec_cpu_affinity)
            object(json, "execCPUAffinity", [&] {
                if_set(json, "initial", process.exec_cpu_affinity->initial);
                if_set(json, "final", process.exec_cpu_affinity->final);
            });
    });
}

void write_linux(Json& json, const spec::Linux& settings) {
    object(json, "linux", [&] {
        if (settings.personality)
            object(json, "personality", [&] {
                json.member("domain", spec::kPersonalityDomains[std::to_underlying(*settings.personality)]);
            });
        if (settings.memory_policy)
            object(json, "memoryPolicy", [&] {
                json.member("mode", settings.memory_policy->mode);
                if_set(json, "nodes", settings.memory_policy->nodes);
                json.member("flags", settings.memory_policy->flags);
            });
    });
}
}  // namespace

std::string exec_config_json(const spec::Config& config) {
    Json json("");
    json.begin_object();
    json.member("ociVersion", config.oci_version);
    object(json, "root", [&] { json.member("path", config.root.path); });
    if (config.process) write(json, *config.process);
    write_linux(json, config.linux_);
    object(json, "annotations", [&] {
        for (const auto& [name, value] : config.annotations)
            if (std::ranges::any_of(kAnnotations, [&name](auto start) { return name.starts_with(start); }))
                json.member(name, value);
    });
    json.end_object();
    return json.take();
}

Result<> save_exec_config(const Store& store, const spec::Config& config) {
    return store.write_file(kFileName, exec_config_json(config));
}

Result<spec::Config> load_exec_config(const Store& store) {
    auto text = store.read_file(kFileName);
    if (!text && text.error().errnum() == ENOENT) return load_saved_config(store);
    std::vector<spec::Note> notes;
    return spec::load_config(kFileName, TRY(std::move(text)), notes);
}

}  // namespace arca::container
