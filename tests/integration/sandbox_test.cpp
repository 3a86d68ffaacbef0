// `arca run --rootfs`: a program in a bare root file system, with as little as most programs can do with.
#include <unistd.h>

#include "harness/container.hpp"
#include "harness/terminal.hpp"

using namespace integration;

class Sandbox : public ContainerTest {
  protected:
    void SetUp() override {
        ContainerTest::SetUp();
        REQUIRE_ARCA("runs bare root file systems");
    }
    Arguments sandboxed(const Arguments& program, const Arguments& options = {}) {
        Arguments words = {"run", "--rootfs", bundle.rootfs().string()};
        words.insert(words.end(), options.begin(), options.end());
        words.push_back("--");
        words.insert(words.end(), program.begin(), program.end());
        return words;
    }
    Output run(const Arguments& program, const Arguments& options = {}) { return runtime(sandboxed(program, options)); }
};

TEST_F(Sandbox, RunsAProgramAndLeavesNothing) {
    Output output = run({"probe", "echo", "-n", "hello"});
    EXPECT_TRUE(output.ok()) << output;
    EXPECT_EQ(output.out, "-n hello\n");
    EXPECT_EQ(output.err, "");
    EXPECT_EQ(run({"probe", "exit", "5"}).status, 5);
}

TEST_F(Sandbox, FindsNoProgram) {
    Output output = run({"absent"});
    EXPECT_EQ(output.status, 1);
    EXPECT_TRUE(contains(output.err, "executable file not found in $PATH")) << output;
}

TEST_F(Sandbox, CannotChangeItsRootUnlessAsked) {
    Output refused = run({"probe", "write", "/new", "x"});
    EXPECT_TRUE(contains(refused.out, "EROFS")) << refused;
    EXPECT_FALSE(std::filesystem::exists(bundle.rootfs() / "new"));
    run({"probe", "write", "/new", "x"}, {"--writable"});
    EXPECT_TRUE(std::filesystem::exists(bundle.rootfs() / "new"));
}

TEST_F(Sandbox, HasNoCapabilitiesUnlessAsked) {
    EXPECT_EQ(parse_lines(run({"probe", "caps"}).out)[0]["effective"], Json::array());
    Json kept = parse_lines(run({"probe", "caps"}, {"--cap", "CAP_CHOWN"}).out)[0]["effective"];
    EXPECT_EQ(kept, Json({"CAP_CHOWN"})) << kept;
}

TEST_F(Sandbox, TakesEnvironmentAndWorkingDirectory) {
    Output output = run({"probe", "env", ",", "cwd"}, {"-e", "A=b", "--cwd", "/tmp"});
    EXPECT_TRUE(contains(output.out, "A=b")) << output;
    EXPECT_TRUE(contains(output.out, "/tmp")) << output;
}

TEST_F(Sandbox, HasATerminalOnATerminal) {
    Arguments argv = {facts().runtime, "--root", root().string()};
    auto words = sandboxed({"probe", "tty"});
    argv.insert(argv.end(), words.begin(), words.end());
    TerminalSession session(argv, {24, 80});
    std::string text = read_until(session.master(), "}");
    EXPECT_TRUE(contains(text, "/dev/")) << text;
    EXPECT_EQ(session.wait(), 0) << text;
}
