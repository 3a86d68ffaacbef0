// What the kernel answers when it is asked for network devices. The first byte is the size of the fixed part.
#include "sys/netlink.hpp"

#include "target.hpp"

using namespace arca;

namespace {
const fuzz::Target netlink("netlink", [](std::string_view input) {
    if (input.empty()) return;
    const auto fixed_size = static_cast<unsigned char>(input.front());
    input.remove_prefix(1);
    const auto answer =
        sys::parse_netlink(std::as_bytes(std::span(input.data(), input.size())), fixed_size, "a question");
    if (!answer) return;
    for (const auto& object : answer->objects) {
        fuzz::require(object.fixed.size() <= fixed_size, "the fixed part is as long as it is");
        (void)object.head<ifinfomsg>();
        (void)object.text(IFLA_IFNAME);
        (void)object.number(IFLA_MTU, 0);
    }
});
}  // namespace
