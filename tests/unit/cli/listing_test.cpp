#include "cli/listing.hpp"

#include <gtest/gtest.h>

#include "cli/log_line.hpp"
#include "cli/output.hpp"

namespace arca::cli {
namespace {

State web() {
    State state;
    state.oci_version = "1.3.0";
    state.id = "web";
    state.pid = 4711;
    state.status = Status::Running;
    state.bundle = "/b";
    state.rootfs = "/b/rootfs";
    state.created = "2026-08-14T09:30:00.123456789Z";
    return state;
}

TEST(StateJson, IsIndentedByTwoWithoutFinalNewline) {
    EXPECT_EQ(state_json(web()), R"({
  "ociVersion": "1.3.0",
  "id": "web",
  "pid": 4711,
  "status": "running",
  "bundle": "/b",
  "rootfs": "/b/rootfs",
  "created": "2026-08-14T09:30:00.123456789Z",
  "owner": ""
})");
}

TEST(StateJson, HoldsAnnotationsAndTheReason) {
    auto state = web();
    state.annotations = {{"a", "1"}, {"b\"", "2\n"}};
    state.reason = "killed";
    EXPECT_EQ(state_json(state), R"({
  "ociVersion": "1.3.0",
  "id": "web",
  "pid": 4711,
  "status": "running",
  "bundle": "/b",
  "rootfs": "/b/rootfs",
  "created": "2026-08-14T09:30:00.123456789Z",
  "annotations": {
    "a": "1",
    "b\"": "2\n"
  },
  "owner": "",
  "reason": "killed"
})");
}

TEST(ListJson, IsOneLine) {
    auto state = web();
    state.owner = "root";
    state.annotations = {{"a", "1"}, {"b", "2"}};
    auto one = std::string(R"({"ociVersion":"1.3.0","id":"web","pid":4711,"status":"running","bundle":"/b",)") +
               R"("rootfs":"/b/rootfs","created":"2026-08-14T09:30:00.123456789Z",)" +
               R"("annotations":{"a":"1","b":"2"},"owner":"root"})";
    EXPECT_EQ(list_json({state}, "arca"), "[" + one + "]\n");
    EXPECT_EQ(list_json({state, state}, "runc"), "[" + one + "," + one + "]\n");
    EXPECT_EQ(list_json({}, "arca"), "[]\n");
    EXPECT_EQ(list_json({}, "crun"), "[]\n");
    EXPECT_EQ(list_json({}, "runc"), "null\n");
}

TEST(ListTable, IsAligned) {
    auto state = web();
    state.id = "a-rather-long-name";
    state.owner = "root";
    EXPECT_EQ(list_table({state}, "arca"),
              "ID                   PID         STATUS      BUNDLE      CREATED                          OWNER\n"
              "a-rather-long-name   4711        running     /b          2026-08-14T09:30:00.123456789Z   root\n");
    EXPECT_EQ(list_table({}, "runc"), "ID          PID         STATUS      BUNDLE      CREATED     OWNER\n");
    EXPECT_EQ(list_table({}, "crun"), "NAME        PID         STATUS      BUNDLE PATH   CREATED     OWNER\n");
}

TEST(ListTable, KeepsControlCharactersFromTheTerminal) {
    auto state = web();
    state.bundle = "/b\x1b[2J";
    EXPECT_NE(list_table({state}, "arca").find("/b\\x1b[2J"), std::string::npos);
}

constexpr std::time_t kHalfAnHourLater = 1786701600;  // 2026-08-14T10:00:00Z

TEST(ListForPeople, TellsAgesAndNoPidOfTheDead) {
    auto running = web();
    running.owner = "root";
    auto stopped = running;
    stopped.id = "db";
    stopped.pid = 0;
    stopped.status = Status::Stopped;
    EXPECT_EQ(list_for_people({running, stopped}, kHalfAnHourLater, Colours::Without),
              "ID    STATUS    PID    AGE          OWNER   BUNDLE\n"
              "web   running   4711   30 minutes   root    /b\n"
              "db    stopped   -      30 minutes   root    /b\n");
    EXPECT_EQ(list_for_people({}, 0, Colours::Without), "no containers\n");
}

TEST(ListForPeople, ColoursNothingButWholeLines) {
    auto plain = list_for_people({web()}, kHalfAnHourLater, Colours::Without);
    auto coloured = list_for_people({web()}, kHalfAnHourLater, Colours::With);
    EXPECT_NE(coloured.find("\x1b[32mweb "), std::string::npos);
    std::string stripped;
    for (std::size_t i = 0; i < coloured.size(); ++i) {
        if (coloured[i] == '\x1b') i = coloured.find('m', i) + 1;
        if (i < coloured.size()) stripped += coloured[i];
    }
    EXPECT_EQ(stripped, plain);
}

TEST(Age, InTheLargestUnit) {
    EXPECT_EQ(age("2026-08-14T10:00:00.5Z", kHalfAnHourLater), "0 seconds");
    EXPECT_EQ(age("2026-08-14T09:59:59Z", kHalfAnHourLater), "1 second");
    EXPECT_EQ(age("2026-08-14T08:59:59Z", kHalfAnHourLater), "1 hour");
    EXPECT_EQ(age("2026-08-01T10:00:00Z", kHalfAnHourLater), "13 days");
    EXPECT_EQ(age("2027-08-01T10:00:00Z", kHalfAnHourLater), "0 seconds") << "clocks are set back";
    EXPECT_EQ(age("yesterday", kHalfAnHourLater), "yesterday");
}

TEST(Pids, AsJsonAndTable) {
    EXPECT_EQ(pids_json({123, 456}), "[123,456]\n");
    EXPECT_EQ(pids_json({}), "[]\n");
    EXPECT_EQ(pids_table({123, 456}), "PID\n123\n456\n");
}

TEST(FilterPs, KeepsTheHeaderAndOurLines) {
    auto filtered = filter_ps(
        "UID          PID    PPID  C CMD\n"
        "root           1       0  0 init 12\n"
        "root          12       1  0 sh -c 12\n"
        "root         123      12  0 sleep\n"
        "\n"
        "root          45      12  0 last line without newline",
        {12, 45});
    ASSERT_TRUE(filtered);
    EXPECT_EQ(*filtered,
              "UID          PID    PPID  C CMD\n"
              "root          12       1  0 sh -c 12\n"
              "root          45      12  0 last line without newline\n");
}

TEST(FilterPs, NeedsAColumnOfPids) {
    EXPECT_FALSE(filter_ps("COMMAND\ninit\n", {1}));
    EXPECT_FALSE(filter_ps("", {1}));
}

TEST(Version, LinesThatEnginesRead) {
    Version version{"0.1.0", "abc", "1.3.0", "2.5.4"};
    EXPECT_EQ(version_text(version, "arca"), "arca version 0.1.0\ncommit: abc\nspec: 1.3.0\nlibseccomp: 2.5.4\n");
    EXPECT_EQ(version_text(version, "runc").substr(0, 13), "runc version ");
}

TEST(Banner, IsTheNameArcaWasCalledBy) {
    EXPECT_EQ(banner_of("/usr/sbin/arca"), "arca");
    EXPECT_EQ(banner_of("/usr/bin/runc"), "runc");
    EXPECT_EQ(banner_of("crun"), "crun");
    EXPECT_EQ(banner_of("/proc/self/fd/9"), "arca");
    EXPECT_EQ(banner_of(""), "arca");
}

// --- log lines ---

timespec at(time_t seconds, long nanoseconds) {
    return {seconds, nanoseconds};
}

TEST(Timestamp, IsRfc3339InUtc) {
    EXPECT_EQ(Timestamp(at(0, 0)).view(), "1970-01-01T00:00:00.000000000Z");
    EXPECT_EQ(Timestamp(at(951782399, 1)).view(), "2000-02-28T23:59:59.000000001Z");
    EXPECT_EQ(Timestamp(at(951782400, 0)).view(), "2000-02-29T00:00:00.000000000Z");
    EXPECT_EQ(Timestamp(at(4107542399, 999999999)).view(), "2100-02-28T23:59:59.999999999Z");
    EXPECT_EQ(Timestamp(at(4107542400, 0)).view(), "2100-03-01T00:00:00.000000000Z");
}

TEST(Timestamp, AgreesWithTheCLibraryOnEveryDayOfFourCenturies) {
    for (time_t day = 0; day < 146097; ++day) {
        time_t seconds = day * 86400 + day % 86400;
        tm expected{};
        gmtime_r(&seconds, &expected);
        char text[40];
        strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S.000000000Z", &expected);
        ASSERT_EQ(Timestamp(at(seconds, 0)).view(), text);
    }
}

TEST(LogLine, Forms) {
    EXPECT_EQ(log_line(LogFormat::Json, log::Level::Error, "a \"b\"\\", at(0, 5)),
              "{\"level\":\"error\",\"msg\":\"a \\\"b\\\"\\\\\",\"time\":\"1970-01-01T00:00:00.000000005Z\"}\n");
    EXPECT_EQ(log_line(LogFormat::Text, log::Level::Warning, "a b", at(0, 0)),
              "time=\"1970-01-01T00:00:00.000000000Z\" level=warning msg=\"a b\"\n");
}

TEST(JsonString, EscapesWhatJsonForbids) {
    EXPECT_EQ(json_string(std::string("\n\t\r\x01\0\x7f", 6)), R"("\n\t\u000d\u0001\u0000\u007f")");
    EXPECT_EQ(json_string("z\u00e4\u20ac\U0001f600"), "\"z\u00e4\u20ac\U0001f600\"");
}

TEST(JsonString, ReplacesWhatIsNoUtf8) {
    EXPECT_EQ(json_string("a\xffz"), R"("a\ufffdz")");
    EXPECT_EQ(json_string("\xc3"), R"("\ufffd")");
    EXPECT_EQ(json_string("\xc0\xaf"), R"("\ufffd\ufffd")") << "overlong";
    EXPECT_EQ(json_string("\xed\xa0\x80"), R"("\ufffd\ufffd\ufffd")") << "surrogate";
    EXPECT_EQ(json_string("\xf4\x90\x80\x80"), R"("\ufffd\ufffd\ufffd\ufffd")") << "above U+10FFFF";
}

}  // namespace
}  // namespace arca::cli
