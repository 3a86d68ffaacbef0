#include "container/exec_plan.hpp"

#include <linux/capability.h>
#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <limits>

#include "base/text.hpp"
#include "container/exec_config.hpp"
#include "container/prepare.hpp"
#include "privileges/capabilities.hpp"
#include "process/environment.hpp"
#include "spec/parse.hpp"
#include "sys/syscalls.hpp"

namespace arca::container {

namespace {
Result<std::uint32_t> parse_id(std::string_view text, const std::string& whole) {
    auto id = text::to_uint(text);
    // The last id means "unchanged" to the kernel.
    if (!id || *id >= std::numeric_limits<std::uint32_t>::max())
        return fail(Code::Usage, text::cat("--user ", text::printable(whole),
                                           ": expected UID or UID:GID in digits; names are resolved by engines"));
    return static_cast<std::uint32_t>(*id);
}

void add_once(std::vector<std::string>& set, const std::string& name) {
    if (std::ranges::find(set, name) == set.end()) set.push_back(name);
}

// CVE-2022-29162: never to the inheritable set by itself.
Result<> add_capabilities(spec::Capabilities& sets, const std::vector<std::string>& names) {
    const bool has_ambient = !sets.ambient.empty();
    for (const auto& name : names) {
        if (privileges::capability_bit(name) < 0)
            return fail(Code::Usage, text::cat("--cap ", text::printable(name), ": unknown capability"));
        add_once(sets.bounding, name);
        add_once(sets.effective, name);
        add_once(sets.permitted, name);
        if (has_ambient && std::ranges::find(sets.inheritable, name) != sets.inheritable.end())
            add_once(sets.ambient, name);
    }
    return {};
}

Result<spec::Process> process_from_file(const std::string& path) {
    auto text = sys::read_file(path);
    if (!text) return fail(std::move(text.error()).as(Code::InvalidConfig).with("reading the process file"));
    auto parsed = spec::parse_process(*text);
    if (!parsed.problems.empty()) return fail(spec::to_error(path, parsed.problems));
    return std::move(parsed.value);
}
}  // namespace

Result<> parse_user(const std::string& text, spec::User& user) {
    const auto colon = text.find(':');
    user.uid = TRY(parse_id(std::string_view(text).substr(0, colon), text));
    if (colon != std::string::npos) user.gid = TRY(parse_id(std::string_view(text).substr(colon + 1), text));
    return {};
}

Result<spec::Process> exec_process(const spec::Process& container, const ExecOptions& options) {
    auto process = container;
    if (options.args.empty()) return fail(Code::Usage, "exec needs a command, or --process");
    process.args = options.args;
    process.terminal = options.tty.value_or(false);
    if (!process.terminal) process.console_size.reset();
    if (!options.cwd.empty()) process.cwd = options.cwd;
    process.env.insert(process.env.end(), options.env.begin(), options.env.end());
    if (!options.user.empty()) TRY(parse_user(options.user, process.user));
    auto& gids = process.user.additional_gids;
    gids.insert(gids.end(), options.additional_gids.begin(), options.additional_gids.end());
    if (!options.capabilities.empty()) {
        if (!process.capabilities) process.capabilities.emplace();
        TRY(add_capabilities(*process.capabilities, options.capabilities));
    }
    if (options.no_new_privileges) process.no_new_privileges = *options.no_new_privileges;
    if (!options.process_label.empty()) process.selinux_label = options.process_label;
    if (!options.apparmor.empty()) process.apparmor_profile = options.apparmor;
    return process;
}

Entry plan_entry(const spec::Process* container, std::uint64_t namespaces) {
    std::vector<spec::Note> ignored;
    const bool sees_it = (namespaces & CLONE_NEWPID) != 0;
    if (container == nullptr || !sees_it || (namespaces & CLONE_NEWUSER) != 0) return Entry::AtBirth;
    const auto sets = plan_process(*container, ignored).capabilities;
    const bool traces = ((sets.bounding | sets.permitted) & (std::uint64_t{1} << CAP_SYS_PTRACE)) != 0;
    return traces ? Entry::AfterDrops : Entry::AtBirth;
}

Result<ExecPlan> plan_exec(const Runtime& runtime, const ExecOptions& options, const Store& store,
                           const Record& record) {
    const auto config = TRY(load_exec_config(store));
    spec::Process process;
    if (!options.process_file.empty()) {
        process = TRY(process_from_file(options.process_file));
        if (options.tty) process.terminal = *options.tty;
    } else if (config.process) {
        process = TRY(exec_process(*config.process, options));
    } else {
        return fail(Code::Usage, "the container has no process to take the defaults from: use --process");
    }
    std::vector<spec::Note> notes;
    ExecPlan plan;
    plan.process = plan_process(process, notes);
    plan.entry = plan_entry(config.process ? &*config.process : nullptr, record.namespaces);
    report(runtime, notes);
    plan.process.personality = config.linux_.personality;
    plan.process.memory_policy = config.linux_.memory_policy;
    plan.process.landlock = TRY(plan_landlock(config.annotations));
    plan.process.call_setgroups = !config.annotations.contains("run.oci.keep_original_groups");
    plan.listen_descriptors = process::listen_descriptors(runtime.environment, ::getpid());
    plan.listen_names = process::find(runtime.environment, "LISTEN_FDNAMES").value_or("");
    plan.process.preserved_descriptors = options.preserve_fds + plan.listen_descriptors;
    const auto& affinity = process.exec_cpu_affinity
                               ? process.exec_cpu_affinity
                               : (config.process ? config.process->exec_cpu_affinity : std::nullopt);
    if (affinity) {
        plan.initial_affinity = affinity->initial;
        plan.final_affinity = affinity->final;
    }
    return plan;
}

}  // namespace arca::container
