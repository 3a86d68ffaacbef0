// Hostile root filesystems: links, files and devices in the image that make the runtime's own acts hit the host. The
// host's part is played by a canary.
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "harness/attack.hpp"
#include "harness/container.hpp"
#include "harness/terminal.hpp"

using namespace integration;

class AttacksRootfs : public ContainerTest {
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
    void link(const std::filesystem::path& target, const std::string& name) {
        std::filesystem::remove_all(bundle.rootfs() / name);
        std::filesystem::create_directories((bundle.rootfs() / name).parent_path());
        std::filesystem::create_symlink(target, bundle.rootfs() / name);
    }
    /// "../../../..." to the root of the host, and then to the canary.
    std::filesystem::path climbing() const { return "../../../../../../../../../.." + canary.path().string(); }
    void without_dev() {
        for (const char* mount : {"/dev/pts", "/dev/shm", "/dev/mqueue", "/dev"})
            bundle.drop_mount(mount);
    }

    Canary canary{work / "outside"};
};

// CVE-2016-3697: a user is a number, never a name to look up in the image.
TEST_F(AttacksRootfs, ANumberThatIsANameInPasswdIsANumber) {
    bundle.file("etc/passwd", "1000:x:0:0:root:/root:/bin/sh\n");
    bundle.process()["user"] = {{"uid", 1000}, {"gid", 1000}};
    Json ids = probe({"ids"});
    EXPECT_EQ(ids["uid"], 1000);
    EXPECT_EQ(ids["gid"], 1000);
}

// HOME is the one thing that is looked up there: what is found is text, and the file is read inside of the root.
TEST_F(AttacksRootfs, PasswdIsReadInsideOfTheRoot) {
    write_file(canary.path() / "../passwd", "root:x:0:0:root:/stolen:/bin/sh\n");
    link(work / "passwd", "etc/passwd");
    Json seen = probe({"env"});
    EXPECT_FALSE(contains(seen.dump(), "/stolen")) << seen;
}

TEST_F(AttacksRootfs, PasswdThatIsNoFileDoesNotHang) {
    std::filesystem::remove(bundle.rootfs() / "etc/passwd");
    ASSERT_EQ(::mkfifo((bundle.rootfs() / "etc/passwd").c_str(), 0644), 0);
    Output output = container.run_command().timeout(10).run();
    EXPECT_FALSE(output.timed_out);
    EXPECT_EQ(output.out, "hello\n") << output;
}

// CVE-2026-41579, CVE-2026-47766.
TEST_F(AttacksRootfs, DevThatIsALinkIsFollowedInside) {
    for (const auto& target : {canary.path(), climbing(), std::filesystem::path("/proc/1/root") / "dev"}) {
        without_dev();
        link(target, "dev");
        (void)container.run();
        canary.expect_alive();
    }
}

TEST_F(AttacksRootfs, MountPointsBelowADevThatIsALinkStayInside) {
    bundle.drop_mount("/dev");
    link(canary.path(), "dev");
    (void)container.run();
}

TEST_F(AttacksRootfs, LinksInsideDevLeadNowhere) {
    without_dev();
    link(canary.path() / "file", "dev/null");
    link(canary.path() / "new", "dev/zero");
    link(climbing() / "file", "dev/console");
    link(canary.path() / "file", "dev/ptmx");
    Output output = container.run();
    EXPECT_NE(output.status, 0) << "a default device that is something else is refused";
}

// CVE-2019-18837, CVE-2021-30465 without a race.
TEST_F(AttacksRootfs, DestinationsThatLeadOutStayInside) {
    link(canary.path(), "absolute");
    link(climbing(), "climbing");
    link(canary.path() / "made/deeper", "dangling");
    write_file(work / "source", "source");
    bundle.add_mount("/absolute", "tmpfs", "tmpfs", {});
    bundle.add_mount("/climbing/directory", "tmpfs", "tmpfs", {"tmpcopyup"});
    bundle.add_mount("/climbing/file", "bind", work / "source", {"bind"});
    bundle.add_mount("/dangling", "bind", work / "source", {"bind"});
    auto seen = probe_all({"read", canary.path() / "file", ",", "read", canary.path() / "made/deeper"});
    EXPECT_EQ(seen[0]["text"], "source") << "inside of the root, where the link leads there";
    EXPECT_EQ(seen[1]["text"], "source");
}

// CVE-2023-27561, CVE-2023-28642, CVE-2025-54867.
TEST_F(AttacksRootfs, ProcAndSysThatAreLinksAreRefused) {
    for (const char* name : {"proc", "sys"}) {
        link("etc", name);
        Output output = container.run();
        EXPECT_NE(output.status, 0) << name;
        EXPECT_TRUE(contains(output.err, "must be mounted on ordinary directory")) << output;
        std::filesystem::remove(bundle.rootfs() / name);
        bundle.directory(name);
    }
}

TEST_F(AttacksRootfs, WorkingDirectoryIsMadeInside) {
    link(canary.path(), "link");
    bundle.process()["cwd"] = "/link/made";
    EXPECT_EQ(probe({"cwd"})["cwd"], (canary.path() / "made").string()) << "below the root";
}

// CVE-2025-31133 without a race.
TEST_F(AttacksRootfs, MasksThatWouldBeSomethingElseAreRefused) {
    bundle.file("secret", "secret");
    bundle.linux_()["maskedPaths"] = {"/secret"};
    for (const char* how : {"link", "file", "other device"}) {
        std::filesystem::remove_all(work / "dev");
        std::filesystem::create_directories(work / "dev");
        if (how == std::string("link")) std::filesystem::create_symlink("/proc/sysrq-trigger", work / "dev/null");
        if (how == std::string("file")) write_file(work / "dev/null", "evil");
        if (how == std::string("other device")) {
            ASSERT_EQ(::mknod((work / "dev/null").c_str(), S_IFCHR | 0666, makedev(1, 5)), 0);
        }
        without_dev();
        bundle.add_mount("/dev", "bind", work / "dev", {"bind"});
        Output output = container.run();
        EXPECT_NE(output.status, 0) << how << output;
        EXPECT_TRUE(contains(output.err, "/dev/null")) << how << output;
    }
}

TEST_F(AttacksRootfs, MissingNullDoesNotUnmask) {
    bundle.file("secret", "secret");
    bundle.linux_()["maskedPaths"] = {"/secret"};
    std::filesystem::create_directories(work / "dev");
    without_dev();
    bundle.add_mount("/dev", "bind", work / "dev", {"bind"});
    bundle.args({"/bin/probe", "read", "/secret"});
    Output output = container.run();
    EXPECT_NE(output.status, 0) << output;
    EXPECT_FALSE(contains(output.out, "\"secret\"")) << output;
}

TEST_F(AttacksRootfs, MaskedAndReadonlyPathsThatLeadOutStayInside) {
    link(canary.path() / "file", "masked");
    link(climbing() / "directory", "fixed");
    bundle.linux_()["maskedPaths"] = {"/masked", "/fixed"};
    bundle.linux_()["readonlyPaths"] = {"/masked", "/fixed"};
    EXPECT_EQ(container.run().out, "hello\n");
    write_file(canary.path() / "file", "alive");  // neither read-only nor masked for the host
}

// CVE-2025-52565 without a race.
TEST_F(AttacksRootfs, AConsoleThatIsALinkIsRefused) {
    std::filesystem::create_directories(work / "dev/pts");
    std::filesystem::create_symlink(canary.path() / "file", work / "dev/console");
    for (const char* mount : {"/dev/shm", "/dev/mqueue", "/dev", "/dev/pts"})
        bundle.drop_mount(mount);
    bundle.add_mount("/dev", "bind", work / "dev", {"bind"});
    bundle.add_mount("/dev/pts", "devpts", "devpts", {"newinstance", "ptmxmode=0666"});
    bundle.process()["terminal"] = true;
    ConsoleSocket socket(work / "tty");
    Output output = container.create({"--console-socket", socket.path()});
    EXPECT_NE(output.status, 0) << output;
    EXPECT_TRUE(contains(output.err, "/dev/console")) << output;
}

// The terminal comes from the kernel's devpts or there is none: a ptmx of the image could be anybody's.
TEST_F(AttacksRootfs, APtmxThatIsNoneIsRefused) {
    std::filesystem::create_directories(work / "dev/pts");
    write_file(work / "dev/pts/ptmx", "");
    for (const char* mount : {"/dev/shm", "/dev/mqueue", "/dev", "/dev/pts"})
        bundle.drop_mount(mount);
    bundle.add_mount("/dev", "bind", work / "dev", {"bind"});
    bundle.process()["terminal"] = true;
    ConsoleSocket socket(work / "tty");
    Output output = container.create({"--console-socket", socket.path()});
    EXPECT_NE(output.status, 0) << output;
    EXPECT_TRUE(contains(output.err, "devpts")) << output;
}

// A node of the image stands where a device of the configuration is to be: it is not taken for it.
TEST_F(AttacksRootfs, ADeviceThatIsAnotherIsRefused) {
    ASSERT_EQ(::mknod((bundle.rootfs() / "disk").c_str(), S_IFBLK | 0666, makedev(8, 0)), 0);
    bundle.linux_()["devices"] = {{{"path", "/disk"}, {"type", "c"}, {"major", 1}, {"minor", 3}}};
    Output output = container.run();
    EXPECT_NE(output.status, 0) << output;
    EXPECT_TRUE(contains(output.err, "/disk")) << output;
}

// A file name or an argument of the image may hold what drives a terminal: messages do not.
TEST_F(AttacksRootfs, MessagesHoldNoControlCharacters) {
    bundle.args({"/bin/\x1b[2Jwiped\x07"});
    Output output = container.run();
    EXPECT_NE(output.status, 0);
    EXPECT_EQ(output.err.find('\x1b'), std::string::npos) << output.err.size();
    EXPECT_EQ(output.err.find('\x07'), std::string::npos);
}
