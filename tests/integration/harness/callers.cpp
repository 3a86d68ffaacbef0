#include "callers.hpp"

#include <algorithm>
#include <cctype>
#include <regex>
#include <sstream>

#include "facts.hpp"
#include "files.hpp"

namespace integration {

namespace {
/// The message of one decoded line; nothing when the shim could not decode it.
std::optional<Json> decode_line(const std::string& line) {
    Json object = Json::parse(line, nullptr, false);
    if (!object.is_object() || !object["level"].is_string() || !object["msg"].is_string()) return std::nullopt;
    if (!object["time"].is_string() || !is_rfc3339(object["time"])) return std::nullopt;
    return object;
}
}  // namespace

Shim::Shim(std::filesystem::path root, std::filesystem::path bundle)
    : root_(std::move(root)), bundle_(std::move(bundle)) {}

Command Shim::command(const Arguments& words) const {
    Arguments argv = {facts().runtime, "--root", root_.string(), "--log", log().string(), "--log-format", "json"};
    argv.insert(argv.end(), words.begin(), words.end());
    return Command(argv);
}

Arguments Shim::create_words(const std::string& id) const {
    return {"create", "--bundle", bundle_.string(), "--pid-file", pid_file().string(), id};
}

std::optional<std::string> last_error_of_stream(const std::filesystem::path& log) {
    std::optional<std::string> last;
    for (const auto& line : lines(read_file(log))) {
        auto object = decode_line(line);
        if (!object) return std::nullopt;
        if ((*object)["level"] == "error") last = (*object)["msg"];
    }
    return last;
}

std::optional<std::string> error_of_whole_file(const std::filesystem::path& log) {
    Json object = Json::parse(read_file(log), nullptr, false);
    if (!object.is_object() || object.value("level", "") != "error") return std::nullopt;
    return object.value("msg", "");
}

int pid_as_go_reads_it(const std::filesystem::path& pid_file) {
    std::string text = read_file(pid_file);
    bool digits = !text.empty() && std::ranges::all_of(text, [](unsigned char c) { return std::isdigit(c) != 0; });
    return digits ? std::stoi(text) : 0;
}

bool is_rfc3339(const std::string& time) {
    static const std::regex form(R"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d))");
    return std::regex_match(time, form);
}

Command with_podmans_environment(Command command, const std::string& runtime_directory) {
    return command.without_environment().variable("XDG_RUNTIME_DIR", runtime_directory);
}

Output combined(Command command, const std::filesystem::path& file) {
    return command.output_files(file, file).run();
}

}  // namespace integration
