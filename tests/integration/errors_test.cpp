// Files that are no configuration, what must be let pass, and failures that leave nothing. Each wrong entry that arca
// knows is a row of wrong_configs_test.cpp.
#include <unistd.h>

#include "harness/container.hpp"

using namespace integration;

class Errors : public ContainerTest {
  protected:
    Output create_with(const std::string& text) {
        bundle.write();
        write_file(bundle.path() / "config.json", text);
        return runtime({"create", "--bundle", bundle.path().string(), container.id});
    }
    void TearDown() override {
        EXPECT_FALSE(std::filesystem::exists(root() / container.id));
        ContainerTest::TearDown();
    }
};

TEST_F(Errors, NoConfiguration) {
    Output output = runtime({"create", "--bundle", work.path().string(), container.id});
    EXPECT_EQ(output.status, 1);
    EXPECT_TRUE(contains(output.err, "config.json")) << output;
}

TEST_F(Errors, NoBundle) {
    Output output = runtime({"create", "--bundle", (work / "absent").string(), container.id});
    EXPECT_EQ(output.status, 1);
    EXPECT_TRUE(contains(output.err, (work / "absent").string())) << output;
}

TEST_F(Errors, EmptyConfiguration) {
    EXPECT_EQ(create_with("").status, 1);
}
TEST_F(Errors, ConfigurationThatIsNoObject) {
    EXPECT_EQ(create_with("[]").status, 1);
}

TEST_F(Errors, SyntaxErrorIsLocated) {
    Output output = create_with("{\n  \"ociVersion\": \"1.0.2\",\n  oops\n}");
    EXPECT_EQ(output.status, 1);
    if (facts().kind != Kind::Arca) return;
    EXPECT_TRUE(contains(output.err, "line 3")) << output;
}

TEST_F(Errors, TruncatedConfiguration) {
    EXPECT_EQ(create_with(bundle.config.dump().substr(0, 400)).status, 1);
}

TEST_F(Errors, DeeplyNestedConfiguration) {
    Output output = create_with(std::string(200000, '[') + std::string(200000, ']'));
    EXPECT_EQ(output.status, 1) << output.status;
}

TEST_F(Errors, BinaryConfiguration) {
    EXPECT_EQ(create_with(std::string("\x7f"
                                      "ELF\0\0\0",
                                      7))
                  .status,
              1);
}

TEST_F(Errors, UnknownPropertiesAreIgnored) {
    bundle.config["ofTheFuture"] = {{"a", {1, 2, 3}}};
    bundle.process()["ofTheFuture"] = true;
    bundle.linux_()["ofTheFuture"] = "x";
    EXPECT_EQ(container.run().out, "hello\n");
}

TEST_F(Errors, OtherPlatformsAreIgnored) {
    bundle.config["windows"] = {{"layerFolders", {"C:\\Layers"}}};
    bundle.config["solaris"] = {{"milestone", "svc:/milestone/container:default"}};
    EXPECT_EQ(container.run().out, "hello\n");
}

TEST_F(Errors, NullsAreAbsence) {
    // Go writes null for empty lists and maps.
    bundle.config["annotations"] = nullptr;
    bundle.config["hooks"] = nullptr;
    bundle.linux_()["devices"] = nullptr;
    bundle.linux_()["sysctl"] = nullptr;
    bundle.process()["rlimits"] = nullptr;
    EXPECT_EQ(container.run().out, "hello\n");
}

TEST_F(Errors, NewerMinorVersionRuns) {
    bundle.config["ociVersion"] = "1.99.0";
    EXPECT_EQ(container.run().out, "hello\n");
}

TEST_F(Errors, DevelopmentVersionRuns) {
    bundle.config["ociVersion"] = "1.0.2-dev";
    EXPECT_EQ(container.run().out, "hello\n");
}

TEST_F(Errors, LargeNumbersAreRead) {
    bundle.process()["rlimits"] = {
        {{"type", "RLIMIT_CPU"}, {"soft", 18446744073709551615U}, {"hard", 18446744073709551615U}}};
    EXPECT_EQ(probe({"limits"})["RLIMIT_CPU"], Json({-1, -1}));
}

TEST_F(Errors, MissingLinuxBlockRuns) {
    REQUIRE_ROOT();
    REQUIRE_ARCA("config.md: linux is optional");
    bundle.config.erase("linux");
    bundle.config.erase("hostname");
    bundle.config["mounts"] = Json::array();
    Output output = container.run();
    EXPECT_EQ(output.status, 1) << "without a mount namespace there is nowhere to put the root file system";
    bundle.config["linux"] = Json::object();
}

TEST_F(Errors, SeveralAtOnce) {
    REQUIRE_ARCA("all errors of a file at once");
    bundle.process()["cwd"] = 7;
    bundle.config["root"]["path"] = 8;
    Output output = container.create();
    EXPECT_TRUE(contains(output.err, "/process/cwd")) << output;
    EXPECT_TRUE(contains(output.err, "/root/path")) << output;
}

TEST_F(Errors, FailureInTheMiddleLeavesNothing) {
    bundle.add_mount("/mnt", "tmpfs", "tmpfs", {});
    bundle.add_mount("/mnt/x", "bind", (work / "absent").string(), {"bind"});
    for (int i = 0; i < 3; ++i)
        expect_create_fails();
}

TEST_F(Errors, FailureAtTheEndLeavesNothing) {
    bundle.args({"/bin/absent"});
    for (int i = 0; i < 3; ++i)
        expect_create_fails("/bin/absent");
}

TEST_F(Errors, FailedRunLeavesNothing) {
    bundle.args({"/bin/absent"});
    Output output = container.run();
    EXPECT_EQ(output.status, 1) << output;
}
