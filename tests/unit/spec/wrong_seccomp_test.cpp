#include <gtest/gtest.h>

#include "wrong.hpp"

namespace arca::spec::testing {
namespace {

void expect_wrong(const std::vector<Wrong>& table) {
    expect_each(table, [](std::string_view fragment) {
        return config_with("", "",
                           "\"seccomp\": {\"defaultAction\": \"SCMP_ACT_ALLOW\", " + std::string(fragment) + "}");
    });
}

void expect_wrong_rule(const std::vector<Wrong>& table) {
    expect_each(table, [](std::string_view fragment) {
        return config_with("", "",
                           R"("seccomp": {"defaultAction": "SCMP_ACT_ALLOW", "listenerPath": "/l", "syscalls": [)"
                           R"({"names": ["mount"], "action": "SCMP_ACT_ERRNO", )" +
                               std::string(fragment) + "}]}");
    });
}

TEST(WrongSeccomp, Filter) {
    expect_wrong({
        {R"("defaultAction": null)", "/linux/seccomp/defaultAction", "required, but missing"},
        {R"("defaultAction": "SCMP_ACT_ALOW")", "/linux/seccomp/defaultAction",
         "unknown seccomp action \"SCMP_ACT_ALOW\"; did you mean \"SCMP_ACT_ALLOW\"?"},
        {R"("defaultErrnoRet": 1)", "/linux/seccomp/defaultErrnoRet",
         "SCMP_ACT_ALLOW returns no errno: only SCMP_ACT_ERRNO and SCMP_ACT_TRACE do"},
        {R"("defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 4096)", "/linux/seccomp/defaultErrnoRet",
         "4096 is out of range: expected 0 to 4095"},
        {R"("defaultAction": "SCMP_ACT_TRACE", "defaultErrnoRet": 65536)", "/linux/seccomp/defaultErrnoRet",
         "65536 is out of range: expected 0 to 65535"},
        {R"("architectures": "SCMP_ARCH_X86")", "/linux/seccomp/architectures",
         "expected an array, got string \"SCMP_ARCH_X86\""},
        {R"("architectures": ["SCMP_ARCH_X8664"])", "/linux/seccomp/architectures/0",
         "unknown architecture \"SCMP_ARCH_X8664\"; did you mean \"SCMP_ARCH_X86_64\"?"},
        {R"("flags": ["LOG"])", "/linux/seccomp/flags/0",
         "unknown filter flag \"LOG\"; known are SECCOMP_FILTER_FLAG_TSYNC, SECCOMP_FILTER_FLAG_LOG, "
         "SECCOMP_FILTER_FLAG_SPEC_ALLOW, SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"},
        {R"("listenerMetadata": "m")", "/linux/seccomp/listenerMetadata", "needs a listenerPath"},
        {R"("syscalls": {})", "/linux/seccomp/syscalls", "expected an array, got an object"},
    });
}

TEST(WrongSeccomp, Rule) {
    expect_wrong_rule({
        {R"("names": null)", "/linux/seccomp/syscalls/0/names", "required, but missing"},
        {R"("names": [])", "/linux/seccomp/syscalls/0/names", "must name at least one system call"},
        {R"("names": ["read", ""])", "/linux/seccomp/syscalls/0/names/1", "must not be empty"},
        {R"("names": [5])", "/linux/seccomp/syscalls/0/names/0", "expected a string, got number 5"},
        {R"("action": null)", "/linux/seccomp/syscalls/0/action", "required, but missing"},
        {R"("action": "SCMP_ACT_KILL", "errnoRet": 1)", "/linux/seccomp/syscalls/0/errnoRet",
         "SCMP_ACT_KILL returns no errno: only SCMP_ACT_ERRNO and SCMP_ACT_TRACE do"},
        {R"("errnoRet": 5000)", "/linux/seccomp/syscalls/0/errnoRet", "5000 is out of range: expected 0 to 4095"},
        {R"("args": [{"value": 1, "op": "SCMP_CMP_EQ"}])", "/linux/seccomp/syscalls/0/args/0/index",
         "required, but missing"},
        {R"("args": [{"index": 6, "value": 1, "op": "SCMP_CMP_EQ"}])", "/linux/seccomp/syscalls/0/args/0/index",
         "6 is out of range: expected 0 to 5"},
        {R"("args": [{"index": 0, "value": 1}])", "/linux/seccomp/syscalls/0/args/0/op", "required, but missing"},
        {R"("args": [{"index": 0, "value": 1, "op": "SCMP_CMP_GTE"}])", "/linux/seccomp/syscalls/0/args/0/op",
         "unknown operator \"SCMP_CMP_GTE\"; did you mean \"SCMP_CMP_GE\"?"},
        {R"("args": [{"index": 0, "value": -1, "op": "SCMP_CMP_EQ"}])", "/linux/seccomp/syscalls/0/args/0/value",
         "expected an unsigned integer, got number -1"},
    });
}

}  // namespace
}  // namespace arca::spec::testing
