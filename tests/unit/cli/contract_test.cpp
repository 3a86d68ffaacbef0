// The texts of failures, seen with the eyes of the engines: each reads them with patterns of its own.
#include <gmock/gmock.h>

#include <algorithm>
#include <cerrno>
#include <regex>

#include "cli/output.hpp"

namespace arca::cli {
namespace {

using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

std::string lowered(std::string text) {
    std::ranges::transform(text, text.begin(), [](unsigned char c) { return std::tolower(c); });
    return text;
}

bool has(const std::string& text, std::string_view part) {
    return lowered(text).find(part) != std::string::npos;
}

// docker: the status of `docker run` when start fails.
int docker_status(const std::string& text, const std::string& program) {
    bool missing = has(text, "executable file not found") || has(text, "no such file or directory") ||
                   has(text, "system cannot find the file specified");
    if (has(text, lowered(program)) && missing) return 127;
    return has(text, "permission denied") ? 126 : 128;
}

int podman_status(const std::string& text) {
    static const std::regex refused("permission denied|operation not permitted", std::regex::icase);
    static const std::regex missing("executable file not found in|no such file or directory|open executable",
                                    std::regex::icase);
    if (std::regex_search(text, refused)) return 126;
    return std::regex_search(text, missing) ? 127 : 125;
}

bool podman_suspects_selinux(const std::string& text) {
    static const std::regex attribute("`/proc/[a-z0-9-].+/attr.*`");
    return std::regex_search(text, attribute);
}

enum class Seen { Finished, Absent, Unclear };

Seen containerd_kill(const std::string& text) {
    if (has(text, "os: process already finished") || has(text, "container not running") || has(text, "no such process"))
        return Seen::Finished;
    return has(text, "does not exist") ? Seen::Absent : Seen::Unclear;
}

bool crio_gone(const std::string& text) {
    return has(text, "no such process") || has(text, "container not running") || has(text, "invalid process");
}

std::string text_of(Code code, std::string what, int errnum = 0) {
    return contract_message(Error(code, std::move(what), errnum), "start", "web");
}

TEST(Contract, MissingProgramIs127) {
    for (const auto& what : {R"(exec: "foo": executable file not found in $PATH)",
                             R"(exec "/bin/foo": no such file or directory)", R"("foo" is not in PATH)"}) {
        auto text = text_of(Code::ExecNotFound, what);
        EXPECT_EQ(docker_status(text, "foo"), 127) << text;
        EXPECT_EQ(podman_status(text), 127) << text;
        EXPECT_EQ(containerd_kill(text), Seen::Unclear) << text;
    }
}

TEST(Contract, ProgramThatMayNotRunIs126) {
    for (const auto& what : {R"(exec "/bin/foo": permission denied)", R"("/bin/foo" has mode 0644)"}) {
        auto text = text_of(Code::ExecPermission, what);
        EXPECT_EQ(docker_status(text, "/bin/foo"), 126) << text;
        EXPECT_EQ(podman_status(text), 126) << text;
    }
}

TEST(Contract, PhraseIsSaidOnce) {
    EXPECT_EQ(text_of(Code::ExecNotFound, R"(exec: "foo": executable file not found in $PATH)"),
              R"(start web: exec: "foo": executable file not found in $PATH)");
    EXPECT_EQ(text_of(Code::ContainerExists, "container with given ID already exists"),
              "start web: container with given ID already exists");
}

TEST(Contract, StoppedContainer) {
    auto text = text_of(Code::NotRunning, "its process has ended");
    EXPECT_EQ(text, "start web: container not running: its process has ended");
    EXPECT_EQ(containerd_kill(text), Seen::Finished);
    EXPECT_TRUE(crio_gone(text));
    EXPECT_EQ(podman_status(text), 125);
}

TEST(Contract, MissingContainer) {
    auto text = text_of(Code::ContainerNotFound, "nothing of that id below /run/arca", ENOENT);
    EXPECT_THAT(text, StartsWith("start web: container does not exist: "));
    EXPECT_EQ(containerd_kill(text), Seen::Absent);
    EXPECT_FALSE(crio_gone(text));
    EXPECT_EQ(podman_status(text), 125) << "ENOENT must not look like a missing program";
    EXPECT_EQ(docker_status(text, "web"), 128);
}

TEST(Contract, TakenId) {
    EXPECT_THAT(text_of(Code::ContainerExists, "made by pid 12"), HasSubstr("container with given ID already exists"));
}

TEST(Contract, SecurityLabelKeepsItsPath) {
    auto text = text_of(Code::System, "writing `/proc/thread-self/attr/exec`", EACCES);
    EXPECT_TRUE(podman_suspects_selinux(text)) << text;
    EXPECT_EQ(podman_status(text), 125);
}

constexpr Code kAllCodes[] = {Code::Internal,          Code::Usage,           Code::InvalidConfig, Code::Unsupported,
                              Code::ContainerNotFound, Code::ContainerExists, Code::WrongState,    Code::NotRunning,
                              Code::ExecNotFound,      Code::ExecPermission,  Code::ExecFailed,    Code::HookFailed,
                              Code::InitDied,          Code::Timeout,         Code::BadState,      Code::System};

// The output of a hook, a path, a value of config.json: whatever a text quotes, it is never taken for another failure.
class NoOtherFailure : public testing::TestWithParam<Code> {};

TEST_P(NoOtherFailure, LooksLikeAMissingProgramOrAGoneProcess) {
    auto code = GetParam();
    for (int errnum : {0, ENOENT, EACCES, EPERM, ESRCH, ENOEXEC, ENOTDIR, EINVAL}) {
        auto text = text_of(code,
                            "hook said: No such file or directory, permission denied, Operation not permitted, "
                            "executable file not found in $PATH, open executable, no such process, invalid process, "
                            "container not running, os: process already finished, x does not exist, start",
                            errnum);
        int expected = code == Code::ExecNotFound ? 127 : code == Code::ExecPermission ? 126 : 125;
        EXPECT_EQ(podman_status(text), expected) << text;
        EXPECT_EQ(docker_status(text, "start"), expected == 125 ? 128 : expected) << text;
        EXPECT_EQ(crio_gone(text), code == Code::NotRunning) << text;
        auto seen = code == Code::NotRunning          ? Seen::Finished
                    : code == Code::ContainerNotFound ? Seen::Absent
                                                      : Seen::Unclear;
        EXPECT_EQ(containerd_kill(text), seen) << text;
        EXPECT_FALSE(podman_suspects_selinux(text)) << text;
    }
}

INSTANTIATE_TEST_SUITE_P(Contract, NoOtherFailure, testing::ValuesIn(kAllCodes),
                         [](const auto& code) { return std::string(name(code.param)); });

TEST(Contract, QuotedPhraseStaysReadable) {
    EXPECT_EQ(text_of(Code::HookFailed, "hook: sh: No such file or directory"),
              "start web: hook: sh: No-such-file-or-directory");
}

TEST(Contract, HintsKeepTheirClass) {
    auto error = Error(Code::System, "mounting /x", EPERM).hinting("try again without: permission denied");
    EXPECT_EQ(podman_status(contract_message(error, "create", "web")), 125);
}

TEST(Contract, IsOneLineWithoutControlCharacters) {
    auto text = contract_message(Error(Code::InvalidConfig, "a\nb\x1b[31m"), "create", "we\rb");
    EXPECT_EQ(text, "create we\\x0db: a b\\x1b[31m");
}

TEST(Contract, WithoutOperationThereIsNoPrefix) {
    EXPECT_EQ(contract_message(Error(Code::Usage, "flag needs an argument: -root"), "", ""),
              "flag needs an argument: -root");
}

}  // namespace
}  // namespace arca::cli
