#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <unistd.h>

#include <cstdlib>

#include "harness/container.hpp"

using namespace integration;

/// The tests' network namespace is their own while such a test runs, with one pair of devices: gift and peer.
class NetDevices : public ContainerTest {
  protected:
    void SetUp() override {
        ContainerTest::SetUp();
        if (IsSkipped()) return;
        REQUIRE_ROOT();
        SKIP_FOR(Runc, "has this since 1.4");
        before_ = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
        REQUIRE(unshare(CLONE_NEWNET) == 0, "needs a network namespace");
        REQUIRE(ip({"link", "add", "gift", "mtu", "1400", "type", "veth", "peer", "name", "peer"}),
                "needs iproute2 and veth devices");
        bundle.set_namespace("network");
    }
    void TearDown() override {
        ContainerTest::TearDown();
        if (before_ >= 0) {
            EXPECT_EQ(setns(before_, CLONE_NEWNET), 0);
        }
        close(before_);
    }
    static bool ip(const Arguments& words) {
        Arguments argv = {"ip"};
        argv.insert(argv.end(), words.begin(), words.end());
        return Command(argv).run().ok();
    }
    void give(const std::string& name) { bundle.linux_()["netDevices"]["gift"] = {{"name", name}}; }

  private:
    int before_ = -1;
};

TEST_F(NetDevices, AreInTheContainerUnderTheirNewName) {
    ASSERT_TRUE(ip({"addr", "add", "10.9.8.7/24", "dev", "gift"}));
    give("eth0");
    start_probe({"interfaces", ",", "lo", "eth0", ",", "serve"});
    auto seen = lines(container.output());
    EXPECT_TRUE(contains(seen.at(0), "\"eth0\"")) << seen[0];
    EXPECT_EQ(Json::parse(seen.at(1))["up"], true);
    EXPECT_FALSE(ip({"link", "show", "gift"})) << "it is still on the host";
    Output shown =
        Command({"nsenter", "--net=/proc/" + std::to_string(container.pid()) + "/ns/net", "ip", "addr"}).run();
    EXPECT_TRUE(contains(shown.out, "10.9.8.7/24")) << shown;
    EXPECT_TRUE(contains(shown.out, "mtu 1400")) << shown;
}

TEST_F(NetDevices, KeepTheirNameWithoutAnother) {
    bundle.linux_()["netDevices"]["gift"] = Json::object();
    EXPECT_TRUE(contains(probe({"interfaces"}).dump(), "\"gift\""));
}

TEST_F(NetDevices, OfAContainerInAUserNamespace) {
    give("eth0");
    bundle.map_ids(100000, 65536);
    EXPECT_TRUE(contains(probe({"interfaces"}).dump(), "\"eth0\""));
}

TEST_F(NetDevices, IntoANamespaceThatIsJoined) {
    const bool was_mounted = contains(read_file("/proc/self/mountinfo"), " /run/netns ");  // ip makes a mount of it
    ASSERT_TRUE(ip({"netns", "add", "arca-test"})) << "needs /run/netns";
    bundle.set_namespace("network", "/run/netns/arca-test");
    give("net%d");
    EXPECT_TRUE(contains(probe({"interfaces"}).dump(), "\"net0\""));
    EXPECT_TRUE(ip({"netns", "del", "arca-test"}));
    if (!was_mounted) umount2("/run/netns", MNT_DETACH);
}

TEST_F(NetDevices, AMissingDeviceIsNamed) {
    bundle.linux_()["netDevices"]["absent"] = Json::object();
    expect_create_fails("/linux/netDevices/absent");
}

TEST_F(NetDevices, ComeBackWhenCreateFails) {
    give("eth0");
    bundle.args({"/bin/absent"});
    expect_create_fails("absent");
    EXPECT_TRUE(ip({"link", "show", "gift"})) << "it went away with the namespace";
}
