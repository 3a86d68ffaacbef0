#include "cgroup/systemd_plan.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/text.hpp"

namespace arca::cgroup {

namespace {
constexpr const char* kPathPointer = "/linux/cgroupsPath";
constexpr std::string_view kAnnotationPrefix = "org.systemd.property.";
constexpr const char* kSubgroupAnnotation = "run.oci.systemd.subgroup";  // crun's
constexpr std::string_view kAlphanumeric = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
constexpr std::uint64_t kInfinity = std::numeric_limits<std::uint64_t>::max();  // systemd's CGROUP_LIMIT_MAX

std::unexpected<Error> bad_path(std::string text) {
    return fail(Error(Code::InvalidConfig, std::move(text)).at(kPathPointer));
}

// systemd.unit(5): what is not allowed in a name is written as its code.
std::string escaped(std::string_view name) {
    std::string out;
    for (char c : name) {
        const bool plain = kAlphanumeric.contains(c) || std::string_view(":_.-").contains(c);
        constexpr std::string_view kDigits = "0123456789abcdef";
        const auto code = static_cast<unsigned char>(c);
        out += plain ? std::string(1, c) : text::cat("\\x", kDigits[code >> 4U], kDigits[code & 15U]);
    }
    return out;
}

bool is_unit_name(std::string_view name) {
    constexpr std::size_t kLongest = 255;  // UNIT_NAME_MAX, systemd's src/basic/unit-name.h
    return name.size() <= kLongest && std::ranges::all_of(name, [](char c) {
               return kAlphanumeric.contains(c) || std::string_view(":-_.\\@").contains(c);
           });
}

struct Names {
    std::string slice;
    std::string unit;
};

// The three parts that engines write under this manager (runc's form).
Result<Names> names_of(const ScopeWish& wish) {
    const std::string standard = wish.instance == Instance::System ? "system.slice" : "user.slice";
    if (wish.cgroups_path.empty()) return Names{standard, text::cat("arca-", escaped(wish.id), ".scope")};
    const auto parts = text::split(wish.cgroups_path, ':');
    if (parts.size() != 3 || parts[2].empty())
        return bad_path(text::cat("expected the form \"slice:prefix:name\" for the systemd manager, got \"",
                                  text::printable(wish.cgroups_path), "\""));
    Names names{parts[0].empty() ? standard : std::string(parts[0]), text::cat(parts[1], "-", parts[2], ".scope")};
    if (!is_unit_name(names.unit)) return bad_path(text::cat(text::printable(names.unit), " is no name for a unit"));
    return names;
}

std::string sec_as_usec(const std::string& name) {
    return name.substr(0, name.size() - 3) + "USec";
}

std::optional<double> as_double(const Value& value) {
    if (const auto* number = std::get_if<double>(&value.content)) return *number;
    if (const auto* number = std::get_if<std::int64_t>(&value.content)) return static_cast<double>(*number);
    if (const auto* number = std::get_if<std::uint64_t>(&value.content)) return static_cast<double>(*number);
    return std::nullopt;
}

// Unit files have TimeoutStopSec, the bus has TimeoutStopUSec, in microseconds.
Result<Property> with_usec(Property property) {
    if (!property.name.ends_with("Sec") || property.name.ends_with("USec")) return property;
    constexpr double kMicroseconds = 1e6;
    constexpr double kMostSeconds = 1e12;  // 30,000 years, and small enough for the integers of D-Bus
    const auto seconds = as_double(property.value);
    if (!seconds || !(*seconds >= 0 && *seconds <= kMostSeconds))
        return fail(Code::InvalidConfig, "expected a number of seconds, at most 1e12");
    return Property{sec_as_usec(property.name),
                    Value::uint64(static_cast<std::uint64_t>(std::llround(*seconds * kMicroseconds)))};
}

// Engines decide these by cgroupsPath and by what they start.
bool is_ours(std::string_view name) {
    return name == "Slice" || name == "PIDs" || name == "PIDFDs" || name == "Delegate";
}

Result<Property> property_of(std::string_view name, std::string_view text) {
    constexpr std::size_t kShortest = 3;
    const auto letters = kAlphanumeric.substr(0, 52);
    if (name.size() < kShortest || name.find_first_not_of(letters) != std::string_view::npos)
        return fail(Code::InvalidConfig, "is no name of a property of systemd");
    if (is_ours(name)) return fail(Code::InvalidConfig, "is decided by the runtime (the slice by cgroupsPath)");
    return with_usec({std::string(name), TRY(parse_gvariant(text))});
}

void replace_or_add(std::vector<Property>& properties, Property property) {
    auto old = std::ranges::find(properties, property.name, &Property::name);
    if (old != properties.end())
        *old = std::move(property);
    else
        properties.push_back(std::move(property));
}

Result<> add_annotated(std::vector<Property>& properties, const std::map<std::string, std::string>& annotations) {
    for (const auto& [key, text] : annotations) {
        if (!key.starts_with(kAnnotationPrefix)) continue;
        auto property = property_of(std::string_view(key).substr(kAnnotationPrefix.size()), text);
        if (!property) return fail(std::move(property.error()).with(key).at(text::cat("/annotations/", key)));
        replace_or_add(properties, std::move(*property));
    }
    return {};
}

Result<std::string> subgroup_of(const std::map<std::string, std::string>& annotations) {
    constexpr std::size_t kLongestName = 255;  // NAME_MAX
    const auto annotated = annotations.find(kSubgroupAnnotation);
    if (annotated == annotations.end()) return "";
    const auto& name = annotated->second;
    if (name == "." || name == ".." || name.size() > kLongestName || name.contains('/') ||
        text::printable(name) != name)
        return fail(Error(Code::InvalidConfig, text::cat("\"", text::printable(name), "\" is no name for a cgroup"))
                        .at(text::cat("/annotations/", kSubgroupAnnotation)));
    return name;
}

// "0-2,5" as the bytes of a mask, the least significant first (org.freedesktop.systemd1(5), AllowedCPUs).
std::optional<std::vector<std::uint8_t>> mask_of_list(std::string_view list) {
    constexpr std::uint64_t kMost = 8191;
    std::vector<std::uint8_t> mask;
    for (auto range : text::split(text::trim(list), ',')) {
        const auto dash = range.find('-');
        const auto first = text::to_uint(text::trim(range.substr(0, dash)));
        const auto last = dash == std::string_view::npos ? first : text::to_uint(text::trim(range.substr(dash + 1)));
        if (!first || !last || *first > *last || *last > kMost) return std::nullopt;
        mask.resize(std::max<std::size_t>(mask.size(), *last / 8 + 1));
        for (auto bit = *first; bit <= *last; ++bit)
            mask[bit / 8] = static_cast<std::uint8_t>(mask[bit / 8] | 1U << bit % 8);
    }
    return mask;
}

std::optional<std::uint64_t> limit_of(std::string_view value) {
    return value == "max" ? kInfinity : text::to_uint(value);
}

void add_cpu_max(std::string_view value, std::vector<Property>& properties) {
    const auto words = text::split(text::trim(value), ' ');
    const auto quota = limit_of(words.front());
    const auto period = words.size() > 1 ? text::to_uint(words[1]) : std::uint64_t{100'000};
    if (!quota || !period || *period == 0) return;
    constexpr std::uint64_t kSecond = 1'000'000;
    // systemd counts in hundredths of a CPU, and would round down: rather a little more than asked for than less. The
    // exact value is written into cpu.max afterwards.
    constexpr std::uint64_t kStep = 10'000;
    const auto exact = [&] { return static_cast<std::uint64_t>(static_cast<__uint128_t>(*quota) * kSecond / *period); };
    const auto per_second = *quota == kInfinity ? kInfinity : (exact() + kStep - 1) / kStep * kStep;
    properties.push_back({"CPUQuotaPeriodUSec", Value::uint64(*period)});
    properties.push_back({"CPUQuotaPerSecUSec", Value::uint64(per_second)});
}

struct Mapping {
    std::string_view file;
    std::string_view property;
};
constexpr std::array kLimits = {
    Mapping{"memory.max", "MemoryMax"},
    Mapping{"memory.high", "MemoryHigh"},
    Mapping{"memory.low", "MemoryLow"},
    Mapping{"memory.min", "MemoryMin"},
    Mapping{"memory.swap.max", "MemorySwapMax"},
    Mapping{"cpu.weight", "CPUWeight"},
    Mapping{"io.weight", "IOWeight"},
    Mapping{"pids.max", "TasksMax"},
};
constexpr std::array kMasks = {Mapping{"cpuset.cpus", "AllowedCPUs"}, Mapping{"cpuset.mems", "AllowedMemoryNodes"}};

void add_property(std::string_view file, std::string_view value, std::vector<Property>& properties) {
    if (file == "cpu.max") return add_cpu_max(value, properties);
    // systemd.resource-control(5): since version 252, CPUWeight=idle, which is 0 on the bus.
    if (file == "cpu.idle" && value == "1") return replace_or_add(properties, {"CPUWeight", Value::uint64(0)});
    if (auto limit = std::ranges::find(kLimits, file, &Mapping::file); limit != kLimits.end())
        if (auto number = limit_of(value.starts_with("default ") ? value.substr(8) : value))
            replace_or_add(properties, {std::string(limit->property), Value::uint64(*number)});
    if (auto mask = std::ranges::find(kMasks, file, &Mapping::file); mask != kMasks.end())
        if (auto bytes = mask_of_list(value))
            replace_or_add(properties, {std::string(mask->property), Value::bytes(*bytes)});
}

// D-Bus specification, "Server Addresses": what is not plain is escaped.
std::string unix_address(std::string_view path) {
    std::string address = "unix:path=";
    for (char c : path) {
        constexpr std::string_view kDigits = "0123456789abcdef";
        const auto code = static_cast<unsigned char>(c);
        const bool plain = kAlphanumeric.contains(c) || std::string_view("-_/.").contains(c);
        address += plain ? std::string(1, c) : text::cat("%", kDigits[code >> 4U], kDigits[code & 15U]);
    }
    return address;
}

std::string variable(const std::vector<std::string>& environment, std::string_view name) {
    const auto prefix = text::cat(name, "=");
    for (const auto& entry : environment)
        if (entry.starts_with(prefix)) return entry.substr(prefix.size());
    return {};
}
}  // namespace

std::vector<Property> properties_of(const std::vector<Write>& writes) {
    std::vector<Property> properties;
    for (const auto& write : writes) {
        // A weight that is meant for the bfq scheduler has another scale; what io.weight would get is what counts.
        const bool other = write.if_absent == IfAbsent::UseOther;
        add_property(other ? write.other_file : write.file, other ? write.other_value : write.value, properties);
    }
    return properties;
}

Result<std::string> path_of_slice(std::string_view slice) {
    constexpr std::string_view kSuffix = ".slice";
    if (slice == "-.slice") return "";
    const auto name = slice.substr(0, slice.size() - std::min(slice.size(), kSuffix.size()));
    if (!slice.ends_with(kSuffix) || name.empty() || !is_unit_name(slice) || name.starts_with('-') ||
        name.ends_with('-') || name.contains("--"))
        return bad_path(text::cat("\"", text::printable(slice), "\" is no name for a slice"));
    std::string path;
    for (auto end = name.find('-'); end != std::string_view::npos; end = name.find('-', end + 1))
        path += text::cat("/", name.substr(0, end), kSuffix);
    return text::cat(path, "/", slice);
}

std::string root_of_instance(Instance instance, std::string_view own_cgroup, std::uint32_t uid) {
    if (instance == Instance::System) return "";
    const auto at = own_cgroup.find("/user@");
    constexpr std::string_view kSuffix = ".service";
    const auto end = at == std::string_view::npos ? at : own_cgroup.find(kSuffix, at);
    if (end != std::string_view::npos) return std::string(own_cgroup.substr(0, end + kSuffix.size()));
    return text::cat("/user.slice/user-", uid, ".slice/user@", uid, ".service");
}

// systemd's own socket first: no bus daemon stands between, and none has to be installed.
std::string bus_addresses(Instance instance, const std::vector<std::string>& environment) {
    if (instance == Instance::System) {
        auto named = variable(environment, "DBUS_SYSTEM_BUS_ADDRESS");
        if (!named.empty()) return named;
        return text::cat(unix_address("/run/systemd/private"), ";", unix_address("/run/dbus/system_bus_socket"));
    }
    const auto directory = variable(environment, "XDG_RUNTIME_DIR");
    const auto named = variable(environment, "DBUS_SESSION_BUS_ADDRESS");
    std::vector<std::string> addresses;
    if (!directory.empty()) addresses.push_back(unix_address(directory + "/systemd/private"));
    if (!named.empty()) addresses.push_back(named);
    if (!directory.empty()) addresses.push_back(unix_address(directory + "/bus"));
    return text::join(addresses, ";");
}

Result<ScopePlan> plan_scope(const ScopeWish& wish, const std::vector<Write>& writes) {
    auto names = TRY(names_of(wish));
    (void)TRY(path_of_slice(names.slice));
    auto subgroup = TRY(subgroup_of(wish.annotations));
    ScopePlan plan{.unit = std::move(names.unit),
                   .slice = std::move(names.slice),
                   .bus = bus_addresses(wish.instance, wish.environment),
                   .properties = {},
                   .subgroup = std::move(subgroup)};
    auto& properties = plan.properties;
    properties.push_back({"Description", Value::string(text::cat("arca container ", wish.id))});
    properties.push_back({"Slice", Value::string(plan.slice)});
    properties.push_back({"Delegate", Value::boolean(true)});
    properties.push_back({"DefaultDependencies", Value::boolean(false)});
    // A scope whose process was killed for want of memory has failed; it shall be forgotten all the same.
    properties.push_back({"CollectMode", Value::string("inactive-or-failed")});
    for (const char* accounting : {"MemoryAccounting", "CPUAccounting", "IOAccounting", "TasksAccounting"})
        properties.push_back({accounting, Value::boolean(true)});
    for (auto& property : properties_of(writes))
        properties.push_back(std::move(property));
    TRY(add_annotated(properties, wish.annotations));
    return plan;
}

}  // namespace arca::cgroup
