#include "network/loopback.hpp"

#include <linux/if.h>
#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "sys/syscalls.hpp"

namespace arca::network {

namespace {
ifreq request_for_loopback() {
    ifreq request{};
    request.ifr_name[0] = 'l';
    request.ifr_name[1] = 'o';
    return request;
}

bool is_up(sys::FdRef socket) {
    ifreq request = request_for_loopback();
    return ::ioctl(socket.number(), SIOCGIFFLAGS, &request) == 0 && (request.ifr_flags & IFF_UP) != 0;
}
}  // namespace

Result<> bring_loopback_up() {
    // Any socket carries the interface ioctls (netdevice(7)); AF_UNIX is there in every kernel.
    const sys::Fd socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    if (!socket) return sys::last_error("socket(AF_UNIX)");
    ifreq request = request_for_loopback();
    request.ifr_flags = IFF_UP | IFF_RUNNING;
    if (::ioctl(socket.number(), SIOCSIFFLAGS, &request) == 0) return {};
    auto error = sys::last_error("ioctl(SIOCSIFFLAGS, lo, IFF_UP)");
    // A network namespace that was joined may belong to somebody else, who has set it up.
    if (is_up(socket)) return {};
    return error;
}

}  // namespace arca::network
