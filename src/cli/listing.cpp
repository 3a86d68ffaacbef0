#include "cli/listing.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <span>
#include <utility>

#include "cli/log_line.hpp"
#include "cli/output.hpp"

namespace arca::cli {

namespace {
using Fields = std::vector<std::pair<std::string_view, std::string>>;  // key, value as JSON

Fields state_fields(const State& state, std::string_view indent) {
    Fields fields = {
        {"ociVersion", json_string(state.oci_version)},
        {"id", json_string(state.id)},
        {"pid", std::to_string(state.pid)},
        {"status", json_string(name(state.status))},
        {"bundle", json_string(state.bundle)},
        {"rootfs", json_string(state.rootfs)},
        {"created", json_string(state.created)},
    };
    if (!state.annotations.empty()) {
        std::string entries;
        for (const auto& [key, text] : state.annotations) {
            auto separator = entries.empty() ? "" : ",";
            ((entries += separator) += indent) += json_string(key) + (indent.empty() ? ":" : ": ") + json_string(text);
        }
        auto closing = indent.empty() ? "" : "\n  ";
        fields.emplace_back("annotations", "{" + entries + closing + "}");
    }
    fields.emplace_back("owner", json_string(state.owner));
    if (!state.systemd_scope.empty()) fields.emplace_back("systemd-scope", json_string(state.systemd_scope));
    if (!state.reason.empty()) fields.emplace_back("reason", json_string(state.reason));
    return fields;
}

std::string object(const Fields& fields, std::string_view indent, std::string_view colon, std::string_view closing) {
    std::string out = "{";
    for (const auto& [key, json] : fields) {
        if (out.size() > 1) out += ',';
        ((out += indent) += json_string(key)) += colon;
        out += json;
    }
    return (out += closing) + "}";
}

using Cells = std::vector<std::string>;

/// Three spaces apart.
std::string table(const std::vector<Cells>& rows, std::size_t min_width) {
    constexpr std::size_t kPadding = 3;
    std::vector<std::size_t> widths(rows[0].size(), min_width);
    for (const auto& row : rows)
        for (std::size_t i = 0; i < row.size(); ++i)
            widths[i] = std::max(widths[i], row[i].size() + kPadding);
    std::string out;
    for (const auto& row : rows) {
        for (std::size_t i = 0; i < row.size(); ++i) {
            auto cell = row[i];
            if (i + 1 < row.size()) cell.resize(widths[i], ' ');
            out += cell;
        }
        out += '\n';
    }
    return out;
}

std::optional<int> number_at(std::string_view text, std::size_t at, std::size_t digits) {
    int number = 0;
    if (at + digits > text.size()) return std::nullopt;
    const char* end = text.data() + at + digits;
    auto [stopped, problem] = std::from_chars(text.data() + at, end, number);
    return problem == std::errc{} && stopped == end ? std::optional(number) : std::nullopt;
}

std::optional<std::time_t> seconds_of(std::string_view rfc3339) {
    tm date{};
    std::array<std::pair<int*, std::size_t>, 6> fields = {{{&date.tm_year, 0},
                                                           {&date.tm_mon, 5},
                                                           {&date.tm_mday, 8},
                                                           {&date.tm_hour, 11},
                                                           {&date.tm_min, 14},
                                                           {&date.tm_sec, 17}}};
    for (auto [field, at] : fields) {
        auto number = number_at(rfc3339, at, at == 0 ? 4 : 2);
        if (!number) return std::nullopt;
        *field = *number;
    }
    date.tm_year -= 1900;
    date.tm_mon -= 1;
    return timegm(&date);
}

std::string_view colour_of(Status status) {
    switch (status) {
        case Status::Running:
            return "\x1b[32m";
        case Status::Paused:
            return "\x1b[33m";
        case Status::Creating:
        case Status::Created:
            return "\x1b[36m";
        case Status::Stopped:
            return "\x1b[2m";
    }
    return "";
}

std::vector<std::string_view> lines_of(std::string_view text) {
    std::vector<std::string_view> lines;
    while (!text.empty()) {
        auto end = std::min(text.find('\n'), text.size());
        lines.push_back(text.substr(0, end));
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return lines;
}

std::vector<std::string_view> fields_of(std::string_view line) {
    std::vector<std::string_view> fields;
    for (auto at = line.find_first_not_of(' '); at != std::string_view::npos; at = line.find_first_not_of(' ', at)) {
        auto end = std::min(line.find(' ', at), line.size());
        fields.push_back(line.substr(at, end - at));
        at = end;
    }
    return fields;
}

bool is_one_of(std::string_view word, const std::vector<int>& pids) {
    int pid = 0;
    auto [end, problem] = std::from_chars(word.data(), word.data() + word.size(), pid);
    return problem == std::errc{} && end == word.data() + word.size() && std::ranges::find(pids, pid) != pids.end();
}
}  // namespace

std::string state_json(const State& state) {
    return object(state_fields(state, "\n    "), "\n  ", ": ", "\n");
}

std::string list_json(const std::vector<State>& states, std::string_view banner) {
    if (states.empty()) return banner == "runc" ? "null\n" : "[]\n";
    std::string out;
    for (const auto& state : states)
        (out += out.empty() ? "[" : ",") += object(state_fields(state, ""), "", ":", "");
    return out + "]\n";
}

std::string list_table(const std::vector<State>& states, std::string_view banner) {
    std::vector<Cells> rows = {{"ID", "PID", "STATUS", "BUNDLE", "CREATED", "OWNER"}};
    if (banner == "crun") rows[0] = {"NAME", "PID", "STATUS", "BUNDLE PATH", "CREATED", "OWNER"};
    for (const auto& state : states)
        rows.push_back({state.id, std::to_string(state.pid), std::string(name(state.status)), printable(state.bundle),
                        state.created, state.owner});
    constexpr std::size_t kWidthInRunc = 12;
    return table(rows, kWidthInRunc);
}

std::string age(std::string_view created, std::time_t now) {
    static constexpr std::pair<std::time_t, std::string_view> kUnits[] = {
        {86400, "day"}, {3600, "hour"}, {60, "minute"}, {1, "second"}};
    auto then = seconds_of(created);
    if (!then) return std::string(created);
    auto seconds = std::max<std::time_t>(now - *then, 0);
    for (auto [length, unit] : kUnits) {
        auto count = seconds / length;
        if (count > 0 || length == 1) return std::to_string(count) + " " + std::string(unit) + (count == 1 ? "" : "s");
    }
    return {};
}

std::string list_for_people(const std::vector<State>& states, std::time_t now, Colours colours) {
    if (states.empty()) return "no containers\n";
    // Colours take no room on the screen but would in the table: they stand around whole lines.
    std::vector<Cells> rows = {{"ID", "STATUS", "PID", "AGE", "OWNER", "BUNDLE"}};
    for (const auto& state : states)
        rows.push_back({state.id, std::string(name(state.status)), state.pid == 0 ? "-" : std::to_string(state.pid),
                        printable(age(state.created, now)), printable(state.owner), printable(state.bundle)});
    auto text = table(rows, 0);
    if (colours == Colours::Without) return text;
    std::string out;
    auto lines = lines_of(text);
    for (std::size_t i = 0; i < lines.size(); ++i) {
        (out += i == 0 ? "\x1b[1m" : colour_of(states[i - 1].status)) += lines[i];
        out += "\x1b[0m\n";
    }
    return out;
}

std::string explanation_text(const Explanation& why) {
    std::string text = why.id + ": ";
    text += why.status ? "the container is " + std::string(name(*why.status)) : "there is no such container any more";
    text += '\n';
    if (!why.ending.empty()) text += "its process " + why.ending + "\n";
    if (why.oom_kills > 0)
        text += "the kernel killed " + std::to_string(why.oom_kills) + " of its processes: its memory was used up\n";
    if (!why.operation.empty()) text += why.operation + " failed at " + why.time + " in step " + why.step + ":\n";
    if (!why.message.empty()) text += printable(why.message) + "\n";
    if (why.status == Status::Stopped && why.ending.empty())
        text += "its exit status is known only to the process that collected it\n";
    return text;
}

std::string explanation_json(const Explanation& why) {
    Fields fields = {{"id", json_string(why.id)}};
    if (why.status) fields.emplace_back("status", json_string(name(*why.status)));
    if (why.exit_status) fields.emplace_back("exitStatus", std::to_string(*why.exit_status));
    if (!why.ending.empty()) fields.emplace_back("ending", json_string(why.ending));
    fields.emplace_back("oomKills", std::to_string(why.oom_kills));
    for (const auto& [key, value] : {std::pair("operation", &why.operation), std::pair("time", &why.time),
                                     std::pair("step", &why.step), std::pair("message", &why.message)})
        if (!value->empty()) fields.emplace_back(key, json_string(*value));
    return object(fields, "\n  ", ": ", "\n") + "\n";
}

std::string pids_json(const std::vector<int>& pids) {
    std::string out = "[";
    for (int pid : pids)
        (out += out.size() > 1 ? "," : "") += std::to_string(pid);
    return out + "]\n";
}

std::string mounts_json(const std::vector<HotMount>& mounts) {
    std::string entries;
    for (const auto& mount : mounts) {
        Fields fields = {{"destination", json_string(mount.destination)}};
        if (!mount.type.empty()) fields.emplace_back("type", json_string(mount.type));
        if (!mount.source.empty()) fields.emplace_back("source", json_string(mount.source));
        std::string options;
        for (const auto& option : mount.options)
            options += (options.empty() ? "" : ",") + json_string(option);
        if (!options.empty()) fields.emplace_back("options", "[" + options + "]");
        entries += (entries.empty() ? "" : ",") + object(fields, "", ":", "");
    }
    return "{\"mounts\":[" + entries + "]}\n";
}

std::string pids_table(const std::vector<int>& pids) {
    std::string out = "PID\n";
    for (int pid : pids)
        out += std::to_string(pid) + "\n";
    return out;
}

Result<std::string> filter_ps(std::string_view ps_output, const std::vector<int>& pids) {
    auto lines = lines_of(ps_output);
    auto titles = lines.empty() ? std::vector<std::string_view>{} : fields_of(lines[0]);
    auto column = static_cast<std::size_t>(std::ranges::find(titles, "PID") - titles.begin());
    if (column == titles.size())
        return std::unexpected(
            Error(Code::Usage, "the output of ps has no column PID, by which the container's processes are found"));
    std::string out = std::string(lines[0]) + "\n";
    for (auto line : std::span(lines).subspan(1)) {
        auto fields = fields_of(line);
        if (column < fields.size() && is_one_of(fields[column], pids)) (out += line) += '\n';
    }
    return out;
}

}  // namespace arca::cli
