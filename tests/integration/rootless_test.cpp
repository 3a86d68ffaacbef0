// arca as an ordinary user finds it: with the helpers of shadow-utils or without, in a user namespace or a container
// that somebody else has made, on hosts that forbid some of it. Every failure says what the host was seen to lack.
// Root prepares each situation in a mount namespace of its own and becomes that user there.
#include <sys/statvfs.h>
#include <unistd.h>

#include <regex>

#include "harness/container.hpp"

using namespace integration;

namespace {
constexpr int kUser = 1;  // "daemon", whom newuidmap(1) finds in /etc/passwd

bool has_program(const std::string& name) {
    return Command({"sh", "-c", "command -v " + name}).run().ok();
}
}  // namespace

class Rootless : public ContainerTest {
  protected:
    void SetUp() override {
        ContainerTest::SetUp();
        REQUIRE_ROOT();
        REQUIRE_ARCA("others explain nothing");
        REQUIRE(facts().user_namespaces, "needs user namespaces");
        REQUIRE(has_program("setpriv"), "needs setpriv(1)");
        std::filesystem::create_directories(work / "run");
        std::filesystem::create_directories(work / "bin");
        std::filesystem::copy_file(facts().runtime, work / "arca");
        make_rootless_config();
        give_to_user();
    }
    void make_rootless_config() {
        map({{{"containerID", 0}, {"hostID", kUser}, {"size", 1}}});
        bundle.linux_().erase("resources");
        bundle.linux_().erase("cgroupsPath");
        for (auto& mount : bundle.config["mounts"])
            if (mount["destination"] == "/dev/pts") mount["options"] = {"nosuid", "noexec", "newinstance"};
    }
    void map(const Json& lines) {
        bundle.set_namespace("user");
        bundle.linux_()["uidMappings"] = lines;
        bundle.linux_()["gidMappings"] = lines;
    }
    /// The own id, and a range from `first`.
    void map_range(unsigned first, unsigned count) {
        map({{{"containerID", 0}, {"hostID", kUser}, {"size", 1}},
             {{"containerID", 1}, {"hostID", first}, {"size", count}}});
    }
    void give_to_user() {
        for (const auto& entry : std::filesystem::recursive_directory_iterator(work.path()))
            EXPECT_EQ(lchown(entry.path().c_str(), kUser, kUser), 0);
        EXPECT_EQ(chown(work.path().c_str(), kUser, kUser), 0);
    }
    /// A file of the host as this test wants it to be.
    void replace(const std::string& path, const std::string& content) {
        write_file(work / ("file" + std::to_string(++replaced_)), content);
        prepare("mount --bind " + (work / ("file" + std::to_string(replaced_))).string() + " " + path);
    }
    void prepare(const std::string& command) { preparation_ += command + "\n"; }
    /// newuidmap and newgidmap in a directory of their own, which PATH names alone.
    void copy_helpers(int mode) {
        for (const char* name : {"newuidmap", "newgidmap"}) {
            std::filesystem::copy_file(std::string("/usr/bin/") + name, work / "bin" / name);
            EXPECT_EQ(chown((work / "bin" / name).c_str(), 0, 0), 0);
            EXPECT_EQ(chmod((work / "bin" / name).c_str(), mode), 0);
        }
        path_ = (work / "bin").string();
    }
    /// `run`, by that user, where root has made the preparations.
    Output run(const std::string& privileges = "") {
        auto script = preparation_ + "program=$1; shift\nexec setpriv --reuid=1 --regid=1 --clear-groups " +
                      privileges + " env PATH=" + path_ + " XDG_RUNTIME_DIR=" + (work / "run").string() + " " +
                      (work / "arca").string() + " \"$@\"";
        return container.run_command()
            .launched_by({"unshare", "-m", "--propagation", "private", "sh", "-ec", script, "sh"})
            .run();
    }
    /// By root of a user namespace that the user has made, with nothing but the own id.
    Output run_in_user_namespace(const std::string& preparation = "") {
        const auto script = preparation + " shift; exec env PATH=" + path_ +
                            " XDG_RUNTIME_DIR=" + (work / "run").string() + " " + (work / "arca").string() + " \"$@\"";
        return container.run_command()
            .launched_by({"setpriv", "--reuid=1", "--regid=1", "--clear-groups", "unshare", "--user", "--map-root-user",
                          "sh", "-ec", script, "sh"})
            .run();
    }
    std::string plain(std::string text) const {
        for (const auto& [from, to] : {std::pair(container.id, "ID"), {work.path().string(), "WORK"}})
            for (std::size_t at = 0; (at = text.find(from, at)) != std::string::npos;)
                text.replace(at, from.size(), to);
        // What helpers say is theirs, and changes with their versions.
        text = std::regex_replace(text, std::regex(R"(said "[^"]+")"), "said ...");
        text = std::regex_replace(text, std::regex(R"(\(flags 0x[0-9a-f]+\))"), "(flags N)");
        return std::regex_replace(text, std::regex(R"(\bprocess \d+)"), "process N");
    }
    /// This text, and nothing but what is remembered of failures.
    void expect_told(const Output& output, const std::string& text) const {
        EXPECT_EQ(output.status, 1) << output;
        EXPECT_EQ(plain(output.err), "arca: run ID: " + text + "\n");
        EXPECT_EQ(output.out, "");
        EXPECT_FALSE(std::filesystem::exists(work / "run/arca" / container.id));
    }
    void expect_refused(const std::string& text, const std::string& privileges = "") {
        expect_told(run(privileges), text);
    }

    void expect_helper_refused(const std::string& helper, const std::string& reason,
                               const std::string& privileges = "") {
        const std::string kind = helper.ends_with("newgidmap") ? "gid" : "uid";
        expect_refused("mapping the " + std::string(kind == "gid" ? "group" : "user") + " ids of process N: /linux/" +
                           kind + "Mappings: " + helper + " exited with status 1 and said ... (" + reason + ")",
                       privileges);
    }

    std::string path_ = "/usr/bin:/bin";

  private:
    std::string preparation_;
    int replaced_ = 0;
};

#define REQUIRE_HELPERS() REQUIRE(access("/usr/bin/newuidmap", X_OK) == 0, "needs newuidmap(1)")

TEST_F(Rootless, TheOwnIdNeedsNoHelper) {
    path_ = "/nonexistent";
    bundle.args({"/bin/probe", "ids", ",", "read", "/proc/self/setgroups", ",", "read", "/proc/self/uid_map"});
    Output output = run();
    ASSERT_TRUE(output.ok()) << output;
    auto seen = parse_lines(output.out);
    EXPECT_EQ(seen[0]["uid"], 0);
    EXPECT_EQ(seen[1]["text"], "deny\n");
}

TEST_F(Rootless, TheOwnIdMayHaveAnyName) {
    map({{{"containerID", 0}, {"hostID", kUser}, {"size", 1}}});
    bundle.linux_()["uidMappings"][0]["containerID"] = 7;
    path_ = "/nonexistent";
    expect_refused("/linux/uidMappings: does not map id 0 of the container, which sets the container up");
}

TEST_F(Rootless, GroupsBesideTheOwnOneCannotBeHad) {
    bundle.process()["user"]["additionalGids"] = {0};
    expect_refused(
        "/process/user/additionalGids: cannot be had: an unprivileged user who maps only the own gid must deny "
        "setgroups");
}

TEST_F(Rootless, AMissingHelperIsNamed) {
    map_range(100000, 65535);
    path_ = "/nonexistent";
    expect_refused(
        "mapping the user ids of process N: /linux/uidMappings: mapping more than the own id takes newuidmap, which is "
        "in no directory of PATH");
}

TEST_F(Rootless, HelpersMapRanges) {
    REQUIRE_HELPERS();
    map_range(100000, 65535);
    replace("/etc/subuid", "daemon:100000:65536\n");
    replace("/etc/subgid", "daemon:100000:65536\n");
    bundle.process()["user"] = {{"uid", 1000}, {"gid", 1000}, {"additionalGids", {5}}};
    bundle.args({"/bin/probe", "ids", ",", "read", "/proc/self/setgroups"});
    Output output = run();
    ASSERT_TRUE(output.ok()) << output;
    auto seen = parse_lines(output.out);
    EXPECT_EQ(seen[0]["uid"], 1000);
    EXPECT_EQ(seen[0]["groups"], Json({5}));
    EXPECT_EQ(seen[1]["text"], "allow\n");
}

TEST_F(Rootless, HelpersMapAsManyRangesAsAreAskedFor) {
    REQUIRE_HELPERS();
    Json lines = {{{"containerID", 0}, {"hostID", kUser}, {"size", 1}}};
    std::string granted;
    for (unsigned i = 0; i < 30; ++i) {
        lines.push_back({{"containerID", 1 + i * 10}, {"hostID", 100000 + i * 1000}, {"size", 10}});
        granted += "daemon:" + std::to_string(100000 + i * 1000) + ":10\n";
    }
    map(lines);
    replace("/etc/subuid", granted);
    replace("/etc/subgid", granted);
    bundle.args({"/bin/probe", "read", "/proc/self/uid_map"});
    Output output = run();
    ASSERT_TRUE(output.ok()) << output;
    EXPECT_TRUE(contains(output.out, "129000")) << output;
}

TEST_F(Rootless, HelpersMayHaveCapabilitiesInPlaceOfTheSetuidBit) {
    REQUIRE_HELPERS();
    REQUIRE(has_program("setcap"), "needs setcap(8)");
    struct statvfs here {};
    REQUIRE(::statvfs(work.path().c_str(), &here) == 0 && (here.f_flag & ST_NOSUID) == 0, "the place is nosuid");
    map_range(100000, 1000);
    replace("/etc/subuid", "1:100000:1000\n");  // by uid, as subuid(5) allows
    replace("/etc/subgid", "1:100000:1000\n");
    copy_helpers(0755);
    ASSERT_TRUE(Command({"setcap", "cap_setuid+ep", (work / "bin/newuidmap").string()}).run().ok());
    ASSERT_TRUE(Command({"setcap", "cap_setgid+ep", (work / "bin/newgidmap").string()}).run().ok());
    path_ += ":/usr/bin";
    Output output = run();
    EXPECT_TRUE(output.ok()) << output;
}

TEST_F(Rootless, AHelperWithoutRightsIsSeenThrough) {
    REQUIRE_HELPERS();
    map_range(100000, 1000);
    replace("/etc/subuid", "daemon:100000:1000\n");
    copy_helpers(0755);
    path_ += ":/bin";
    expect_helper_refused("WORK/bin/newuidmap", "WORK/bin/newuidmap is neither setuid root nor has file capabilities");
}

TEST_F(Rootless, AHelperOnANosuidMountIsSeenThrough) {
    REQUIRE_HELPERS();
    map_range(100000, 1000);
    replace("/etc/subuid", "daemon:100000:1000\n");
    copy_helpers(04755);
    prepare("mount --bind " + path_ + " " + path_ + "; mount -o remount,bind,nosuid " + path_);
    path_ += ":/bin";
    expect_helper_refused("WORK/bin/newuidmap", "WORK/bin/newuidmap is on a mount with nosuid");
}

TEST_F(Rootless, NoNewPrivilegesOfTheCallerAreNoticed) {
    REQUIRE_HELPERS();
    map_range(100000, 1000);
    replace("/etc/subuid", "daemon:100000:1000\n");
    expect_helper_refused("/usr/bin/newuidmap", "no_new_privs is set, so /usr/bin/newuidmap gains no rights",
                          "--no-new-privs");
}

TEST_F(Rootless, AMissingEntryIsTold) {
    REQUIRE_HELPERS();
    map_range(100000, 1000);
    replace("/etc/subuid", "somebody:100000:1000\n");
    expect_helper_refused("/usr/bin/newuidmap", "/etc/subuid has no entry for daemon");
}

TEST_F(Rootless, ARangeOutsideOfTheEntryIsTold) {
    REQUIRE_HELPERS();
    map_range(100000, 1000);
    replace("/etc/subuid", "daemon:100000:999\n");
    expect_helper_refused("/usr/bin/newuidmap",
                          "/etc/subuid gives daemon 100000-100998, but config.json asks for 100000-100999");
}

TEST_F(Rootless, TheEntryOfTheGroupsIsLookedAtToo) {
    REQUIRE_HELPERS();
    map_range(100000, 1000);
    replace("/etc/subuid", "daemon:100000:1000\n");
    replace("/etc/subgid", "\n");
    expect_helper_refused("/usr/bin/newgidmap", "/etc/subgid has no entry for daemon");
}

// Of a user namespace around arca, so that the host's own limit is left alone.
TEST_F(Rootless, AForbiddingSysctlIsNamed) {
    map({{{"containerID", 0}, {"hostID", 0}, {"size", 1}}});
    expect_told(run_in_user_namespace("echo 0 >/proc/sys/user/max_user_namespaces;"),
                "clone3(flags N): no space left on device (ENOSPC) (this host forbids such namespaces: "
                "/proc/sys/user/max_user_namespaces is 0; `sysctl user.max_user_namespaces=15000` allows them)");
}

TEST_F(Rootless, WithoutAUserNamespaceTheMissingRightIsNamed) {
    bundle.drop_namespace("user");
    bundle.linux_().erase("uidMappings");
    bundle.linux_().erase("gidMappings");
    expect_refused(
        "clone3(flags N): refused (EPERM) (arca runs without CAP_SYS_ADMIN: without a user namespace in "
        "/linux/namespaces it takes root to make the others)");
}

TEST_F(Rootless, InAUserNamespaceOfTheCallers) {
    bundle.drop_namespace("user");
    bundle.linux_().erase("uidMappings");
    bundle.linux_().erase("gidMappings");
    bundle.args({"/bin/probe", "ids", ",", "write", "/dev/null", "x", ",", "read", "/proc/self/uid_map"});
    Output output = run_in_user_namespace();
    ASSERT_TRUE(output.ok()) << output;
    auto seen = parse_lines(output.out);
    EXPECT_EQ(seen[0]["uid"], 0);
    EXPECT_EQ(seen[1]["error"], "") << seen[1];
}

// There setgroups(2) is denied for good: nothing is given up by it, and nothing can be had.
TEST_F(Rootless, GroupsInAUserNamespaceOfTheCallers) {
    bundle.drop_namespace("user");
    bundle.linux_().erase("uidMappings");
    bundle.linux_().erase("gidMappings");
    bundle.process()["user"]["additionalGids"] = {5};
    expect_told(run_in_user_namespace(),
                "/process/user/additionalGids: cannot be had: who made the user namespace that arca runs in has denied "
                "setgroups");
}

// What the outer namespace does not hold cannot be handed further in.
TEST_F(Rootless, IdsThatTheCallersNamespaceLacksAreTold) {
    map({{{"containerID", 0}, {"hostID", 0}, {"size", 65536}}});
    expect_told(run_in_user_namespace(),
                "mapping the ids of process N: /linux/uidMappings: write(uid_map): refused (EPERM) (arca runs in a "
                "user namespace that has the ids 0, not 0-65535)");
}

// Locked by the kernel: the union of what is asked for and what the source has is planned, so that nothing is refused.
TEST_F(Rootless, LockedFlagsAreKept) {
    std::filesystem::create_directories(work / "locked");
    prepare("mount -t tmpfs -o nosuid,nodev,noexec,ro,noatime tmpfs " + (work / "locked").string());
    bundle.add_mount("/locked", "bind", work / "locked", {"bind", "ro"});
    bundle.args({"/bin/probe", "mounts"});
    Output output = run();
    ASSERT_TRUE(output.ok()) << output;
    const auto options = mount_options(parse_lines(output.out)[0], "/locked");
    for (const char* flag : {",nosuid,", ",nodev,", ",noexec,", ",ro,", ",noatime,"})
        EXPECT_TRUE(contains(options, flag)) << flag << " in " << options;
}

TEST_F(Rootless, ALockedFlagThatIsToGoIsNamed) {
    std::filesystem::create_directories(work / "locked");
    prepare("mount -t tmpfs -o nosuid,nodev tmpfs " + (work / "locked").string());
    bundle.add_mount("/locked", "bind", work / "locked", {"bind", "suid"});
    const auto mount = "/mounts/" + std::to_string(bundle.config["mounts"].size() - 1);
    expect_refused(
        "mounting bind WORK/locked -> /locked suid (" + mount + "): " + mount +
        " asks for suid but the host mount of WORK/locked is nosuid and locked in this user namespace: refused "
        "(EPERM)");
}

// sysfs belongs to a network namespace: where that is the host's, the host's /sys is shown, not to be written.
TEST_F(Rootless, SysfsOfAForeignNetworkNamespaceIsBound) {
    REQUIRE(facts().mount_setattr, "needs mount_setattr(2)");
    bundle.drop_namespace("network");
    bundle.add_capabilities({"CAP_DAC_OVERRIDE"});
    bundle.args({"/bin/probe", "mounts", ",", "overwrite", "/sys/kernel/uevent_helper", "x"});
    Output output = run();
    ASSERT_TRUE(output.ok()) << output;
    auto seen = parse_lines(output.out);
    EXPECT_TRUE(contains(mount_options(seen[0], "/sys"), ",ro,")) << output;
    EXPECT_NE(seen[1]["error"], "") << seen[1];
}

// A container around arca, with the masks of an engine over its /proc: the kernel shows no new procfs then.
class RootlessInAContainer : public Rootless {
  protected:
    void SetUp() override {
        Rootless::SetUp();
        if (IsSkipped()) return;
        REQUIRE(!is_sanitized(), "sanitizers need libraries, which are not in the container");
        make_outer();
    }
    void make_outer() {
        inner.config = bundle.config;
        map_inner();
        inner.write();
        outer.config["root"]["readonly"] = false;
        std::filesystem::copy_file(facts().runtime, outer.rootfs() / "bin/arca");
        outer.directory("inner");
        outer.directory("run");
        outer.add_mount("/inner", "bind", inner.path(), {"bind"});
        outer.config["process"]["args"] = {"/bin/arca", "--root", "/run/state", "--cgroup-manager", "disabled", "run",
                                           "--bundle",  "/inner", "inside"};
        outer.config["process"]["noNewPrivileges"] = false;
        outer.set_capabilities({"CAP_SYS_ADMIN", "CAP_SETUID", "CAP_SETGID", "CAP_SETPCAP", "CAP_DAC_OVERRIDE",
                                "CAP_SETFCAP", "CAP_FOWNER", "CAP_CHOWN", "CAP_NET_ADMIN", "CAP_KILL",
                                "CAP_SYS_CHROOT"});
    }
    void map_inner() {
        for (const char* list : {"uidMappings", "gidMappings"})
            inner.config["linux"][list] = {{{"containerID", 0}, {"hostID", 0}, {"size", 1}}};
    }
    Output run_outer() { return Container(root(), outer, "outer-" + container.id).run(); }

    Bundle outer{work / "outer"};
    Bundle inner{work / "inner"};
};

TEST_F(RootlessInAContainer, AMaskedProcIsExplained) {
    Output output = run_outer();
    EXPECT_NE(output.status, 0) << output;
    EXPECT_TRUE(contains(output.err, "/proc visible now is not partly covered")) << output;
}

TEST_F(RootlessInAContainer, WithAVisibleProcItRuns) {
    outer.config["linux"]["maskedPaths"] = Json::array();
    outer.config["linux"]["readonlyPaths"] = Json::array();
    Output output = run_outer();
    EXPECT_TRUE(output.ok() && contains(output.out, "hello")) << output;
}

TEST_F(RootlessInAContainer, WithABindOfProcItRuns) {
    REQUIRE(facts().mount_setattr, "needs mount_setattr(2)");
    for (auto& mount : inner.config["mounts"])
        if (mount["destination"] == "/proc")
            mount = {{"destination", "/proc"}, {"type", "bind"}, {"source", "/proc"}, {"options", {"rbind"}}};
    inner.config["linux"]["namespaces"].erase(std::find_if(inner.config["linux"]["namespaces"].begin(),
                                                           inner.config["linux"]["namespaces"].end(),
                                                           [](const Json& entry) { return entry["type"] == "pid"; }));
    inner.write();
    Output output = run_outer();
    EXPECT_TRUE(output.ok() && contains(output.out, "hello")) << output;
}
