#include "container/record.hpp"

#include <chrono>
#include <nlohmann/json.hpp>

#include "spec/json_writer.hpp"
#include "sys/syscalls.hpp"

namespace arca::container {

namespace {
constexpr int kFormat = 1;

constexpr std::array kStatuses = {
    std::pair{Status::Creating, std::string_view("creating")}, std::pair{Status::Created, std::string_view("created")},
    std::pair{Status::Running, std::string_view("running")},   std::pair{Status::Paused, std::string_view("paused")},
    std::pair{Status::Stopped, std::string_view("stopped")},
};

Result<Status> parse_status(std::string_view text) {
    for (auto [status, known] : kStatuses)
        if (known == text) return status;
    return fail(Code::BadState, text::cat("unknown status \"", text, "\""));
}

constexpr std::array kCgroupKinds = {
    std::pair{cgroup::Kind::None, std::string_view("none")},
    std::pair{cgroup::Kind::V2, std::string_view("v2")},
    std::pair{cgroup::Kind::V1, std::string_view("v1")},
    std::pair{cgroup::Kind::Systemd, std::string_view("systemd")},
};

Result<cgroup::Kind> parse_cgroup_kind(std::string_view text) {
    for (auto [kind, known] : kCgroupKinds)
        if (known == text) return kind;
    return fail(Code::BadState, text::cat("unknown kind of cgroup \"", text, "\""));
}

std::string_view name(cgroup::Kind wanted) {
    for (auto [kind, text] : kCgroupKinds)
        if (kind == wanted) return text;
    return "?";
}

using Json = nlohmann::json;

void write(spec::JsonWriter& json, const cgroup::Location& location) {
    json.begin_object();
    json.member("kind", name(location.kind));
    json.member("mountPoint", location.mount_point);
    json.member("path", location.path);
    if (!location.v1.empty()) {
        json.key("v1");
        json.begin_array();
        for (const auto& place : location.v1) {
            json.begin_object();
            json.member("controllers", place.controllers);
            json.member("mountPoint", place.mount_point);
            json.member("path", place.path);
            json.end_object();
        }
        json.end_array();
    }
    if (location.kind == cgroup::Kind::Systemd) {
        json.member("unit", location.unit);
        json.member("bus", location.bus);
    }
    json.end_object();
}

Result<cgroup::Location> parse_cgroup(const Json& json) {
    cgroup::Location location;
    location.kind = TRY(parse_cgroup_kind(json.at("kind").get<std::string>()));
    location.mount_point = json.at("mountPoint");
    location.path = json.at("path");
    for (const auto& place : json.value("v1", Json::array()))
        location.v1.push_back({place.at("controllers"), place.at("mountPoint"), place.at("path")});
    location.unit = json.value("unit", "");
    location.bus = json.value("bus", "");
    return location;
}

void write(spec::JsonWriter& json, const rdt::Location& location) {
    json.begin_object();
    json.member("group", location.group);
    json.member("monitor", location.monitor);
    json.member("groupWasMade", location.group_was_made);
    json.end_object();
}

// Containers of earlier versions have none.
rdt::Location parse_rdt(const Json& record) {
    rdt::Location location;
    if (const auto found = record.find("rdt"); found != record.end()) {
        location.group = found->at("group");
        location.monitor = found->at("monitor");
        location.group_was_made = found->at("groupWasMade");
    }
    return location;
}

Result<Record> from_json(const Json& json) {
    Record record;
    record.id = json.at("id");
    record.oci_version = json.at("ociVersion");
    record.pid = json.at("pid");
    record.start_time = json.at("startTime");
    record.boot_id = json.at("bootId");
    record.bundle = json.at("bundle");
    record.rootfs = json.at("rootfs");
    record.created = json.at("created");
    record.owner_uid = json.at("ownerUid");
    record.annotations = json.at("annotations").get<std::map<std::string, std::string>>();
    record.cgroup = TRY(parse_cgroup(json.at("cgroup")));
    record.cgroup_is_shared = json.at("cgroupIsShared");
    record.cgroup_was_made = json.at("cgroupWasMade");
    record.namespaces = json.at("namespaces");
    record.rdt = parse_rdt(json);
    record.has_poststart_hooks = json.at("hasPoststartHooks");
    record.has_poststop_hooks = json.at("hasPoststopHooks");
    record.has_seccomp = json.at("hasSeccomp");
    record.seccomp_listener = json.value("seccompListener", "");
    record.seccomp_metadata = json.value("seccompMetadata", "");
    record.session_keyring = json.at("sessionKeyring");
    record.rootless = json.at("rootless");
    record.setgroups_denied = json.at("setgroupsDenied");
    record.reason = json.at("reason");
    return record;
}
}  // namespace

// Written several times in a container's life, with annotations that may be megabytes: straight to text. Paths and
// reasons may hold bytes that are no UTF-8; a state that can be read with a replaced byte is better than none.
std::string to_json(const Record& record) {
    spec::JsonWriter json("");
    json.begin_object();
    json.member("format", kFormat);
    json.member("id", record.id);
    json.member("ociVersion", record.oci_version);
    json.member("status", name(record.status));
    json.member("pid", record.pid);
    json.member("startTime", record.start_time);
    json.member("bootId", record.boot_id);
    json.member("bundle", record.bundle);
    json.member("rootfs", record.rootfs);
    json.member("created", record.created);
    json.member("ownerUid", record.owner_uid);
    json.member("annotations", record.annotations);
    json.key("cgroup");
    write(json, record.cgroup);
    json.member("cgroupIsShared", record.cgroup_is_shared);
    json.member("cgroupWasMade", record.cgroup_was_made);
    json.member("namespaces", record.namespaces);
    json.key("rdt");
    write(json, record.rdt);
    json.member("hasPoststartHooks", record.has_poststart_hooks);
    json.member("hasPoststopHooks", record.has_poststop_hooks);
    json.member("hasSeccomp", record.has_seccomp);
    json.member("seccompListener", record.seccomp_listener);
    json.member("seccompMetadata", record.seccomp_metadata);
    json.member("sessionKeyring", record.session_keyring);
    json.member("rootless", record.rootless);
    json.member("setgroupsDenied", record.setgroups_denied);
    json.member("reason", record.reason);
    json.end_object();
    return json.take();
}

Result<Record> parse_record(std::string_view text) {
    try {
        const auto json = Json::parse(text);
        if (json.at("format") != kFormat)
            return fail(Code::BadState,
                        text::cat("state.json has format ", json.at("format").dump(), ", expected ", kFormat));
        auto record = TRY(from_json(json));
        record.status = TRY(parse_status(json.at("status").get<std::string>()));
        return record;
    } catch (const Json::exception& problem) {
        return fail(Code::BadState, text::cat("state.json cannot be read: ", problem.what()));
    }
}

// By <chrono> arithmetic: gmtime_r(3) would read /etc/localtime first.
std::string now_rfc3339() {
    using namespace std::chrono;
    const auto now = time_point_cast<nanoseconds>(system_clock::now());
    const auto day = floor<days>(now);
    const year_month_day date(day);
    const hh_mm_ss time(now - day);
    char buffer[64];
    ::snprintf(buffer, sizeof buffer, "%04d-%02u-%02uT%02ld:%02ld:%02ld.%09ldZ", static_cast<int>(date.year()),
               static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()), time.hours().count(),
               time.minutes().count(), time.seconds().count(), time.subseconds().count());
    return buffer;
}

Result<std::string> boot_id() {
    return std::string(text::trim(TRY(sys::read_file("/proc/sys/kernel/random/boot_id", 128))));
}

}  // namespace arca::container

namespace arca {

std::string_view name(Status status) {
    for (auto [known, text] : container::kStatuses)
        if (known == status) return text;
    return "?";
}

}  // namespace arca
