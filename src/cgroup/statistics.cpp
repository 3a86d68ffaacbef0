#include "cgroup/statistics.hpp"

#include <algorithm>

#include "base/text.hpp"
#include "cgroup/files.hpp"
#include "cgroup/v2_group.hpp"

namespace arca::cgroup {

namespace {
constexpr std::uint64_t kNsPerUs = 1000;

std::uint64_t counter(const Counters& counters, std::string_view key) {
    auto found = std::ranges::find(counters, key, [](const auto& entry) { return std::string_view(entry.first); });
    return found != counters.end() ? found->second : 0;
}

/// "key=value" of `words`; "max" is kUnlimited.
std::optional<std::uint64_t> assigned(std::string_view word, std::string_view key) {
    if (!word.starts_with(key) || !word.substr(key.size()).starts_with('=')) return std::nullopt;
    const auto value = word.substr(key.size() + 1);
    return value == "max" ? std::optional(kUnlimited) : text::to_uint(value);
}

Pressure::Line parse_line(std::string_view line) {
    Pressure::Line out;
    constexpr std::array<std::string_view, 3> kKeys = {"avg10=", "avg60=", "avg300="};
    for (auto word : text::split(line, ' ')) {
        for (std::size_t i = 0; i < kKeys.size(); ++i) {
            if (!word.starts_with(kKeys[i])) continue;
            // Always with two digits behind the dot.
            auto digits = std::string(word.substr(kKeys[i].size()));
            std::erase(digits, '.');
            out.averages[i] = text::to_uint(digits).value_or(0);
        }
        if (auto total = assigned(word, "total")) out.total_us = *total;
    }
    return out;
}

/// The files of one cgroup. What is not there reads as empty.
class Reader {
  public:
    explicit Reader(sys::FdRef directory) : directory_(directory) {}

    std::string text(const std::string& file) const { return read_file(directory_, file).value_or(""); }
    Counters counters(const std::string& file) const { return parse_counters(text(file)); }
    std::optional<Pressure> pressure(const std::string& file) const { return parse_pressure(text(file)); }
    std::uint64_t number(const std::string& file, std::uint64_t otherwise) const {
        const auto content = text(file);
        const auto trimmed = text::trim(content);
        if (trimmed == "max") return kUnlimited;
        return text::to_uint(trimmed).value_or(otherwise);
    }

    void cpu(CpuStatistics& cpu) const {
        const auto stat = counters("cpu.stat");
        cpu.total_ns = counter(stat, "usage_usec") * kNsPerUs;
        cpu.user_ns = counter(stat, "user_usec") * kNsPerUs;
        cpu.kernel_ns = counter(stat, "system_usec") * kNsPerUs;
        cpu.periods = counter(stat, "nr_periods");
        cpu.throttled_periods = counter(stat, "nr_throttled");
        cpu.throttled_ns = counter(stat, "throttled_usec") * kNsPerUs;
        cpu.bursts = counter(stat, "nr_bursts");
        cpu.burst_ns = counter(stat, "burst_usec") * kNsPerUs;
        cpu.pressure = pressure("cpu.pressure");
    }

    void memory(MemoryStatistics& memory) const {
        memory.raw = counters("memory.stat");
        memory.events = counters("memory.events");
        memory.cache = counter(memory.raw, "file");
        memory.usage = {.limit = number("memory.max", kUnlimited),
                        .usage = number("memory.current", 0),
                        .peak = number("memory.peak", 0),
                        .failures = counter(memory.events, "max")};
        memory.swap = {.limit = number("memory.swap.max", kUnlimited),
                       .usage = number("memory.swap.current", 0) + memory.usage.usage,
                       .failures = counter(counters("memory.swap.events"), "fail")};
        // Readers of the schema expect what v1 counted: memory and swap together.
        if (memory.swap.limit != kUnlimited && memory.usage.limit != kUnlimited)
            memory.swap.limit += memory.usage.limit;
        else
            memory.swap.limit = kUnlimited;
        memory.kernel.usage = counter(memory.raw, "kernel");
        memory.kernel_tcp.usage = counter(memory.raw, "sock");
        memory.pressure = pressure("memory.pressure");
    }

    void processes(Statistics& all) const {
        all.processes = number("pids.current", 0);
        const auto limit = number("pids.max", 0);
        all.processes_limit = limit == kUnlimited ? 0 : limit;
        all.processes_peak = number("pids.peak", 0);
    }

    // Reservations are what a container can run out of where the kernel counts them (since Linux 5.7).
    void huge_pages(Statistics& all, const std::vector<std::string>& files) const {
        constexpr std::string_view kSuffix = ".current";
        for (const auto& file : files) {
            if (!file.starts_with("hugetlb.") || !file.ends_with(kSuffix) || file.contains(".rsvd.")) continue;
            const auto size = file.substr(8, file.size() - 8 - kSuffix.size());
            const auto prefix = text::cat("hugetlb.", size);
            const auto usage = number(prefix + ".rsvd.current", number(file, 0));
            all.huge_pages[size] = {.limit = number(prefix + ".max", kUnlimited),
                                    .usage = usage,
                                    .failures = counter(counters(prefix + ".events"), "max")};
        }
    }

    void rdma(Statistics& all) const {
        const auto content = text("rdma.current");
        for (auto line : text::split(content, '\n')) {
            const auto words = text::split(line, ' ');
            if (words.size() < 2) continue;
            auto& device = all.rdma[std::string(words[0])];
            for (std::size_t i = 1; i < words.size(); ++i)
                if (auto equals = words[i].find('='); equals != std::string_view::npos)
                    device.emplace_back(words[i].substr(0, equals),
                                        text::to_uint(words[i].substr(equals + 1)).value_or(0));
        }
    }

    void misc(Statistics& all) const {
        const auto limits = text("misc.max");
        for (const auto& [name, usage] : counters("misc.current"))
            all.misc[name] = {.limit = value_of(limits, name).value_or(kUnlimited), .usage = usage};
        for (const auto& [name, count] : counters("misc.events"))
            if (name.ends_with(".max") && all.misc.contains(name.substr(0, name.size() - 4)))
                all.misc[name.substr(0, name.size() - 4)].failures = count;
    }

  private:
    sys::FdRef directory_;
};
}  // namespace

std::optional<Pressure> parse_pressure(std::string_view content) {
    Pressure pressure;
    bool found = false;
    for (auto line : text::split(content, '\n')) {
        found |= line.starts_with("some ") || line.starts_with("full ");
        if (line.starts_with("some ")) pressure.some = parse_line(line);
        if (line.starts_with("full ")) pressure.full = parse_line(line);
    }
    return found ? std::optional(pressure) : std::nullopt;
}

Counters parse_counters(std::string_view content) {
    Counters counters;
    for (auto line : text::split(content, '\n')) {
        const auto space = line.find(' ');
        if (space == std::string_view::npos) continue;
        if (auto number = text::to_uint(line.substr(space + 1))) counters.emplace_back(line.substr(0, space), *number);
    }
    return counters;
}

void parse_io_stat(std::string_view content, Statistics& into) {
    struct Column {
        std::string_view key;
        const char* operation;
        std::vector<BlockIoEntry>& list;
    };
    const std::array kColumns = {
        Column{"rbytes", "Read", into.io_bytes},     Column{"wbytes", "Write", into.io_bytes},
        Column{"dbytes", "Discard", into.io_bytes},  Column{"rios", "Read", into.io_operations},
        Column{"wios", "Write", into.io_operations}, Column{"dios", "Discard", into.io_operations},
    };
    for (auto line : text::split(content, '\n')) {
        const auto words = text::split(line, ' ');
        const auto colon = words[0].find(':');
        if (colon == std::string_view::npos) continue;
        const auto major = text::to_uint(words[0].substr(0, colon));
        const auto minor = text::to_uint(words[0].substr(colon + 1));
        if (!major || !minor) continue;
        for (auto word : words)
            for (const auto& column : kColumns)
                if (auto value = assigned(word, column.key))
                    column.list.push_back({*major, *minor, column.operation, *value});
    }
}

std::vector<std::uint16_t> parse_list(std::string_view list) {
    std::vector<std::uint16_t> numbers;
    for (auto part : text::split(text::trim(list), ',')) {
        const auto dash = part.find('-');
        const auto first = text::to_uint(part.substr(0, dash));
        const auto last = dash == std::string_view::npos ? first : text::to_uint(part.substr(dash + 1));
        if (!first || !last || *last > UINT16_MAX) continue;
        for (auto number = *first; number <= *last; ++number)
            numbers.push_back(static_cast<std::uint16_t>(number));
    }
    return numbers;
}

Result<Statistics> V2Group::statistics() const {
    Statistics all;
    const Reader reader(directory_);
    reader.cpu(all.cpu);
    all.cpus = parse_list(reader.text("cpuset.cpus.effective"));
    all.memory_nodes = parse_list(reader.text("cpuset.mems.effective"));
    reader.memory(all.memory);
    reader.processes(all);
    parse_io_stat(reader.text("io.stat"), all);
    all.io_pressure = reader.pressure("io.pressure");
    reader.huge_pages(all, TRY(file_names(directory_)));
    reader.rdma(all);
    reader.misc(all);
    return all;
}

}  // namespace arca::cgroup
