// Configurations that are wrong: refused with the place and the cause, and nothing is changed or left.
#include <unistd.h>

#include "harness/container.hpp"

using namespace integration;

namespace {
struct Case {
    const char* name;
    const char* pointer;  ///< JSON pointer of the wrong entry, which arca must name
    const char* value;    ///< JSON to put there; empty: remove the entry
    bool runc_refuses;
    const char* shown = nullptr;  ///< pointer in the message when it differs from `pointer`
};

const Case kCases[] = {
    {"VersionMissing", "/ociVersion", "", false},
    {"VersionNotSemantic", "/ociVersion", "\"invalid\"", false},
    {"VersionOfAnotherMajor", "/ociVersion", "\"2.0.0\"", false},
    {"VersionNotAString", "/ociVersion", "1", true},
    {"RootMissing", "/root", "", true},
    {"RootPathMissing", "/root/path", "", true},
    {"RootPathEmpty", "/root/path", "\"\"", true},
    {"RootPathNotAString", "/root/path", "7", true},
    {"RootReadonlyNotABoolean", "/root/readonly", "\"yes\"", true},
    {"ProcessNotAnObject", "/process", "[]", true},
    {"ArgsEmpty", "/process/args", "[]", true},
    {"ArgsNotStrings", "/process/args", "[1]", true, "/process/args/0"},
    {"ArgsNotAnArray", "/process/args", "\"sh\"", true},
    {"CwdMissing", "/process/cwd", "", true},
    {"CwdNotAString", "/process/cwd", "{}", true},
    {"UidAString", "/process/user/uid", "\"0\"", true},
    {"UidNegative", "/process/user/uid", "-1", true},
    {"UidTooLarge", "/process/user/uid", "4294967296", true},
    {"UidAFraction", "/process/user/uid", "0.5", true},
    {"EnvNotAnArray", "/process/env", "{\"A\":\"b\"}", true},
    {"EnvWithoutEqualsSign", "/process/env/0", "\"NOEQUALS\"", false},
    {"CapabilitiesNotAnObject", "/process/capabilities", "[\"CAP_KILL\"]", true},
    {"RlimitSoftAboveHard", "/process/rlimits/0/soft", "4096", true, "/process/rlimits/0"},
    {"RlimitTypeMissing", "/process/rlimits/0/type", "", true},
    {"TerminalNotABoolean", "/process/terminal", "1", true},
    {"HostnameNotAString", "/hostname", "7", true},
    {"MountsNotAnArray", "/mounts", "{}", true},
    {"MountDestinationMissing", "/mounts/0/destination", "", false},
    {"MountDestinationEmpty", "/mounts/0/destination", "\"\"", false},
    {"MountOptionsNotAnArray", "/mounts/1/options", "\"ro\"", true},
    {"LinuxNotAnObject", "/linux", "[]", true},
    {"NamespacesNotAnArray", "/linux/namespaces", "{}", true},
    {"NamespaceTypeMissing", "/linux/namespaces/0/type", "", true},
    {"NamespacePathRelative", "/linux/namespaces/1/path", "\"proc/self/ns/net\"", true},
    {"DeviceRuleTypeUnknown", "/linux/resources/devices/0/type", "\"x\"", true},
    {"DeviceRuleAccessUnknown", "/linux/resources/devices/0/access", "\"q\"", false},
    {"MaskedPathsNotAnArray", "/linux/maskedPaths", "\"/x\"", true},
    {"MaskedPathRelative", "/linux/maskedPaths/0", "\"x\"", false},
    {"SysctlNotStrings", "/linux/sysctl", "{\"net.ipv4.ip_forward\":1}", true, "/linux/sysctl/net.ipv4.ip_forward"},
    {"HooksNotAnObject", "/hooks", "[]", true},
    {"HookPathMissing", "/hooks", "{\"poststop\":[{\"args\":[\"x\"]}]}", false, "/hooks/poststop/0/path"},
    {"AnnotationsNotStrings", "/annotations", "{\"a\":1}", true, "/annotations/a"},
    {"IdMappingsNotAnArray", "/linux/uidMappings", "{}", true},
    {"SeccompActionMissing", "/linux/seccomp", "{\"syscalls\":[]}", false, "/linux/seccomp/defaultAction"},
    {"PropagationNotAString", "/linux/rootfsPropagation", "1", true},
    {"PidsLimitAString", "/linux/resources/pids", "{\"limit\":\"9\"}", true, "/linux/resources/pids/limit"},
    {"MemoryLimitAFraction", "/linux/resources/memory", "{\"limit\":1.5}", true, "/linux/resources/memory/limit"},
    {"CgroupsPathNotAString", "/linux/cgroupsPath", "{}", true},
    {"SchedulerPolicyUnknown", "/process/scheduler", "{\"policy\":\"SCHED_NONSENSE\"}", false,
     "/process/scheduler/policy"},
    {"IoPriorityClassUnknown", "/process/ioPriority", "{\"class\":\"NONSENSE\",\"priority\":1}", false,
     "/process/ioPriority/class"},
    {"PersonalityUnknown", "/linux/personality", "{\"domain\":\"NONSENSE\"}", false, "/linux/personality/domain"},
};
}  // namespace

class ErrorsOfConfiguration : public ContainerTest, public testing::WithParamInterface<Case> {};

TEST_P(ErrorsOfConfiguration, RefusedWithTheirPlace) {
    const Case& wrong = GetParam();
    if (!wrong.runc_refuses) REQUIRE_ARCA("the peers accept it, or crash");
    SKIP_FOR(Crun, "reads many wrong types as something else");
    REQUIRE_ROOT();  // the rootless configuration has no resources
    Json::json_pointer pointer(wrong.pointer);
    if (wrong.value[0] == '\0') {
        bundle.config[pointer.parent_pointer()].erase(pointer.back());
    } else {
        bundle.config[pointer] = Json::parse(wrong.value);
    }
    bool without_path = !bundle.config.contains("/linux/cgroupsPath"_json_pointer) ||
                        !bundle.config["linux"]["cgroupsPath"].is_string();
    Output output = container.create();
    EXPECT_EQ(output.status, 1) << output;
    EXPECT_FALSE(output.err.empty());
    EXPECT_FALSE(std::filesystem::exists(root() / container.id));
    if (without_path) bundle.config["linux"] = Json::object();  // nothing for the harness to look after
    if (facts().kind != Kind::Arca) return;
    std::string shown = wrong.shown != nullptr ? wrong.shown : wrong.pointer;
    EXPECT_TRUE(contains(output.err, shown)) << "wanted " << shown << "\n" << output;
    for (const char* phrase : {"no such file or directory", "permission denied", "operation not permitted"}) {
        EXPECT_FALSE(contains(output.err, phrase)) << "engines read this as a missing program: " << output;
    }
}

INSTANTIATE_TEST_SUITE_P(Wrong, ErrorsOfConfiguration, testing::ValuesIn(kCases),
                         [](const auto& each) { return std::string(each.param.name); });

class Errors : public ContainerTest {
  protected:
    Output create_with(const std::string& text) {
        bundle.write();
        write_file(bundle.path() / "config.json", text);
        return runtime({"create", "--bundle", bundle.path().string(), container.id});
    }
    void TearDown() override {
        EXPECT_FALSE(std::filesystem::exists(root() / container.id));
        ContainerTest::TearDown();
    }
};

TEST_F(Errors, NoConfiguration) {
    Output output = runtime({"create", "--bundle", work.path().string(), container.id});
    EXPECT_EQ(output.status, 1);
    EXPECT_TRUE(contains(output.err, "config.json")) << output;
}

TEST_F(Errors, NoBundle) {
    Output output = runtime({"create", "--bundle", (work / "absent").string(), container.id});
    EXPECT_EQ(output.status, 1);
    EXPECT_TRUE(contains(output.err, (work / "absent").string())) << output;
}

TEST_F(Errors, EmptyConfiguration) {
    EXPECT_EQ(create_with("").status, 1);
}
TEST_F(Errors, ConfigurationThatIsNoObject) {
    EXPECT_EQ(create_with("[]").status, 1);
}

TEST_F(Errors, SyntaxErrorIsLocated) {
    Output output = create_with("{\n  \"ociVersion\": \"1.0.2\",\n  oops\n}");
    EXPECT_EQ(output.status, 1);
    if (facts().kind != Kind::Arca) return;
    EXPECT_TRUE(contains(output.err, "line 3")) << output;
}

TEST_F(Errors, TruncatedConfiguration) {
    EXPECT_EQ(create_with(bundle.config.dump().substr(0, 400)).status, 1);
}

TEST_F(Errors, DeeplyNestedConfiguration) {
    Output output = create_with(std::string(200000, '[') + std::string(200000, ']'));
    EXPECT_EQ(output.status, 1) << output.status;
}

TEST_F(Errors, BinaryConfiguration) {
    EXPECT_EQ(create_with(std::string("\x7f"
                                      "ELF\0\0\0",
                                      7))
                  .status,
              1);
}

TEST_F(Errors, UnknownPropertiesAreIgnored) {
    bundle.config["ofTheFuture"] = {{"a", {1, 2, 3}}};
    bundle.process()["ofTheFuture"] = true;
    bundle.linux_()["ofTheFuture"] = "x";
    EXPECT_EQ(container.run().out, "hello\n");
}

TEST_F(Errors, OtherPlatformsAreIgnored) {
    bundle.config["windows"] = {{"layerFolders", {"C:\\Layers"}}};
    bundle.config["solaris"] = {{"milestone", "svc:/milestone/container:default"}};
    EXPECT_EQ(container.run().out, "hello\n");
}

TEST_F(Errors, NullsAreAbsence) {
    // Go writes null for empty lists and maps.
    bundle.config["annotations"] = nullptr;
    bundle.config["hooks"] = nullptr;
    bundle.linux_()["devices"] = nullptr;
    bundle.linux_()["sysctl"] = nullptr;
    bundle.process()["rlimits"] = nullptr;
    EXPECT_EQ(container.run().out, "hello\n");
}

TEST_F(Errors, NewerMinorVersionRuns) {
    bundle.config["ociVersion"] = "1.99.0";
    EXPECT_EQ(container.run().out, "hello\n");
}

TEST_F(Errors, DevelopmentVersionRuns) {
    bundle.config["ociVersion"] = "1.0.2-dev";
    EXPECT_EQ(container.run().out, "hello\n");
}

TEST_F(Errors, LargeNumbersAreRead) {
    bundle.process()["rlimits"] = {
        {{"type", "RLIMIT_CPU"}, {"soft", 18446744073709551615U}, {"hard", 18446744073709551615U}}};
    EXPECT_EQ(probe({"limits"})["RLIMIT_CPU"], Json({-1, -1}));
}

TEST_F(Errors, MissingLinuxBlockRuns) {
    REQUIRE_ROOT();
    REQUIRE_ARCA("config.md: linux is optional");
    bundle.config.erase("linux");
    bundle.config.erase("hostname");
    bundle.config["mounts"] = Json::array();
    Output output = container.run();
    EXPECT_EQ(output.status, 1) << "without a mount namespace there is nowhere to put the root file system";
    bundle.config["linux"] = Json::object();
}

TEST_F(Errors, SeveralAtOnce) {
    REQUIRE_ARCA("all errors of a file at once");
    bundle.process()["cwd"] = 7;
    bundle.config["root"]["path"] = 8;
    Output output = container.create();
    EXPECT_TRUE(contains(output.err, "/process/cwd")) << output;
    EXPECT_TRUE(contains(output.err, "/root/path")) << output;
}

TEST_F(Errors, FailureInTheMiddleLeavesNothing) {
    bundle.add_mount("/mnt", "tmpfs", "tmpfs", {});
    bundle.add_mount("/mnt/x", "bind", (work / "absent").string(), {"bind"});
    for (int i = 0; i < 3; ++i)
        expect_create_fails();
}

TEST_F(Errors, FailureAtTheEndLeavesNothing) {
    bundle.args({"/bin/absent"});
    for (int i = 0; i < 3; ++i)
        expect_create_fails("/bin/absent");
}

TEST_F(Errors, FailedRunLeavesNothing) {
    bundle.args({"/bin/absent"});
    Output output = container.run();
    EXPECT_EQ(output.status, 1) << output;
}

TEST_F(Errors, ExhaustedUserNamespacesAreNamed) {
    REQUIRE_ROOT();
    REQUIRE_ARCA("names the limit");
    // The limit is of the runtime's own user namespace; ours may not be changed, so ask for one line too many.
    bundle.set_namespace("user");
    bundle.linux_()["uidMappings"] = {{{"containerID", 0}, {"hostID", 100000}, {"size", 10}},
                                      {{"containerID", 5}, {"hostID", 200000}, {"size", 10}}};
    bundle.linux_()["gidMappings"] = bundle.linux_()["uidMappings"];
    Output output = container.create();
    EXPECT_EQ(output.status, 1);
    EXPECT_TRUE(contains(output.err, "uidMappings") || contains(output.err, "uid_map")) << output;
}
