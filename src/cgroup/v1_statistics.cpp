// What the controllers of v1 have counted, in the form that v2 suggests.
#include <unistd.h>

#include "base/text.hpp"
#include "cgroup/files.hpp"
#include "cgroup/v1_group.hpp"

namespace arca::cgroup {

namespace {
class V1Reader {
  public:
    explicit V1Reader(sys::FdRef directory) : directory_(directory) {}

    std::string text(const std::string& file) const {
        return directory_ ? read_file(directory_, file).value_or("") : std::string();
    }
    Counters counters(const std::string& file) const { return parse_counters(text(file)); }
    std::uint64_t number(const std::string& file) const {
        const auto content = text(file);
        return text::to_uint(text::trim(content)).value_or(0);
    }
    std::uint64_t keyed(const std::string& file, std::string_view key) const {
        return value_of(text(file), key).value_or(0);
    }
    /// "memory.limit_in_bytes" and its companions, of "memory", "memory.memsw", "hugetlb.2MB".
    MemoryCounter counter(const std::string& prefix) const {
        const auto limit = text(prefix + ".limit_in_bytes");
        return {.limit = limit_of(text::trim(limit)),
                .usage = number(prefix + ".usage_in_bytes"),
                .peak = number(prefix + ".max_usage_in_bytes"),
                .failures = number(prefix + ".failcnt")};
    }
    std::vector<std::string> files() const {
        return directory_ ? file_names(directory_).value_or(std::vector<std::string>{}) : std::vector<std::string>{};
    }

  private:
    // The highest number of whole pages stands for "none" (page_counter.h).
    static std::uint64_t limit_of(std::string_view content) {
        constexpr std::uint64_t kNearlyAll = 0x7ffffffffff00000;
        const auto limit = text::to_uint(content).value_or(kUnlimited);
        return limit >= kNearlyAll ? kUnlimited : limit;
    }
    sys::FdRef directory_;
};

void read_cpu(const V1Reader& accounting, const V1Reader& bandwidth, CpuStatistics& cpu) {
    const auto ns_per_tick = 1'000'000'000ULL / static_cast<std::uint64_t>(::sysconf(_SC_CLK_TCK));
    cpu.total_ns = accounting.number("cpuacct.usage");
    cpu.user_ns = accounting.keyed("cpuacct.stat", "user") * ns_per_tick;
    cpu.kernel_ns = accounting.keyed("cpuacct.stat", "system") * ns_per_tick;
    const auto each = accounting.text("cpuacct.usage_percpu");
    for (auto word : text::split(text::trim(each), ' '))
        if (auto ns = text::to_uint(word)) cpu.per_cpu_ns.push_back(*ns);
    cpu.periods = bandwidth.keyed("cpu.stat", "nr_periods");
    cpu.throttled_periods = bandwidth.keyed("cpu.stat", "nr_throttled");
    cpu.throttled_ns = bandwidth.keyed("cpu.stat", "throttled_time");
}

void read_memory(const V1Reader& controller, MemoryStatistics& memory) {
    memory.usage = controller.counter("memory");
    memory.swap = controller.counter("memory.memsw");
    memory.kernel = controller.counter("memory.kmem");
    memory.kernel_tcp = controller.counter("memory.kmem.tcp");
    memory.raw = controller.counters("memory.stat");
    for (const auto& [key, value] : memory.raw)
        if (key == "cache") memory.cache = value;
    if (const auto kills = value_of(controller.text("memory.oom_control"), "oom_kill"))
        memory.events = {{"oom_kill", *kills}};
}

// "8:0 Read 512" a line.
std::vector<BlockIoEntry> parse_throttle(std::string_view content) {
    std::vector<BlockIoEntry> entries;
    for (auto line : text::split(content, '\n')) {
        const auto words = text::split(line, ' ');
        if (words.size() != 3) continue;
        const auto colon = words[0].find(':');
        const auto major = text::to_uint(words[0].substr(0, colon));
        const auto minor = colon == std::string_view::npos ? std::nullopt : text::to_uint(words[0].substr(colon + 1));
        const auto value = text::to_uint(words[2]);
        if (major && minor && value) entries.push_back({*major, *minor, std::string(words[1]), *value});
    }
    return entries;
}

void read_huge_pages(const V1Reader& controller, Statistics& all) {
    constexpr std::string_view kSuffix = ".usage_in_bytes";
    for (const auto& file : controller.files()) {
        if (!file.starts_with("hugetlb.") || !file.ends_with(kSuffix) || file.contains(".rsvd.")) continue;
        const auto prefix = file.substr(0, file.size() - kSuffix.size());
        all.huge_pages[prefix.substr(8)] = controller.counter(prefix);
    }
}
}  // namespace

Result<Statistics> V1Group::statistics() const {
    auto all = unified_ ? TRY(unified_->statistics()) : Statistics();
    const auto of = [this](std::string_view controller) { return V1Reader(directory_of(controller)); };
    if (directory_of("cpuacct")) read_cpu(of("cpuacct"), of("cpu"), all.cpu);
    if (directory_of("memory")) read_memory(of("memory"), all.memory);
    if (directory_of("cpuset")) {
        all.cpus = parse_list(of("cpuset").text("cpuset.cpus"));
        all.memory_nodes = parse_list(of("cpuset").text("cpuset.mems"));
    }
    if (directory_of("pids")) {
        all.processes = of("pids").number("pids.current");
        all.processes_limit = of("pids").number("pids.max");  // "max" is no number: none
    }
    if (directory_of("blkio")) {
        all.io_bytes = parse_throttle(of("blkio").text("blkio.throttle.io_service_bytes_recursive"));
        all.io_operations = parse_throttle(of("blkio").text("blkio.throttle.io_serviced_recursive"));
    }
    if (directory_of("hugetlb")) read_huge_pages(of("hugetlb"), all);
    return all;
}

}  // namespace arca::cgroup
