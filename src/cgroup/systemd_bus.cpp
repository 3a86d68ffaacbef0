#include "cgroup/systemd_bus.hpp"

#include <dbus/dbus.h>
#include <grp.h>
#include <netdb.h>
#include <poll.h>
#include <pwd.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <optional>

#include "base/text.hpp"
#include "sys/syscalls.hpp"

// The static archive of libdbus serves buses as well, on sockets that systemd may have opened, and asks libsystemd for
// them; it knows buses beyond TCP, and users by name. Nobody here serves, and whose bus is asked is known by number:
// there are none. Without this the program would hold the resolver and the name services of the C library (170 kB),
// which can load libraries while it runs. Weak, so that the library's own are taken where it is linked.
extern "C" {
__attribute__((weak)) int getaddrinfo(const char* /*node*/, const char* /*service*/, const addrinfo* /*hints*/,
                                      addrinfo** /*found*/) {
    return EAI_FAIL;
}
__attribute__((weak)) void freeaddrinfo(addrinfo* /*found*/) noexcept {}
__attribute__((weak)) const char* gai_strerror(int /*code*/) noexcept {
    return "host names are not looked up";
}
__attribute__((weak)) int getpwnam_r(const char* /*name*/, passwd* /*entry*/, char* /*buffer*/, std::size_t /*size*/,
                                     passwd** found) {
    *found = nullptr;
    return 0;
}
__attribute__((weak)) int getpwuid_r(uid_t /*user*/, passwd* /*entry*/, char* /*buffer*/, std::size_t /*size*/,
                                     passwd** found) {
    *found = nullptr;
    return 0;
}
__attribute__((weak)) int getgrouplist(const char* /*user*/, gid_t /*group*/, gid_t* /*groups*/, int* count) {
    *count = 0;
    return 0;
}
__attribute__((weak)) int sd_listen_fds(int /*unset_environment*/) {
    return 0;
}
__attribute__((weak)) int sd_is_socket(int /*fd*/, int /*family*/, int /*type*/, int /*listening*/) {
    return 0;
}
}

namespace arca::cgroup {

namespace {
constexpr const char* kService = "org.freedesktop.systemd1";
constexpr const char* kPath = "/org/freedesktop/systemd1";
constexpr const char* kInterface = "org.freedesktop.systemd1.Manager";

struct Unref {
    void operator()(DBusMessage* message) const { ::dbus_message_unref(message); }
};
using Message = std::unique_ptr<DBusMessage, Unref>;

// ---- values into messages -------------------------------------------------------------------------------------------

bool append(DBusMessageIter& iter, const Value& value);

template<class Wire, class Held>
bool append_as(DBusMessageIter& iter, int type, const Held& held) {
    const auto wire = static_cast<Wire>(held);
    return ::dbus_message_iter_append_basic(&iter, type, &wire) != 0;
}

bool append_container(DBusMessageIter& iter, const Value& value) {
    const bool structure = value.signature.front() == '(';
    const int type = structure ? DBUS_TYPE_STRUCT : value.signature == "v" ? DBUS_TYPE_VARIANT : DBUS_TYPE_ARRAY;
    const auto& elements = std::get<std::vector<Value>>(value.content);
    const auto contained = type == DBUS_TYPE_VARIANT ? elements.front().signature : value.signature.substr(1);
    DBusMessageIter inner;
    if (::dbus_message_iter_open_container(&iter, type, structure ? nullptr : contained.c_str(), &inner) == 0)
        return false;
    for (const auto& element : elements)
        if (!append(inner, element)) return false;
    return ::dbus_message_iter_close_container(&iter, &inner) != 0;
}

bool append(DBusMessageIter& iter, const Value& value) {
    const int type = static_cast<unsigned char>(value.signature.front());
    switch (type) {
        case DBUS_TYPE_BOOLEAN:
            return append_as<dbus_bool_t>(iter, type, std::get<bool>(value.content));
        case DBUS_TYPE_BYTE:
            return append_as<unsigned char>(iter, type, std::get<std::uint64_t>(value.content));
        case DBUS_TYPE_INT16:
            return append_as<dbus_int16_t>(iter, type, std::get<std::int64_t>(value.content));
        case DBUS_TYPE_UINT16:
            return append_as<dbus_uint16_t>(iter, type, std::get<std::uint64_t>(value.content));
        case DBUS_TYPE_INT32:
            return append_as<dbus_int32_t>(iter, type, std::get<std::int64_t>(value.content));
        case DBUS_TYPE_UINT32:
            return append_as<dbus_uint32_t>(iter, type, std::get<std::uint64_t>(value.content));
        case DBUS_TYPE_INT64:
            return append_as<dbus_int64_t>(iter, type, std::get<std::int64_t>(value.content));
        case DBUS_TYPE_UINT64:
            return append_as<dbus_uint64_t>(iter, type, std::get<std::uint64_t>(value.content));
        case DBUS_TYPE_DOUBLE:
            return append_as<double>(iter, type, std::get<double>(value.content));
        case DBUS_TYPE_STRING:
        case DBUS_TYPE_OBJECT_PATH:
        case DBUS_TYPE_SIGNATURE:
            return append_as<const char*>(iter, type, std::get<std::string>(value.content).c_str());
        default:
            return append_container(iter, value);
    }
}

// ---- messages into bytes and back -----------------------------------------------------------------------------------

Message make_call(const char* destination, const char* path, const char* interface, const std::string& method) {
    return Message(::dbus_message_new_method_call(destination, path, interface, method.c_str()));
}

Result<Message> make_call(const MethodCall& call) {
    auto message = make_call(kService, kPath, kInterface, call.method);
    DBusMessageIter iter;
    ::dbus_message_iter_init_append(message.get(), &iter);
    for (const auto& argument : call.arguments)
        if (!append(iter, argument))
            return fail(Code::InvalidConfig, text::cat("D-Bus cannot carry the arguments of ", call.method));
    return message;
}

std::string bytes_of(const Message& message, std::uint32_t serial) {
    char* bytes = nullptr;
    int length = 0;
    ::dbus_message_set_serial(message.get(), serial);
    if (::dbus_message_marshal(message.get(), &bytes, &length) == 0) return {};
    std::string copy(bytes, static_cast<std::size_t>(length));
    ::dbus_free(bytes);
    return copy;
}

/// Takes the first message off `received`; nothing while it is not complete.
Result<std::optional<Message>> take_message(std::string& received) {
    constexpr std::size_t kHeader = 16;  // DBUS_MINIMUM_HEADER_SIZE
    if (received.size() < kHeader) return std::nullopt;
    const int size = ::dbus_message_demarshal_bytes_needed(received.data(), static_cast<int>(received.size()));
    if (size < 0) return fail(Code::System, "what came from the bus is no D-Bus message");
    if (size == 0 || static_cast<std::size_t>(size) > received.size()) return std::nullopt;
    Message message(::dbus_message_demarshal(received.data(), size, nullptr));
    received.erase(0, static_cast<std::size_t>(size));
    if (!message) return fail(Code::System, "what came from the bus is no valid D-Bus message");
    return message;
}

/// The arguments of a message that are text or object paths; the others count, as empty ones.
std::vector<std::string> texts_of(const Message& message) {
    std::vector<std::string> texts;
    DBusMessageIter iter;
    if (::dbus_message_iter_init(message.get(), &iter) == 0) return texts;
    do {
        const int type = ::dbus_message_iter_get_arg_type(&iter);
        const char* text = "";
        if (type == DBUS_TYPE_STRING || type == DBUS_TYPE_OBJECT_PATH) ::dbus_message_iter_get_basic(&iter, &text);
        texts.emplace_back(text);
    } while (::dbus_message_iter_next(&iter) != 0);
    return texts;
}

// ---- addresses ------------------------------------------------------------------------------------------------------

struct Entries {
    DBusAddressEntry** list = nullptr;
    int count = 0;
    Entries() = default;
    Entries(const Entries&) = delete;
    Entries& operator=(const Entries&) = delete;
    ~Entries() {
        if (list != nullptr) ::dbus_address_entries_free(list);
    }
};

struct Address {
    std::string path;  ///< or the name of an abstract socket, after a byte of 0
    bool is_systemds_own() const { return path.ends_with("/systemd/private"); }
};

Result<std::vector<Address>> parse_addresses(const std::string& text) {
    Entries entries;
    if (::dbus_parse_address(text.c_str(), &entries.list, &entries.count, nullptr) == 0)
        return fail(Code::Usage, text::cat("\"", text::printable(text), "\" is no address of a D-Bus"));
    std::vector<Address> addresses;
    for (int i = 0; i < entries.count; ++i) {
        auto* entry = entries.list[i];
        if (std::strcmp(::dbus_address_entry_get_method(entry), "unix") != 0) continue;
        const char* path = ::dbus_address_entry_get_value(entry, "path");
        const char* abstract = ::dbus_address_entry_get_value(entry, "abstract");
        if (path != nullptr) addresses.push_back({path});
        if (abstract != nullptr) addresses.push_back({text::cat('\0', abstract)});
    }
    return addresses;
}

Result<sys::Fd> connect_to(const Address& address) {
    sockaddr_un name{};
    name.sun_family = AF_UNIX;
    const auto shown = text::printable(address.path);
    if (address.path.size() >= sizeof name.sun_path)
        return fail(Code::System, text::cat("the path of the bus is too long: ", shown));
    std::memcpy(name.sun_path, address.path.data(), address.path.size());
    const bool abstract = address.path.starts_with('\0');
    const auto length = offsetof(sockaddr_un, sun_path) + address.path.size() + (abstract ? 0 : 1);
    sys::Fd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!socket) return sys::last_error("socket(AF_UNIX)");
    if (::connect(socket.number(), reinterpret_cast<const sockaddr*>(&name), static_cast<socklen_t>(length)) < 0)
        return sys::last_error(text::cat("connecting to ", shown));
    return socket;
}
}  // namespace

Result<SystemdBus> SystemdBus::connect(const std::string& addresses, Deadline deadline) {
    if (addresses.empty())
        return fail(Error(Code::Unsupported, "no bus of a user's systemd is known")
                        .hinting("neither XDG_RUNTIME_DIR nor DBUS_SESSION_BUS_ADDRESS is set"));
    std::string tried;
    for (const auto& address : TRY(parse_addresses(addresses))) {
        auto socket = connect_to(address);
        if (!socket) {
            tried += text::cat(tried.empty() ? "" : "; ", socket.error().message());
            continue;
        }
        SystemdBus bus(std::move(*socket));
        TRY_CTX(bus.introduce(address.is_systemds_own() ? Peer::Systemd : Peer::Daemon, deadline),
                text::cat("talking to ", text::printable(address.path)));
        return bus;
    }
    return fail(Error(Code::Unsupported, text::cat("systemd cannot be reached: ", tried))
                    .hinting("is this host booted with systemd, and has the user a session?"));
}

// D-Bus specification, "Authentication Protocol". EXTERNAL without naming a user: in a user namespace the id we know is
// not the one that the peer sees on the socket. Nothing waits for an answer before the next is sent, so that the whole
// conversation takes as many round trips as it has questions.
Result<> SystemdBus::introduce(Peer peer, Deadline deadline) {
    using namespace std::string_view_literals;
    constexpr auto kGreeting = "\0AUTH EXTERNAL\r\nDATA\r\nBEGIN\r\n"sv;
    std::string bytes(kGreeting);
    if (peer == Peer::Daemon) {
        bytes += bytes_of(make_call(DBUS_SERVICE_DBUS, DBUS_PATH_DBUS, DBUS_INTERFACE_DBUS, "Hello"), ++serial_);
        auto match = make_call(DBUS_SERVICE_DBUS, DBUS_PATH_DBUS, DBUS_INTERFACE_DBUS, "AddMatch");
        const auto rule =
            text::cat("type='signal',sender='", kService, "',interface='", kInterface, "',member='JobRemoved'");
        const char* text = rule.c_str();
        ::dbus_message_append_args(match.get(), DBUS_TYPE_STRING, &text, DBUS_TYPE_INVALID);
        ::dbus_message_set_no_reply(match.get(), 1);
        bytes += bytes_of(match, ++serial_);
    }
    TRY(send(bytes, deadline));
    return read_greeting(deadline);
}

Result<> SystemdBus::read_greeting(Deadline deadline) {
    for (;;) {
        const auto line = TRY(take_line(deadline));
        if (line.starts_with("OK")) return {};
        if (!line.starts_with("DATA"))
            return fail(Code::Unsupported, text::cat("the bus does not let this user in: ", text::printable(line)));
    }
}

Result<std::string> SystemdBus::take_line(Deadline deadline) {
    std::size_t end;
    while ((end = received_.find("\r\n")) == std::string::npos)
        TRY(read_more(deadline));
    auto line = received_.substr(0, end);
    received_.erase(0, end + 2);
    return line;
}

namespace {
Result<> await_socket(sys::FdRef socket, short events, Deadline deadline) {
    pollfd entry{socket.number(), events, 0};
    int ready;
    do
        ready = ::poll(&entry, 1, deadline.remaining_ms());
    while (ready < 0 && errno == EINTR);
    if (ready < 0) return sys::last_error("poll(bus)");
    if (ready == 0) return fail(Code::Timeout, "systemd does not answer in time");
    return {};
}
}  // namespace

Result<> SystemdBus::send(std::string_view bytes, Deadline deadline) {
    while (!bytes.empty()) {
        const auto sent = ::send(socket_.number(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (sent >= 0)
            bytes.remove_prefix(static_cast<std::size_t>(sent));
        else if (errno == EAGAIN)
            TRY(await_socket(socket_, POLLOUT, deadline));
        else if (errno != EINTR)
            return sys::last_error("send(bus)");
    }
    return {};
}

Result<> SystemdBus::read_more(Deadline deadline) {
    char buffer[4096];
    for (;;) {
        const auto got = ::recv(socket_.number(), buffer, sizeof buffer, 0);
        if (got == 0) return fail(Code::System, "the bus has closed the connection");
        if (got > 0) {
            received_.append(buffer, static_cast<std::size_t>(got));
            return {};
        }
        if (errno == EAGAIN)
            TRY(await_socket(socket_, POLLIN, deadline));
        else if (errno != EINTR)
            return sys::last_error("recv(bus)");
    }
}

Result<Reply> SystemdBus::await_reply(std::uint32_t serial, Deadline deadline) {
    for (;;) {
        auto message = TRY(take_message(received_));
        if (!message) {
            TRY(read_more(deadline));
            continue;
        }
        auto texts = texts_of(*message);
        // JobRemoved(u id, o job, s unit, s result)
        if (::dbus_message_is_signal(message->get(), kInterface, "JobRemoved") != 0 && texts.size() == 4)
            removed_.push_back({texts[1], texts[3]});
        if (serial == 0 && !removed_.empty()) return Reply{};
        if (serial == 0 || ::dbus_message_get_reply_serial(message->get()) != serial) continue;
        Reply reply{{}, texts.empty() ? std::string() : std::move(texts.front())};
        if (::dbus_message_get_type(message->get()) == DBUS_MESSAGE_TYPE_ERROR)
            reply.error_name = ::dbus_message_get_error_name(message->get());
        return reply;
    }
}

Result<Reply> SystemdBus::call(const MethodCall& call, Deadline deadline) {
    const auto serial = ++serial_;
    TRY(send(bytes_of(TRY(make_call(call)), serial), deadline));
    return await_reply(serial, deadline);
}

Result<> SystemdBus::tell(const MethodCall& call, Deadline deadline) {
    auto message = TRY(make_call(call));
    ::dbus_message_set_no_reply(message.get(), 1);
    return send(bytes_of(message, ++serial_), deadline);
}

// The signal is sent to whoever asked for the job, without Subscribe (org.freedesktop.systemd1(5), "Signals").
Result<Reply> SystemdBus::run_job(const MethodCall& method, Deadline deadline) {
    auto reply = TRY(call(method, deadline));
    if (!reply.ok()) return reply;
    for (;;) {
        for (const auto& job : removed_)
            if (job.path == reply.text) return Reply{{}, job.result};
        removed_.clear();
        TRY(await_reply(0, deadline));
    }
}

}  // namespace arca::cgroup
