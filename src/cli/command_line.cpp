#include "cli/command_line.hpp"

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <cstddef>
#include <limits>

#include "cli/quantities.hpp"
#include "cli/suggestion.hpp"

namespace arca::cli {

namespace {
using Words = std::vector<std::string>;

constexpr std::size_t kAnyNumber = std::numeric_limits<std::size_t>::max();

struct WordCount {
    std::size_t min = 0;
    std::size_t max = 0;
};

std::unexpected<Error> usage_error(std::string what) {
    return std::unexpected(Error(Code::Usage, std::move(what)));
}

// --- kinds of options ---

/// An option with a value. Given twice, the last one wins, as in Go's flag package.
template<class T>
void value(CLI::App& app, const char* names, const char* placeholder, T& target, const char* help) {
    app.add_option(names, target, help)->type_name(placeholder)->take_last();
}

/// An option that may be repeated; each occurrence adds one value.
template<class T>
void values(CLI::App& app, const char* names, const char* placeholder, std::vector<T>& target, const char* help) {
    app.add_option(names, target, help)->type_name(placeholder)->allow_extra_args(false);
}

void on_off(CLI::App& app, const char* names, bool& target, const char* help) {
    app.add_flag(names, target, help);
}

void on_off(CLI::App& app, const char* names, std::optional<bool>& target, const char* help) {
    app.add_flag_function(
        names, [&target](std::int64_t count) { target = count > 0; }, help);
}

template<class Take>
void checked(CLI::App& app, const char* names, const char* placeholder, Take take, const char* help) {
    app.add_option_function<std::string>(names, take, help)->type_name(placeholder)->take_last();
}

/// Accepted because callers send it, and without effect because arca has no need of it.
void accepted(CLI::App& app, const char* names, const char* placeholder, const char* help) {
    checked(
        app, names, placeholder, [](const std::string&) {}, help);
}

template<class T>
using Choices = std::initializer_list<std::pair<std::string_view, T>>;

template<class T>
void choice(CLI::App& app, const char* names, T& target, Choices<T> choices, const char* help) {
    std::vector<std::pair<std::string_view, T>> known(choices);
    std::string placeholder;
    for (const auto& [word, meaning] : known)
        placeholder += (placeholder.empty() ? "" : "|") + std::string(word);
    auto take = [&target, known, names, placeholder](const std::string& given) {
        auto found = std::ranges::find(known, given, &std::pair<std::string_view, T>::first);
        if (found == known.end())
            throw CLI::ValidationError("invalid value \"" + given + "\" for " + names + ": must be one of " +
                                       placeholder);
        target = found->second;
    };
    checked(app, names, placeholder.c_str(), take, help);
}

template<class Duration>
void duration(CLI::App& app, const char* names, Duration& target, const char* help) {
    auto take = [&target, names](const std::string& given) {
        const auto parsed = parse_duration(given);
        if (!parsed || *parsed <= std::chrono::nanoseconds(0))
            throw CLI::ValidationError("invalid value \"" + given + "\" for " + names +
                                       ": expected a duration such as 500ms or 5s");
        target = *parsed;
    };
    checked(app, names, "DURATION", take, help);
}

void pattern(CLI::App& app, Selection& target) {
    app.add_flag_function(
        "-r,--regex", [&target](std::int64_t count) { target = count > 0 ? Selection::Pattern : Selection::Id; },
        "ID is a regular expression: every container that matches");
}

// --- the global options ---

struct GlobalSwitches {
    bool debug = false;
    bool systemd_cgroup = false;
    bool version = false;
    LogFormat log_format = LogFormat::Text;  // only checked here: scan_log_options has read it before
};

void check_root(const std::string& path) {
    if (path.empty() || path.find_first_not_of('/') == std::string::npos)
        throw CLI::ValidationError("--root: the state directory must not be " + (path.empty() ? "empty" : path));
}

void check_log(const std::string& value) {
    if (value.starts_with("journald:") || value.starts_with("syslog:"))
        throw CLI::ValidationError("--log: " + value + " is not supported; name a file");
}

void take_rootless(Tristate& target, const std::string& given) {
    using Spellings = std::initializer_list<std::string_view>;
    auto is_one_of = [&given](Spellings words) { return std::ranges::find(words, given) != words.end(); };
    if (is_one_of({"auto", ""}))
        target = Tristate::Auto;
    else if (is_one_of({"true", "1", "t", "T", "TRUE", "True", "yes"}))
        target = Tristate::Yes;
    else if (is_one_of({"false", "0", "f", "F", "FALSE", "False", "no"}))
        target = Tristate::No;
    else
        throw CLI::ValidationError("invalid value \"" + given + "\" for --rootless: must be true, false or auto");
}

void declare_globals(CLI::App& app, Globals& globals, GlobalSwitches& switches) {
    using enum CgroupManager;
    using enum log::Level;
    on_off(app, "--debug", switches.debug, "log debug messages");
    checked(app, "--log", "FILE", check_log, "append log lines to FILE instead of writing them to stderr");
    choice<LogFormat>(app, "--log-format", switches.log_format, {{"text", LogFormat::Text}, {"json", LogFormat::Json}},
                      "form of the log lines");
    choice<log::Level>(app, "--log-level", globals.log_level,
                       {{"error", Error}, {"warning", Warning}, {"info", Info}, {"debug", Debug}},
                       "least level that is logged");
    checked(
        app, "--root", "DIR", [&globals](const std::string& path) { check_root(path), globals.root = path; },
        "directory of the containers' state");
    on_off(app, "--systemd-cgroup", switches.systemd_cgroup, "let systemd make the cgroup");
    choice<CgroupManager>(app, "--cgroup-manager", globals.cgroup_manager,
                          {{"cgroupfs", Cgroupfs}, {"systemd", Systemd}, {"disabled", Disabled}},
                          "who makes the cgroup");
    checked(
        app, "--rootless", "true|false|auto",
        [&globals](const std::string& given) { take_rootless(globals.rootless, given); },
        "whether missing rights over cgroups are tolerated");
    accepted(app, "--criu", "PATH", "accepted and ignored");
    value(app, "--trace", "FILE", globals.trace, "append one JSON line to FILE for each step");
    on_off(app, "-v,-V,--version", switches.version, "show the version");
}

// --- the commands: options, then words ---

void declare_bundle(CLI::App& app, CreateOptions& o) {
    value(app, "-b,--bundle", "DIR", o.bundle, "directory of the bundle (default: the current one)");
    value(app, "-f,--config", "FILE", o.config, "name of the configuration in the bundle (default: config.json)");
    on_off(app, "--strict", o.strict, "treat warnings about the configuration as errors");
}

template<class Options>
void declare_process_files(CLI::App& app, Options& o) {
    value(app, "--console-socket", "PATH", o.console_socket, "unix socket that receives the terminal");
    value(app, "--pidfd-socket", "PATH", o.pidfd_socket, "unix socket that receives a pidfd of the process");
    value(app, "--pid-file", "FILE", o.pid_file, "file that receives the process id");
    value(app, "--preserve-fds", "N", o.preserve_fds, "pass N more descriptors, from 3 on, to the process");
}

void declare_creation(CLI::App& app, CreateOptions& o) {
    declare_bundle(app, o);
    declare_process_files(app, o);
    on_off(app, "--no-pivot", o.no_pivot, "do not use pivot_root (root file system on a ramdisk)");
    on_off(app, "--no-new-keyring", o.no_new_keyring, "keep the caller's session keyring");
}

void declare(CLI::App& app, Create& c) {
    declare_creation(app, c.options);
    app.add_flag_function(
        "--no-subreaper", [](std::int64_t) {}, "accepted and ignored");
}
void take_words(Create& c, Words& words) {
    c.options.id = words[0];
}

void declare_sandbox(CLI::App& app, Run& c) {
    auto& s = c.sandbox;
    value(app, "--rootfs", "DIR", s.rootfs, "run a program in this root file system, without a bundle");
    value(app, "--name", "ID", c.name, "with --rootfs: id of the container (default: run-PID)");
    values(app, "-e,--env", "NAME=VALUE", s.env, "with --rootfs: one more environment variable; repeatable");
    value(app, "--cwd", "DIR", s.cwd, "with --rootfs: working directory in the container (default: /)");
    values(app, "-c,--cap", "CAP", s.capabilities, "with --rootfs: keep a capability (default: none); repeatable");
    on_off(app, "-w,--writable", s.writable, "with --rootfs: let the program change the root file system");
}

void declare(CLI::App& app, Run& c) {
    declare_creation(app, c.options.create);
    on_off(app, "--no-subreaper", c.options.no_subreaper, "do not adopt orphans of the container");
    on_off(app, "-d,--detach", c.options.detach, "return as soon as the process is started");
    on_off(app, "--keep", c.options.keep, "do not delete the container when its process ends");
    declare_sandbox(app, c);
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

void declare(CLI::App&, Start&) {}
void take_words(Start& c, Words& words) {
    c.id = words[0];
}

void declare(CLI::App&, ShowState&) {}
void take_words(ShowState& c, Words& words) {
    c.id = words[0];
}

void declare(CLI::App& app, Kill& c) {
    on_off(app, "-a,--all", c.options.all, "signal every process of the container");
    pattern(app, c.selection);
    duration(app, "--timeout", c.options.timeout, "wait that long for the end, then send KILL");
}
void take_words(Kill& c, Words& words) {
    c.options.id = words[0];
    if (words.size() > 1) c.options.signal = words[1];
}

void declare(CLI::App& app, Delete& c) {
    on_off(app, "-f,--force", c.options.force, "kill what still runs; no container is no error");
    pattern(app, c.selection);
}
void take_words(Delete& c, Words& words) {
    c.options.id = words[0];
}

void declare(CLI::App& app, List& c) {
    using enum ListFormat;
    choice<ListFormat>(app, "-f,--format", c.format, {{"table", Table}, {"json", Json}}, "form of the list");
    app.add_flag_function(
        "-q,--quiet", [&c](std::int64_t count) { c.format = count > 0 ? Ids : c.format; }, "only the ids");
}
void take_words(List&, Words&) {}

void declare_identity(CLI::App& app, ExecOptions& o) {
    value(app, "-u,--user", "UID[:GID]", o.user, "user and group of the process, as numbers");
    values(app, "-g,--additional-gids", "GID", o.additional_gids, "one more group of the process; repeatable");
    values(app, "-c,--cap", "CAP", o.capabilities, "one more capability; repeatable");
    on_off(app, "--no-new-privs", o.no_new_privileges, "the process cannot gain privileges by execve");
    value(app, "--process-label", "LABEL", o.process_label, "SELinux label of the process");
    value(app, "--apparmor", "PROFILE", o.apparmor, "AppArmor profile of the process");
}

void declare(CLI::App& app, Exec& c) {
    auto& o = c.options;
    value(app, "-p,--process", "FILE", o.process_file, "a process object; the options about the process are ignored");
    on_off(app, "-d,--detach", o.detach, "return as soon as the process is started");
    on_off(app, "-t,--tty", o.tty, "give the process a terminal");
    value(app, "--cwd", "DIR", o.cwd, "working directory in the container");
    values(app, "-e,--env", "NAME=VALUE", o.env, "one more environment variable; repeatable");
    declare_identity(app, o);
    declare_process_files(app, o);
    value(app, "--cgroup", "PATH", o.cgroup, "cgroup below the container's that receives the process");
    on_off(app, "--ignore-paused", o.ignore_paused, "start the process although the container is paused");
}
void take_words(Exec& c, Words& words) {
    c.options.id = words[0];
    c.options.args.assign(words.begin() + 1, words.end());
}

void declare(CLI::App& app, Ps& c) {
    using enum PsFormat;
    choice<PsFormat>(app, "-f,--format", c.format, {{"table", Table}, {"json", Json}}, "form of the list");
}
void take_words(Ps& c, Words& words) {
    c.id = words[0];
    c.arguments.assign(words.begin() + 1, words.end());
}

void declare(CLI::App&, Pause&) {}
void take_words(Pause& c, Words& words) {
    c.id = words[0];
}

void declare(CLI::App&, Resume&) {}
void take_words(Resume& c, Words& words) {
    c.id = words[0];
}

void declare(CLI::App&, Mounts&) {}
/// add ID FILE, remove ID FILE, list ID.
Result<> take_action(Mounts& c, const Words& words) {
    using enum MountsAction;
    constexpr std::array kActions = {std::pair{std::string_view("add"), Add},
                                     std::pair{std::string_view("remove"), Remove},
                                     std::pair{std::string_view("list"), List}};
    const auto* known = std::ranges::find(kActions, words[0], &std::pair<std::string_view, MountsAction>::first);
    if (known == kActions.end()) return usage_error("unknown action \"" + words[0] + "\": add, remove or list");
    c.action = known->second;
    const std::size_t wanted = c.action == List ? 2 : 3;
    if (words.size() != wanted)
        return usage_error(words[0] + " requires exactly " + std::to_string(wanted - 1) + " argument(s)");
    c.id = words[1];
    if (words.size() > 2) c.file = words[2];
    return {};
}
void take_words(Mounts&, Words&) {}

/// A size with a unit.
void size(CLI::App& app, const char* names, std::optional<std::int64_t>& target, const char* help) {
    auto take = [&target, names](const std::string& given) {
        target = parse_size(given);
        if (!target)
            throw CLI::ValidationError("invalid value \"" + given + "\" for " + names +
                                       ": expected a size such as 64m");
    };
    checked(app, names, "SIZE", take, help);
}

void declare_cpu(CLI::App& app, UpdateOptions& o) {
    value(app, "--cpu-share", "N", o.cpu_shares, "share of the processors (2 to 262144)");
    value(app, "--cpu-quota", "US", o.cpu_quota_us, "time on the processors in a period; -1: all of it");
    value(app, "--cpu-period", "US", o.cpu_period_us, "length of that period");
    value(app, "--cpu-burst", "US", o.cpu_burst_us, "unused time of earlier periods that may be used at once");
    value(app, "--cpu-rt-period", "US", o.cpu_realtime_period_us, "period for real-time scheduling (cgroup v1)");
    value(app, "--cpu-rt-runtime", "US", o.cpu_realtime_runtime_us, "time in it (cgroup v1)");
    value(app, "--cpu-idle", "0|1", o.cpu_idle, "1: only what nobody else wants");
    value(app, "--cpuset-cpus", "LIST", o.cpuset_cpus, "processors that may be used (0-3,7)");
    value(app, "--cpuset-mems", "LIST", o.cpuset_mems, "memory nodes that may be used");
}

void declare_memory(CLI::App& app, UpdateOptions& o) {
    size(app, "--memory", o.memory, "limit of memory; -1: none");
    size(app, "--memory-reservation", o.memory_reservation, "memory that is protected from reclaim");
    size(app, "--memory-swap", o.memory_swap, "limit of memory and swap together; -1: none");
    size(app, "--kernel-memory", o.kernel_memory, "accepted; no kernel can do it any more");
    size(app, "--kernel-memory-tcp", o.kernel_memory_tcp, "limit of memory of TCP buffers (cgroup v1)");
}

void declare(CLI::App& app, Update& c) {
    auto& o = c.options;
    value(app, "-r,--resources", "FILE", c.file, "linux.resources as JSON, - for standard input; alone it counts");
    declare_cpu(app, o);
    declare_memory(app, o);
    value(app, "--pids-limit", "N", o.pids_limit, "number of processes; -1: no limit");
    value(app, "--blkio-weight", "N", o.block_io_weight, "share of the disks (10 to 1000)");
    value(app, "--l3-cache-schema", "SCHEMA", o.l3_cache_schema, "share of the L3 cache (Intel RDT)");
    value(app, "--mem-bw-schema", "SCHEMA", o.memory_bandwidth_schema, "share of the memory bandwidth (Intel RDT)");
    values(app, "--device-rule", "RULE", o.device_rules,
           "one more rule for devices: \"allow c 195:* rw\", \"deny b 8:0\"; repeatable, the last one counts");
}
void take_words(Update& c, Words& words) {
    c.options.id = words[0];
}

void declare(CLI::App& app, Events& c) {
    duration(app, "--interval", c.options.interval, "time between statistics (default: 5s)");
    on_off(app, "--stats", c.options.once, "show statistics once, then end");
}
void take_words(Events& c, Words& words) {
    c.options.id = words[0];
}

void declare(CLI::App&, Wait&) {}
void take_words(Wait& c, Words& words) {
    c.id = words[0];
}

void declare(CLI::App& app, Why& c) {
    choice<Format>(app, "--format", c.format, {{"text", Format::Text}, {"json", Format::Json}}, "form of the answer");
}
void take_words(Why& c, Words& words) {
    c.id = words[0];
}

void declare(CLI::App& app, Explain& c) {
    declare_bundle(app, c.options);
    choice<Format>(app, "--format", c.format, {{"text", Format::Text}, {"json", Format::Json}}, "form of the plan");
    c.options.id = "example";
    value(app, "--id", "ID", c.options.id, "container id that the plan is made for (default: example)");
}
void take_words(Explain& c, Words& words) {
    if (!words.empty()) c.options.bundle = words[0];
}

void declare(CLI::App& app, Check& c) {
    declare_bundle(app, c.options);
    c.options.id = "example";
}
void take_words(Check& c, Words& words) {
    if (!words.empty()) c.options.bundle = words[0];
}

void declare(CLI::App& app, WriteSpec& c) {
    value(app, "-b,--bundle", "DIR", c.bundle, "directory to write to (default: the current one)");
    value(app, "-f,--file", "FILE", c.file, "name of the file (default: config.json)");
    app.add_flag_function(
        "--rootless", [&c](std::int64_t count) { c.kind = count > 0 ? SpecKind::Rootless : SpecKind::Privileged; },
        "for a user without privileges");
}
void take_words(WriteSpec&, Words&) {}

void declare(CLI::App&, ShowFeatures&) {}
void take_words(ShowFeatures&, Words&) {}

void declare(CLI::App&, ShowVersion&) {}
void take_words(ShowVersion&, Words&) {}

void declare(CLI::App&, Complete&) {}
void take_words(Complete& c, Words& words) {
    c.shell = words[0];
}

// --- the table ---

enum class Group : std::uint8_t { Life, Inside, Limits, Sight, Bundle, Itself };
constexpr std::array kGroups = {
    std::pair{Group::Life, std::string_view("Life of a container")},
    std::pair{Group::Inside, std::string_view("Processes in it")},
    std::pair{Group::Limits, std::string_view("Limits")},
    std::pair{Group::Sight, std::string_view("What there is, and what became of it")},
    std::pair{Group::Bundle, std::string_view("Before there is a container")},
    std::pair{Group::Itself, std::string_view("This program")},
};

struct Row {
    Group group;
    std::string_view name;
    std::string_view synopsis;
    std::string_view summary;
    WordCount words;
    Reading reading;
    void (*declare)(CLI::App& app, Command& command);
    void (*take_words)(Command& command, Words& words);
};

template<class T>
constexpr Row row(Group group, std::string_view name, std::string_view synopsis, std::string_view summary,
                  WordCount words, Reading reading = Reading::Interspersed) {
    return {group,
            name,
            synopsis,
            summary,
            words,
            reading,
            [](CLI::App& app, Command& command) { declare(app, command.emplace<T>()); },
            [](Command& command, Words& given) { take_words(std::get<T>(command), given); }};
}

constexpr std::array kRows = {
    row<Create>(Group::Life, "create", "ID", "make a container that waits for start", {1, 1}),
    row<Start>(Group::Life, "start", "ID", "execute the program of a created container", {1, 1}),
    row<Run>(Group::Life, "run", "ID | --rootfs DIR [-- COMMAND [ARGUMENT...]]", "create, start, wait and delete",
             {1, 1}),
    row<Kill>(Group::Life, "kill", "ID [SIGNAL]", "send a signal (TERM) to a container", {1, 2}),
    row<Wait>(Group::Life, "wait", "ID", "wait for the end of a container, pass its exit status on", {1, 1}),
    row<Delete>(Group::Life, "delete", "ID", "remove a container", {1, 1}),
    row<Exec>(Group::Inside, "exec", "ID [COMMAND [ARGUMENT...]]", "run one more process in a container",
              {1, kAnyNumber}, Reading::UntilFirstWord),
    row<Ps>(Group::Inside, "ps", "ID [PS-OPTION...]", "show the processes of a container", {1, kAnyNumber},
            Reading::UntilFirstWord),
    row<Pause>(Group::Inside, "pause", "ID", "freeze every process of a container", {1, 1}),
    row<Resume>(Group::Inside, "resume", "ID", "thaw a paused container", {1, 1}),
    row<Mounts>(Group::Inside, "mounts", "add|remove|list ID [FILE]", "mounts of a running container", {2, 3}),
    row<Update>(Group::Limits, "update", "ID", "change the limits of a container", {1, 1}),
    row<Events>(Group::Limits, "events", "ID", "show statistics and out-of-memory kills as they happen", {1, 1}),
    row<List>(Group::Sight, "list", "", "list containers", {0, 0}),
    row<ShowState>(Group::Sight, "state", "ID", "show the state of a container as JSON", {1, 1}),
    row<Why>(Group::Sight, "why", "ID", "say why a container failed or how it ended", {1, 1}),
    row<Explain>(Group::Bundle, "explain", "[BUNDLE]", "show what create would do, without doing it", {0, 1}),
    row<Check>(Group::Bundle, "check", "[BUNDLE]", "say what is wrong with a bundle on this host", {0, 1}),
    row<WriteSpec>(Group::Bundle, "spec", "", "write a new config.json", {0, 0}),
    row<ShowFeatures>(Group::Itself, "features", "", "show what this runtime supports as JSON", {0, 0}),
    row<Complete>(Group::Itself, "completion", "bash|zsh|fish", "show the completions for a shell", {1, 1}),
    row<ShowVersion>(Group::Itself, "version", "", "show the version", {0, 0}),
};

const Row* find_row(std::string_view name) {
    auto found = std::ranges::find(kRows, name, &Row::name);
    return found != kRows.end() ? &*found : nullptr;
}

Command unknown_command(const std::string& word) {
    return UnknownCommand{word, closest(word, command_names())};
}

// --- help ---

class HelpFormatter : public CLI::Formatter {
  public:
    explicit HelpFormatter(std::string synopsis) : synopsis_(std::move(synopsis)) { column_width(34); }
    std::string make_usage(const CLI::App*, std::string) const override { return "Usage: " + synopsis_ + "\n"; }

  private:
    std::string synopsis_;
};

std::string help_text(CLI::App& app, std::string synopsis) {
    app.set_help_flag("-h,--help", "show this text");
    app.formatter(std::make_shared<HelpFormatter>(std::move(synopsis)));
    return app.help();
}

std::string command_list() {
    std::string text;
    for (const auto& [group, title] : kGroups) {
        text += std::string(title) + ":\n";
        for (const auto& known : kRows) {
            if (known.group != group) continue;
            auto line = "  " + std::string(known.name);
            line.resize(14, ' ');
            text += line + std::string(known.summary) + "\n";
        }
        text += "\n";
    }
    return text;
}

std::string global_help(std::string_view banner) {
    CLI::App app("Run containers from OCI bundles.");
    Globals globals;
    GlobalSwitches switches;
    declare_globals(app, globals, switches);
    return help_text(app, std::string(banner) + " [OPTIONS] COMMAND [ARGUMENTS]") + command_list() +
           std::string(banner) + " COMMAND --help shows the options of a command.\n";
}

std::string command_help(const Row& known, std::string_view banner) {
    auto summary = std::string(known.summary) + ".";
    summary[0] = static_cast<char>(summary[0] - 'a' + 'A');
    CLI::App app(summary);
    Command command;
    known.declare(app, command);
    auto synopsis = std::string(banner) + " " + std::string(known.name) + " [OPTIONS]";
    if (!known.synopsis.empty()) synopsis += " " + std::string(known.synopsis);
    return help_text(app, synopsis);
}

// --- reading ---

Grammar grammar_from(const CLI::App& app, Reading reading) {
    Grammar grammar{{}, reading};
    for (const CLI::Option* option : app.get_options()) {
        std::string letters;
        for (const auto& letter : option->get_snames())
            letters += letter;
        auto takes = option->get_items_expected_max() == 0 ? Takes::Nothing : Takes::Value;
        grammar.options.push_back({option->get_lnames().front(), letters, takes});
    }
    return grammar;
}

/// Options go through CLI11 for their types; words do not, because CLI11 gives a meaning to words such as "[x]".
Result<Arguments> parse_with(CLI::App& app, std::span<const std::string> arguments, Reading reading) {
    app.set_help_flag();
    auto read = normalise(arguments, grammar_from(app, reading));
    if (!read || read->help || read->options.empty()) return read;
    std::ranges::reverse(read->options);  // CLI11 takes them from the back
    try {
        app.parse(std::move(read->options));
    } catch (const CLI::ParseError& problem) {
        return usage_error(problem.what());
    }
    return read;
}

/// A bundle says what to run; a bare root file system does not.
WordCount words_wanted(const Row& known, const Command& command) {
    const auto* run = std::get_if<Run>(&command);
    return run != nullptr && !run->sandbox.rootfs.empty() ? WordCount{0, kAnyNumber} : known.words;
}

Result<> check_word_count(const Row& known, const Command& read, std::size_t given) {
    auto command = "\"" + std::string(known.name) + "\" requires ";
    auto [min, max] = words_wanted(known, read);
    if (min == max && given != min) return usage_error(command + "exactly " + std::to_string(min) + " argument(s)");
    if (given < min) return usage_error(command + "a minimum of " + std::to_string(min) + " argument(s)");
    if (given > max) return usage_error(command + "a maximum of " + std::to_string(max) + " argument(s)");
    return {};
}

Result<> read_command(const Row& known, std::span<const std::string> arguments, std::string_view banner,
                      Invocation& invocation) {
    CLI::App app;
    known.declare(app, invocation.command);
    auto read = parse_with(app, arguments, known.reading);
    if (!read) return std::unexpected(std::move(read.error()));
    if (read->help) {
        invocation.command = ShowHelp{command_help(known, banner)};
        return {};
    }
    if (auto counted = check_word_count(known, invocation.command, read->words.size()); !counted) return counted;
    if (known.synopsis.starts_with("ID") && !read->words.empty()) invocation.id = read->words[0];
    known.take_words(invocation.command, read->words);
    if (auto* mounts = std::get_if<Mounts>(&invocation.command)) {
        invocation.id = read->words[1];
        return take_action(*mounts, read->words);
    }
    if (const auto* run = std::get_if<Run>(&invocation.command)) invocation.id = run->options.create.id;
    return {};
}

Command read_help(std::span<const std::string> words, std::string_view banner) {
    if (words.empty()) return ShowHelp{global_help(banner)};
    const auto* known = find_row(words[0]);
    if (known == nullptr) return unknown_command(words[0]);
    return ShowHelp{command_help(*known, banner)};
}

Result<Arguments> read_globals(std::span<const std::string> arguments, Invocation& invocation) {
    CLI::App app;
    GlobalSwitches switches;
    declare_globals(app, invocation.globals, switches);
    auto read = parse_with(app, arguments, Reading::UntilFirstWord);
    if (!read) return read;
    if (switches.debug) invocation.globals.log_level = log::Level::Debug;
    if (switches.systemd_cgroup) invocation.globals.cgroup_manager = CgroupManager::Systemd;
    if (switches.version) read->words = {"version"};
    return read;
}
}  // namespace

Result<Invocation> read_command_line(std::span<const std::string> arguments, std::string_view banner) {
    Invocation invocation;
    auto globals = read_globals(arguments, invocation);
    if (!globals) return std::unexpected(std::move(globals.error()));
    std::span<const std::string> words = globals->words;
    if (globals->help || words.empty()) {
        invocation.command = ShowHelp{global_help(banner)};
        return invocation;
    }
    if (words[0] == "help") {
        invocation.command = read_help(words.subspan(1), banner);
    } else if (const auto* known = find_row(words[0])) {
        invocation.operation = words[0];
        auto read = read_command(*known, words.subspan(1), banner, invocation);
        if (!read) return std::unexpected(std::move(read.error()).with(invocation.operation));
    } else {
        invocation.command = unknown_command(words[0]);
    }
    return invocation;
}

std::vector<std::string> command_names() {
    std::vector<std::string> names;
    for (const auto& known : kRows)
        names.emplace_back(known.name);
    return names;
}

CommandText text_of(std::string_view command) {
    const auto* known = find_row(command);
    return known == nullptr ? CommandText{} : CommandText{known->synopsis, known->summary};
}

Grammar grammar_of(std::string_view command) {
    CLI::App app;
    app.set_help_flag();
    Invocation invocation;
    GlobalSwitches switches;
    const auto* known = find_row(command);
    if (known == nullptr) {
        declare_globals(app, invocation.globals, switches);
        return grammar_from(app, Reading::UntilFirstWord);
    }
    known->declare(app, invocation.command);
    return grammar_from(app, known->reading);
}

}  // namespace arca::cli
