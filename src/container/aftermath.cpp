#include "container/aftermath.hpp"

#include <fcntl.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/progress.hpp"
#include "base/text.hpp"
#include "spec/json_writer.hpp"
#include "sys/syscalls.hpp"

namespace arca::container {

namespace {
constexpr auto kExitName = "exit";
constexpr auto kFailedName = ".failed";
constexpr std::size_t kKept = 64;

// "CODE SIGNAL", one of them 0.
std::optional<sys::ExitStatus> parse_exit(std::string_view content) {
    const auto words = text::split(text::trim(content), ' ');
    if (words.size() != 2) return std::nullopt;
    const auto code = text::to_int(words[0]);
    const auto signal = text::to_int(words[1]);
    if (!code || !signal) return std::nullopt;
    return sys::ExitStatus{.code = static_cast<int>(*code), .signal = static_cast<int>(*signal)};
}

std::string to_json(std::string_view operation, const Error& error) {
    const auto step = error.step() != Step::None ? error.step() : progress::current();
    spec::JsonWriter out("");
    out.begin_object();
    out.member("operation", operation);
    out.member("time", now_rfc3339());
    out.member("step", name(step));
    out.member("message", error.message());
    out.end_object();
    return out.take();
}

// The oldest by the time of their last change.
void forget_old(sys::FdRef directory, std::vector<std::string> names) {
    if (names.size() <= kKept) return;
    const auto age = [directory](const std::string& file) {
        auto found = sys::fstatat(directory, file, AT_SYMLINK_NOFOLLOW);
        return found ? std::pair(found->st_mtim.tv_sec, found->st_mtim.tv_nsec) : std::pair<time_t, long>(0, 0);
    };
    std::ranges::sort(names, {}, age);
    names.resize(names.size() - kKept);
    for (const auto& file : names)
        (void)sys::unlinkat(directory, file, 0);
}

bool changed_nothing(Code code) {
    return code == Code::Usage || code == Code::ContainerExists;
}
}  // namespace

// Whoever holds the lock may be removing the directory, or may hold it for as long as a hook takes: nobody waits for
// that.
void remember_exit(Store& store, const sys::ExitStatus& status) {
    if (!store.try_lock()) return;
    if (!store.read_file(kExitName))
        (void)store.write_file(kExitName, text::cat(status.code, " ", status.signal, "\n"));
    store.unlock();
}

std::optional<sys::ExitStatus> recall_exit(const Store& store, const Record& record) {
    if (auto content = store.read_file(kExitName)) return parse_exit(*content);
    if (record.pid <= 0) return std::nullopt;
    auto info = sys::process_info(record.pid);
    if (!info || info->start_time != record.start_time) return std::nullopt;
    return sys::exit_status_of_dead(record.pid);
}

void write_failure(const Runtime& runtime, const std::string& id, std::string_view operation, const Error& error) {
    if (changed_nothing(error.code()) || !check_id(id)) return;
    const auto path = text::cat(runtime.root, "/", kFailedName);
    // Not its parents: a root that is not there has seen no container yet.
    (void)sys::mkdirat(sys::FdRef::working_directory(), path, 0700);
    auto directory = sys::open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    if (!directory) return;
    (void)sys::replace_file_at(*directory, id, to_json(operation, error), 0600);
    if (auto names = Store::ids(path)) forget_old(*directory, std::move(*names));
}

std::optional<Failure> recall_failure(const Runtime& runtime, const std::string& id) {
    if (!check_id(id)) return std::nullopt;
    auto content = sys::read_file(text::cat(runtime.root, "/", kFailedName, "/", id));
    if (!content) return std::nullopt;
    const auto json = nlohmann::json::parse(*content, nullptr, false);
    if (!json.is_object()) return std::nullopt;
    const auto text_of = [&json](const char* member) {
        return json.contains(member) && json[member].is_string() ? json[member].get<std::string>() : std::string();
    };
    return Failure{text_of("operation"), text_of("time"), text_of("step"), text_of("message")};
}

}  // namespace arca::container
