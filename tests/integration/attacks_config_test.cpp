// Configurations that were made to reach further than they say: file names from strings, ids that are not what they
// look like, huge documents, the environment of hooks, the id of a container.
#include <cstdlib>

#include "harness/attack.hpp"
#include "harness/container.hpp"

using namespace integration;

class AttacksConfig : public ContainerTest {
  protected:
    void SetUp() override {
        ContainerTest::SetUp();
        REQUIRE_ROOT();
    }
    void TearDown() override {
        canary.expect_alive();
        ContainerTest::TearDown();
    }
    Canary canary{work / "outside"};
};

TEST_F(AttacksConfig, AnIdIsNoPath) {
    bundle.write();
    for (const char* id : {"../evil", "..", ".", "a/b", "/etc", "", "a b", "a\nb"}) {
        Output output = runtime({"create", "--bundle", bundle.path(), "--", id});
        EXPECT_NE(output.status, 0) << id;
        EXPECT_NE(runtime({"delete", "--force", "--", "../bundle"}).status, 127);
    }
    EXPECT_TRUE(std::filesystem::exists(bundle.path() / "config.json"));
}

TEST_F(AttacksConfig, StringsThatBecomeFileNamesDoNotClimb) {
    const auto refused = [&](const char* what) { EXPECT_NE(container.run().status, 0) << what; };
    const Json good = bundle.config;
    bundle.linux_()["resources"]["hugepageLimits"] = {{{"pageSize", "../../x"}, {"limit", 1}}};
    refused("hugepageLimits");
    bundle.config = good;
    bundle.linux_()["resources"]["unified"] = {{"../cgroup.procs", "1"}};
    refused("unified");
    bundle.config = good;
    bundle.linux_()["resources"]["unified"] = {{"cgroup.subtree_control/../../x", "1"}};
    refused("unified with a slash");
    bundle.config = good;
    bundle.linux_()["cgroupsPath"] = "/arca-it-x/../../../../" + (work / "outside").string();
    (void)container.run();
    bundle.config = good;
    bundle.linux_()["timeOffsets"] = {{"../../x", {{"secs", 1}}}};
    refused("timeOffsets");
    bundle.config = good;
}

TEST_F(AttacksConfig, IdsThatAreNoIdsAreRefused) {
    for (const char* id : {"-1", "4294967295", "4294967296", "18446744073709551616", "\"0\"", "0.5"}) {
        bundle.process()["user"]["uid"] = Json::parse(id);
        EXPECT_NE(container.run().status, 0) << id;
    }
}

// user_namespaces(7): an id that is not mapped cannot be taken; the process never runs as somebody else instead.
TEST_F(AttacksConfig, AnIdThatIsNotMappedIsRefused) {
    bundle.map_ids(100000, 1000);
    for (const char* which : {"uid", "gid"}) {
        bundle.process()["user"] = {{"uid", 0}, {"gid", 0}};
        bundle.process()["user"][which] = 1000;
        Output output = container.run();
        EXPECT_NE(output.status, 0) << which;
        EXPECT_TRUE(contains(output.err, "not mapped")) << output;
    }
}

TEST_F(AttacksConfig, MapsThatOverlapAreRefused) {
    bundle.map_ids(100000, 1000);
    bundle.linux_()["uidMappings"].push_back({{"containerID", 999}, {"hostID", 0}, {"size", 1}});
    EXPECT_NE(container.run().status, 0);
}

// The host's root is not among those whom an id-mapped mount of the container's own range makes root.
TEST_F(AttacksConfig, ContainersRootIsNotTheHostsRoot) {
    bundle.map_ids(100000, 65536);
    write_file(work / "secret", "secret", 0600);
    bundle.file("secret", "");
    bundle.add_mount("/secret", "bind", work / "secret", {"bind"});
    bundle.add_capabilities({"CAP_DAC_OVERRIDE", "CAP_DAC_READ_SEARCH", "CAP_CHOWN", "CAP_FOWNER"});
    auto seen = probe_all({"stat", "/secret", ",", "read", "/secret", ",", "chmod", "/secret", "0666"});
    EXPECT_EQ(seen[0]["uid"], 65534);
    EXPECT_EQ(seen[1]["text"], "");
    EXPECT_EQ(seen[2]["error"], "EPERM");
}

// CVE-2021-43784: what was too long for a length field became data of its own.
TEST_F(AttacksConfig, HugeValuesStayValues) {
    const std::string huge(200'000, 'x');
    bundle.process()["env"].push_back("HUGE=" + std::string(100'000, 'y'));
    bundle.linux_()["maskedPaths"].push_back("/" + huge);
    bundle.config["annotations"] = {{"huge", huge}};
    Output output = container.run();
    EXPECT_FALSE(output.status > 128) << output.status;
    bundle.linux_()["maskedPaths"].erase(bundle.linux_()["maskedPaths"].size() - 1);
    EXPECT_EQ(container.run().out, "hello\n");
}

TEST_F(AttacksConfig, ManyMappingsAreWrittenOrRefused) {
    bundle.set_namespace("user");
    Json mappings = Json::array();
    for (unsigned i = 0; i < 5000; ++i)
        mappings.push_back({{"containerID", i}, {"hostID", 100000 + i}, {"size", 1}});
    bundle.linux_()["uidMappings"] = mappings;
    bundle.linux_()["gidMappings"] = mappings;
    Output output = container.run_command().timeout(20).run();
    EXPECT_NE(output.status, 0);
    EXPECT_LT(output.status, 128) << output;
}

// What the container's process has in its environment reaches no program of the host.
TEST_F(AttacksConfig, HooksDoNotHaveTheContainersEnvironment) {
    bundle.process()["env"].push_back("LD_PRELOAD=/evil.so");
    bundle.process()["env"].push_back("PATH=/evil");
    Json hook = {{"path", facts().probe}, {"args", {"probe", "hook", (work / "seen").string(), "x"}}};
    for (const char* when : {"prestart", "createRuntime", "createContainer", "poststart", "poststop"})
        bundle.config["hooks"][when] = {hook};
    Output output = container.run_command().variable("SECRET", "of the caller").run();
    ASSERT_TRUE(output.ok()) << output;
    auto seen = parse_lines(read_file(work / "seen"));
    EXPECT_EQ(seen.size(), 5U);
    for (const auto& one : seen)
        EXPECT_EQ(one["env"], Json::array()) << one;
}

// A startContainer hook is found in the container: a path is not the host's.
TEST_F(AttacksConfig, HooksOfTheContainerAreFoundInIt) {
    write_file(canary.path() / "../hook", "#!/bin/sh\ntouch " + (canary.path() / "owned").string() + "\n", 0755);
    bundle.config["hooks"]["startContainer"] = {{{"path", (work / "hook").string()}}};
    EXPECT_NE(container.run().status, 0);
}

TEST_F(AttacksConfig, NothingIsDoneToTheHostWithoutAMountNamespace) {
    bundle.drop_namespace("mount");
    const Json mounts = bundle.config["mounts"];
    EXPECT_NE(container.run().status, 0) << "mounts";
    bundle.config["mounts"] = Json::array();
    EXPECT_NE(container.run().status, 0) << "masked paths, read-only paths, a read-only root";
}

// Devices that were not asked for are denied even to who may make nodes.
TEST_F(AttacksConfig, DevicesThatAreNotAllowedCannotBeOpened) {
    REQUIRE_CGROUP();
    bundle.config["root"]["readonly"] = false;
    bundle.add_capabilities({"CAP_MKNOD", "CAP_DAC_OVERRIDE"});
    // In /dev: elsewhere a host that mounts its files with nodev refuses them all.
    auto seen = probe_all({"mknod", "/dev/disk",   "b",     "8",           "0",    ",",         "open", "/dev/disk",
                           "r",     ",",           "mknod", "/dev/memory", "c",    "1",         "1",    ",",
                           "open",  "/dev/memory", "r",     ",",           "open", "/dev/null", "r"});
    EXPECT_EQ(seen[1]["error"], "EPERM") << seen[1];
    EXPECT_EQ(seen[3]["error"], "EPERM") << seen[3];
    EXPECT_EQ(seen[4]["error"], "") << seen[4];
}
