#include "container/launch/protocol.hpp"

#include <array>
#include <cstring>

#include "base/progress.hpp"
#include "base/text.hpp"

namespace arca::container::launch {

namespace {
// The fixed part of every message; texts follow, each ended by a NUL.
struct Header {
    std::uint16_t kind;
    std::uint16_t role;
    std::uint16_t step;
    std::uint16_t code;
    std::int32_t errnum;
    std::int32_t pid;
};
static_assert(std::is_trivially_copyable_v<Header>);

constexpr std::string_view kEllipsis = "...";

// What every message begins with.
std::vector<std::byte> start_with(const Header& header) {
    const auto* bytes = reinterpret_cast<const std::byte*>(&header);
    return {bytes, bytes + sizeof header};
}

/// `reserved` bytes are left free for what follows.
void append_text(std::vector<std::byte>& out, std::string_view text, std::size_t reserved = 0) {
    std::string clean = text::printable(text);
    const std::size_t taken = out.size() + 1 + reserved;
    const std::size_t room = sys::Channel::kMaximalMessage - std::min(sys::Channel::kMaximalMessage, taken);
    if (clean.size() > room) {
        clean.resize(room > kEllipsis.size() ? room - kEllipsis.size() : 0);
        if (room > kEllipsis.size()) clean += kEllipsis;
    }
    if (out.size() + clean.size() + 1 > sys::Channel::kMaximalMessage) return;
    const auto* bytes = reinterpret_cast<const std::byte*>(clean.c_str());
    out.insert(out.end(), bytes, bytes + clean.size() + 1);
}

std::vector<std::string> texts_after_header(std::span<const std::byte> bytes) {
    std::vector<std::string> texts;
    std::string_view rest(reinterpret_cast<const char*>(bytes.data()) + sizeof(Header), bytes.size() - sizeof(Header));
    while (!rest.empty()) {
        const auto end = rest.find('\0');
        texts.push_back(text::printable(rest.substr(0, end)));  // whoever wrote them may not have
        if (end == std::string_view::npos) break;
        rest.remove_prefix(end + 1);
    }
    return texts;
}

Error to_error(const Header& header, std::vector<std::string> texts) {
    texts.resize(std::max<std::size_t>(texts.size(), 3));
    const auto code =
        header.code <= static_cast<std::uint16_t>(Code::System) ? static_cast<Code>(header.code) : Code::Internal;
    Error error(code, std::move(texts[0]), header.errnum);
    if (header.step < kStepCount) error = std::move(error).in(static_cast<Step>(header.step));
    if (!texts[1].empty()) error = std::move(error).at(std::move(texts[1]));
    if (!texts[2].empty()) error = std::move(error).hinting(std::move(texts[2]));
    for (std::size_t i = 3; i < texts.size(); ++i)
        error = std::move(error).with(std::move(texts[i]));
    return error;
}
}  // namespace

std::string_view name(Kind kind) {
    switch (kind) {
        case Kind::Placed:
            return "Placed";
        case Kind::InitIs:
            return "InitIs";
        case Kind::Adopted:
            return "Adopted";
        case Kind::IdMapsWritten:
            return "IdMapsWritten";
        case Kind::DevicesMoved:
            return "DevicesMoved";
        case Kind::MountsReady:
            return "MountsReady";
        case Kind::HooksDone:
            return "HooksDone";
        case Kind::Terminal:
            return "Terminal";
        case Kind::Ready:
            return "Ready";
        case Kind::Go:
            return "Go";
        case Kind::Listener:
            return "Listener";
        case Kind::Executing:
            return "Executing";
        case Kind::Warning:
            return "Warning";
        case Kind::Failed:
            return "Failed";
    }
    return "?";
}

Result<> send(const sys::Channel& channel, Kind kind, std::int32_t pid, std::string_view text,
              std::span<const sys::FdRef> descriptors) {
    auto bytes = start_with({static_cast<std::uint16_t>(kind), 0, 0, 0, 0, pid});
    if (!text.empty()) append_text(bytes, text);
    return channel.send(bytes, descriptors);
}

namespace {
/// Bytes of everything around what has failed.
std::size_t size_of_frame(const Error& error) {
    std::size_t size = error.pointer().size() + error.hint().size() + 2;
    for (const auto& frame : error.context())
        size += frame.size() + 1;
    return size;
}
}  // namespace

std::vector<std::byte> encode_failure(const Error& error, Role role) {
    auto bytes = start_with({static_cast<std::uint16_t>(Kind::Failed), static_cast<std::uint16_t>(role),
                             static_cast<std::uint16_t>(error.step()), static_cast<std::uint16_t>(error.code()),
                             error.errnum(), 0});
    // Whose output a long one is matters more than the end of it.
    constexpr std::size_t kHalf = sys::Channel::kMaximalMessage / 2;
    append_text(bytes, error.what(), std::min(kHalf, size_of_frame(error)));
    append_text(bytes, error.pointer());
    append_text(bytes, error.hint());
    for (const auto& frame : error.context())
        append_text(bytes, frame);
    return bytes;
}

std::vector<std::byte> encode(Kind kind) {
    return start_with({static_cast<std::uint16_t>(kind), 0, 0, 0, 0, 0});
}

Result<> say(const sys::Channel& channel, Kind kind) {
    return channel.write(encode(kind));
}

void send_failure(const sys::Channel& channel, const Error& error) noexcept {
    (void)channel.write(encode_failure(error, progress::role()));
}

Result<Message> decode(std::span<const std::byte> bytes) {
    Header header{};
    if (bytes.size() < sizeof header) return fail(Code::Internal, "a message of the launch is too short");
    std::memcpy(&header, bytes.data(), sizeof header);
    if (header.kind < static_cast<std::uint16_t>(Kind::Placed) ||
        header.kind > static_cast<std::uint16_t>(Kind::Failed))
        return fail(Code::Internal, text::cat("unknown message ", header.kind, " of the launch"));
    Message message;
    message.kind = static_cast<Kind>(header.kind);
    message.pid = header.pid;
    auto texts = texts_after_header(bytes);
    if (message.kind == Kind::Failed)
        message.error = to_error(header, std::move(texts));
    else if (!texts.empty())
        message.text = std::move(texts[0]);
    return message;
}

Result<std::optional<Message>> receive(const sys::Channel& channel) {
    std::array<std::byte, sys::Channel::kMaximalMessage> buffer;
    auto received = TRY(channel.receive(buffer));
    if (received.size == 0) return std::nullopt;
    auto message = TRY(decode(std::span(buffer).first(received.size)));
    message.descriptors = std::move(received.descriptors);
    return message;
}

Result<sys::Fd> only_descriptor(Message& message, Kind kind) {
    if (message.kind != kind || message.descriptors.size() != 1)
        return fail(Code::Internal, text::cat("expected ", name(kind), " with one descriptor, got ", name(message.kind),
                                              " with ", message.descriptors.size()));
    return std::move(message.descriptors[0]);
}

Result<> Expectation::accept(Kind kind) {
    if (kind == Kind::Failed || kind == Kind::Warning) return {};
    if (next_ < sequence_.size() && sequence_[next_] == kind) {
        ++next_;
        return {};
    }
    return fail(Code::Internal, text::cat("unexpected message ", name(kind), " of the launch",
                                          complete() ? "" : text::cat(", expected ", name(sequence_[next_]))));
}

}  // namespace arca::container::launch
