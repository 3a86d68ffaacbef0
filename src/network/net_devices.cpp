#include "network/net_devices.hpp"

#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>

#include <algorithm>
#include <optional>

#include "base/text.hpp"
#include "sys/netlink.hpp"
#include "sys/syscalls.hpp"

namespace arca::network {

namespace {
using sys::NetlinkObject;
using sys::NetlinkRequest;
using sys::NetlinkSocket;

struct Link {
    int index = 0;
    unsigned flags = 0;
};

Result<std::optional<Link>> find_link(const NetlinkSocket& socket, const std::string& name) {
    NetlinkRequest request(RTM_GETLINK, 0, ifinfomsg{});
    request.attribute(IFLA_IFNAME, name);
    auto found = socket.query(std::move(request), sizeof(ifinfomsg), text::cat("looking for the device ", name));
    if (!found && found.error().errnum() == ENODEV) return std::nullopt;
    const auto links = TRY(std::move(found));
    if (links.empty()) return std::nullopt;
    const auto head = links[0].head<ifinfomsg>();
    return Link{head.ifi_index, head.ifi_flags};
}

Result<> set_flags(const NetlinkSocket& socket, int index, unsigned flags, const std::string& what) {
    ifinfomsg head{};
    head.ifi_index = index;
    head.ifi_change = IFF_UP;
    head.ifi_flags = flags;
    return socket.carry_out(NetlinkRequest(RTM_NEWLINK, 0, head), what);
}

// Addresses that the kernel or a lease gave are theirs to renew (config-linux.md#network-devices).
bool is_kept(const NetlinkObject& address, int index) {
    const auto head = address.head<ifaddrmsg>();
    const auto flags = address.number(IFA_FLAGS, head.ifa_flags);
    return static_cast<int>(head.ifa_index) == index && head.ifa_scope == RT_SCOPE_UNIVERSE &&
           (flags & IFA_F_PERMANENT) != 0;
}

Result<std::vector<NetlinkObject>> addresses_of(const NetlinkSocket& socket, int index, const std::string& name) {
    NetlinkRequest request(RTM_GETADDR, NLM_F_DUMP, ifaddrmsg{});
    auto all = TRY(socket.query(std::move(request), sizeof(ifaddrmsg), text::cat("reading the addresses of ", name)));
    std::erase_if(all, [index](const NetlinkObject& address) { return !is_kept(address, index); });
    return all;
}

// "eth0" or "eth0:web": the part before the colon follows the device's name, or the kernel refuses the label.
std::string label_for(const NetlinkObject& address, const std::string& name) {
    const auto label = address.text(IFA_LABEL);
    const auto colon = label.find(':');
    return colon == std::string::npos ? name : name + label.substr(colon);
}

Result<> add_address(const NetlinkSocket& socket, const NetlinkObject& address, const Link& link,
                     const std::string& name) {
    auto head = address.head<ifaddrmsg>();
    head.ifa_index = static_cast<std::uint32_t>(link.index);
    // Tested to be unique on the link already.
    const auto flags = address.number(IFA_FLAGS, head.ifa_flags) & ~std::uint32_t{IFA_F_TENTATIVE | IFA_F_DADFAILED};
    head.ifa_flags = static_cast<std::uint8_t>(flags);
    NetlinkRequest request(RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, head);
    for (const auto type :
         std::initializer_list<std::uint16_t>{IFA_LOCAL, IFA_ADDRESS, IFA_BROADCAST, IFA_ANYCAST, IFA_RT_PRIORITY})
        if (const auto found = address.attributes.find(type); found != address.attributes.end())
            request.attribute(type, found->second);
    if (address.attributes.contains(IFA_LABEL)) request.attribute(IFA_LABEL, label_for(address, name));
    request.attribute(IFA_FLAGS, flags);
    auto added = socket.carry_out(std::move(request), text::cat("giving the device ", name, " its address back"));
    if (!added && added.error().errnum() == EEXIST) return {};
    return added;
}

/// The first name of the pattern that no device has; other names are only checked.
Result<std::string> free_name(const NetlinkSocket& socket, const std::string& pattern) {
    constexpr unsigned kMost = 1024;
    const auto place = pattern.find("%d");
    if (place == std::string::npos) {
        if (!TRY(find_link(socket, pattern))) return pattern;
        return fail(Code::InvalidConfig, text::cat("the container's network has a device ", pattern, " already"),
                    EEXIST);
    }
    for (unsigned number = 0; number < kMost; ++number) {
        auto name = text::cat(pattern.substr(0, place), number, pattern.substr(place + 2));
        if (name.size() < IFNAMSIZ && !TRY(find_link(socket, name))) return name;
    }
    return fail(Code::InvalidConfig, text::cat("no name ", pattern, " is free"), EEXIST);
}

Result<> move_link(const NetlinkSocket& from, int index, sys::FdRef target, const std::string& name,
                   const std::string& what) {
    ifinfomsg head{};
    head.ifi_index = index;
    NetlinkRequest request(RTM_NEWLINK, 0, head);
    request.attribute(IFLA_NET_NS_FD, static_cast<std::uint32_t>(target.number()));
    request.attribute(IFLA_IFNAME, name);
    return from.carry_out(std::move(request), what);
}

Result<> move_one(const NetDevice& device, const NetlinkSocket& host, const NetlinkSocket& inside, sys::FdRef target,
                  std::vector<Moved>& moved) {
    const auto link = TRY(find_link(host, device.host_name));
    if (!link) return fail(Code::InvalidConfig, text::cat("the host has no network device ", device.host_name), ENODEV);
    const auto name = TRY(free_name(inside, device.name));
    const auto addresses = TRY(addresses_of(host, link->index, device.host_name));
    TRY(set_flags(host, link->index, 0, text::cat("shutting the device ", device.host_name, " down")));
    TRY(move_link(host, link->index, target, name,
                  text::cat("moving the device ", device.host_name, " into the container's network as ", name)));
    moved.push_back({device.host_name, name});
    const auto there = TRY(find_link(inside, name));
    if (!there) return fail(Code::Internal, text::cat("the device ", name, " was moved and is not there"));
    for (const auto& address : addresses)
        TRY(add_address(inside, address, *there, name));
    return set_flags(inside, there->index, IFF_UP, text::cat("setting the device ", name, " up"));
}
}  // namespace

std::vector<NetDevice> plan_devices(const spec::Linux& config) {
    std::vector<NetDevice> devices;
    for (const auto& [host_name, name] : config.net_devices)
        devices.push_back({host_name, name, text::cat("/linux/netDevices/", host_name)});
    return devices;
}

Result<> move_devices(const std::vector<NetDevice>& devices, sys::FdRef network_namespace, std::vector<Moved>& moved) {
    const auto host = TRY(NetlinkSocket::open());
    const auto inside = TRY(NetlinkSocket::open_in(network_namespace));
    for (const auto& device : devices) {
        auto done = move_one(device, host, inside, network_namespace, moved);
        if (!done) return fail(std::move(done.error()).at(device.pointer));
    }
    return {};
}

void return_devices(const std::vector<Moved>& moved, sys::FdRef network_namespace) {
    if (moved.empty()) return;
    const auto inside = NetlinkSocket::open_in(network_namespace);
    const auto own = sys::open("/proc/self/ns/net", O_RDONLY);
    if (!inside || !own) return;
    for (const auto& device : moved) {
        const auto link = find_link(*inside, device.name);
        if (!link || !*link) continue;
        (void)set_flags(*inside, (*link)->index, 0, "shutting down");
        (void)move_link(*inside, (*link)->index, *own, device.host_name, "moving back");
    }
}

}  // namespace arca::network
