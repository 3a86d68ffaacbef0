// The annotation run.arca.landlock: files that the container's modes and mounts would let a process change are out of
// its reach all the same.
#include "harness/container.hpp"

using namespace integration;

class Landlock : public ContainerTest {
  protected:
    void SetUp() override {
        ContainerTest::SetUp();
        REQUIRE_ARCA("nobody else has it");
        const Json features = Json::parse(runtime({"features"}).out);
        ASSERT_EQ(features["linux"]["landlock"]["enabled"], true);
        bundle.config["root"]["readonly"] = false;
        bundle.directory("open", 0777);
        bundle.directory("closed", 0777);
        bundle.file("closed/file", "kept", 0666);
        rules("rx /; rw /open");
        if (contains(container.run().err, "Landlock is not active")) GTEST_SKIP() << "the kernel has no Landlock";
    }
    void rules(const std::string& text) { bundle.config["annotations"]["run.arca.landlock"] = text; }
    static Arguments attempts() {
        return {
            "write", "/open/new",   "x", ",", "read",  "/closed/file",     ",", "overwrite", "/closed/file", "x", ",",
            "write", "/closed/new", "x", ",", "mkdir", "/closed/directory"};
    }
    static void expect_restricted(const Printed& seen) {
        EXPECT_TRUE(seen[0]["error"].is_null() || seen[0]["error"] == "") << seen[0];
        EXPECT_EQ(seen[1]["text"], "kept");
        for (std::size_t i = 2; i < 5; ++i)
            EXPECT_EQ(seen[i]["error"], "EACCES") << i << " " << seen[i];
    }
};

TEST_F(Landlock, OnlyWhatARuleAllowsCanBeWritten) {
    auto seen = probe_all(attempts());
    expect_restricted(seen);
    EXPECT_EQ(read_file(bundle.rootfs() / "closed/file"), "kept");
    EXPECT_FALSE(std::filesystem::exists(bundle.rootfs() / "closed/new"));
}

TEST_F(Landlock, WithoutNoNewPrivilegesAndForAnotherUser) {
    REQUIRE_ROOT();
    bundle.process()["noNewPrivileges"] = false;
    bundle.process()["user"] = {{"uid", 1000}, {"gid", 1000}};
    expect_restricted(probe_all(attempts()));
}

TEST_F(Landlock, HoldsForTheContainersRoot) {
    bundle.add_capabilities({"CAP_DAC_OVERRIDE", "CAP_SYS_ADMIN", "CAP_MKNOD"});
    expect_restricted(probe_all(attempts()));
    Json seen = probe({"mount-tmpfs", "/open"});
    EXPECT_EQ(seen["error"], "EPERM") << "a mount would change what a path means";
}

TEST_F(Landlock, HoldsForWhatExecBringsIn) {
    start_probe({"serve"});
    Arguments words = attempts();
    words.insert(words.begin(), "/bin/probe");
    Output output = container.exec(words);
    ASSERT_TRUE(output.ok()) << output;
    expect_restricted(parse_lines(output.out));
}

TEST_F(Landlock, HoldsForWhatExecBringsInLate) {
    REQUIRE_ROOT();
    bundle.add_capabilities({"CAP_SYS_PTRACE"});  // exec then crosses over last
    start_probe({"serve"});
    Arguments words = attempts();
    words.insert(words.begin(), "/bin/probe");
    Output output = container.exec(words);
    ASSERT_TRUE(output.ok()) << output;
    expect_restricted(parse_lines(output.out));
}

TEST_F(Landlock, WithAFilter) {
    bundle.linux_()["seccomp"] = {{"defaultAction", "SCMP_ACT_ALLOW"}};
    bundle.process()["noNewPrivileges"] = false;
    expect_restricted(probe_all(attempts()));
}

TEST_F(Landlock, AProgramThatMayNotBeExecutedIsAnErrorOfStart) {
    rules("r /; rw /open");
    Output output = container.run();
    EXPECT_NE(output.status, 0);
    EXPECT_TRUE(contains(output.err, "permission denied")) << output;
}

TEST_F(Landlock, RulesThatAreNoneAreRefused) {
    for (const char* wrong : {"", "rw", "rw relative", "rq /", "rw /absent"}) {
        rules(wrong);
        Output output = container.create();
        EXPECT_NE(output.status, 0) << wrong;
        EXPECT_TRUE(contains(output.err, "/annotations/run.arca.landlock")) << output;
    }
}

TEST_F(Landlock, IsExplained) {
    bundle.write();
    Output output = runtime({"explain", "--bundle", bundle.path().string()});
    EXPECT_TRUE(contains(output.out, "rw /open")) << output;
}
