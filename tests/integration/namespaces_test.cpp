#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness/container.hpp"

using namespace integration;

class NamespacesTest : public ContainerTest {
  protected:
    /// Our own namespaces, in the words of `probe ns`.
    static Json ours() {
        Json object;
        for (const char* type : {"pid", "net", "mnt", "ipc", "uts", "user", "cgroup", "time"}) {
            std::error_code error;
            object[type] = std::filesystem::read_symlink(std::string("/proc/self/ns/") + type, error).string();
        }
        return object;
    }

    static const char* file_of(const std::string& type) {
        return type == "network"  ? "net"
               : type == "mount"  ? "mnt"
               : type == "pid"    ? "pid"
               : type == "ipc"    ? "ipc"
               : type == "uts"    ? "uts"
               : type == "cgroup" ? "cgroup"
               : type == "user"   ? "user"
                                  : "time";
    }
};

class NamespacesByType : public NamespacesTest, public testing::WithParamInterface<const char*> {};

TEST_P(NamespacesByType, NewWhenListed) {
    std::string type = GetParam();
    if (type == "time") {
        REQUIRE(facts().time_namespaces, "needs time namespaces");
        REQUIRE_RUNC(1, 2, "time namespaces");
    }
    if (type == "network" || type == "time") REQUIRE_ROOT();
    if (type == "user" && facts().root) {
        bundle.map_ids(100000, 65536);
    } else {
        bundle.set_namespace(type);
    }
    EXPECT_NE(probe({"ns"})[file_of(type)], ours()[file_of(type)]);
}

TEST_P(NamespacesByType, InheritedWhenNotListed) {
    REQUIRE_ROOT();
    std::string type = GetParam();
    bundle.drop_namespace(type);
    if (type == "mount") GTEST_SKIP() << "what may be configured without a mount namespace differs: see Errors";
    if (type == "uts") bundle.config.erase("hostname");
    if (type == "ipc") bundle.drop_mount("/dev/mqueue");
    EXPECT_EQ(probe({"ns"})[file_of(type)], ours()[file_of(type)]);
}

TEST_P(NamespacesByType, JoinedByPath) {
    REQUIRE_ROOT();
    std::string type = GetParam();
    if (type == "user" || type == "mount") GTEST_SKIP() << "has a test of its own";
    if (type == "time") {
        REQUIRE(facts().time_namespaces, "needs time namespaces");
        REQUIRE_RUNC(1, 2, "time namespaces");
    }
    Bundle donor_bundle(work / "donor");
    if (type == "time") donor_bundle.set_namespace("time");
    donor_bundle.args({"/bin/probe", "ns", ",", "serve"});
    Container donor(root(), donor_bundle, container.id + "-donor");
    ASSERT_TRUE(donor.create().ok());
    ASSERT_TRUE(donor.start().ok());
    ASSERT_TRUE(donor.says("ready"));
    std::string path = "/proc/" + std::to_string(donor.pid()) + "/ns/" + file_of(type);
    bundle.set_namespace(type, path);
    if (type == "uts") bundle.config.erase("hostname");
    EXPECT_EQ(probe({"ns"})[file_of(type)], Json::parse(lines(donor.output()).at(0))[file_of(type)]);
}

INSTANTIATE_TEST_SUITE_P(Types, NamespacesByType,
                         testing::Values("pid", "network", "mount", "ipc", "uts", "cgroup", "time", "user"),
                         [](const auto& each) { return std::string(each.param); });

class Namespaces : public NamespacesTest {};

TEST_F(Namespaces, JoinedByABindMountedFile) {
    REQUIRE_ROOT();
    write_file(work / "netns", "");
    // unshare(2) in a child, which then binds its namespace to a file, as `ip netns add` does.
    pid_t child = fork();
    if (child == 0) {
        _exit(unshare(CLONE_NEWNET) == 0 &&
                      mount("/proc/self/ns/net", (work / "netns").c_str(), nullptr, MS_BIND, nullptr) == 0
                  ? 0
                  : 1);
    }
    int status = 0;
    waitpid(child, &status, 0);
    ASSERT_EQ(status, 0);
    bundle.set_namespace("network", (work / "netns").string());
    struct stat st {};
    stat((work / "netns").c_str(), &st);
    EXPECT_EQ(probe({"ns"})["net"], "net:[" + std::to_string(st.st_ino) + "]");
    umount2((work / "netns").c_str(), MNT_DETACH);
}

// The intermediate and init speak over one socket: init must not be heard before the parent knows it.
TEST_F(Namespaces, InitMayBeFasterThanTheIntermediate) {
    REQUIRE_ROOT();
    REQUIRE_ARCA("lingering is compiled into it for tests");
    REQUIRE(facts().time_namespaces, "needs time namespaces");
    bundle.set_namespace("time");
    bundle.args({"/bin/probe", "ns"});
    Output output = container.run_command().variable("ARCA_TEST_LINGER_AT", "intermediate:Handover").run();
    EXPECT_TRUE(output.ok()) << output;
}

TEST_F(Namespaces, WrongTypeIsRefused) {
    REQUIRE_ROOT();
    bundle.set_namespace("network", "/proc/self/ns/uts");
    expect_create_fails();
}

TEST_F(Namespaces, AbsentPathIsRefused) {
    REQUIRE_ROOT();
    bundle.set_namespace("network", (work / "absent").string());
    expect_create_fails((work / "absent").string());
}

TEST_F(Namespaces, PathThatIsNoNamespaceIsRefused) {
    REQUIRE_ROOT();
    write_file(work / "file", "");
    bundle.set_namespace("ipc", (work / "file").string());
    expect_create_fails();
}

TEST_F(Namespaces, DuplicateTypeIsRefused) {
    bundle.linux_()["namespaces"].push_back({{"type", "ipc"}});
    expect_create_fails("ipc");
}

TEST_F(Namespaces, UnknownTypeIsRefused) {
    bundle.linux_()["namespaces"].push_back({{"type", "nonsense"}});
    expect_create_fails("nonsense");
}

TEST_F(Namespaces, LoopbackIsUpInANewNetworkNamespace) {
    REQUIRE_ROOT();
    Json lo = probe({"lo"});
    EXPECT_EQ(lo["up"], true);
    EXPECT_EQ(probe({"interfaces"})["interfaces"][0], "lo");
}

TEST_F(Namespaces, HostnameAndDomainname) {
    REQUIRE_RUNC(1, 2, "domainname");
    bundle.config["hostname"] = "arca-host";
    bundle.config["domainname"] = "example.org";
    Json names = probe({"uname"});
    EXPECT_EQ(names["hostname"], "arca-host");
    EXPECT_EQ(names["domainname"], "example.org");
}

TEST_F(Namespaces, HostnameNeedsAUtsNamespace) {
    bundle.drop_namespace("uts");
    std::string before = read_file("/proc/sys/kernel/hostname");
    expect_create_fails("hostname");
    EXPECT_EQ(read_file("/proc/sys/kernel/hostname"), before);
}

TEST_F(Namespaces, UserNamespaceWithMaps) {
    REQUIRE_ROOT();
    bundle.map_ids(100000, 65536);
    auto seen = probe_all({"ids", ",", "read", "/proc/self/uid_map", ",", "read", "/proc/self/gid_map", ",", "caps"});
    ASSERT_EQ(seen.size(), 4U);
    EXPECT_EQ(seen[0]["uid"], 0);
    EXPECT_TRUE(contains(seen[1]["text"], " 100000 "));
    EXPECT_TRUE(contains(seen[2]["text"], " 100000 "));
    EXPECT_EQ(seen[3]["effective"].size(), 3U);
}

TEST_F(Namespaces, UserNamespaceWithSeveralLines) {
    REQUIRE_ROOT();
    bundle.set_namespace("user");
    Json maps = {{{"containerID", 0}, {"hostID", 100000}, {"size", 1000}},
                 {{"containerID", 1000}, {"hostID", 5000}, {"size", 1}},
                 {{"containerID", 1001}, {"hostID", 101001}, {"size", 1000}}};
    bundle.linux_()["uidMappings"] = maps;
    bundle.linux_()["gidMappings"] = maps;
    bundle.process()["user"] = {{"uid", 1000}, {"gid", 1000}};
    bundle.args({"/bin/probe", "echo", "ready", ",", "pause"});
    ASSERT_TRUE(container.create().ok());
    ASSERT_TRUE(container.start().ok());
    ASSERT_TRUE(container.says("ready"));
    struct stat st {};
    stat(("/proc/" + std::to_string(container.pid())).c_str(), &st);
    EXPECT_EQ(st.st_uid, 5000U);
}

TEST_F(Namespaces, UserNamespaceLeavesTheOwnersOfTheRootAlone) {
    REQUIRE_ROOT();
    bundle.map_ids(100000, 65536);
    bundle.file("owned", "text");
    ASSERT_EQ(chown((bundle.rootfs() / "owned").c_str(), 7, 8), 0);
    ASSERT_TRUE(container.run().ok());
    for (const char* name : {"", "bin", "etc/passwd"}) {
        struct stat st {};
        ASSERT_EQ(stat((bundle.rootfs() / name).c_str(), &st), 0);
        EXPECT_EQ(st.st_uid, 0U) << name;
    }
    struct stat st {};
    ASSERT_EQ(stat((bundle.rootfs() / "owned").c_str(), &st), 0);
    EXPECT_EQ(st.st_uid, 7U);
    EXPECT_EQ(st.st_gid, 8U);
}

TEST_F(Namespaces, UserNamespaceHasItsDevices) {
    REQUIRE_ROOT();
    bundle.map_ids(100000, 65536);
    auto seen = probe_all({"open", "/dev/null", "rw", ",", "open", "/dev/urandom", "r", ",", "stat", "/dev/zero"});
    EXPECT_EQ(seen[0]["error"], "");
    EXPECT_EQ(seen[1]["error"], "");
    EXPECT_EQ(seen[2]["type"], "character");
}

TEST_F(Namespaces, UserNamespaceSeesSourcesBehindPrivateDirectories) {
    // The mapped root cannot walk to the source: it must be opened before the user namespace is entered.
    REQUIRE_ROOT();
    REQUIRE_RUNC(1, 2, "sources opened by the privileged side");
    bundle.map_ids(100000, 65536);
    std::filesystem::create_directories(work / "closed/inner");
    write_file(work / "closed/inner/file", "reachable");
    chmod((work / "closed").c_str(), 0700);
    bundle.directory("mnt");  // which the container's root may not make in a directory of ours
    bundle.add_mount("/mnt", "bind", (work / "closed/inner").string(), {"rbind"});
    EXPECT_EQ(probe({"read", "/mnt/file"})["text"], "reachable");
}

TEST_F(Namespaces, UserNamespaceWithoutMapsIsRefused) {
    REQUIRE_ROOT();
    bundle.set_namespace("user");
    expect_create_fails();
}

TEST_F(Namespaces, UserNamespaceJoinedByPath) {
    REQUIRE_ROOT();
    Bundle donor_bundle(work / "donor");
    donor_bundle.map_ids(100000, 65536);
    donor_bundle.args({"/bin/probe", "ns", ",", "serve"});
    Container donor(root(), donor_bundle, container.id + "-donor");
    ASSERT_TRUE(donor.create().ok());
    ASSERT_TRUE(donor.start().ok());
    ASSERT_TRUE(donor.says("ready"));
    std::string base = "/proc/" + std::to_string(donor.pid()) + "/ns/";
    if (facts().kind == Kind::Runc) bundle.map_ids(100000, 65536);  // wants the maps a second time
    bundle.set_namespace("user", base + "user");
    bundle.set_namespace("network", base + "net");
    auto seen = probe_all({"ns", ",", "ids"});
    ASSERT_EQ(seen.size(), 2U);
    Json theirs = Json::parse(lines(donor.output()).at(0));
    EXPECT_EQ(seen[0]["user"], theirs["user"]);
    EXPECT_EQ(seen[0]["net"], theirs["net"]);
    EXPECT_NE(seen[0]["ipc"], theirs["ipc"]);
    EXPECT_EQ(seen[1]["uid"], 0);
}

TEST_F(Namespaces, TimeOffsets) {
    REQUIRE_ROOT();
    REQUIRE_RUNC(1, 2, "time namespaces");
    REQUIRE(facts().time_namespaces, "needs time namespaces");
    bundle.set_namespace("time");
    bundle.linux_()["timeOffsets"] = {{"monotonic", {{"secs", 7200}}},
                                      {"boottime", {{"secs", 86400}, {"nanosecs", 5}}}};
    timespec now{};
    clock_gettime(CLOCK_BOOTTIME, &now);
    Json clocks = probe({"clocks"});
    EXPECT_GE(clocks["boottime"].get<long>(), now.tv_sec + 86400);
    EXPECT_TRUE(contains(clocks["offsets"].dump(), "7200"));
}

TEST_F(Namespaces, TimeOffsetsNeedATimeNamespace) {
    REQUIRE_RUNC(1, 2, "time namespaces");
    bundle.linux_()["timeOffsets"] = {{"boottime", {{"secs", 1}}}};
    expect_create_fails();
}

TEST_F(Namespaces, CgroupNamespaceHidesTheHostsPath) {
    REQUIRE_CGROUP();
    EXPECT_TRUE(contains(probe({"cgroup"})["cgroup"].dump(), "\"0::/\""));
}

TEST_F(Namespaces, WithoutCgroupNamespaceThePathShows) {
    REQUIRE_CGROUP();
    bundle.drop_namespace("cgroup");
    EXPECT_TRUE(
        contains(probe({"cgroup"})["cgroup"].dump(), "0::" + bundle.linux_()["cgroupsPath"].get<std::string>()));
}

TEST_F(Namespaces, SharedPidNamespaceEndsWithItsOwner) {
    REQUIRE_ROOT();
    Bundle donor_bundle(work / "donor");
    donor_bundle.args({"/bin/probe", "serve"});
    Container donor(root(), donor_bundle, container.id + "-donor");
    ASSERT_TRUE(donor.create().ok());
    ASSERT_TRUE(donor.start().ok());
    bundle.set_namespace("pid", "/proc/" + std::to_string(donor.pid()) + "/ns/pid");
    start_probe({"pause"}, "");
    EXPECT_TRUE(donor.remove({"--force"}).ok());
    EXPECT_TRUE(container.reaches("stopped"));
}
