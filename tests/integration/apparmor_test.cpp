// Profiles of AppArmor, where the kernel has it: a small one is loaded that shuts one file out, and taken away again.
#include <unistd.h>

#include "harness/container.hpp"

using namespace integration;

class Apparmor : public ContainerTest {
  protected:
    void SetUp() override {
        ContainerTest::SetUp();
        REQUIRE_ROOT();
        REQUIRE(contains(read_file("/sys/module/apparmor/parameters/enabled"), "Y"), "AppArmor is not active here");
        REQUIRE(Command({"sh", "-c", "command -v apparmor_parser"}).run().ok(), "needs apparmor_parser(8)");
        write_file(work / "profile", "profile " + name +
                                         " flags=(attach_disconnected,mediate_deleted) {\n"
                                         "  capability,\n  file,\n  network,\n  mount,\n  signal,\n  unix,\n"
                                         "  deny /**/closed/* w,\n  deny /closed/* w,\n}\n");
        Output loaded = Command({"apparmor_parser", "--replace", "--skip-cache", (work / "profile").string()}).run();
        ASSERT_TRUE(loaded.ok()) << loaded;
        bundle.config["root"]["readonly"] = false;
        bundle.directory("closed", 0777);
        bundle.directory("open", 0777);
    }
    void TearDown() override {
        container.remove({"--force"});
        (void)Command({"apparmor_parser", "--remove", (work / "profile").string()}).run();
        ContainerTest::TearDown();
    }
    void expect_confined(const Printed& seen) const {
        EXPECT_EQ(seen[0]["text"], name + " (enforce)\n");
        EXPECT_EQ(seen[1]["error"], "EACCES") << seen[1];
        EXPECT_NE(seen[2]["error"], "EACCES") << seen[2];
    }
    static Arguments attempts() {
        return {"read", "/proc/self/attr/current", ",", "write", "/closed/file", "x", ",", "write", "/open/file", "x"};
    }
    const std::string name = "arca-test-" + std::to_string(getpid());
};

TEST_F(Apparmor, TheContainerIsConfined) {
    bundle.process()["apparmorProfile"] = name;
    expect_confined(probe_all(attempts()));
}

TEST_F(Apparmor, WithoutNoNewPrivilegesAndForAnotherUser) {
    bundle.process()["apparmorProfile"] = name;
    bundle.process()["noNewPrivileges"] = false;
    bundle.process()["user"] = {{"uid", 1000}, {"gid", 1000}};
    expect_confined(probe_all(attempts()));
}

TEST_F(Apparmor, InAUserNamespace) {
    bundle.map_ids(100000, 65536);
    bundle.process()["apparmorProfile"] = name;
    expect_confined(probe_all(attempts()));
}

TEST_F(Apparmor, ExecIsConfinedAsTheContainer) {
    bundle.process()["apparmorProfile"] = name;
    start_probe({"serve"});
    Arguments words = attempts();
    words.insert(words.begin(), "/bin/probe");
    expect_confined(parse_lines(container.exec(words).out));
}

TEST_F(Apparmor, ExecThatCrossesOverLateIsConfined) {
    bundle.process()["apparmorProfile"] = name;
    bundle.add_capabilities({"CAP_SYS_PTRACE"});
    start_probe({"serve"});
    Arguments words = attempts();
    words.insert(words.begin(), "/bin/probe");
    Output output = container.exec(words);
    ASSERT_TRUE(output.ok()) << output;
    expect_confined(parse_lines(output.out));
}

TEST_F(Apparmor, ExecMayBeConfinedAlone) {
    start_probe({"serve"});
    Arguments words = attempts();
    words.insert(words.begin(), "/bin/probe");
    expect_confined(parse_lines(container.exec(words, {"--apparmor", name}).out));
}

TEST_F(Apparmor, UnconfinedIsAProfileToo) {
    bundle.process()["apparmorProfile"] = "unconfined";
    EXPECT_EQ(probe({"read", "/proc/self/attr/current"})["text"], "unconfined\n");
}

TEST_F(Apparmor, AProfileThatIsNotLoadedIsTold) {
    bundle.process()["apparmorProfile"] = name + "-absent";
    Output output = container.create();
    EXPECT_NE(output.status, 0);
    EXPECT_TRUE(contains(output.err, "-absent")) << output;
    REQUIRE_ARCA("others have other words");
    EXPECT_TRUE(contains(output.err, "no profile of that name is loaded in the kernel")) << output;
    EXPECT_TRUE(contains(output.err, "/process/apparmorProfile")) << output;
    EXPECT_TRUE(contains(output.err, "`/proc/self/attr/")) << output;
}

// What Ubuntu 24.04 does by default. The setting is the machine's, so nobody changes it here.
TEST_F(Apparmor, RestrictedUserNamespacesAreExplained) {
    REQUIRE_ARCA("others explain nothing");
    REQUIRE(read_file("/proc/sys/kernel/apparmor_restrict_unprivileged_userns") == "1\n",
            "AppArmor does not restrict user namespaces here");
    std::filesystem::copy_file(facts().runtime, work / "arca");
    bundle.map_ids(1, 1);
    bundle.linux_().erase("resources");
    bundle.linux_().erase("cgroupsPath");
    ASSERT_EQ(chown(work.path().c_str(), 1, 1), 0);
    const std::string script =
        "shift; exec setpriv --reuid=1 --regid=1 --clear-groups env XDG_RUNTIME_DIR=" + work.path().string() + " " +
        (work / "arca").string() + " \"$@\"";
    Output output = container.run_command().launched_by({"sh", "-ec", script, "sh"}).run();
    EXPECT_NE(output.status, 0);
    EXPECT_TRUE(contains(output.err, "kernel.apparmor_restrict_unprivileged_userns is 1")) << output;
    EXPECT_TRUE(contains(output.err, "contrib/apparmor/arca")) << output;
}
