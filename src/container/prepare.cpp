#include "container/prepare.hpp"

#include <unistd.h>

#include "base/progress.hpp"
#include "base/text.hpp"
#include "privileges/lsm.hpp"
#include "process/environment.hpp"
#include "spec/parse.hpp"
#include "sys/syscalls.hpp"

namespace arca::container {

namespace {
Caller caller_of(const Runtime& runtime, const std::string& id) {
    Caller caller;
    caller.listen_descriptors = process::listen_descriptors(runtime.environment, ::getpid());
    if (caller.listen_descriptors > 0)
        caller.listen_names = process::find(runtime.environment, "LISTEN_FDNAMES").value_or("");
    if (!process::find(runtime.environment, "NOTIFY_SOCKET").value_or("").empty())
        caller.notify_directory = text::cat(runtime.root, "/", id, "/", kNotifyName);
    caller.seccomp_receiver = process::find(runtime.environment, "RUN_OCI_SECCOMP_RECEIVER").value_or("");
    caller.cgroup_manager = runtime.cgroup_manager;
    caller.rootless = runtime.rootless;
    if (runtime.cgroup_manager == CgroupManager::Systemd) caller.environment = runtime.environment;
    return caller;
}

Result<std::string> read_config(const CreateOptions& options) {
    const auto path = options.config.starts_with('/') ? options.config : text::cat(options.bundle, "/", options.config);
    auto content = sys::read_file(path);
    if (content) return content;
    // A missing bundle is a mistake of the caller, not of the container's program.
    return fail(std::move(content.error()).as(Code::InvalidConfig).with("reading the bundle's configuration"));
}

// While /sys is still the host's.
Result<> check_labels(const spec::Config& config) {
    privileges::LabelWishes wishes{.mount_label = config.linux_.mount_label};
    if (config.process) {
        wishes.apparmor_profile = config.process->apparmor_profile;
        wishes.selinux_label = config.process->selinux_label;
    }
    if (wishes.apparmor_profile.empty() && wishes.selinux_label.empty() && wishes.mount_label.empty()) return {};
    return privileges::check_labels(privileges::active_security_modules(), wishes);
}

Result<> refuse_notes(const std::vector<spec::Note>& notes) {
    if (notes.empty()) return {};
    return fail(Error(Code::InvalidConfig, text::cat(notes.front().text, " (an error because of --strict)"))
                    .at(notes.front().pointer));
}
}  // namespace

Result<std::string> absolute_path(const std::string& path) {
    if (path.starts_with('/')) return path;
    char buffer[4096];
    if (::getcwd(buffer, sizeof buffer) == nullptr) return sys::last_error("getcwd");
    if (path.empty() || path == ".") return std::string(buffer);
    return text::cat(buffer, "/", path.starts_with("./") ? path.substr(2) : path);
}

void report(const Runtime& runtime, const std::vector<spec::Note>& notes) {
    if (runtime.log == nullptr) return;
    for (const auto& note : notes)
        runtime.log->write(log::Level::Warning, text::cat("config.json: ", note.pointer, ": ", note.text));
}

Result<Prepared> prepare(const Runtime& runtime, CreateOptions options) {
    progress::enter(Step::LoadConfig);
    Prepared prepared;
    options.bundle = TRY(absolute_path(options.bundle));
    prepared.config_text = TRY(read_config(options));
    prepared.config = TRY(spec::load_config("config.json", prepared.config_text, prepared.notes));
    if (options.strict) TRY(refuse_notes(prepared.notes));
    progress::enter(Step::Plan);
    prepared.facts = TRY(host::probe());
    if (prepared.config.linux_.intel_rdt)
        prepared.facts.resctrl_mount = host::resctrl_mount(TRY(sys::read_file("/proc/self/mountinfo")));
    prepared.plan = TRY(plan(prepared.config, prepared.facts, options, caller_of(runtime, options.id)));
    TRY(check_labels(prepared.config));
    if (prepared.plan.process && !prepared.plan.process->landlock.empty())
        TRY(privileges::check_landlock(prepared.plan.process->landlock, privileges::landlock_version()));
    prepared.notes.insert(prepared.notes.end(), prepared.plan.notes.begin(), prepared.plan.notes.end());
    prepared.options = std::move(options);
    return prepared;
}

}  // namespace arca::container
