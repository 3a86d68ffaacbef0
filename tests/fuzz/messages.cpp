// What the processes of a launch say to each other: init may be in the hands of a container.
#include <span>

#include "container/launch/protocol.hpp"
#include "target.hpp"

using namespace arca;

namespace {
const fuzz::Target messages("messages", [](std::string_view input) {
    const auto message = container::launch::decode(std::as_bytes(std::span(input.data(), input.size())));
    if (!message) return;
    (void)container::launch::name(message->kind);
    for (char c : message->text)
        fuzz::require(static_cast<unsigned char>(c) >= 0x20, "no control character gets through");
    if (!message->error) return;
    const auto again = container::launch::decode(container::launch::encode_failure(*message->error, Role::Init));
    fuzz::require(again && again->error, "an error can be passed on");
    fuzz::require(again->error->code() == message->error->code(), "and keeps its code");
});
}  // namespace
