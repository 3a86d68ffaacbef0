#include "harness/terminal.hpp"

#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "harness/container.hpp"

using namespace integration;

class Terminal : public ContainerTest {
  protected:
    void SetUp() override {
        ContainerTest::SetUp();
        bundle.process()["terminal"] = true;
    }
    Arguments foreground() {
        bundle.write();
        return {facts().runtime, "--root", root().string(), "run", "--bundle", bundle.path().string(), container.id};
    }
    /// First line of a terminal's output that is a JSON object.
    static Json first_object(const std::string& text) {
        for (auto line : lines(text)) {
            if (auto at = line.find('{'); at != std::string::npos) return Json::parse(line.substr(at), nullptr, false);
        }
        return {};
    }
};

TEST_F(Terminal, CreateNeedsAConsoleSocket) {
    Output output = container.create();
    EXPECT_EQ(output.status, 1);
    EXPECT_TRUE(contains(output.err, "console")) << output;
}

TEST_F(Terminal, ConsoleSocketWithoutTerminalIsRefused) {
    SKIP_FOR(Crun, "ignores it");
    bundle.process()["terminal"] = false;
    ConsoleSocket socket(work / "c");
    EXPECT_EQ(container.create({"--console-socket", socket.path()}).status, 1);
}

TEST_F(Terminal, MissingConsoleSocketIsNamed) {
    Output output = container.create({"--console-socket", (work / "absent").string()});
    EXPECT_EQ(output.status, 1);
    EXPECT_TRUE(contains(output.err, (work / "absent").string())) << output;
}

TEST_F(Terminal, MasterArrivesAtTheSocket) {
    ConsoleSocket socket(work / "c");
    bundle.args({"/bin/probe", "tty"});
    Output output = container.create({"--console-socket", socket.path()});
    ASSERT_TRUE(output.ok()) << output;
    std::string data;
    int master = socket.receive(data);
    ASSERT_GE(master, 0);
    EXPECT_TRUE(contains(data, "/dev/pt")) << data;
    ASSERT_TRUE(container.start().ok());
    Json tty = first_object(read_until(master, "}"));
    EXPECT_EQ(tty["stdin"], true) << tty;
    EXPECT_EQ(tty["stdout"], true);
    EXPECT_EQ(tty["stderr"], true);
    EXPECT_EQ(tty["controlling"], true);
    EXPECT_TRUE(contains(tty["name"].dump(), "/dev/")) << tty;
    close(master);
}

TEST_F(Terminal, SizeIsSetBeforeTheProcessRuns) {
    ConsoleSocket socket(work / "c");
    bundle.process()["consoleSize"] = {{"height", 31}, {"width", 97}};
    bundle.args({"/bin/probe", "tty"});
    ASSERT_TRUE(container.create({"--console-socket", socket.path()}).ok());
    std::string data;
    int master = socket.receive(data);
    ASSERT_GE(master, 0);
    winsize size{};
    ioctl(master, TIOCGWINSZ, &size);
    EXPECT_EQ(size.ws_row, 31);
    EXPECT_EQ(size.ws_col, 97);
    ASSERT_TRUE(container.start().ok());
    Json tty = first_object(read_until(master, "}"));
    EXPECT_EQ(tty["rows"], 31);
    EXPECT_EQ(tty["columns"], 97);
    close(master);
}

TEST_F(Terminal, RunDetachedSendsTheMasterToo) {
    ConsoleSocket socket(work / "c");
    bundle.args({"/bin/probe", "echo", "hi", ",", "serve"});
    ASSERT_TRUE(container.run({"-d", "--console-socket", socket.path()}).ok());
    std::string data;
    int master = socket.receive(data);
    ASSERT_GE(master, 0);
    EXPECT_TRUE(contains(read_until(master, "hi"), "hi"));
    close(master);
}

TEST_F(Terminal, DeviceConsoleIsTheTerminal) {
    ConsoleSocket socket(work / "c");
    bundle.args({"/bin/probe", "stat", "/dev/console", ",", "write", "/dev/console", "written"});
    ASSERT_TRUE(container.create({"--console-socket", socket.path()}).ok());
    std::string data;
    int master = socket.receive(data);
    ASSERT_GE(master, 0);
    ASSERT_TRUE(container.start().ok());
    std::string text = read_until(master, "written");
    EXPECT_EQ(first_object(text)["type"], "character") << text;
    EXPECT_TRUE(contains(text, "written")) << text;
    close(master);
}

TEST_F(Terminal, BelongsToTheUser) {
    REQUIRE_ROOT();
    ConsoleSocket socket(work / "c");
    bundle.process()["user"] = {{"uid", 1000}, {"gid", 1000}};
    bundle.args({"/bin/probe", "stat", "/dev/pts/0"});
    ASSERT_TRUE(container.create({"--console-socket", socket.path()}).ok());
    std::string data;
    int master = socket.receive(data);
    ASSERT_GE(master, 0);
    ASSERT_TRUE(container.start().ok());
    EXPECT_EQ(first_object(read_until(master, "}"))["uid"], 1000);
    close(master);
}

TEST_F(Terminal, InAUserNamespace) {
    REQUIRE_ROOT();
    bundle.map_ids(100000, 65536);
    ConsoleSocket socket(work / "c");
    bundle.args({"/bin/probe", "tty"});
    Output output = container.create({"--console-socket", socket.path()});
    ASSERT_TRUE(output.ok()) << output;
    std::string data;
    int master = socket.receive(data);
    ASSERT_GE(master, 0);
    ASSERT_TRUE(container.start().ok());
    EXPECT_EQ(first_object(read_until(master, "}"))["controlling"], true);
    close(master);
}

TEST_F(Terminal, ForegroundRunCopiesBothWays) {
    bundle.args({"/bin/probe", "echo", "ready", ",", "cat"});
    TerminalSession session(foreground(), {24, 80});
    ASSERT_TRUE(contains(read_until(session.master(), "ready"), "ready"));
    session.type("typed line\n\x04");
    std::string text = read_until(session.master(), "typed line\r\ntyped line");
    EXPECT_TRUE(contains(text, "typed line")) << text;
    EXPECT_EQ(session.wait(), 0);
}

TEST_F(Terminal, ForegroundRunReturnsTheStatus) {
    bundle.args({"/bin/probe", "exit", "23"});
    TerminalSession session(foreground(), {24, 80});
    EXPECT_EQ(session.wait(), 23);
}

TEST_F(Terminal, ForegroundRunHasTheSizeOfTheCallersTerminal) {
    bundle.args({"/bin/probe", "tty", ",", "sleep", "0.2"});
    TerminalSession session(foreground(), {41, 101});
    // The peers set it a moment after the process started, arca before.
    SKIP_FOR(Runc, "sets the size after the start");
    Json tty = first_object(read_until(session.master(), "}"));
    EXPECT_EQ(tty["rows"], 41) << tty;
    EXPECT_EQ(tty["columns"], 101);
    EXPECT_EQ(session.wait(), 0);
}

TEST_F(Terminal, ForegroundRunFollowsTheSize) {
    bundle.args({"/bin/probe", "resized"});
    TerminalSession session(foreground(), {24, 80});
    ASSERT_TRUE(contains(read_until(session.master(), "ready"), "ready"));
    session.resize({50, 132});
    Json tty = first_object(read_until(session.master(), "}"));
    EXPECT_EQ(tty["rows"], 50) << tty;
    EXPECT_EQ(tty["columns"], 132);
    EXPECT_EQ(session.wait(), 0);
}

TEST_F(Terminal, ForegroundRunRestoresTheCallersTerminal) {
    bundle.args({"/bin/probe", "echo", "done"});
    TerminalSession session(foreground(), {24, 80});
    termios before{}, after{};
    tcgetattr(session.master(), &before);
    read_until(session.master(), "done");
    EXPECT_EQ(session.wait(), 0);
    tcgetattr(session.master(), &after);
    EXPECT_EQ(before.c_lflag, after.c_lflag);
    EXPECT_EQ(before.c_iflag, after.c_iflag);
    EXPECT_EQ(before.c_oflag, after.c_oflag);
}

TEST_F(Terminal, ControlCReachesTheProcess) {
    bundle.args({"/bin/probe", "trap"});
    TerminalSession session(foreground(), {24, 80});
    ASSERT_TRUE(contains(read_until(session.master(), "ready"), "ready"));
    session.type("\x03");
    EXPECT_TRUE(contains(read_until(session.master(), "SIGINT"), "SIGINT"));
    EXPECT_EQ(session.wait(), 0);
}

TEST_F(Terminal, ExecWithATerminal) {
    bundle.process()["terminal"] = false;
    start_probe({"serve"});
    TerminalSession session(
        {facts().runtime, "--root", root().string(), "exec", "-t", container.id, "/bin/probe", "tty"}, {24, 80});
    Json tty = first_object(read_until(session.master(), "}"));
    EXPECT_EQ(tty["stdin"], true) << tty;
    EXPECT_EQ(tty["controlling"], true);
    EXPECT_EQ(session.wait(), 0);
}

TEST_F(Terminal, ExecDetachedSendsTheMaster) {
    bundle.process()["terminal"] = false;
    start_probe({"serve"});
    ConsoleSocket socket(work / "c");
    Output output = container.exec({"/bin/probe", "tty"}, {"--tty", "--detach", "--console-socket", socket.path()});
    ASSERT_TRUE(output.ok()) << output;
    std::string data;
    int master = socket.receive(data);
    ASSERT_GE(master, 0);
    EXPECT_EQ(first_object(read_until(master, "}"))["controlling"], true);
    close(master);
}
