#include "criu/protocol.hpp"

#include <rpc.pb-c.h>

#include <memory>

#include "base/text.hpp"

namespace arca::criu {

namespace {
/// protobuf-c speaks of strings that may be changed, and changes none.
char* text(const std::string& value) {
    return value.empty() ? nullptr : const_cast<char*>(value.c_str());
}

void set(protobuf_c_boolean& present, protobuf_c_boolean& field, bool value) {
    present = value ? 1 : 0;
    field = present;
}

/// Messages with the arrays of pointers that protobuf-c wants of repeated fields.
template<class Message>
class Repeated {
  public:
    void add(const Message& message) { messages_.push_back(message); }
    Message** pointers() {
        pointers_.clear();
        for (auto& message : messages_)
            pointers_.push_back(&message);
        return pointers_.data();
    }
    std::size_t size() const { return messages_.size(); }

  private:
    std::vector<Message> messages_;
    std::vector<Message*> pointers_;
};

// The message refers to the strings of the options, which outlive it.
class OptionsMessage {
  public:
    explicit OptionsMessage(const Options& options) : options_(options) {
        set_places();
        set_switches();
        set_cgroups();
        set_namespaces();
    }
    OptionsMessage(const OptionsMessage&) = delete;
    OptionsMessage& operator=(const OptionsMessage&) = delete;
    Rpc__Options* get() { return &message_; }

  private:
    void set_places() {
        constexpr int kLogEverything = 4;
        message_.images_directory = options_.images_directory;
        message_.has_work_directory = options_.work_directory >= 0;
        message_.work_directory = options_.work_directory;
        message_.has_log_level = 1;
        message_.log_level = kLogEverything;
        message_.log_file = text(options_.log_file);
        message_.has_pid = options_.pid > 0;
        message_.pid = options_.pid;
        message_.root = text(options_.root);
        message_.parent_images = text(options_.parent_images);
        message_.config_file = text(options_.config_file);
        message_.lsm_profile = text(options_.lsm_profile);
        message_.lsm_mount_context = text(options_.lsm_mount_context);
        if (!options_.page_server) return;
        page_server_.address = text(options_.page_server->address);
        page_server_.has_port = 1;
        page_server_.port = options_.page_server->port;
        message_.page_server = &page_server_;
    }

    void set_switches() {
        auto& m = message_;
        const auto& o = options_;
        set(m.has_notify, m.notify, true);
        set(m.has_orphan_terminal, m.orphan_terminal, true);
        set(m.has_leave_running, m.leave_running, o.leave_running);
        set(m.has_track_memory, m.track_memory, o.track_memory);
        set(m.has_external_unix_sockets, m.external_unix_sockets, o.external_unix_sockets);
        set(m.has_tcp_established, m.tcp_established, o.tcp_established);
        set(m.has_tcp_skip_in_flight, m.tcp_skip_in_flight, o.tcp_skip_in_flight);
        set(m.has_tcp_close, m.tcp_close, o.tcp_close);
        set(m.has_shell_job, m.shell_job, o.shell_job);
        set(m.has_file_locks, m.file_locks, o.file_locks);
        set(m.has_auto_dedup, m.auto_dedup, o.auto_dedup);
        set(m.has_link_remap, m.link_remap, o.link_remap);
        set(m.has_lazy_pages, m.lazy_pages, o.lazy_pages);
        set(m.has_restore_as_sibling, m.restore_as_sibling, o.as_sibling);
    }

    void set_cgroups() {
        set(message_.has_manage_cgroups, message_.manage_cgroups, true);
        message_.has_cgroup_mode = 1;
        message_.cgroup_mode = static_cast<int>(options_.cgroup_mode);
        message_.freeze_cgroup = text(options_.freeze_cgroup);
        for (const auto& [controller, path] : options_.cgroup_roots) {
            Rpc__CgroupRoot root = RPC__CGROUP_ROOT__INIT;
            root.controller = const_cast<char*>(controller.c_str());  // empty: the unified hierarchy, not all of them
            root.path = text(path);
            cgroup_roots_.add(root);
        }
        message_.n_cgroup_roots = cgroup_roots_.size();
        message_.cgroup_roots = cgroup_roots_.pointers();
    }

    void set_namespaces() {
        for (const auto& external : options_.external)
            external_.push_back(text(external));
        message_.n_external = external_.size();
        message_.external = external_.data();
        message_.has_empty_namespaces = options_.empty_namespaces != 0;
        message_.empty_namespaces = options_.empty_namespaces;
        message_.has_network_lock = options_.network_lock.has_value();
        if (options_.network_lock) message_.network_lock = static_cast<int>(*options_.network_lock);
        for (const auto& [type, path] : options_.joined) {
            Rpc__JoinedNamespace joined = RPC__JOINED_NAMESPACE__INIT;
            joined.type = text(type);
            joined.path = text(path);
            joined_.add(joined);
        }
        message_.n_joined = joined_.size();
        message_.joined = joined_.pointers();
        for (const auto& [key, number] : options_.inherited) {
            Rpc__InheritedDescriptor descriptor = RPC__INHERITED_DESCRIPTOR__INIT;
            descriptor.key = text(key);
            descriptor.number = number;
            inherited_.add(descriptor);
        }
        message_.n_inherited = inherited_.size();
        message_.inherited = inherited_.pointers();
    }

    const Options& options_;
    Rpc__Options message_ = RPC__OPTIONS__INIT;
    Rpc__PageServer page_server_ = RPC__PAGE_SERVER__INIT;
    Repeated<Rpc__CgroupRoot> cgroup_roots_;
    Repeated<Rpc__JoinedNamespace> joined_;
    Repeated<Rpc__InheritedDescriptor> inherited_;
    std::vector<char*> external_;
};

std::string pack(const Rpc__Request& request) {
    std::string bytes(rpc__request__get_packed_size(&request), '\0');
    rpc__request__pack(&request, reinterpret_cast<std::uint8_t*>(bytes.data()));
    return bytes;
}

Rpc__Request request_of(Call call) {
    Rpc__Request request = RPC__REQUEST__INIT;
    request.type = static_cast<int>(call);
    return request;
}

using Unpacked =
    std::unique_ptr<Rpc__Response,
                    decltype([](Rpc__Response* response) { rpc__response__free_unpacked(response, nullptr); })>;

std::string string_of(const char* value) {
    return value == nullptr ? std::string() : std::string(value);
}
}  // namespace

std::string encode_operation(Call call, const Options& options) {
    OptionsMessage message(options);
    auto request = request_of(call);
    request.options = message.get();
    return pack(request);
}

std::string encode_question(Call call) {
    auto request = request_of(call);
    set(request.has_keep_open, request.keep_open, true);
    Rpc__Features features = RPC__FEATURES__INIT;
    if (call == Call::FeatureCheck) {
        set(features.has_memory_tracking, features.memory_tracking, true);
        set(features.has_lazy_pages, features.lazy_pages, true);
        request.features = &features;
    }
    return pack(request);
}

std::string encode_answer(Verdict verdict) {
    auto request = request_of(Call::Notify);
    request.has_notify_success = 1;
    request.notify_success = verdict == Verdict::GoOn ? 1 : 0;
    return pack(request);
}

Result<Response> decode(std::string_view message) {
    const Unpacked unpacked(
        rpc__response__unpack(nullptr, message.size(), reinterpret_cast<const std::uint8_t*>(message.data())));
    if (!unpacked) return fail(Code::System, text::cat("CRIU sent ", message.size(), " bytes that are no answer"));
    Response response;
    response.call = static_cast<Call>(unpacked->type);
    response.success = unpacked->success != 0;
    response.errnum = unpacked->has_errnum != 0 ? unpacked->errnum : 0;
    response.message = string_of(unpacked->message);
    if (unpacked->restored != nullptr) response.restored = unpacked->restored->pid;
    if (const auto* notification = unpacked->notification)
        response.notification = {string_of(notification->script), notification->pid};
    if (const auto* features = unpacked->features)
        response.features = {features->memory_tracking != 0, features->lazy_pages != 0};
    if (const auto* version = unpacked->version) response.version = {version->major, version->minor};
    return response;
}

}  // namespace arca::criu
