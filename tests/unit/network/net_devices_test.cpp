// Against the kernel, between two network namespaces of a child. The devices are veth pairs.
#include "network/net_devices.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <gmock/gmock.h>
#include <linux/if.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <sched.h>
#include <unistd.h>

#include "../support/in_child.hpp"
#include "sys/netlink.hpp"
#include "sys/syscalls.hpp"

namespace arca::network {
namespace {

using sys::NetlinkRequest;
using sys::NetlinkSocket;

constexpr auto kNoRight = "skip";

struct World {
    sys::Fd host;
    sys::Fd inside;
};

sys::Fd own_namespace() {
    return *sys::open("/proc/self/ns/net", O_RDONLY);
}

/// Two new namespaces; the caller is in `host`. Nothing without the right to make them.
std::optional<World> make_world() {
    if (::unshare(CLONE_NEWNET) < 0 && ::unshare(CLONE_NEWUSER | CLONE_NEWNET) < 0) return std::nullopt;
    World world;
    world.host = own_namespace();
    if (::unshare(CLONE_NEWNET) < 0) return std::nullopt;
    world.inside = own_namespace();
    if (::setns(world.host.number(), CLONE_NEWNET) < 0) return std::nullopt;
    return world;
}

// linux/if_link.h: nested attributes of a request are attributes whose value is attributes.
std::vector<std::byte> attribute_bytes(std::uint16_t type, const std::string& value) {
    NetlinkRequest request(0, 0, ifinfomsg{});
    request.attribute(type, value);
    const auto bytes = request.bytes().subspan(sizeof(nlmsghdr) + sizeof(ifinfomsg));
    return {bytes.begin(), bytes.end()};
}

bool make_veth(const std::string& name) {
    NetlinkRequest request(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, ifinfomsg{});
    request.attribute(IFLA_IFNAME, name);
    request.attribute(IFLA_MTU, std::uint32_t{1400});
    request.attribute(IFLA_LINKINFO, attribute_bytes(IFLA_INFO_KIND, "veth"));
    return NetlinkSocket::open()->carry_out(std::move(request), "veth").has_value();
}

int index_of(const NetlinkSocket& socket, const std::string& name) {
    NetlinkRequest request(RTM_GETLINK, 0, ifinfomsg{});
    request.attribute(IFLA_IFNAME, name);
    auto found = socket.query(std::move(request), sizeof(ifinfomsg), "look up");
    return found && !found->empty() ? (*found)[0].head<ifinfomsg>().ifi_index : 0;
}

bool add_address(const std::string& device, const std::string& label) {
    const auto socket = *NetlinkSocket::open();
    ifaddrmsg head{};
    head.ifa_family = AF_INET;
    head.ifa_prefixlen = 24;
    head.ifa_index = static_cast<std::uint32_t>(index_of(socket, device));
    NetlinkRequest request(RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, head);
    request.attribute(IFA_LOCAL, htonl(0x0a010203));
    request.attribute(IFA_BROADCAST, htonl(0x0a0102ff));
    request.attribute(IFA_LABEL, label);
    return socket.carry_out(std::move(request), "address").has_value();
}

/// "label address/prefix" of each IPv4 address in the namespace.
std::vector<std::string> addresses(sys::FdRef ns) {
    std::vector<std::string> out;
    ifaddrmsg head{};
    head.ifa_family = AF_INET;
    auto all =
        NetlinkSocket::open_in(ns)->query(NetlinkRequest(RTM_GETADDR, NLM_F_DUMP, head), sizeof head, "addresses");
    for (const auto& address : *all) {
        char text[INET_ADDRSTRLEN] = "";
        ::inet_ntop(AF_INET, address.attributes.at(IFA_LOCAL).data(), text, sizeof text);
        out.push_back(text::cat(address.text(IFA_LABEL), " ", text, "/",
                                static_cast<int>(address.head<ifaddrmsg>().ifa_prefixlen)));
    }
    return out;
}

/// Runs in a child with a world; what it says is wrong, or why it did not run.
template<class Body>
std::string between_namespaces(Body body) {
    return test::in_child([&body]() -> std::string {
        auto world = make_world();
        if (!world || !make_veth("one")) return kNoRight;
        return body(*world);
    });
}
#define EXPECT_NOTHING_WRONG(problem)                                                                     \
    const std::string what = problem;                                                                     \
    if (what == kNoRight) GTEST_SKIP() << "no right to make network namespaces and veth devices in them"; \
    EXPECT_EQ(what, "")

Result<> move(const World& world, const std::string& from, const std::string& to, std::vector<Moved>& moved) {
    return move_devices({{from, to, "/linux/netDevices/" + from}}, world.inside, moved);
}

TEST(NetDevices, AreMovedRenamedAndSetUpWithTheirAddresses) {
    EXPECT_NOTHING_WRONG(between_namespaces([](const World& world) -> std::string {
        if (!add_address("one", "one:web")) return "no address";
        std::vector<Moved> moved;
        if (auto done = move(world, "one", "eth0", moved); !done) return done.error().message();
        const auto inside = *NetlinkSocket::open_in(world.inside);
        NetlinkRequest request(RTM_GETLINK, 0, ifinfomsg{});
        request.attribute(IFLA_IFNAME, "eth0");
        auto link = inside.query(std::move(request), sizeof(ifinfomsg), "look up");
        if (!link || link->size() != 1) return "it is not there";
        if (((*link)[0].head<ifinfomsg>().ifi_flags & IFF_UP) == 0) return "it is down";
        if ((*link)[0].number(IFLA_MTU, 0) != 1400) return "another MTU";
        if (index_of(*NetlinkSocket::open(), "one") != 0) return "it is still on the host";
        const auto kept = addresses(world.inside);
        return kept == std::vector<std::string>{"eth0:web 10.1.2.3/24"} ? "" : "addresses: " + text::join(kept, ", ");
    }));
}

TEST(NetDevices, AnExistingNameIsAnErrorAtItsPlace) {
    EXPECT_NOTHING_WRONG(between_namespaces([](const World& world) -> std::string {
        std::vector<Moved> moved;
        const auto done = move(world, "one", "lo", moved);
        if (done) return "moved over lo";
        if (done.error().pointer() != "/linux/netDevices/one") return done.error().message();
        return moved.empty() && index_of(*NetlinkSocket::open(), "one") != 0 ? "" : "it is gone";
    }));
}

TEST(NetDevices, ATemplateTakesTheFirstFreeName) {
    EXPECT_NOTHING_WRONG(between_namespaces([](const World& world) -> std::string {
        if (!make_veth("two")) return "no second device";
        std::vector<Moved> moved;
        for (const char* name : {"one", "two"})
            if (auto done = move(world, name, "net%d", moved); !done) return done.error().message();
        return moved.at(0).name == "net0" && moved.at(1).name == "net1" ? "" : "other names";
    }));
}

TEST(NetDevices, AMissingOneIsNamed) {
    EXPECT_NOTHING_WRONG(between_namespaces([](const World& world) -> std::string {
        std::vector<Moved> moved;
        const auto done = move(world, "absent", "eth0", moved);
        if (done) return "moved what is not there";
        const auto message = done.error().message();
        return message.find("absent") != std::string::npos && done.error().pointer() == "/linux/netDevices/absent"
                   ? ""
                   : message;
    }));
}

TEST(NetDevices, ComeBackWhenTheLaunchFails) {
    EXPECT_NOTHING_WRONG(between_namespaces([](const World& world) -> std::string {
        std::vector<Moved> moved;
        if (auto done = move(world, "one", "eth0", moved); !done) return done.error().message();
        return_devices(moved, world.inside);
        return index_of(*NetlinkSocket::open(), "one") != 0 ? "" : "it did not come back";
    }));
}

TEST(NetDevices, PlanKeepsThePlaceInTheConfiguration) {
    spec::Linux config;
    config.net_devices = {{"eth1", "eth1"}};
    const auto devices = plan_devices(config);
    ASSERT_EQ(devices.size(), 1U);
    EXPECT_EQ(devices[0].pointer, "/linux/netDevices/eth1");
}

}  // namespace
}  // namespace arca::network
