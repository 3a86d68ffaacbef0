#include "spec/parse.hpp"

#include <algorithm>
#include <utility>

#include "base/result.hpp"
#include "base/text.hpp"
#include "spec/names.hpp"
#include "spec/readers.hpp"
#include "spec/validate.hpp"

namespace arca::spec {

void read(Cursor at, Root& out) {
    Object object(at);
    object.require("path", out.path);
    object.get("readonly", out.readonly);
}

void read(Cursor at, IdMapping& out) {
    Object object(at);
    object.require("containerID", out.container);
    object.require("hostID", out.host);
    object.require("size", out.size);
}

void read(Cursor at, Mount& out) {
    Object object(at);
    object.require("destination", out.destination);
    object.get("type", out.type);
    object.get("source", out.source);
    object.get("options", out.options);
    object.get("uidMappings", out.uid_mappings);
    object.get("gidMappings", out.gid_mappings);
}

void read(Cursor at, Hook& out) {
    out.pointer = at.pointer();
    Object object(at);
    object.require("path", out.path);
    object.get("args", out.args);
    object.get("env", out.env);
    object.get("timeout", out.timeout_s);
}

void read(Cursor at, Hooks& out) {
    Object object(at);
    object.get("prestart", out.prestart);
    object.get("createRuntime", out.create_runtime);
    object.get("createContainer", out.create_container);
    object.get("startContainer", out.start_container);
    object.get("poststart", out.poststart);
    object.get("poststop", out.poststop);
}

void read(Cursor at, Config& out) {
    Object object(at);
    object.require("ociVersion", out.oci_version);
    object.require("root", out.root);
    object.get("process", out.process);
    object.get("hostname", out.hostname);
    object.get("domainname", out.domainname);
    object.get("mounts", out.mounts);
    object.get("hooks", out.hooks);
    object.get("annotations", out.annotations);
    object.get("linux", out.linux_);
    for (auto platform : {"windows", "solaris", "vm", "zos", "freebsd"})
        object.ignore(platform);
}

namespace {
struct MountList {
    std::vector<Mount> mounts;
};
void read(Cursor at, MountList& out) {
    Object object(at);
    object.require("mounts", out.mounts);
}

std::vector<Problem> in_order_of_text(std::vector<Problem> problems, const Document& document) {
    std::vector<std::pair<std::size_t, Problem>> placed;
    for (auto& problem : problems) {
        auto offset = document.offset_of(problem.pointer);
        problem.line = document.line_at(offset);
        placed.emplace_back(offset, std::move(problem));
    }
    std::stable_sort(placed.begin(), placed.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
    for (std::size_t i = 0; i < placed.size(); ++i)
        problems[i] = std::move(placed[i].second);
    return problems;
}

template<class Value, class Validate>
Parsed<Value> parse(std::string_view json, Validate validate_value) {
    Parsed<Value> parsed;
    auto document = Document::parse(json);
    if (!document) {
        parsed.problems.push_back(std::move(document.error()));
        return parsed;
    }
    Report report;
    read(Cursor(*document, report), parsed.value);
    report.reading_is_done();
    validate_value(parsed.value, report);
    parsed.problems = in_order_of_text(std::move(report.problems), *document);
    parsed.notes = std::move(report.notes);
    return parsed;
}

std::string in_words(const Problem& problem) {
    auto pointer = text::printable(problem.pointer);
    if (problem.line == 0) return text::cat(pointer, pointer.empty() ? "" : ": ", problem.text);
    return text::cat(pointer, pointer.empty() ? "(line " : " (line ", problem.line, "): ", problem.text);
}
}  // namespace

Parsed<Config> parse_config(std::string_view json) {
    return parse<Config>(json, [](const Config& config, Report& report) { validate(config, report); });
}

Parsed<Process> parse_process(std::string_view json) {
    return parse<Process>(json, [](const Process& process, Report& report) { validate(process, "", report); });
}

Parsed<Resources> parse_resources(std::string_view json) {
    return parse<Resources>(json, [](const Resources& resources, Report& report) { validate(resources, "", report); });
}

Parsed<std::vector<Mount>> parse_mounts(std::string_view json) {
    auto parsed = parse<MountList>(json, [](const MountList& list, Report& report) {
        Config config;
        config.mounts = list.mounts;
        config.linux_.namespaces = {{NamespaceType::Mount, ""}};
        validate_mounts(config, report);
    });
    return {std::move(parsed.value.mounts), std::move(parsed.problems), std::move(parsed.notes)};
}

std::vector<Problem> check_resources(const Resources& resources) {
    Report report;
    report.reading_is_done();
    validate(resources, "", report);
    return std::move(report.problems);
}

Error to_error(std::string_view file, const std::vector<Problem>& problems) {
    constexpr std::size_t kMost = 20;
    auto what = text::cat(file, ": ");
    for (std::size_t i = 0; i < std::min(problems.size(), kMost); ++i) {
        if (i != 0) what += "; also: ";
        what += in_words(problems[i]);
    }
    if (problems.size() > kMost) what += text::cat("; and ", problems.size() - kMost, " more");
    Error error(Code::InvalidConfig, std::move(what));
    if (problems.empty()) return error;
    return std::move(error).at(text::printable(problems.front().pointer));
}

Result<Config> load_config(std::string_view file, std::string_view json, std::vector<Note>& notes) {
    auto parsed = parse_config(json);
    if (!parsed.problems.empty()) return fail(to_error(file, parsed.problems));
    std::move(parsed.notes.begin(), parsed.notes.end(), std::back_inserter(notes));
    return std::move(parsed.value);
}

}  // namespace arca::spec
