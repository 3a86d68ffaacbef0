// The texts of failures, seen with the eyes of the engines: each reads them with patterns of its own.
#include <gmock/gmock.h>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <regex>
#include <set>
#include <sstream>

#include "../../integration/harness/engine_patterns.hpp"
#include "cli/output.hpp"

namespace arca::cli {
namespace {

using namespace engines;

using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

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
                            "container not running, os: process already finished, x does not exist, start, "
                            "not a directory, flag needs an argument",
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
        EXPECT_FALSE(docker_suspects_mount(text)) << text;
        EXPECT_EQ(knows_option(text), code == Code::Usage) << text;
    }
}

INSTANTIATE_TEST_SUITE_P(Contract, NoOtherFailure, testing::ValuesIn(kAllCodes),
                         [](const auto& code) { return std::string(name(code.param)); });

TEST(Contract, QuotedPhraseStaysReadable) {
    EXPECT_EQ(text_of(Code::HookFailed, "hook: sh: No such file or directory"),
              "start web: hook: sh: No-such-file-or-directory");
}

TEST(Contract, OnlyMountsAreSaidToBeOntoTheWrongKind) {
    EXPECT_TRUE(docker_suspects_mount(
        contract_message(Error(Code::System, "target is a file", ENOTDIR).at("/mounts/7"), "create", "web")));
    EXPECT_FALSE(docker_suspects_mount(text_of(Code::System, "entering /etc/passwd", ENOTDIR)));
    EXPECT_EQ(text_of(Code::System, "entering /etc/passwd", ENOTDIR),
              "start web: entering /etc/passwd: not-a-directory (ENOTDIR)");
}

/// Every text between quotes in the sources that could be a part of a message: arca's hints are among them.
std::set<std::string> texts_of_the_sources() {
    static const std::regex literal(R"q("((?:[^"\\\n]|\\.)* (?:[^"\\\n]|\\.)*)")q");
    std::set<std::string> texts;
    auto top = std::filesystem::path(__FILE__).parent_path() / "../../../src";
    for (const auto& entry : std::filesystem::recursive_directory_iterator(top)) {
        if (entry.path().extension() != ".cpp") continue;
        std::stringstream stream;
        stream << std::ifstream(entry.path()).rdbuf();
        auto content = stream.str();
        for (std::sregex_iterator at(content.begin(), content.end(), literal), end; at != end; ++at)
            texts.insert((*at)[1]);
    }
    return texts;
}

TEST(Contract, NoHintChangesTheKindOfFailure) {
    auto texts = texts_of_the_sources();
    EXPECT_GT(texts.size(), 300U);
    for (auto code : {Code::System, Code::ExecNotFound, Code::ExecPermission, Code::NotRunning}) {
        auto plain = text_of(code, "what was tried on web");
        for (const auto& hint : texts) {
            auto text = contract_message(Error(code, "what was tried on web").hinting(hint), "start", "web");
            ASSERT_EQ(docker_status(text, "web"), docker_status(plain, "web")) << text;
            ASSERT_EQ(podman_status(text), podman_status(plain)) << text;
            ASSERT_EQ(containerd_kill(text), containerd_kill(plain)) << text;
            ASSERT_EQ(crio_gone(text), crio_gone(plain)) << text;
            ASSERT_EQ(docker_suspects_mount(text), docker_suspects_mount(plain)) << text;
        }
    }
}

TEST(Contract, WhatFailedBecauseOfItChangesNothing) {
    const auto told = [](Code code) {
        Error also(Code::ExecNotFound, "exec: no such file or directory, permission denied, no such process");
        auto error = Error(code, "what was tried on web").also(also.message());
        return contract_message(error, "start", "web");
    };
    const auto text = told(Code::System);
    EXPECT_TRUE(text.ends_with("(also: exec: no-such-file-or-directory, permission-denied, no-such-process)")) << text;
    EXPECT_EQ(docker_status(text, "web"), kOtherDockerFailure);
    EXPECT_EQ(podman_status(text), kOtherPodmanFailure);
    EXPECT_EQ(podman_status(told(Code::ExecPermission)), 126);
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
