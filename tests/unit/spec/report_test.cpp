// Places, several problems at once, notes with suggestions, and the text of the error made of them.
#include <gtest/gtest.h>

#include "wrong.hpp"

namespace arca::spec::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::vector<std::string> with_lines(std::string_view json) {
    std::vector<std::string> out;
    for (const auto& problem : parse_config(json).problems)
        out.push_back(std::to_string(problem.line) + " " + problem.pointer);
    return out;
}

TEST(Lines, OfValuesOfMembersAndOfWhatIsMissing) {
    EXPECT_THAT(with_lines("{\n"
                           "  \"ociVersion\": \"1.0.0\",\n"
                           "  \"root\": {\n"
                           "    \"readonly\":\n"
                           "      1\n"
                           "  },\n"
                           "  \"process\": {\"cwd\": \"/\", \"args\": [\n"
                           "    \"sh\",\n"
                           "    5\n"
                           "  ],\n"
                           "  \"user\": {\"uid\": \"0\"}},\n"
                           "  \"mounts\": [\n"
                           "    7,\n"
                           "    {\n"
                           "    \"type\": \"proc\"}\n"
                           "  ]\n"
                           "}\n"),
                ElementsAre("3 /root/path", "4 /root/readonly", "9 /process/args/1", "11 /process/user/uid",
                            "13 /mounts/0", "14 /mounts/1/destination"));
}

TEST(Lines, OfRulesCheckedLater) {
    EXPECT_THAT(with_lines("{\"ociVersion\": \"2.0.0\",\n"
                           "\"root\": {\"path\": \"r\"},\n"
                           "\"hostname\": \"h\",\n"
                           "\"linux\": {\"sysctl\": {\n"
                           "  \"kernel.msgmax\": \"1\",\n"
                           "  \"net/core/somaxconn\": \"1\"},\n"
                           "\"maskedPaths\": [\"/a\",\n"
                           "\"b\"]}}"),
                ElementsAre("1 /ociVersion", "3 /hostname", "5 /linux/sysctl/kernel.msgmax",
                            "6 /linux/sysctl/net~1core~1somaxconn", "7 /linux/maskedPaths", "8 /linux/maskedPaths/1"));
}

TEST(Lines, OfDuplicateKeysTheLastCounts) {
    EXPECT_THAT(with_lines("{\"ociVersion\": \"1.0.0\", \"root\": {\"path\": \"a\",\n\"path\": 1,\n\"path\": 2}}"),
                ElementsAre("3 /root/path"));
}

TEST(NotJson, TellsLineAndColumn) {
    struct Row {
        std::string_view json;
        unsigned line;
        std::string_view text;
    };
    constexpr Row kRows[] = {
        {"{\n\"a\": tru\n}", 2, "not JSON at column 9: "},  {"{\"a\": 1,}", 1, "not JSON at column 9: "},
        {"{\n\n  \"a\" 1}", 3, "not JSON at column 7: "},   {"{} {}", 1, "not JSON at column 4: "},
        {"{\"a\": \"\x01\"}", 1, "not JSON at column 8: "}, {"{\"a\": \"\xff\"}", 1, "not JSON at column 8: "},
        {"{\"a\": 01}", 1, "not JSON at column 8: "},       {"{\"a\": [1", 1, "not JSON at column 9: "},
    };
    for (const auto& row : kRows) {
        SCOPED_TRACE(row.json);
        auto parsed = parse_config(row.json);
        ASSERT_EQ(parsed.problems.size(), 1U);
        EXPECT_EQ(parsed.problems[0].pointer, "");
        EXPECT_EQ(parsed.problems[0].line, row.line);
        EXPECT_THAT(parsed.problems[0].text, ::testing::StartsWith(std::string(row.text)));
        EXPECT_THAT(parsed.problems[0].text, ::testing::HasSubstr("syntax error"));
    }
}

TEST(NotJson, NothingAtAll) {
    for (const char* text : {"", " \n "})
        EXPECT_THAT(in_lines(parse_config(text)), ElementsAre(": the file is empty"));
}

TEST(NotJson, NumberBeyondAllRange) {
    EXPECT_THAT(in_lines(parse_config("{\"a\": 1e999}")),
                ElementsAre(": not JSON at column 11: number overflow parsing '1e999'"));
}

TEST(NotJson, TextIsPrintable) {
    auto parsed = parse_config("{\"a\": \"\x1b[31m\"}");
    ASSERT_EQ(parsed.problems.size(), 1U);
    EXPECT_EQ(parsed.problems[0].text.find('\x1b'), std::string::npos);
}

TEST(NotJson, DeepNestingIsHarmless) {
    constexpr std::size_t kDepth = 200'000;
    auto parsed = parse_config(std::string(kDepth, '['));
    EXPECT_EQ(parsed.problems.size(), 1U);
    parsed = parse_config("{\"x\": " + std::string(kDepth, '[') + std::string(kDepth, ']') + "}");
    EXPECT_EQ(parsed.problems.size(), 2U);  // of the properties that are missing
}

TEST(Problems, AreReportedTogether) {
    auto parsed = parse_config(R"({"root": {"path": 1}, "process": {"cwd": "x", "args": [],
        "user": {"uid": "0"}}, "linux": {"ressources": {}, "namespaces": [{"type": "pid"}, {"type": "pid"}]}})");
    EXPECT_THAT(in_lines(parsed),
                ElementsAre("/ociVersion: required, but missing", "/root/path: expected a string, got number 1",
                            "/process/cwd: expected an absolute path, got \"x\"",
                            "/process/args: must name at least the program to run",
                            "/process/user/uid: expected an unsigned integer, got string \"0\"",
                            "/linux/namespaces/1: a second pid namespace"));
    EXPECT_THAT(in_lines(parsed.notes),
                ElementsAre("/linux/ressources: unknown property, ignored; did you mean /linux/resources?"));
}

TEST(Problems, OneMistakeInTheNamespacesDrawsNoOthers) {
    auto parsed = parse_config(R"({"ociVersion": "1.0.0", "root": {"path": "."}, "hostname": "a",
        "linux": {"maskedPaths": ["/a"], "namespaces": [{"type": "utss"}]}})");
    EXPECT_THAT(in_lines(parsed), ElementsAre("/linux/namespaces/0/type: unknown namespace type \"utss\"; did you mean "
                                              "\"uts\"?"));
}

TEST(Problems, NoRuleThatHangsOnWhatCouldNotBeRead) {
    EXPECT_THAT(in_lines(parse_config(config_with("", R"("scheduler": {"policy": "FIFO", "priority": 5})"))),
                ElementsAre(::testing::StartsWith("/process/scheduler/policy: unknown scheduler policy")));
    EXPECT_THAT(in_lines(parse_config(config_with("", "", R"("memoryPolicy": {"mode": 5})"))),
                ElementsAre("/linux/memoryPolicy/mode: expected a string, got number 5"));
    EXPECT_THAT(in_lines(parse_config(config_with("", "", R"("seccomp": {"defaultErrnoRet": 1, "syscalls": [
                    {"names": ["x"], "action": "SCMP_ACT_ERNO", "errnoRet": 1}]})"))),
                ElementsAre("/linux/seccomp/defaultAction: required, but missing",
                            "/linux/seccomp/syscalls/0/action: unknown seccomp action \"SCMP_ACT_ERNO\"; did you mean "
                            "\"SCMP_ACT_ERRNO\"?"));
}

TEST(Problems, NoRuleForWhatCouldNotBeRead) {
    EXPECT_THAT(
        in_lines(parse_config(config_with("", R"("cwd": 5, "args": [5], "env": [5])"))),
        ElementsAre("/process/cwd: expected a string, got number 5", "/process/args/0: expected a string, got number 5",
                    "/process/env/0: expected a string, got number 5"));
}

TEST(Notes, UnknownProperties) {
    auto parsed = parse_config(config_with(
        R"("hostName": "h", "x-thing": {"deep": [1]}, "hooks": {"preStart": []}, "mounts": [{"destination": "/p",
           "type": "proc", "option": []}])",
        R"("noNewPrivilege": true, "user": {"UID": 0})",
        R"("ressources": {}, "resources": {"memory": {"limits": 1, "oomKill": 1}, "Devices": []})"));
    EXPECT_THAT(in_lines(parsed), IsEmpty());
    EXPECT_THAT(
        in_lines(parsed.notes),
        ::testing::UnorderedElementsAre(
            "/hostName: unknown property, ignored; did you mean /hostname?", "/x-thing: unknown property, ignored",
            "/hooks/preStart: unknown property, ignored; did you mean /hooks/prestart?",
            "/mounts/0/option: unknown property, ignored; did you mean /mounts/0/options?",
            "/process/noNewPrivilege: unknown property, ignored; did you mean /process/noNewPrivileges?",
            "/process/user/UID: unknown property, ignored; did you mean /process/user/uid?",
            "/linux/ressources: unknown property, ignored; did you mean /linux/resources?",
            "/linux/resources/memory/limits: unknown property, ignored; did you mean "
            "/linux/resources/memory/limit?",
            "/linux/resources/memory/oomKill: unknown property, ignored",
            "/linux/resources/Devices: unknown property, ignored; did you mean /linux/resources/devices?"));
}

TEST(Notes, WhatIsLegalAndOdd) {
    auto parsed = parse_config(config_with(
        R"("mounts": [{"destination": "proc", "type": "proc"}], "hooks": {"poststop": [{"path": "/a", "env": ["X"]}]})",
        R"("capabilities": {"bounding": ["CAP_NEW_THING", "CAP_KIL"], "ambient": ["CAP_KILL"], "permitted": ["CAP_KILL"]})"));
    EXPECT_THAT(in_lines(parsed), IsEmpty());
    EXPECT_THAT(in_lines(parsed.notes),
                ::testing::UnorderedElementsAre(
                    "/mounts/0/destination: a relative path: taken as relative to / of the container",
                    "/hooks/poststop/0/env/0: there is no = in it",
                    "/process/capabilities/bounding: unknown capability \"CAP_NEW_THING\"",
                    "/process/capabilities/bounding: unknown capability \"CAP_KIL\"; did you mean \"CAP_KILL\"?",
                    "/process/capabilities/ambient: CAP_KILL is not in both permitted and inheritable and cannot be "
                    "ambient"));
}

TEST(Notes, MountsWithoutMountNamespace) {
    auto parsed = parse_config(R"({"ociVersion": "1.0.0", "root": {"path": "."},
                                   "mounts": [{"destination": "/proc", "type": "proc"}]})");
    EXPECT_THAT(in_lines(parsed), IsEmpty());
    EXPECT_THAT(in_lines(parsed.notes), ElementsAre("/mounts: made in the mount namespace of the runtime: "
                                                    "linux.namespaces has none of type mount"));
}

TEST(ErrorText, NamesFilePointersAndLines) {
    auto error =
        to_error("config.json", {{"/process/user/uid", 14, "expected x"}, {"", 2, "not JSON"}, {"/a", 0, "b"}});
    EXPECT_EQ(error.code(), Code::InvalidConfig);
    EXPECT_EQ(error.pointer(), "/process/user/uid");
    EXPECT_EQ(error.message(),
              "config.json: /process/user/uid (line 14): expected x; also: (line 2): not JSON; also: /a: b");
}

TEST(ErrorText, ListsTwentyAtMost) {
    std::vector<Problem> problems(23, Problem{"/a", 1, "b"});
    auto message = to_error("f", problems).message();
    EXPECT_THAT(message, ::testing::EndsWith("; also: /a (line 1): b; and 3 more"));
    EXPECT_EQ(message.size(), std::string("f: ").size() + 20 * std::string("/a (line 1): b").size() +
                                  19 * std::string("; also: ").size() + std::string("; and 3 more").size());
}

TEST(ErrorText, OfHostileNamesIsPrintable) {
    auto parsed = parse_config(
        "{\"annotations\": {\"\\u001b[2J\": 5}, \"ociVersion\": \"1.0.0\", \"root\": {\"path\": "
        "\"a\"}}");
    ASSERT_EQ(parsed.problems.size(), 1U);
    EXPECT_EQ(to_error("f", parsed.problems).message(),
              "f: /annotations/\\x1b[2J (line 1): expected a string, got "
              "number 5");
}

TEST(LoadConfig, IsAResult) {
    std::vector<Note> notes;
    auto loaded = load_config("config.json", R"({"ociVersion": "1.0.0", "root": {"path": "."}, "x": 1})", notes);
    ASSERT_TRUE(loaded.has_value());
    EXPECT_EQ(loaded->root.path, ".");
    EXPECT_THAT(in_lines(notes), ElementsAre("/x: unknown property, ignored"));
    loaded = load_config("b/config.json", "[]", notes);
    ASSERT_FALSE(loaded.has_value());
    EXPECT_EQ(loaded.error().message(), "b/config.json: (line 1): expected an object, got an array");
}

}  // namespace
}  // namespace arca::spec::testing
