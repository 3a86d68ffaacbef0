#include "container/exec_config.hpp"

#include <gtest/gtest.h>

#include <filesystem>

#include "../support/temporary_directory.hpp"
#include "container/launch/launch.hpp"
#include "spec/parse.hpp"

namespace arca::container {
namespace {

constexpr auto kEverything = R"({
    "ociVersion": "1.3.0", "root": {"path": "rootfs"},
    "process": {
        "terminal": true, "consoleSize": {"height": 24, "width": 80},
        "user": {"uid": 1, "gid": 2, "umask": 18, "additionalGids": [3, 4]},
        "args": ["sh", "-c", "echo \"a\u0001\""], "env": ["A=\u00e9", "B="], "cwd": "/home",
        "capabilities": {"bounding": ["CAP_KILL"], "effective": ["CAP_KILL"], "inheritable": [],
                         "permitted": ["CAP_KILL"], "ambient": []},
        "rlimits": [{"type": "RLIMIT_NOFILE", "soft": 18446744073709551615, "hard": 18446744073709551615}],
        "noNewPrivileges": true, "apparmorProfile": "p", "oomScoreAdj": -5, "selinuxLabel": "a:b:c",
        "scheduler": {"policy": "SCHED_FIFO", "priority": 3, "flags": ["SCHED_FLAG_RESET_ON_FORK"]},
        "ioPriority": {"class": "IOPRIO_CLASS_BE", "priority": 4},
        "execCPUAffinity": {"initial": "0", "final": "0-1"}
    },
    "annotations": {"run.oci.keep_original_groups": "1", "run.arca.landlock": "ro /", "other": "x"},
    "mounts": [{"destination": "/proc", "type": "proc", "source": "proc"}],
    "linux": {"personality": {"domain": "LINUX32"},
              "memoryPolicy": {"mode": "MPOL_BIND", "nodes": "0", "flags": ["MPOL_F_STATIC_NODES"]},
              "namespaces": [{"type": "pid"}, {"type": "mount"}],
              "seccomp": {"defaultAction": "SCMP_ACT_ALLOW"}}
})";

spec::Config read(std::string_view text) {
    std::vector<spec::Note> notes;
    auto config = spec::load_config("config.json", text, notes);
    EXPECT_TRUE(config) << config.error().message();
    return config ? std::move(*config) : spec::Config{};
}

// Whatever of the process is read is written: both readings are written down the same, and as long as the original.
TEST(ExecConfig, KeepsEverythingOfTheProcess) {
    const auto text = exec_config_json(read(kEverything));
    EXPECT_EQ(exec_config_json(read(text)), text);
    for (const char* member : {"terminal",
                               "consoleSize",
                               "user",
                               "umask",
                               "additionalGids",
                               "args",
                               "env",
                               "cwd",
                               "capabilities",
                               "rlimits",
                               "noNewPrivileges",
                               "apparmorProfile",
                               "oomScoreAdj",
                               "scheduler",
                               "selinuxLabel",
                               "ioPriority",
                               "execCPUAffinity",
                               "personality",
                               "memoryPolicy",
                               "run.oci.keep_original_groups",
                               "run.arca.landlock"})
        EXPECT_NE(text.find(std::string("\"") + member + "\":"), std::string::npos) << member;
    const auto again = read(text);
    EXPECT_EQ(again.process->args.at(2), "echo \"a\x01\"");
    EXPECT_EQ(again.process->rlimits.at(0).hard, UINT64_MAX);
    EXPECT_EQ(again.process->scheduler->priority, 3);
    EXPECT_EQ(again.process->exec_cpu_affinity->final, "0-1");
    EXPECT_EQ(again.linux_.memory_policy->nodes, "0");
    EXPECT_EQ(again.linux_.personality, spec::PersonalityDomain::Linux32);
}

TEST(ExecConfig, LeavesTheRest) {
    const auto text = exec_config_json(read(kEverything));
    for (const char* member : {"seccomp", "mounts", "namespaces", "other"})
        EXPECT_EQ(text.find(member), std::string::npos) << member;
}

TEST(ExecConfig, AContainerMayHaveNoProcess) {
    const auto text = exec_config_json(read(R"({"ociVersion": "1.0.0", "root": {"path": "r"}})"));
    EXPECT_FALSE(read(text).process);
}

TEST(ExecConfig, ContainersOfEarlierVersionsHaveTheWhole) {
    test::TemporaryDirectory root;
    auto store = Store::create(root.path(), "old");
    ASSERT_TRUE(store);
    ASSERT_TRUE(store->write_file(launch::kConfigName, kEverything));
    EXPECT_EQ(load_exec_config(*store)->process->cwd, "/home");
    auto changed = read(kEverything);
    changed.process->cwd = "/elsewhere";
    ASSERT_TRUE(save_exec_config(*store, changed));
    EXPECT_EQ(load_exec_config(*store)->process->cwd, "/elsewhere");
}

TEST(ExecConfig, OneThatCannotBeReadIsTold) {
    test::TemporaryDirectory root;
    auto store = Store::create(root.path(), "broken");
    ASSERT_TRUE(store->write_file("exec.json", "{"));
    const auto loaded = load_exec_config(*store);
    ASSERT_FALSE(loaded);
    EXPECT_NE(loaded.error().message().find("exec.json"), std::string::npos) << loaded.error().message();
}

}  // namespace
}  // namespace arca::container
