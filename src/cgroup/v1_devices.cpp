#include "cgroup/v1_devices.hpp"

#include <linux/bpf.h>

#include <algorithm>

#include "base/text.hpp"
#include "cgroup/device_rules.hpp"

namespace arca::cgroup {

namespace {
constexpr unsigned kAllAccess = BPF_DEVCG_ACC_MKNOD | BPF_DEVCG_ACC_READ | BPF_DEVCG_ACC_WRITE;
constexpr const char* kAllow = "devices.allow";
constexpr const char* kDeny = "devices.deny";

/// A rule for one type of device: those for all types are two of these, since v1 reads nothing after an "a".
struct Rule {
    bool allow = false;
    DeviceException devices;
};

std::vector<Rule> by_type(const std::vector<spec::DeviceRule>& rules) {
    std::vector<Rule> out;
    for (const auto& rule : rules)
        for (const char type : {'b', 'c'})
            if (rule.type == type || rule.type == 'a')
                out.push_back({rule.allow, {type, rule.major, rule.minor, access_bits(rule.access)}});
    return out;
}

bool covers(const std::optional<std::int64_t>& wide, const std::optional<std::int64_t>& narrow) {
    return !wide || wide == narrow;
}

bool covers(const DeviceException& wide, const DeviceException& narrow) {
    return wide.type == narrow.type && covers(wide.major, narrow.major) && covers(wide.minor, narrow.minor);
}

bool overlaps(const DeviceException& one, const DeviceException& other) {
    const auto same = [](const auto& a, const auto& b) { return !a || !b || a == b; };
    return one.type == other.type && same(one.major, other.major) && same(one.minor, other.minor);
}

// What a later rule takes back of all devices of an earlier one, that one need not give.
void drop_overruled(std::vector<Rule>& rules) {
    for (std::size_t i = 0; i < rules.size(); ++i)
        for (std::size_t j = i + 1; j < rules.size(); ++j)
            if (rules[j].allow != rules[i].allow && covers(rules[j].devices, rules[i].devices))
                rules[i].devices.access &= ~rules[j].devices.access;
    std::erase_if(rules, [](const Rule& rule) { return rule.devices.access == 0; });
}

bool speaks_of_all(const Rule& rule) {
    return !rule.devices.major && !rule.devices.minor && rule.devices.access == kAllAccess;
}

bool allows_by_default(const std::vector<Rule>& rules) {
    const auto is_open = [&](char type) {
        return std::ranges::any_of(
            rules, [&](const Rule& rule) { return rule.allow && rule.devices.type == type && speaks_of_all(rule); });
    };
    return is_open('b') && is_open('c');
}

void add(std::vector<DeviceException>& exceptions, const DeviceException& wanted) {
    auto same = std::ranges::find_if(exceptions,
                                     [&](const auto& known) { return covers(known, wanted) && covers(wanted, known); });
    if (same == exceptions.end())
        exceptions.push_back(wanted);
    else
        same->access |= wanted.access;
}

/// Takes `back` out of the exceptions; false when one of them is wider than that.
bool take_back(std::vector<DeviceException>& exceptions, const DeviceException& back) {
    for (auto& known : exceptions) {
        if (!overlaps(known, back) || (known.access & back.access) == 0) continue;
        if (!covers(back, known)) return false;
        known.access &= ~back.access;
    }
    std::erase_if(exceptions, [](const auto& known) { return known.access == 0; });
    return true;
}

std::string number(const std::optional<std::int64_t>& value) {
    return value ? text::cat(*value) : "*";
}

std::string to_text(const DeviceException& entry) {
    std::string access;
    if ((entry.access & BPF_DEVCG_ACC_READ) != 0) access += 'r';
    if ((entry.access & BPF_DEVCG_ACC_WRITE) != 0) access += 'w';
    if ((entry.access & BPF_DEVCG_ACC_MKNOD) != 0) access += 'm';
    return text::cat(entry.type, " ", number(entry.major), ":", number(entry.minor), " ", access);
}

std::optional<DeviceException> parse_exception(std::string_view line) {
    const auto words = text::split(line, ' ');
    if (words.size() != 3 || words[0].size() != 1) return std::nullopt;
    const auto colon = words[1].find(':');
    if (colon == std::string_view::npos) return std::nullopt;
    return DeviceException{words[0].front(), text::to_int(words[1].substr(0, colon)),
                           text::to_int(words[1].substr(colon + 1)), access_bits(std::string(words[2]))};
}

unsigned access_in(const std::vector<DeviceException>& exceptions, const DeviceException& wanted) {
    for (const auto& known : exceptions)
        if (covers(known, wanted) && covers(wanted, known)) return known.access;
    return 0;
}

/// One write for each of `these` that has accesses which `others` does not.
void write_surplus(const char* file, const std::vector<DeviceException>& these,
                   const std::vector<DeviceException>& others, std::vector<DeviceWrite>& out) {
    for (auto entry : these) {
        entry.access &= ~access_in(others, entry);
        if (entry.access != 0) out.push_back({file, to_text(entry)});
    }
}
}  // namespace

Result<DeviceList> device_list(const std::vector<spec::DeviceRule>& rules) {
    auto effective = by_type(rules);
    drop_overruled(effective);
    DeviceList list{.allows_by_default = allows_by_default(effective), .exceptions = {}};
    for (const auto& rule : effective) {
        if (speaks_of_all(rule) && rule.allow == list.allows_by_default) continue;
        if (rule.allow != list.allows_by_default)
            add(list.exceptions, rule.devices);
        else if (!take_back(list.exceptions, rule.devices))
            return fail(Error(Code::Unsupported,
                              text::cat("\"", rule.allow ? "allow " : "deny ", to_text(rule.devices),
                                        "\" takes back a part of an earlier, wider rule, which cgroup v1 cannot do"))
                            .at("/linux/resources/devices"));
    }
    return list;
}

DeviceList parse_device_list(std::string_view content) {
    DeviceList list;
    for (auto line : text::split(content, '\n')) {
        auto entry = parse_exception(text::trim(line));
        if (!entry) continue;
        if (entry->type == 'a') return {.allows_by_default = true, .exceptions = {}};
        list.exceptions.push_back(*entry);
    }
    return list;
}

std::vector<DeviceWrite> device_writes(const DeviceList& from, const DeviceList& to) {
    std::vector<DeviceWrite> writes;
    if (to.allows_by_default) {
        // The exceptions that are in force are not told, so all are forgotten first.
        writes.push_back({kAllow, "a"});
        write_surplus(kDeny, to.exceptions, {}, writes);
        return writes;
    }
    if (from.allows_by_default) writes.push_back({kDeny, "a"});
    const auto known = from.allows_by_default ? std::vector<DeviceException>{} : from.exceptions;
    // ORDER: first what goes, then what comes: in between it is stricter than either, never laxer.
    write_surplus(kDeny, known, to.exceptions, writes);
    write_surplus(kAllow, to.exceptions, known, writes);
    return writes;
}

}  // namespace arca::cgroup
