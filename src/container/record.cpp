#include "container/record.hpp"

#include <array>
#include <chrono>
#include <nlohmann/json.hpp>
#include <utility>
#include <variant>

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

void write(spec::JsonWriter& json, const rdt::Location& location) {
    json.begin_object();
    json.member("group", location.group);
    json.member("monitor", location.monitor);
    json.member("groupWasMade", location.group_was_made);
    json.end_object();
}

/// Takes the events of the JSON library and fills a record. Every command reads one, and `list` thousands: a tree of
/// them would take three times as long. What is not known is passed over.
class RecordReader {
  public:
    explicit RecordReader(Record& record)
        : record_(record),
          fields_{{
              {Place::Top, "format", &format_},
              {Place::Top, "status", &status_},
              {Place::Top, "id", &record.id},
              {Place::Top, "ociVersion", &record.oci_version},
              {Place::Top, "pid", &pid_},
              {Place::Top, "startTime", &record.start_time},
              {Place::Top, "bootId", &record.boot_id},
              {Place::Top, "bundle", &record.bundle},
              {Place::Top, "rootfs", &record.rootfs},
              {Place::Top, "created", &record.created},
              {Place::Top, "ownerUid", &owner_uid_},
              {Place::Top, "cgroupIsShared", &record.cgroup_is_shared},
              {Place::Top, "cgroupWasMade", &record.cgroup_was_made},
              {Place::Top, "namespaces", &record.namespaces},
              {Place::Top, "hasPoststartHooks", &record.has_poststart_hooks},
              {Place::Top, "hasPoststopHooks", &record.has_poststop_hooks},
              {Place::Top, "hasSeccomp", &record.has_seccomp},
              {Place::Top, "seccompListener", &record.seccomp_listener, Need::Optional},
              {Place::Top, "seccompMetadata", &record.seccomp_metadata, Need::Optional},
              {Place::Top, "sessionKeyring", &record.session_keyring},
              {Place::Top, "rootless", &record.rootless},
              {Place::Top, "setgroupsDenied", &record.setgroups_denied},
              {Place::Top, "reason", &record.reason},
              {Place::Cgroup, "kind", &cgroup_kind_},
              {Place::Cgroup, "mountPoint", &record.cgroup.mount_point},
              {Place::Cgroup, "path", &record.cgroup.path},
              {Place::Cgroup, "unit", &record.cgroup.unit, Need::Optional},
              {Place::Cgroup, "bus", &record.cgroup.bus, Need::Optional},
              // Containers of earlier versions have none.
              {Place::Rdt, "group", &record.rdt.group, Need::Optional},
              {Place::Rdt, "monitor", &record.rdt.monitor, Need::Optional},
              {Place::Rdt, "groupWasMade", &record.rdt.group_was_made, Need::Optional},
          }} {}

    /// After the last event.
    Result<> finish() {
        if (problem_.empty() && format_ != kFormat)
            problem_ = text::cat("it has format ", format_, ", expected ", kFormat);
        for (const auto& field : fields_)
            if (problem_.empty() && field.need == Need::Required && !field.seen)
                problem_ = text::cat("it has no ", field.name);
        if (problem_.empty() && (!std::in_range<int>(pid_) || !std::in_range<std::uint32_t>(owner_uid_)))
            problem_ = "a number is too large";
        if (!problem_.empty()) return fail(Code::BadState, text::cat("state.json cannot be read: ", problem_));
        record_.pid = static_cast<int>(pid_);
        record_.owner_uid = static_cast<std::uint32_t>(owner_uid_);
        record_.status = TRY(parse_status(status_));
        record_.cgroup.kind = TRY(parse_cgroup_kind(cgroup_kind_));
        return {};
    }

    bool null() { return take(nullptr); }
    bool boolean(bool value) { return take(value); }
    bool number_integer(std::int64_t) { return wrong("is negative"); }
    bool number_unsigned(std::uint64_t value) { return take(value); }
    bool number_float(double, const std::string&) { return wrong("is no whole number"); }
    bool string(std::string& value) { return take(std::move(value)); }
    template<class Binary>
    bool binary(const Binary&) {
        return false;  // has no form in JSON text
    }
    bool key(std::string& name) {
        key_ = std::move(name);
        return true;
    }
    bool start_object(std::size_t) {
        if (places_.empty()) return enter(Place::Top);
        if (places_.back() == Place::V1) {
            record_.cgroup.v1.emplace_back();
            return enter(Place::V1Place);
        }
        if (places_.back() != Place::Top) return enter(Place::Unknown);
        return enter(key_ == "annotations" ? Place::Annotations
                     : key_ == "cgroup"    ? Place::Cgroup
                     : key_ == "rdt"       ? Place::Rdt
                                           : Place::Unknown);
    }
    bool start_array(std::size_t) {
        if (places_.empty()) return wrong("is no object");
        return enter(places_.back() == Place::Cgroup && key_ == "v1" ? Place::V1 : Place::Unknown);
    }
    bool end_object() { return leave(); }
    bool end_array() { return leave(); }
    bool parse_error(std::size_t, const std::string&, const std::exception& error) {
        problem_ = error.what();
        return false;
    }

  private:
    enum class Place : std::uint8_t { Top, Annotations, Cgroup, V1, V1Place, Rdt, Unknown };
    enum class Need : std::uint8_t { Required, Optional };
    struct Field {
        Place place;
        std::string_view name;
        std::variant<std::string*, bool*, std::uint64_t*> target;
        Need need = Need::Required;
        bool seen = false;
    };

    bool enter(Place place) {
        places_.push_back(place);
        return true;
    }
    bool leave() {
        places_.pop_back();
        return true;
    }
    bool wrong(std::string_view what) {
        problem_ = text::cat(places_.empty() ? "the document" : key_, " ", what);
        return false;
    }
    std::string* member_of_v1_place() {
        auto& place = record_.cgroup.v1.back();
        if (key_ == "controllers") return &place.controllers;
        if (key_ == "mountPoint") return &place.mount_point;
        return key_ == "path" ? &place.path : nullptr;
    }

    template<class Value>
    bool take(Value value) {
        if (places_.empty()) return wrong("is no object");
        if constexpr (std::is_same_v<Value, std::string>) {
            if (places_.back() == Place::Annotations) {
                record_.annotations.insert_or_assign(key_, std::move(value));
                return true;
            }
            auto* member = places_.back() == Place::V1Place ? member_of_v1_place() : nullptr;
            if (member != nullptr) return *member = std::move(value), true;
        }
        for (auto& field : fields_) {
            if (field.place != places_.back() || field.name != key_) continue;
            field.seen = true;
            if constexpr (!std::is_same_v<Value, std::nullptr_t>)
                if (auto* target = std::get_if<Value*>(&field.target)) return **target = std::move(value), true;
            return wrong("is of another type");
        }
        return true;
    }

    Record& record_;
    std::uint64_t format_ = 0, pid_ = 0, owner_uid_ = 0;
    std::string status_, cgroup_kind_, problem_;
    std::vector<Place> places_;
    std::string key_;
    std::array<Field, 31> fields_;
};
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
    Record record;
    RecordReader reader(record);
    (void)nlohmann::json::sax_parse(text, &reader);
    TRY(reader.finish());
    return record;
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
    // `list` asks for each container.
    static std::string known;
    if (known.empty()) known = text::trim(TRY(sys::read_file("/proc/sys/kernel/random/boot_id", 128)));
    return known;
}

}  // namespace arca::container

namespace arca {

std::string_view name(Status status) {
    for (auto [known, text] : container::kStatuses)
        if (known == status) return text;
    return "?";
}

}  // namespace arca
