// Kernels and outer seccomp filters that refuse a system call: what has an older form works with it, what has none is
// refused with the remedy. A launcher (launcher/main.cpp) makes the calls fail.
#include "harness/container.hpp"
#include "harness/terminal.hpp"

using namespace integration;

struct Refusal {
    const char* calls;
    const char* errnum;
};

class FallbacksOf : public ContainerTest, public testing::WithParamInterface<Refusal> {
  protected:
    void SetUp() override {
        ContainerTest::SetUp();
        REQUIRE_ROOT();
        REQUIRE_ARCA("others have other fallbacks");
    }
    static Arguments refusing() { return {facts().refuse, GetParam().errnum, GetParam().calls}; }
    Output run_command_of(Command command) { return command.launched_by(refusing()).run(Reaping::Adopted); }
};

class FallbacksOfOldCalls : public FallbacksOf {};

TEST_P(FallbacksOfOldCalls, MakeTheSameContainer) {
    std::filesystem::create_directories(work / "source/deep");
    write_file(work / "source/file", "source");
    write_file(work / "secret", "secret");
    bundle.directory("link/real");
    std::filesystem::create_symlink("../link/./real", bundle.rootfs() / "etc/way");
    bundle.file("secret", "secret");
    bundle.file("fixed", "fixed");
    bundle.add_mount("/etc/way/bound", "bind", work / "source", {"bind", "ro", "nosuid", "noatime", "slave"});
    bundle.add_mount("/file", "bind", work / "source/file", {"bind", "nodev"});
    bundle.add_mount("/copied", "tmpfs", "tmpfs", {"tmpcopyup", "private"});
    bundle.linux_()["maskedPaths"].push_back("/secret");
    bundle.linux_()["readonlyPaths"].push_back("/fixed");
    bundle.linux_()["sysctl"] = {{"net.ipv4.ip_forward", "1"}};
    bundle.linux_()["rootfsPropagation"] = "slave";
    bundle.process()["cwd"] = "/link/real";
    bundle.args({"/bin/probe", "mounts", ",", "read", "/secret", ",",    "write",
                 "/fixed",     "x",      ",", "read", "/file",   ",",    "write",
                 "/x",         "x",      ",", "cwd",  ",",       "read", "/proc/sys/net/ipv4/ip_forward",
                 ",",          "fds"});
    Output output = run_command_of(container.run_command());
    ASSERT_TRUE(output.ok()) << output;
    auto seen = parse_lines(output.out);
    const auto bound = mount_options(seen[0], "/link/real/bound");
    for (const char* word : {",ro,", ",nosuid,", ",noatime,"})
        EXPECT_TRUE(contains(bound, word)) << word << " in " << bound;
    EXPECT_TRUE(contains(mount_options(seen[0], "/file"), ",nodev,"));
    EXPECT_TRUE(contains(mount_options(seen[0], "/proc/sys"), ",ro,"));
    EXPECT_EQ(seen[1]["text"], "");
    EXPECT_EQ(seen[2]["error"], "EROFS");
    EXPECT_EQ(seen[3]["text"], "source");
    EXPECT_EQ(seen[4]["error"], "EROFS");
    EXPECT_EQ(seen[5]["cwd"], "/link/real");
    EXPECT_EQ(seen[6]["text"], "1\n");
    EXPECT_EQ(seen[7].size(), 3U) << "no descriptor is left open";
}

TEST_P(FallbacksOfOldCalls, CarryOutTheWholeLife) {
    bundle.process()["terminal"] = true;
    bundle.args({"/bin/probe", "serve"});
    ConsoleSocket socket(work / "tty");
    Output created = run_command_of(container.create_command({"--console-socket", socket.path()}));
    ASSERT_TRUE(created.ok()) << created;
    if (facts().cgroup_v2) {
        EXPECT_TRUE(contains(read_file(container.cgroup() / "cgroup.procs"), std::to_string(container.pid())))
            << "in its cgroup";
    }
    EXPECT_TRUE(run_command_of(runtime_command(root(), {"start", container.id})).ok());
    Output inside = run_command_of(container.exec_command({"/bin/probe", "ids", ",", "cgroup", ",", "fds"}));
    EXPECT_TRUE(inside.ok()) << inside;
    EXPECT_EQ(parse_lines(inside.out)[2].size(), 3U);
    EXPECT_TRUE(run_command_of(runtime_command(root(), {"kill", container.id, "KILL"})).ok());
    Output removed = run_command_of(runtime_command(root(), {"delete", "--force", container.id}));
    EXPECT_TRUE(removed.ok()) << removed;
}

TEST_P(FallbacksOfOldCalls, ShowTheHostsCgroups) {
    bundle.drop_namespace("cgroup");
    bundle.args({"/bin/probe", "mounts"});
    Output output = run_command_of(container.run_command());
    ASSERT_TRUE(output.ok()) << output;
    const auto mounts = parse_lines(output.out)[0];
    std::vector<std::string> places = {"/sys/fs/cgroup"};
    for (const auto& controller : facts().v1_controllers)
        places.push_back("/sys/fs/cgroup/" + controller);
    for (const auto& place : places)
        for (const char* word : {",ro,", ",nosuid,", ",nodev,"})
            EXPECT_TRUE(contains(mount_options(mounts, place), word)) << place << " " << mounts;
}

TEST_P(FallbacksOfOldCalls, KeepAttacksOut) {
    std::filesystem::create_directories(work / "outside");
    write_file(work / "outside/file", "alive");
    bundle.config["root"]["readonly"] = false;
    std::filesystem::create_symlink(work / "outside", bundle.rootfs() / "absolute");
    std::filesystem::create_symlink("../../../../../.." + (work / "outside").string(), bundle.rootfs() / "climbing");
    write_file(work / "source", "source");
    bundle.add_mount("/absolute/file", "bind", work / "source", {"bind"});
    bundle.add_mount("/climbing/new/file", "bind", work / "source", {"bind"});
    Output output = run_command_of(container.run_command());
    EXPECT_TRUE(output.ok()) << output;
    EXPECT_EQ(read_file(work / "outside/file"), "alive");
    EXPECT_FALSE(std::filesystem::exists(work / "outside/new"));
    EXPECT_EQ(read_file(bundle.rootfs() / (work / "outside/new/file").relative_path()), "") << "made inside";
    bundle.config["mounts"].erase(bundle.config["mounts"].size() - 1);
    std::filesystem::remove(bundle.rootfs() / "proc");
    std::filesystem::create_symlink("etc", bundle.rootfs() / "proc");
    output = run_command_of(container.run_command());
    EXPECT_TRUE(contains(output.err, "ordinary directory")) << output;
}

INSTANTIATE_TEST_SUITE_P(Calls, FallbacksOfOldCalls,
                         testing::Values(Refusal{"openat2", "ENOSYS"}, Refusal{"openat2", "EPERM"},
                                         Refusal{"clone3", "ENOSYS"}, Refusal{"clone3", "EPERM"},
                                         Refusal{"close_range", "ENOSYS"}, Refusal{"close_range", "EPERM"},
                                         Refusal{"mount_setattr", "ENOSYS"}, Refusal{"mount_setattr", "EPERM"},
                                         Refusal{"openat2,clone3,close_range,mount_setattr,keyctl", "ENOSYS"}),
                         [](const auto& which) {
                             std::string name = which.param.calls + std::string("_") + which.param.errnum;
                             for (char& c : name)
                                 if (c == ',') c = '_';
                             return name;
                         });

class FallbacksOfNone : public FallbacksOf {};

// Every older form would name paths where descriptors are needed: one sentence, and nothing is left.
TEST_P(FallbacksOfNone, IsToldWithTheRemedy) {
    Output output = run_command_of(container.create_command());
    EXPECT_NE(output.status, 0) << output;
    EXPECT_TRUE(contains(output.err, GetParam().calls)) << output;
    EXPECT_TRUE(contains(output.err, "seccomp filter")) << output;
}
INSTANTIATE_TEST_SUITE_P(Calls, FallbacksOfNone,
                         testing::Values(Refusal{"open_tree", "ENOSYS"}, Refusal{"move_mount", "ENOSYS"},
                                         Refusal{"fsopen", "ENOSYS"}),
                         [](const auto& which) { return std::string(which.param.calls); });

class Fallbacks : public ContainerTest {};

TEST_F(Fallbacks, RecursiveAttributesAreNotWeakened) {
    REQUIRE_ROOT();
    REQUIRE_ARCA("others have other fallbacks");
    bundle.add_mount("/mnt", "bind", "/proc", {"rbind", "rro"});
    bundle.config["root"]["readonly"] = false;
    Output output = container.create_command().launched_by({facts().refuse, "ENOSYS", "mount_setattr"}).run();
    EXPECT_NE(output.status, 0) << output;
    EXPECT_TRUE(contains(output.err, "recursive attributes need mount_setattr(2)")) << output;
}

// What stands in for it changes the working directory for a moment.
TEST_F(Fallbacks, WithoutMountSetattrInADirectoryThatMappedRootMayNotEnter) {
    REQUIRE_ROOT();
    REQUIRE_ARCA("others have other fallbacks");
    const auto closed = work / "closed";
    std::filesystem::create_directory(closed);
    ASSERT_EQ(chmod(closed.c_str(), 0700), 0);
    bundle.map_ids(100000, 65536);
    Output output = container.run_command()
                        .launched_by({"env", "--chdir=" + closed.string(), facts().refuse, "ENOSYS", "mount_setattr"})
                        .run();
    EXPECT_EQ(output.out, "hello\n") << output;
}

TEST_F(Fallbacks, AProgramThatCannotBeProtectedByAMountIsCopied) {
    REQUIRE_ROOT();
    REQUIRE_ARCA("others have other fallbacks");
    Output output = container.run_command().launched_by({facts().refuse, "EPERM", "mount_setattr"}).run();
    EXPECT_EQ(output.out, "hello\n") << output;
    // Neither way is left: it does not run unprotected.
    output = container.run_command().launched_by({facts().refuse, "ENOSYS", "mount_setattr,memfd_create"}).run();
    EXPECT_NE(output.status, 0) << output;
    EXPECT_TRUE(contains(output.err, "own binary")) << output;
}
