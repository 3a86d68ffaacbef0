// What the processes of a launch say to each other. One table: who says it, and when it may come. The parent computes
// from the plan what it expects and refuses anything else: init is semi-hostile once a container can influence it.
//
//   parent -> child          Placed        only with a scope of systemd's: to the process that the parent has made
//   intermediate -> parent   InitIs        with init's pid (and its pidfd as descriptor)
//   parent -> init           Adopted       only after InitIs: from now on the parent knows whose words these are
//   parent -> child          IdMapsWritten (to the process that waits for its maps: init, or the intermediate's init)
//   parent -> init           DevicesMoved  only with network devices of the host: they are there
//   init -> parent           MountsReady   only with prestart or createRuntime hooks
//   parent -> init           HooksDone
//   init -> parent           Terminal      only when the parent shall proxy it (the controller as descriptor)
//   init -> parent           Ready         the container is created
//   starter -> init          Go            by the start gate (create) or the channel (run)
//   init -> starter          Listener      only with a filter that notifies (its listener as descriptor)
//   init -> starter          Executing     execve comes next: end of file then means that it succeeded, or killed
//   init -> parent           Warning       at any time: something that is no error
//   any -> parent, starter   Failed        with an error; nothing else will come from that process
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "sys/channel.hpp"

namespace arca::container::launch {

enum class Kind : std::uint16_t {
    Placed = 1,
    InitIs,
    Adopted,
    IdMapsWritten,
    DevicesMoved,
    MountsReady,
    HooksDone,
    Terminal,
    Ready,
    Go,
    Listener,
    Executing,
    Warning,
    Failed,
};
std::string_view name(Kind kind);

struct Message {
    Kind kind = Kind::Failed;
    std::int32_t pid = 0;        ///< InitIs
    std::string text;            ///< Terminal: its name inside; Warning
    std::optional<Error> error;  ///< Failed
    std::vector<sys::Fd> descriptors;
};

Result<> send(const sys::Channel& channel, Kind kind, std::int32_t pid = 0, std::string_view text = {},
              std::span<const sys::FdRef> descriptors = {});
/// The same by write(2): for when a filter has been loaded.
Result<> say(const sys::Channel& channel, Kind kind);
/// A message without content, as bytes: for who can neither allocate nor send later.
std::vector<std::byte> encode(Kind kind);
/// Best effort: there is nobody else to tell. Texts that do not fit are cut and marked by an ellipsis.
void send_failure(const sys::Channel& channel, const Error& error) noexcept;
/// Nothing: the peer has closed its end (it executed its program, or it died).
Result<std::optional<Message>> receive(const sys::Channel& channel);

/// The descriptor of a message that must be of that kind and hold exactly one.
Result<sys::Fd> only_descriptor(Message& message, Kind kind);

/// The bytes on the wire, and back. Control characters in texts are replaced both ways: a file name may hold what
/// drives a terminal, and init may have become somebody else's.
std::vector<std::byte> encode_failure(const Error& error, Role role);
Result<Message> decode(std::span<const std::byte> bytes);

/// What must come next, in order. A Warning or a Failed may always come.
class Expectation {
  public:
    explicit Expectation(std::vector<Kind> sequence) : sequence_(std::move(sequence)) {}
    /// Refuses what is not next in the sequence.
    Result<> accept(Kind kind);
    bool complete() const { return next_ == sequence_.size(); }

  private:
    std::vector<Kind> sequence_;
    std::size_t next_ = 0;
};

}  // namespace arca::container::launch
