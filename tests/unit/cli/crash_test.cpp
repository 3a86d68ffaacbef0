#include "cli/crash.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <fstream>
#include <sstream>

namespace arca::cli {
namespace {

using testing::MatchesRegex;

class Crash : public testing::Test {
  protected:
    Crash() { close(mkstemp(path.data())); }
    ~Crash() override { unlink(path.c_str()); }

    /// Runs `crash` in a process of its own whose log is `path`.
    template<class Body>
    int status_of(Body crash) {
        pid_t pid = fork();
        if (pid == 0) {
            dup2(open("/dev/null", O_WRONLY), STDERR_FILENO);
            catch_crashes();
            set_crash_log(open(path.c_str(), O_WRONLY | O_APPEND), LogFormat::Json);
            crash();
            _exit(0);
        }
        int status = 0;
        waitpid(pid, &status, 0);
        return status;
    }

    std::string log() const {
        std::ifstream stream(path);
        std::stringstream text;
        text << stream.rdbuf();
        return text.str();
    }

    std::string path = "/tmp/arca-crash-XXXXXX";
};

TEST_F(Crash, LeavesOneJsonLineAndTheStatusItHad) {
    int status = status_of([] { ::kill(getpid(), SIGSEGV); });
    EXPECT_TRUE(WIFSIGNALED(status));
    EXPECT_EQ(WTERMSIG(status), SIGSEGV);
    EXPECT_THAT(log(), MatchesRegex("\\{\"level\":\"error\",\"msg\":\"arca crashed .*signal 11\","
                                    "\"time\":\"20[-0-9]+T[:.0-9]+Z\"\\}\n"));
}

int overflow(int depth) {
    volatile char block[4096];
    block[0] = static_cast<char>(depth);
    return depth < 0 ? 0 : overflow(depth + 1) + block[0];
}

TEST_F(Crash, OfAnExhaustedStackIsLoggedToo) {
    int status = status_of([] { overflow(1); });
    EXPECT_TRUE(WIFSIGNALED(status));
    EXPECT_THAT(log(), testing::HasSubstr("signal 11"));
}

TEST_F(Crash, OfAnotherProcessIsItsParentsToReport) {
    status_of([] {
        if (fork() == 0) ::kill(getpid(), SIGSEGV);
        ::wait(nullptr);
    });
    EXPECT_EQ(log(), "");
}

}  // namespace
}  // namespace arca::cli
