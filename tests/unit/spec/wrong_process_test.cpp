#include <gtest/gtest.h>

#include "wrong.hpp"

namespace arca::spec::testing {
namespace {

void expect_wrong(const std::vector<Wrong>& table) {
    expect_each(table, [](std::string_view fragment) { return config_with("", fragment); });
}

TEST(WrongProcess, Basics) {
    expect_wrong({
        {R"("terminal": "true")", "/process/terminal", "expected true or false, got string \"true\""},
        {R"("consoleSize": {"height": 10})", "/process/consoleSize/width", "required, but missing"},
        {R"("consoleSize": {"height": 65536, "width": 1})", "/process/consoleSize/height",
         "65536 is out of range: expected 0 to 65535"},
        {R"("cwd": null)", "/process/cwd", "required, but missing"},
        {R"("cwd": "")", "/process/cwd", "expected an absolute path, got \"\""},
        {R"("cwd": "work")", "/process/cwd", "expected an absolute path, got \"work\""},
        {R"("cwd": 7)", "/process/cwd", "expected a string, got number 7"},
        {R"("args": null)", "/process/args", "must name at least the program to run"},
        {R"("args": [])", "/process/args", "must name at least the program to run"},
        {R"("args": [""])", "/process/args/0", "the name of the program is empty"},
        {R"("args": "sh -c true")", "/process/args", "expected an array, got string \"sh -c true\""},
        {R"("args": ["sh", null])", "/process/args/1", "expected a string, got null"},
        {R"("args": ["sh", "a\u0000b"])", "/process/args/1", "the string has a NUL byte in it"},
        {R"("env": {"A": "b"})", "/process/env", "expected an array, got an object"},
        {R"("env": ["A=b", "PATH"])", "/process/env/1", "expected NAME=value, there is no = in it"},
        {R"("env": ["=x"])", "/process/env/0", "the name before the = is empty"},
        {R"("env": [""])", "/process/env/0", "expected NAME=value, there is no = in it"},
        {R"("env": ["A=\u0000"])", "/process/env/0", "the string has a NUL byte in it"},
        {R"("noNewPrivileges": 1)", "/process/noNewPrivileges", "expected true or false, got number 1"},
        {R"("oomScoreAdj": 1001)", "/process/oomScoreAdj", "1001 is out of range: expected -1000 to 1000"},
        {R"("oomScoreAdj": -1001)", "/process/oomScoreAdj", "-1001 is out of range: expected -1000 to 1000"},
        {R"("oomScoreAdj": 4294967296)", "/process/oomScoreAdj",
         "4294967296 is out of range: expected -2147483648 to 2147483647"},
        {R"("oomScoreAdj": "100")", "/process/oomScoreAdj", "expected an integer, got string \"100\""},
        {R"("apparmorProfile": [])", "/process/apparmorProfile", "expected a string, got an array"},
        {R"("selinuxLabel": 0)", "/process/selinuxLabel", "expected a string, got number 0"},
    });
}

TEST(WrongProcess, User) {
    expect_wrong({
        {R"("user": 0)", "/process/user", "expected an object, got number 0"},
        {R"("user": {"uid": "0", "gid": 0})", "/process/user/uid", "expected an unsigned integer, got string \"0\""},
        {R"("user": {"uid": -1})", "/process/user/uid", "expected an unsigned integer, got number -1"},
        {R"("user": {"uid": 4294967296})", "/process/user/uid", "4294967296 is out of range: expected 0 to 4294967295"},
        {R"("user": {"uid": 4294967295})", "/process/user/uid", "4294967295 is no user id"},
        {R"("user": {"gid": 4294967295})", "/process/user/gid", "4294967295 is no group id"},
        {R"("user": {"gid": 1.0})", "/process/user/gid", "expected an unsigned integer, got number 1.0"},
        {R"("user": {"umask": 512})", "/process/user/umask", "512 has other than permission bits: expected 0 to 511"},
        {R"("user": {"additionalGids": 5})", "/process/user/additionalGids", "expected an array, got number 5"},
        {R"("user": {"additionalGids": [1, "2"]})", "/process/user/additionalGids/1",
         "expected an unsigned integer, got string \"2\""},
        {R"("user": {"additionalGids": [4294967295]})", "/process/user/additionalGids/0", "4294967295 is no group id"},
    });
}

TEST(WrongProcess, CapabilitiesAndLimits) {
    expect_wrong({
        {R"("capabilities": ["CAP_KILL"])", "/process/capabilities", "expected an object, got an array"},
        {R"("capabilities": {"bounding": "CAP_KILL"})", "/process/capabilities/bounding",
         "expected an array, got string \"CAP_KILL\""},
        {R"("capabilities": {"ambient": [1]})", "/process/capabilities/ambient/0", "expected a string, got number 1"},
        {R"("rlimits": {})", "/process/rlimits", "expected an array, got an object"},
        {R"("rlimits": [{"soft": 1, "hard": 1}])", "/process/rlimits/0/type", "required, but missing"},
        {R"("rlimits": [{"type": "RLIMIT_NOFILES", "soft": 1, "hard": 1}])", "/process/rlimits/0/type",
         "unknown rlimit type \"RLIMIT_NOFILES\"; did you mean \"RLIMIT_NOFILE\"?"},
        {R"("rlimits": [{"type": "nofile", "soft": 1, "hard": 1}])", "/process/rlimits/0/type",
         "unknown rlimit type \"nofile\""},
        {R"("rlimits": [{"type": "RLIMIT_CORE", "hard": 1}])", "/process/rlimits/0/soft", "required, but missing"},
        {R"("rlimits": [{"type": "RLIMIT_CORE", "soft": 1}])", "/process/rlimits/0/hard", "required, but missing"},
        {R"("rlimits": [{"type": "RLIMIT_CORE", "soft": -1, "hard": 1}])", "/process/rlimits/0/soft",
         "expected an unsigned integer, got number -1"},
        {R"("rlimits": [{"type": "RLIMIT_CORE", "soft": 1, "hard": 18446744073709551616}])", "/process/rlimits/0/hard",
         "18446744073709551616 is out of range: expected 0 to 18446744073709551615"},
        {R"("rlimits": [{"type": "RLIMIT_CORE", "soft": 2, "hard": 1}])", "/process/rlimits/0",
         "the soft limit 2 is above the hard limit 1"},
        {R"("rlimits": [{"type": "RLIMIT_CPU", "soft": 1, "hard": 1}, {"type": "RLIMIT_CPU", "soft": 1, "hard": 1}])",
         "/process/rlimits/1/type", "RLIMIT_CPU is given twice"},
    });
}

TEST(WrongProcess, Scheduling) {
    expect_wrong({
        {R"("scheduler": {})", "/process/scheduler/policy", "required, but missing"},
        {R"("scheduler": {"policy": "SCHED_BATCHED"})", "/process/scheduler/policy",
         "unknown scheduler policy \"SCHED_BATCHED\"; did you mean \"SCHED_BATCH\"?"},
        {R"("scheduler": {"policy": "FAIR"})", "/process/scheduler/policy",
         "unknown scheduler policy \"FAIR\"; known are SCHED_OTHER, SCHED_FIFO, SCHED_RR, SCHED_BATCH, SCHED_ISO, "
         "SCHED_IDLE, SCHED_DEADLINE"},
        {R"("scheduler": {"policy": "SCHED_ISO"})", "/process/scheduler/policy",
         "no Linux kernel implements SCHED_ISO"},
        {R"("scheduler": {"policy": "SCHED_OTHER", "nice": 20})", "/process/scheduler/nice",
         "20 is out of range: expected -20 to 19"},
        {R"("scheduler": {"policy": "SCHED_OTHER", "priority": 1})", "/process/scheduler/priority",
         "a priority is for SCHED_FIFO and SCHED_RR only"},
        {R"("scheduler": {"policy": "SCHED_FIFO"})", "/process/scheduler/priority",
         "SCHED_FIFO needs a priority from 1 to 99"},
        {R"("scheduler": {"policy": "SCHED_RR", "priority": 100})", "/process/scheduler/priority",
         "SCHED_RR needs a priority from 1 to 99"},
        {R"("scheduler": {"policy": "SCHED_OTHER", "runtime": 5})", "/process/scheduler",
         "runtime, deadline and period are for SCHED_DEADLINE only"},
        {R"("scheduler": {"policy": "SCHED_DEADLINE", "deadline": 5})", "/process/scheduler/runtime",
         "SCHED_DEADLINE needs a runtime"},
        {R"("scheduler": {"policy": "SCHED_DEADLINE", "runtime": 6, "deadline": 5})", "/process/scheduler",
         "SCHED_DEADLINE needs runtime <= deadline <= period"},
        {R"("scheduler": {"policy": "SCHED_DEADLINE", "runtime": 4, "deadline": 5, "period": 4})", "/process/scheduler",
         "SCHED_DEADLINE needs runtime <= deadline <= period"},
        {R"("scheduler": {"policy": "SCHED_OTHER", "flags": ["SCHED_FLAG_RESET"]})", "/process/scheduler/flags/0",
         "unknown scheduler flag \"SCHED_FLAG_RESET\"; known are SCHED_FLAG_RESET_ON_FORK, SCHED_FLAG_RECLAIM, "
         "SCHED_FLAG_DL_OVERRUN, SCHED_FLAG_KEEP_POLICY, SCHED_FLAG_KEEP_PARAMS, SCHED_FLAG_UTIL_CLAMP_MIN, "
         "SCHED_FLAG_UTIL_CLAMP_MAX"},
        {R"("ioPriority": {"priority": 1})", "/process/ioPriority/class", "required, but missing"},
        {R"("ioPriority": {"class": "IOPRIO_CLASS_BE"})", "/process/ioPriority/priority", "required, but missing"},
        {R"("ioPriority": {"class": "IOPRIO_CLASS_RE", "priority": 1})", "/process/ioPriority/class",
         "unknown class \"IOPRIO_CLASS_RE\"; did you mean \"IOPRIO_CLASS_RT\"?"},
        {R"("ioPriority": {"class": "IOPRIO_CLASS_BE", "priority": 8})", "/process/ioPriority/priority",
         "8 is out of range: expected 0 to 7"},
        {R"("execCPUAffinity": {"initial": "0-"})", "/process/execCPUAffinity/initial",
         "\"0-\" is no list of processors such as 0-3,7"},
        {R"("execCPUAffinity": {"final": "3-1"})", "/process/execCPUAffinity/final",
         "\"3-1\" is no list of processors such as 0-3,7"},
        {R"("execCPUAffinity": {"final": "99999999"})", "/process/execCPUAffinity/final",
         "\"99999999\" is no list of processors such as 0-3,7"},
    });
}

TEST(WrongProcess, DeadlineWithBoundProcessors) {
    auto parsed =
        parse_config(config_with("", R"("scheduler": {"policy": "SCHED_DEADLINE", "runtime": 1, "deadline": 2})",
                                 R"("resources": {"cpu": {"cpus": "0"}})"));
    EXPECT_THAT(in_lines(parsed),
                ::testing::ElementsAre("/process/scheduler/policy: SCHED_DEADLINE cannot be combined with "
                                       "linux.resources.cpu.cpus: such a process may not be bound to some processors"));
}

TEST(WrongProcess, AloneHasPointersOfItsOwn) {
    auto parsed = parse_process(R"({"args": ["x"], "cwd": "y", "user": {"uid": true}})");
    EXPECT_THAT(in_lines(parsed), ::testing::ElementsAre("/cwd: expected an absolute path, got \"y\"",
                                                         "/user/uid: expected an unsigned integer, got true"));
    EXPECT_THAT(in_lines(parse_process("[]")), ::testing::ElementsAre(": expected an object, got an array"));
}

}  // namespace
}  // namespace arca::spec::testing
