#include "cli/command_options.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <optional>

#include "cli/quantities.hpp"

namespace arca::cli {

namespace {
using namespace std::string_view_literals;

template<class Duration>
void duration(DeclaredOptions& options, const char* names, Duration& target, const char* help) {
    auto take = [&target, names](const std::string& given) -> std::string {
        const auto parsed = parse_duration(given);
        if (!parsed || *parsed <= std::chrono::nanoseconds(0))
            return "invalid value \"" + given + "\" for " + names + ": expected a duration such as 500ms or 5s";
        target = *parsed;
        return {};
    };
    options.checked(names, "DURATION", take, help);
}

void on_off(DeclaredOptions& options, const char* names, std::optional<bool>& target, const char* help) {
    options.on_off(
        names, [&target](bool is_on) { target = is_on; }, help);
}

void pattern(DeclaredOptions& options, Selection& target) {
    options.on_off(
        "-r,--regex", [&target](bool is_on) { target = is_on ? Selection::Pattern : Selection::Id; },
        "ID is a regular expression: every container that matches");
}

constexpr std::array kFormats = {std::pair{"text"sv, Format::Text}, std::pair{"json"sv, Format::Json}};
constexpr std::array kListFormats = {std::pair{"table"sv, ListFormat::Table}, std::pair{"json"sv, ListFormat::Json}};
constexpr std::array kPsFormats = {std::pair{"table"sv, PsFormat::Table}, std::pair{"json"sv, PsFormat::Json}};

/// A size with a unit.
void size(DeclaredOptions& options, const char* names, std::optional<std::int64_t>& target, const char* help) {
    auto take = [&target, names](const std::string& given) -> std::string {
        target = parse_size(given);
        return target ? "" : "invalid value \"" + given + "\" for " + names + ": expected a size such as 64m";
    };
    options.checked(names, "SIZE", take, help);
}

void declare_bundle(DeclaredOptions& options, CreateOptions& o) {
    options.value("-b,--bundle", "DIR", o.bundle, "directory of the bundle (default: the current one)");
    options.value("-f,--config", "FILE", o.config, "name of the configuration in the bundle (default: config.json)");
    options.on_off("--strict", o.strict, "treat warnings about the configuration as errors");
}

template<class Options>
void declare_process_files(DeclaredOptions& options, Options& o) {
    options.value("--console-socket", "PATH", o.console_socket, "unix socket that receives the terminal");
    options.value("--pidfd-socket", "PATH", o.pidfd_socket, "unix socket that receives a pidfd of the process");
    options.value("--pid-file", "FILE", o.pid_file, "file that receives the process id");
    options.value("--preserve-fds", "N", o.preserve_fds, "pass N more descriptors, from 3 on, to the process");
}

void declare_creation(DeclaredOptions& options, CreateOptions& o) {
    declare_bundle(options, o);
    declare_process_files(options, o);
    options.on_off("--no-pivot", o.no_pivot, "do not use pivot_root (root file system on a ramdisk)");
    options.on_off("--no-new-keyring", o.no_new_keyring, "keep the caller's session keyring");
}

void declare_sandbox(DeclaredOptions& options, Run& c) {
    auto& s = c.sandbox;
    options.value("--rootfs", "DIR", s.rootfs, "run a program in this root file system, without a bundle");
    options.value("--name", "ID", c.name, "with --rootfs: id of the container (default: run-PID)");
    options.values("-e,--env", "NAME=VALUE", s.env, "with --rootfs: one more environment variable; repeatable");
    options.value("--cwd", "DIR", s.cwd, "with --rootfs: working directory in the container (default: /)");
    options.values("-c,--cap", "CAP", s.capabilities, "with --rootfs: keep a capability (default: none); repeatable");
    options.on_off("-w,--writable", s.writable, "with --rootfs: let the program change the root file system");
}

void declare_identity(DeclaredOptions& options, ExecOptions& o) {
    options.value("-u,--user", "UID[:GID]", o.user, "user and group of the process, as numbers");
    options.values("-g,--additional-gids", "GID", o.additional_gids, "one more group of the process; repeatable");
    options.values("-c,--cap", "CAP", o.capabilities, "one more capability; repeatable");
    on_off(options, "--no-new-privs", o.no_new_privileges, "the process cannot gain privileges by execve");
    options.value("--process-label", "LABEL", o.process_label, "SELinux label of the process");
    options.value("--apparmor", "PROFILE", o.apparmor, "AppArmor profile of the process");
}

void declare_cpu(DeclaredOptions& options, UpdateOptions& o) {
    options.value("--cpu-share", "N", o.cpu_shares, "share of the processors (2 to 262144)");
    options.value("--cpu-quota", "US", o.cpu_quota_us, "time on the processors in a period; -1: all of it");
    options.value("--cpu-period", "US", o.cpu_period_us, "length of that period");
    options.value("--cpu-burst", "US", o.cpu_burst_us, "unused time of earlier periods that may be used at once");
    options.value("--cpu-rt-period", "US", o.cpu_realtime_period_us, "period for real-time scheduling (cgroup v1)");
    options.value("--cpu-rt-runtime", "US", o.cpu_realtime_runtime_us, "time in it (cgroup v1)");
    options.value("--cpu-idle", "0|1", o.cpu_idle, "1: only what nobody else wants");
    options.value("--cpuset-cpus", "LIST", o.cpuset_cpus, "processors that may be used (0-3,7)");
    options.value("--cpuset-mems", "LIST", o.cpuset_mems, "memory nodes that may be used");
}

void declare_memory(DeclaredOptions& options, UpdateOptions& o) {
    size(options, "--memory", o.memory, "limit of memory; -1: none");
    size(options, "--memory-reservation", o.memory_reservation, "memory that is protected from reclaim");
    size(options, "--memory-swap", o.memory_swap, "limit of memory and swap together; -1: none");
    size(options, "--kernel-memory", o.kernel_memory, "accepted; no kernel can do it any more");
    size(options, "--kernel-memory-tcp", o.kernel_memory_tcp, "limit of memory of TCP buffers (cgroup v1)");
}
}  // namespace

void declare(DeclaredOptions& options, Create& c) {
    declare_creation(options, c.options);
    options.on_off(
        "--no-subreaper", [](bool) {}, "accepted and ignored");
}
void take_words(Create& c, Words& words) {
    c.options.id = words[0];
}

void declare(DeclaredOptions& options, Run& c) {
    declare_creation(options, c.options.create);
    options.on_off("--no-subreaper", c.options.no_subreaper, "do not adopt orphans of the container");
    options.on_off("-d,--detach", c.options.detach, "return as soon as the process is started");
    options.on_off("--keep", c.options.keep, "do not delete the container when its process ends");
    declare_sandbox(options, c);
}
void take_words(Run& c, Words& words) {
    if (c.sandbox.rootfs.empty()) {
        c.options.create.id = words[0];
        return;
    }
    // Nobody has to think of a name for what lives as long as this process.
    c.options.create.id = c.name.empty() ? "run-" + std::to_string(getpid()) : c.name;
    c.sandbox.args = words.empty() ? Words{"sh"} : words;
}

void declare(DeclaredOptions&, Start&) {}
void take_words(Start& c, Words& words) {
    c.id = words[0];
}

void declare(DeclaredOptions&, ShowState&) {}
void take_words(ShowState& c, Words& words) {
    c.id = words[0];
}

void declare(DeclaredOptions& options, Kill& c) {
    options.on_off("-a,--all", c.options.all, "signal every process of the container");
    pattern(options, c.selection);
    duration(options, "--timeout", c.options.timeout, "wait that long for the end, then send KILL");
}
void take_words(Kill& c, Words& words) {
    c.options.id = words[0];
    if (words.size() > 1) c.options.signal = words[1];
}

void declare(DeclaredOptions& options, Delete& c) {
    options.on_off("-f,--force", c.options.force, "kill what still runs; no container is no error");
    pattern(options, c.selection);
}
void take_words(Delete& c, Words& words) {
    c.options.id = words[0];
}

void declare(DeclaredOptions& options, List& c) {
    options.choice<ListFormat>("-f,--format", c.format, kListFormats, "form of the list");
    options.on_off(
        "-q,--quiet", [&c](bool is_on) { c.format = is_on ? ListFormat::Ids : c.format; }, "only the ids");
}
void take_words(List&, Words&) {}

void declare(DeclaredOptions& options, Exec& c) {
    auto& o = c.options;
    options.value("-p,--process", "FILE", o.process_file,
                  "a process object; the options about the process are ignored");
    options.on_off("-d,--detach", o.detach, "return as soon as the process is started");
    on_off(options, "-t,--tty", o.tty, "give the process a terminal");
    options.value("--cwd", "DIR", o.cwd, "working directory in the container");
    options.values("-e,--env", "NAME=VALUE", o.env, "one more environment variable; repeatable");
    declare_identity(options, o);
    declare_process_files(options, o);
    options.values("--cgroup", "PATH", o.cgroups, "cgroup below the container's that receives the process; repeatable");
    options.on_off("--ignore-paused", o.ignore_paused, "start the process although the container is paused");
}
void take_words(Exec& c, Words& words) {
    c.options.id = words[0];
    c.options.args.assign(words.begin() + 1, words.end());
}

void declare(DeclaredOptions& options, Ps& c) {
    options.choice<PsFormat>("-f,--format", c.format, kPsFormats, "form of the list");
}
void take_words(Ps& c, Words& words) {
    c.id = words[0];
    c.arguments.assign(words.begin() + 1, words.end());
}

void declare(DeclaredOptions&, Pause&) {}
void take_words(Pause& c, Words& words) {
    c.id = words[0];
}

void declare(DeclaredOptions&, Resume&) {}
void take_words(Resume& c, Words& words) {
    c.id = words[0];
}

void declare(DeclaredOptions&, Mounts&) {}
/// add ID FILE, remove ID FILE, list ID.
Result<> take_action(Mounts& c, const Words& words) {
    using enum MountsAction;
    constexpr std::array kActions = {std::pair{std::string_view("add"), Add},
                                     std::pair{std::string_view("remove"), Remove},
                                     std::pair{std::string_view("list"), List}};
    const auto* known = std::ranges::find(kActions, words[0], &std::pair<std::string_view, MountsAction>::first);
    if (known == kActions.end())
        return std::unexpected(Error(Code::Usage, "unknown action \"" + words[0] + "\": add, remove or list"));
    c.action = known->second;
    const std::size_t wanted = c.action == List ? 2 : 3;
    if (words.size() != wanted)
        return std::unexpected(
            Error(Code::Usage, words[0] + " requires exactly " + std::to_string(wanted - 1) + " argument(s)"));
    c.id = words[1];
    if (words.size() > 2) c.file = words[2];
    return {};
}
void take_words(Mounts&, Words&) {}

void declare(DeclaredOptions& options, Update& c) {
    auto& o = c.options;
    options.value("-r,--resources", "FILE", c.file, "linux.resources as JSON, - for standard input; alone it counts");
    declare_cpu(options, o);
    declare_memory(options, o);
    options.value("--pids-limit", "N", o.pids_limit, "number of processes; -1: no limit");
    options.value("--blkio-weight", "N", o.block_io_weight, "share of the disks (10 to 1000)");
    options.value("--l3-cache-schema", "SCHEMA", o.l3_cache_schema, "share of the L3 cache (Intel RDT)");
    options.value("--mem-bw-schema", "SCHEMA", o.memory_bandwidth_schema, "share of the memory bandwidth (Intel RDT)");
    options.values("--device-rule", "RULE", o.device_rules,
                   "one more rule for devices: \"allow c 195:* rw\", \"deny b 8:0\"; repeatable, the last one counts");
}
void take_words(Update& c, Words& words) {
    c.options.id = words[0];
}

void declare(DeclaredOptions& options, Events& c) {
    duration(options, "--interval", c.options.interval, "time between statistics (default: 5s)");
    options.on_off("--stats", c.options.once, "show statistics once, then end");
}
void take_words(Events& c, Words& words) {
    c.options.id = words[0];
}

void declare(DeclaredOptions&, Wait&) {}
void take_words(Wait& c, Words& words) {
    c.id = words[0];
}

void declare(DeclaredOptions& options, Why& c) {
    options.choice<Format>("--format", c.format, kFormats, "form of the answer");
}
void take_words(Why& c, Words& words) {
    c.id = words[0];
}

void declare(DeclaredOptions& options, Explain& c) {
    declare_bundle(options, c.options);
    options.choice<Format>("--format", c.format, kFormats, "form of the plan");
    c.options.id = "example";
    options.value("--id", "ID", c.options.id, "container id that the plan is made for (default: example)");
}
void take_words(Explain& c, Words& words) {
    if (!words.empty()) c.options.bundle = words[0];
}

void declare(DeclaredOptions& options, Check& c) {
    declare_bundle(options, c.options);
    c.options.id = "example";
}
void take_words(Check& c, Words& words) {
    if (!words.empty()) c.options.bundle = words[0];
}

void declare(DeclaredOptions& options, WriteSpec& c) {
    options.value("-b,--bundle", "DIR", c.bundle, "directory to write to (default: the current one)");
    options.value("-f,--file", "FILE", c.file, "name of the file (default: config.json)");
    options.on_off(
        "--rootless", [&c](bool is_on) { c.kind = is_on ? SpecKind::Rootless : SpecKind::Privileged; },
        "for a user without privileges");
}
void take_words(WriteSpec&, Words&) {}

void declare(DeclaredOptions&, ShowFeatures&) {}
void take_words(ShowFeatures&, Words&) {}

void declare(DeclaredOptions&, ShowVersion&) {}
void take_words(ShowVersion&, Words&) {}

void declare(DeclaredOptions&, Complete&) {}
void take_words(Complete& c, Words& words) {
    c.shell = words[0];
}

}  // namespace arca::cli
