#include "rdt/group.hpp"

#include <fcntl.h>

#include <algorithm>
#include <map>

#include "base/text.hpp"
#include "sys/process.hpp"
#include "sys/syscalls.hpp"

namespace arca::rdt {

namespace {
constexpr auto kPointer = "/linux/intelRdt";

/// "L3:0=0f;1=f": the domains and their values.
struct Schema {
    std::string resource;
    std::map<std::string, std::string> values;
};

std::string_view without_zeros(std::string_view value) {
    while (value.size() > 1 && value.front() == '0')
        value.remove_prefix(1);
    return value;
}

Schema parse_schema(std::string_view line) {
    Schema schema;
    const auto colon = line.find(':');
    schema.resource = text::trim(line.substr(0, colon));
    if (colon == std::string_view::npos) return schema;
    for (const auto part : text::split(line.substr(colon + 1), ';')) {
        const auto equals = part.find('=');
        if (equals == std::string_view::npos) continue;
        schema.values[std::string(without_zeros(text::trim(part.substr(0, equals))))] =
            text::lower(without_zeros(text::trim(part.substr(equals + 1))));
    }
    return schema;
}

std::string path_of(const Plan& plan) {
    return plan.group.empty() ? plan.root : text::cat(plan.root, "/", plan.group);
}

enum class Made : std::uint8_t { Now, Before };

Result<Made> make_directory(const std::string& path) {
    auto made = sys::mkdirat(sys::FdRef::working_directory(), path, 0755);
    if (made) return Made::Now;
    if (made.error().errnum() == EEXIST) return Made::Before;
    if (made.error().errnum() == ENOSPC)
        return fail(std::move(made.error()).hinting("the hardware has no class of service or monitor left"));
    return fail(std::move(made.error()));
}

// Each write(2) is an operation; the kernel says what is wrong with one in info/last_cmd_status, in words.
Result<> write_control(const std::string& root, const std::string& file, const std::string& line) {
    // O_CREAT changes nothing on resctrl, where the kernel makes the files.
    const auto fd = TRY(sys::openat(sys::FdRef::working_directory(), file, O_WRONLY | O_CREAT, 0644));
    auto written = sys::write_all(fd, line);
    if (written) return {};
    const auto said = sys::read_file(root + "/info/last_cmd_status", 4096);
    auto error = std::move(written.error()).with(text::cat("writing \"", text::trim(line), "\" to ", file));
    if (said) error = std::move(error).hinting(text::cat("resctrl says: ", text::printable(text::trim(*said))));
    return fail(std::move(error));
}

Result<> write_schemata(const std::string& root, const std::string& group, const std::vector<std::string>& lines) {
    if (lines.empty()) return {};
    return write_control(root, group + "/schemata", text::join(lines, "\n") + "\n");
}

Result<> compare_schemata(const Plan& plan, const std::string& group) {
    const auto existing = TRY(sys::read_file(group + "/schemata", 65536));
    for (const auto& line : plan.schemata)
        if (!agrees(existing, line))
            return fail(Code::InvalidConfig,
                        text::cat("the group ", group, " exists, but its schemata do not agree with \"", line, "\""));
    return {};
}

Result<Made> prepare_group(const Plan& plan, const std::string& group) {
    if (plan.group.empty()) {
        TRY(write_schemata(plan.root, group, plan.schemata));
        return Made::Before;
    }
    if (plan.kind == Plan::Group::Named) {
        auto there = sys::open(group, O_RDONLY | O_DIRECTORY);
        if (!there)
            return fail(
                std::move(there.error()).as(Code::InvalidConfig).with("closID names a group that must be there"));
        return Made::Before;
    }
    const auto made = TRY(make_directory(group));
    if (made == Made::Before && plan.kind == Plan::Group::Shared)
        TRY(compare_schemata(plan, group));
    else
        TRY(write_schemata(plan.root, group, plan.schemata));
    return made;
}

Result<> remove_directory(const std::string& path) {
    if (path.empty()) return {};
    auto removed = sys::unlinkat(sys::FdRef::working_directory(), path, AT_REMOVEDIR);
    if (!removed && removed.error().errnum() != ENOENT) return fail(std::move(removed.error()));
    return {};
}

Result<> write_pid(const std::string& group, int pid) {
    const auto file = group + "/tasks";
    const auto fd = TRY(sys::openat(sys::FdRef::working_directory(), file, O_WRONLY | O_CREAT, 0644));
    TRY_CTX(sys::write_all(fd, text::cat(pid)), text::cat("writing the process to ", file));
    return {};
}
}  // namespace

bool agrees(const std::string& existing, const std::string& wanted) {
    const auto asked = parse_schema(wanted);
    for (const auto line : text::split(existing, '\n')) {
        const auto schema = parse_schema(line);
        if (schema.resource != asked.resource) continue;
        return std::ranges::all_of(asked.values, [&schema](const auto& entry) {
            const auto found = schema.values.find(entry.first);
            return found != schema.values.end() && found->second == entry.second;
        });
    }
    return false;
}

Location location_of(const Plan& plan) {
    Location location;
    location.group = path_of(plan);
    if (!plan.monitor.empty()) location.monitor = text::cat(location.group, "/mon_groups/", plan.monitor);
    // A group that is shared outlives who made it: others may have come to use it.
    location.group_was_made = plan.kind == Plan::Group::Own;
    return location;
}

Result<Location> create(const Plan& plan) {
    auto location = location_of(plan);
    auto made = prepare_group(plan, location.group);
    auto monitor = !made || location.monitor.empty() ? Result<Made>(Made::Before) : make_directory(location.monitor);
    if (made && monitor) return location;
    if (location.group_was_made) (void)remove_directory(location.group);
    return fail(std::move(made ? monitor.error() : made.error()).at(kPointer));
}

Result<> enter(const Location& location, int pid) {
    if (location.group.empty()) return {};
    auto entered = write_pid(location.group, pid);
    if (entered && !location.monitor.empty()) entered = write_pid(location.monitor, pid);
    if (!entered) return fail(std::move(entered.error()).at(kPointer));
    return {};
}

// resctrl takes threads, not processes: what is written to "tasks" is a thread's id.
Result<> enter_with_threads(const Location& location, int pid) {
    for (const auto thread : TRY(sys::threads_of(pid))) {
        auto entered = enter(location, thread);
        if (!entered && entered.error().errnum() != ESRCH) return entered;
    }
    return {};
}

Result<std::vector<std::string>> schemata_in_force(const Location& location) {
    std::vector<std::string> lines;
    const auto schemata = TRY(sys::read_file(location.group + "/schemata"));
    for (const auto line : text::split(schemata, '\n'))
        if (const auto trimmed = text::trim(line); !trimmed.empty()) lines.emplace_back(trimmed);
    return lines;
}

Result<> change_schemata(const Location& location, const std::string& root, const std::vector<std::string>& lines) {
    return write_schemata(root, location.group, lines);
}

Result<> remove(const Location& location) {
    TRY(remove_directory(location.monitor));
    return location.group_was_made ? remove_directory(location.group) : Result<>{};
}

}  // namespace arca::rdt
