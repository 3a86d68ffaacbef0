#include "fake_library.hpp"

#include <fstream>
#include <sstream>

#include "arca/checkpoint.hpp"

namespace arca {

namespace {
fake::Library& record(const Runtime& runtime, std::string call) {
    auto& library = fake::library();
    library.runtime = runtime;
    library.calls.push_back(std::move(call));
    return library;
}

template<class T>
Result<T> outcome(T value) {
    if (fake::library().failure) return std::unexpected(fake::library().failure());
    return value;
}

Result<> outcome() {
    if (fake::library().failure) return std::unexpected(fake::library().failure());
    return {};
}
}  // namespace

fake::Library& fake::library() {
    static Library the_library;
    return the_library;
}

std::string default_root(const std::string& banner, const std::vector<std::string>&) {
    return "/default/" + banner;
}

Result<> create(const Runtime& runtime, const CreateOptions& options) {
    record(runtime, "create " + options.id).create = options;
    return outcome();
}
Result<int> run(const Runtime& runtime, const RunOptions& options) {
    auto& library = record(runtime, "run " + options.create.id);
    library.run = options;
    if (options.create.config.starts_with('/')) {
        std::stringstream text;
        text << std::ifstream(options.create.config).rdbuf();
        library.configuration = text.str();
    }
    return outcome(fake::library().exit_status);
}
Result<> start(const Runtime& runtime, const std::string& id) {
    record(runtime, "start " + id);
    return outcome();
}
std::string_view name(Status status) {
    return status == Status::Running ? "running" : "stopped";
}
Result<State> state(const Runtime& runtime, const std::string& id) {
    record(runtime, "state " + id);
    State found;
    found.oci_version = "1.3.0";
    found.id = id;
    return outcome(found);
}
Result<std::vector<ListEntry>> list(const Runtime& runtime, ListDepth depth) {
    auto& library = record(runtime, depth == ListDepth::IdsOnly ? "list ids" : "list");
    std::vector<ListEntry> entries;
    for (const auto& state : library.states)
        entries.push_back({state.id, state});
    if (library.failure) entries.push_back({"torn", std::unexpected(library.failure())});
    return entries;
}
Result<> kill(const Runtime& runtime, const KillOptions& options) {
    record(runtime, "kill " + options.id).kill = options;
    return outcome();
}
Result<> delete_container(const Runtime& runtime, const DeleteOptions& options) {
    record(runtime, "delete " + options.id).remove = options;
    return outcome();
}
Result<int> exec(const Runtime& runtime, const ExecOptions& options) {
    record(runtime, "exec " + options.id).exec = options;
    return outcome(fake::library().exit_status);
}
Result<std::vector<int>> processes(const Runtime& runtime, const std::string& id) {
    return outcome(record(runtime, "processes " + id).pids);
}
Result<std::vector<std::string>> matching_ids(const Runtime& runtime, const std::string& pattern) {
    record(runtime, "match " + pattern);
    return std::vector<std::string>{"one", "two"};
}
Result<int> wait(const Runtime& runtime, const std::string& id) {
    record(runtime, "wait " + id);
    return outcome(fake::library().exit_status);
}
Result<Explanation> why(const Runtime& runtime, const std::string& id) {
    record(runtime, "why " + id);
    return outcome(fake::library().explanation);
}
Result<> update(const Runtime& runtime, const UpdateOptions& options) {
    record(runtime, "update " + options.id).update = options;
    return outcome();
}

Result<> events(const Runtime& runtime, const EventsOptions& options, const EventSink& sink) {
    record(runtime, "events " + options.id).events = options;
    if (auto failed = outcome(); !failed) return failed;
    return sink("{}");
}

Result<> pause(const Runtime& runtime, const std::string& id) {
    record(runtime, "pause " + id);
    return outcome();
}
Result<> resume(const Runtime& runtime, const std::string& id) {
    record(runtime, "resume " + id);
    return outcome();
}
Result<> add_mounts(const Runtime& runtime, const std::string& id, const std::string& file) {
    record(runtime, "add mounts " + id + " " + file);
    return outcome();
}
Result<> remove_mounts(const Runtime& runtime, const std::string& id, const std::string& file) {
    record(runtime, "remove mounts " + id + " " + file);
    return outcome();
}
Result<std::vector<HotMount>> list_mounts(const Runtime& runtime, const std::string& id) {
    record(runtime, "list mounts " + id);
    return outcome(std::vector<HotMount>{{"/data", "bind", "/srv/\"x\"", {"bind", "ro"}}});
}
Result<> checkpoint(const Runtime& runtime, const CheckpointOptions& options) {
    record(runtime, "checkpoint " + options.id);
    return outcome();
}
Result<int> restore(const Runtime& runtime, const RestoreOptions& options) {
    record(runtime, "restore " + options.id);
    return outcome(int{fake::library().exit_status});
}
Result<std::string> explain(const Runtime& runtime, const CreateOptions& options, Format format) {
    record(runtime, format == Format::Json ? "explain json" : "explain text").create = options;
    return outcome(std::string("the plan\n"));
}
Result<CheckReport> check(const Runtime& runtime, const CreateOptions& options) {
    record(runtime, "check").create = options;
    return outcome(fake::library().report);
}
std::string spec_template(SpecKind kind) {
    return kind == SpecKind::Rootless ? "{\"rootless\":1}\n" : "{}\n";
}
std::string sandbox_config(const Sandbox& sandbox) {
    fake::library().sandbox = sandbox;
    return "the configuration of " + sandbox.rootfs;
}
std::string features_json() {
    return "{\"ociVersionMin\": \"1.0.0\"}";
}
Version version() {
    return {"0.1.0", "abc", "1.3.0", "2.5.4"};
}
Result<> trace_to(const std::string& path, std::string_view operation, std::string_view parent) {
    fake::library().calls.push_back("trace " + path + " " + std::string(operation) + " " + std::string(parent));
    return {};
}
Result<> protect_own_image(char**, char**) {
    fake::library().calls.emplace_back("protect");
    return {};
}

}  // namespace arca
