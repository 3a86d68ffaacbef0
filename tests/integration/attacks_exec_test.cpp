// exec into a container that has turned hostile: its root has rebuilt /proc, /dev and the files exec looks at; and the
// options of exec that once gave more than they said (CVE-2016-3697, CVE-2022-29162, CVE-2026-30892).
#include <fcntl.h>
#include <unistd.h>

#include "harness/attack.hpp"
#include "harness/container.hpp"
#include "harness/terminal.hpp"

using namespace integration;

class AttacksExec : public ContainerTest {
  protected:
    void SetUp() override {
        ContainerTest::SetUp();
        REQUIRE_ROOT();
        bundle.config["root"]["readonly"] = false;
    }
    void TearDown() override {
        canary.expect_alive();
        ContainerTest::TearDown();
    }
    /// The container's root does as it likes, and then waits.
    void start_hostile(Arguments words) {
        bundle.add_capabilities({"CAP_SYS_ADMIN", "CAP_DAC_OVERRIDE", "CAP_MKNOD"});
        bundle.file("fake/self/attr/exec", "");
        words.insert(words.end(), {",", "serve"});
        start_probe(words);
    }
    Canary canary{work / "outside"};
};

TEST_F(AttacksExec, UsersAreNumbers) {
    bundle.file("etc/passwd", "1000:x:0:0::/:/bin/sh\nroot:x:0:0::/root:/bin/sh\n");
    start_probe({"serve"});
    EXPECT_EQ(exec_probe({"ids"}, {"--user", "1000"})["uid"], 1000);
    EXPECT_EQ(exec_probe({"ids"}, {"--user", "1000:7"})["gid"], 7);
    for (const char* user : {"root", "1000:", ":5", "1000:abc", "+1", "-1", " 0", "0 ", "0x0", "4294967295",
                             "4294967296", "18446744073709551616", "1000:0:0", "1e3"})
        EXPECT_NE(container.exec({"/bin/probe", "ids"}, {std::string("--user=") + user}).status, 0) << user;
}

TEST_F(AttacksExec, CapabilitiesAreNotInherited) {
    start_probe({"serve"});
    Json caps = exec_probe({"caps"}, {"--cap", "CAP_NET_RAW"});
    EXPECT_EQ(caps["inheritable"], Json::array());
    EXPECT_EQ(caps["ambient"], Json::array());
    EXPECT_TRUE(contains(caps["effective"].dump(), "CAP_NET_RAW"));
}

TEST_F(AttacksExec, AProcThatIsATmpfsIsNotTrusted) {
    start_hostile({"mount-tmpfs", "/proc"});
    EXPECT_EQ(container.exec({"/bin/probe", "echo", "inside"}).out, "inside\n");
    Json caps = exec_probe({"ids"});
    EXPECT_EQ(caps["uid"], 0);
}

// A label must be written to the kernel's file; what the container put there takes nothing.
TEST_F(AttacksExec, ALabelIsNotWrittenToAFileOfTheContainer) {
    start_hostile({"bind", "/fake", "/proc"});
    Output output = container.exec({"/bin/probe", "echo", "unconfined"}, {"--apparmor", "confined"});
    if (output.ok()) GTEST_SKIP() << "the profile is loaded";
    EXPECT_FALSE(contains(output.out, "unconfined"));
    EXPECT_EQ(read_file(bundle.rootfs() / "fake/self/attr/exec"), "");
}

TEST_F(AttacksExec, ATerminalIsNotTakenFromTheContainersFiles) {
    bundle.file("pts/ptmx", "");
    start_hostile({"bind", "/pts", "/dev/pts"});
    ConsoleSocket socket(work / "tty");
    Output output = container.exec({"/bin/probe", "tty"}, {"--tty", "--detach", "--console-socket", socket.path()});
    EXPECT_NE(output.status, 0) << output;
    EXPECT_TRUE(contains(output.err, "devpts")) << output;
}

TEST_F(AttacksExec, APasswdThatBlocksDoesNotHang) {
    bundle.process()["env"] = {"PATH=/bin"};
    start_probe({"serve"});
    std::filesystem::remove(bundle.rootfs() / "etc/passwd");
    ASSERT_EQ(::mkfifo((bundle.rootfs() / "etc/passwd").c_str(), 0644), 0);
    Output output = container.exec_command({"/bin/probe", "echo", "x"}).timeout(10).run();
    EXPECT_FALSE(output.timed_out);
}

// The interpreter of a script, PATH and the working directory are looked for inside, with the container's rights.
TEST_F(AttacksExec, ProgramsAndDirectoriesAreTheContainers) {
    start_probe({"serve"});
    std::filesystem::create_symlink(canary.path() / "file", bundle.rootfs() / "bin/out");
    std::filesystem::create_symlink(canary.path(), bundle.rootfs() / "out");
    EXPECT_NE(container.exec({"out"}).status, 0);
    EXPECT_NE(container.exec({"/bin/probe", "cwd"}, {"--cwd", "/out"}).status, 0);
}

TEST_F(AttacksExec, WithoutAMountNamespaceTheRootIsTheContainersStill) {
    bundle.config["mounts"] = Json::array();
    bundle.drop_namespace("mount");
    bundle.config["root"]["readonly"] = false;
    for (const char* list : {"maskedPaths", "readonlyPaths"})
        bundle.linux_().erase(list);
    bundle.file("inside", "inside");
    start_probe({"serve"});
    auto seen = parse_lines(container.exec({"/bin/probe", "read", "/inside", ",", "cwd"}).out);
    EXPECT_EQ(seen[0]["text"], "inside");
    EXPECT_EQ(seen[1]["cwd"], "/");
}

TEST_F(AttacksExec, NothingOfTheCallersIsHandedOn) {
    start_probe({"serve"});
    int directory = open(canary.path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    ASSERT_GE(directory, 0);
    Output output = container.exec_command({"/bin/probe", "fds", ",", "env"})
                        .descriptor(3, directory)
                        .descriptor(42, directory)
                        .variable("SECRET", "of the caller")
                        .run();
    close(directory);
    auto seen = parse_lines(output.out);
    EXPECT_EQ(seen[0].size(), 3U) << output;
    EXPECT_FALSE(contains(seen[1].dump(), "SECRET")) << output;
}
