// Ways out of a container by what the runtime holds or is: descriptors, working directory, its own program, the
// processes that are on their way in (CVE-2016-9962, CVE-2019-5736, CVE-2024-21626).
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "harness/attack.hpp"
#include "harness/container.hpp"
#include "harness/terminal.hpp"

using namespace integration;

class AttacksEscape : public ContainerTest {
  protected:
    void TearDown() override {
        canary.expect_alive();
        ContainerTest::TearDown();
    }
    /// What a process in the container could reach of those that exec brings in meanwhile.
    Json watch_exec() {
        start_probe({"watch", "6"});  // with sanitizers on a busy machine one exec takes more than a second
        const auto done = [&] { return contains(container.output(), "found"); };
        for (int i = 0; i < 200 && !done(); ++i)
            (void)container.exec({"/bin/probe", "echo", "x"});
        EXPECT_TRUE(eventually(done, 70)) << container.output();
        return last_line(container.output());
    }
    /// The same of those that are made in its pid namespace, and in its user namespace where it has one.
    enum class Shared { Pids, PidsAndUsers };
    Json watch_create(Shared shared) {
        start_probe({"watch", "6"});
        const auto done = [&] { return contains(container.output(), "found"); };
        const auto namespaces = "/proc/" + std::to_string(container.pid()) + "/ns/";
        Bundle guest(work / "guest");
        guest.args({"/bin/probe", "echo", "x"});
        guest.set_namespace("pid", namespaces + "pid");
        if (shared == Shared::PidsAndUsers) guest.set_namespace("user", namespaces + "user");
        Container joining(root(), guest, "guest-" + container.id);
        int made = 0;
        for (int i = 0; i < 100 && !done(); ++i)
            made += joining.run().ok() ? 1 : 0;
        EXPECT_GT(made, 0);
        EXPECT_TRUE(eventually(done, 70)) << container.output();
        return last_line(container.output());
    }
    static Json last_line(const std::string& text) {
        auto all = lines(text);
        return all.empty() ? Json() : Json::parse(all.back(), nullptr, false);
    }

    Canary canary{work / "outside"};
};

// CVE-2024-21626, at run and at exec: every descriptor the runtime might hold, by every name it has in /proc.
TEST_F(AttacksEscape, NoDescriptorLeadsOutAsWorkingDirectory) {
    for (const char* base : {"/proc/self/fd/", "/proc/thread-self/fd/"})
        for (int fd = 3; fd < 12; ++fd) {
            bundle.process()["cwd"] = base + std::to_string(fd);
            Output output = container.run();
            EXPECT_NE(output.status, 0) << base << fd;
        }
}

TEST_F(AttacksEscape, NoDescriptorLeadsOutAsWorkingDirectoryOfExec) {
    start_probe({"serve"});
    for (const char* base : {"/proc/self/fd/", "/proc/thread-self/fd/"})
        for (int fd = 3; fd < 12; ++fd)
            EXPECT_NE(container.exec({"/bin/probe", "cwd"}, {"--cwd", base + std::to_string(fd)}).status, 0)
                << base << fd;
}

// The same by a link of the image, and with a directory that the caller of arca has left open.
TEST_F(AttacksEscape, NoLinkToADescriptorLeadsOut) {
    int directory = open(canary.path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    ASSERT_GE(directory, 0);
    std::filesystem::create_symlink("/proc/self/fd/9", bundle.rootfs() / "out");
    std::filesystem::create_symlink("/proc/self/fd/9/../..", bundle.rootfs() / "above");
    for (const char* cwd : {"/out", "/above", "/out/directory"}) {
        bundle.process()["cwd"] = cwd;
        Output output = container.run_command().descriptor(9, directory).run();
        EXPECT_NE(output.status, 0) << cwd;
    }
    close(directory);
}

// A directory that is handed over on purpose is the container's, but no working directory outside of its root.
TEST_F(AttacksEscape, APreservedDirectoryIsNoWorkingDirectory) {
    int directory = open(canary.path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    ASSERT_GE(directory, 0);
    bundle.process()["cwd"] = "/proc/self/fd/3";
    Output output = container.run_command({"--preserve-fds", "1"}).descriptor(3, directory).run();
    EXPECT_NE(output.status, 0);
    EXPECT_TRUE(contains(output.err, "/proc/self/fd/3")) << output;
    close(directory);
}

TEST_F(AttacksEscape, TheProgramIsNotFoundThroughADescriptor) {
    for (int fd = 3; fd < 12; ++fd) {
        bundle.args({"/proc/self/fd/" + std::to_string(fd) + "/../../../../../bin/true"});
        EXPECT_NE(container.run().status, 0) << fd;
    }
}

// CVE-2019-5736: the container executes the image that is on its way to become its program, and a process beside it
// writes to that.
TEST_F(AttacksEscape, TheRuntimesProgramCannotBeOverwritten) {
    REQUIRE_ROOT();
    bundle.config["root"]["readonly"] = false;
    bundle.process()["noNewPrivileges"] = false;
    // The watcher may look into everything: the defence is the image itself, not who may reach it.
    bundle.add_capabilities({"CAP_SYS_PTRACE", "CAP_DAC_OVERRIDE"});
    bundle.file("bin/evil", "#!/proc/self/exe\n", 0755);
    start_probe({"steal-exe", "6"});
    for (int i = 0; i < 40; ++i) {
        (void)container.exec({"/bin/evil"});
        (void)container.exec({"/proc/self/exe", "--help"});
        if (!contains(container.output(), "tried")) continue;
        break;
    }
    ASSERT_TRUE(eventually([&] { return contains(container.output(), "tried"); }, 20));
    Json seen = last_line(container.output());
    EXPECT_GT(seen["tried"], 0) << "the attack never met the image: it shows nothing";
    EXPECT_EQ(seen["written"], false) << seen;
}

TEST_F(AttacksEscape, TheRuntimesProgramCannotBeOverwrittenByCreate) {
    REQUIRE_ROOT();
    bundle.args({"/proc/self/exe", "--version"});
    (void)container.run();
    bundle.file("bin/evil", "#!/proc/self/exe\n", 0755);
    bundle.args({"/bin/evil"});
    (void)container.run();
}

// CVE-2016-9962.
TEST_F(AttacksEscape, AProcessThatEntersCannotBeLookedInto) {
    REQUIRE_ROOT();
    Json seen = watch_exec();
    EXPECT_GT(seen["seen"], 0) << seen;
    EXPECT_EQ(seen["found"], Json::array());
}

// The same in a user namespace whose root has every right in it.
TEST_F(AttacksEscape, AProcessThatEntersAUserNamespaceCannotBeLookedInto) {
    REQUIRE_ROOT();
    bundle.map_ids(100000, 65536);
    bundle.add_capabilities({"CAP_SYS_PTRACE", "CAP_SYS_ADMIN", "CAP_DAC_OVERRIDE"});
    Json seen = watch_exec();
    EXPECT_GT(seen["seen"], 0) << seen;
    EXPECT_EQ(seen["found"], Json::array());
}

// With CAP_SYS_PTRACE over the host's processes the kernel lets the container look into whatever it sees: what it sees
// has no more than the container has.
TEST_F(AttacksEscape, AProcessThatEntersHoldsNothingThatATracerCouldTake) {
    REQUIRE_ROOT();
    bundle.add_capabilities({"CAP_SYS_PTRACE"});
    Json seen = watch_exec();
    EXPECT_GT(seen["seen"], 0) << seen;
    for (const auto& thing : seen["found"])
        EXPECT_EQ(thing, "memory") << seen;
}

// A container that is made in the pid namespace of another: that one sees its init from birth on.
TEST_F(AttacksEscape, AnInitInAForeignPidNamespaceCannotBeLookedInto) {
    REQUIRE_ROOT();
    Json seen = watch_create(Shared::Pids);
    EXPECT_GT(seen["seen"], 0) << seen;
    EXPECT_EQ(seen["found"], Json::array());
}

TEST_F(AttacksEscape, AnInitInAForeignUserNamespaceCannotBeLookedInto) {
    REQUIRE_ROOT();
    bundle.map_ids(100000, 65536);
    bundle.add_capabilities({"CAP_SYS_PTRACE", "CAP_SYS_ADMIN", "CAP_DAC_OVERRIDE"});
    Json seen = watch_create(Shared::PidsAndUsers);
    EXPECT_GT(seen["seen"], 0) << seen;
    EXPECT_EQ(seen["found"], Json::array());
}

TEST_F(AttacksEscape, AProcessThatEntersLateIsLikeAnyOther) {
    REQUIRE_ROOT();
    bundle.add_capabilities({"CAP_SYS_PTRACE"});
    start_probe({"serve"});
    Output output = container.exec({"/bin/probe", "ids", ",", "ns", ",", "fds", ",", "oom"}, {"--user", "1000:1000"});
    auto seen = parse_lines(output.out);
    EXPECT_EQ(seen[0]["uid"], 1000) << output;
    EXPECT_EQ(seen[0]["pid"], seen[0]["sid"]) << "a session of its own";
    EXPECT_EQ(seen[1]["pid"],
              std::filesystem::read_symlink("/proc/" + std::to_string(container.pid()) + "/ns/pid").string());
    EXPECT_EQ(seen[2].size(), 3U);
    EXPECT_EQ(container.exec({"/bin/probe", "exit", "7"}).status, 7);
    EXPECT_EQ(container.exec({"/bin/absent"}).status, 255);
    TerminalSession session(
        {facts().runtime, "--root", root().string(), "exec", "--tty", container.id, "/bin/probe", "tty"}, {24, 80});
    EXPECT_TRUE(contains(read_until(session.master(), "}"), "\"controlling\":true"));
    EXPECT_EQ(session.wait(), 0);
}
