// What spec writes: the configuration template, the features document, the state object.
#include <gtest/gtest.h>

#include <algorithm>

#include "spec/config_template.hpp"
#include "spec/document.hpp"
#include "spec/features.hpp"
#include "spec/json_writer.hpp"
#include "spec/state_json.hpp"
#include "wrong.hpp"

namespace arca::spec::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;

Config parsed_template(TemplateKind kind, HostIds ids = {}) {
    auto parsed = parse_config(config_template(kind, ids));
    EXPECT_THAT(in_lines(parsed), IsEmpty());
    EXPECT_THAT(in_lines(parsed.notes), IsEmpty());
    return std::move(parsed.value);
}

const Mount* find_mount(const Config& config, std::string_view destination) {
    auto found = std::find_if(config.mounts.begin(), config.mounts.end(),
                              [&](const Mount& mount) { return mount.destination == destination; });
    return found == config.mounts.end() ? nullptr : &*found;
}

TEST(ConfigTemplate, Privileged) {
    auto config = parsed_template(TemplateKind::Privileged);
    EXPECT_EQ(config.oci_version, "1.3.0");
    EXPECT_TRUE(config.root.readonly);
    EXPECT_EQ(config.hostname, "arca");
    EXPECT_TRUE(config.process->terminal);
    EXPECT_TRUE(config.process->no_new_privileges);
    EXPECT_THAT(config.process->args, ElementsAre("sh"));
    EXPECT_THAT(config.process->capabilities->effective,
                ElementsAre("CAP_AUDIT_WRITE", "CAP_KILL", "CAP_NET_BIND_SERVICE"));
    EXPECT_EQ(config.process->rlimits.at(0).soft, 1024U);
    EXPECT_EQ(config.mounts.size(), 7U);
    EXPECT_THAT(find_mount(config, "/dev/pts")->options, ::testing::Contains("gid=5"));
    EXPECT_EQ(config.linux_.namespaces.size(), 6U);
    ASSERT_EQ(config.linux_.resources.devices.size(), 1U);
    EXPECT_FALSE(config.linux_.resources.devices[0].allow);
}

TEST(TreeConfig, GivesAwayLittle) {
    for (auto kind : {TemplateKind::Privileged, TemplateKind::Rootless}) {
        auto parsed =
            parse_config(tree_config({.rootfs = "/tree", .args = {"ls", "-la"}, .hostname = "x"}, kind, {7, 8}));
        EXPECT_THAT(in_lines(parsed), IsEmpty());
        EXPECT_THAT(in_lines(parsed.notes), IsEmpty());
        const auto& config = parsed.value;
        EXPECT_EQ(config.root.path, "/tree");
        EXPECT_TRUE(config.root.readonly);
        EXPECT_FALSE(config.process->terminal);
        EXPECT_TRUE(config.process->no_new_privileges);
        EXPECT_THAT(config.process->args, ElementsAre("ls", "-la"));
        EXPECT_THAT(config.process->capabilities->bounding, IsEmpty());
        EXPECT_THAT(config.process->capabilities->permitted, IsEmpty());
        EXPECT_NE(find_namespace(config, NamespaceType::Network), nullptr);
        EXPECT_EQ(find_namespace(config, NamespaceType::User) != nullptr, kind == TemplateKind::Rootless);
        EXPECT_TRUE(config.linux_.seccomp.has_value());
        EXPECT_NE(find_mount(config, "/tmp"), nullptr);
    }
}

TEST(TreeConfig, DoesWhatItIsAskedFor) {
    auto config = parse_config(tree_config({.rootfs = "t",
                                            .args = {"sh"},
                                            .env = {"PATH=/own"},
                                            .cwd = "/w",
                                            .capabilities = {"CAP_CHOWN"},
                                            .hostname = "x",
                                            .terminal = Terminal::With,
                                            .access = RootAccess::Writable},
                                           TemplateKind::Privileged, {}))
                      .value;
    EXPECT_FALSE(config.root.readonly);
    EXPECT_TRUE(config.process->terminal);
    EXPECT_EQ(config.process->cwd, "/w");
    EXPECT_EQ(config.process->env.back(), "PATH=/own") << "behind the default one";
    EXPECT_THAT(config.process->capabilities->effective, ElementsAre("CAP_CHOWN"));
}

TEST(ConfigTemplate, Rootless) {
    auto config = parsed_template(TemplateKind::Rootless, {1000, 100});
    EXPECT_EQ(config.linux_.uid_mappings, (std::vector<IdMapping>{{0, 1000, 1}}));
    EXPECT_EQ(config.linux_.gid_mappings, (std::vector<IdMapping>{{0, 100, 1}}));
    EXPECT_EQ(find_namespace(config, NamespaceType::Network), nullptr);
    EXPECT_NE(find_namespace(config, NamespaceType::User), nullptr);
    EXPECT_EQ(find_mount(config, "/sys")->source, "/sys");
    EXPECT_THAT(find_mount(config, "/sys")->options, ::testing::Contains("rbind"));
    EXPECT_THAT(find_mount(config, "/dev/pts")->options, ::testing::Not(::testing::Contains("gid=5")));
    EXPECT_THAT(config.linux_.resources.devices, IsEmpty());
}

TEST(ConfigTemplate, LooksAsGoWritesIt) {
    EXPECT_THAT(config_template(TemplateKind::Privileged),
                StartsWith("{\n\t\"ociVersion\": \"1.3.0\",\n\t\"process\": {\n\t\t\"terminal\": true,\n\t\t\"user\": "
                           "{\n\t\t\t\"uid\": 0,\n\t\t\t\"gid\": 0\n\t\t},\n\t\t\"args\": [\n\t\t\t\"sh\"\n\t\t],\n"));
}

FeatureFacts some_facts() {
    FeatureFacts facts;
    facts.mount_options = {"rw", "ro", "rro"};
    facts.cgroup_v2 = facts.seccomp = facts.id_mapped_mounts = facts.memory_policy = true;
    facts.seccomp_flags = {"SECCOMP_FILTER_FLAG_LOG"};
    facts.arca_version = "0.1.0";
    return facts;
}

TEST(Features, WhatEnginesRead) {
    auto text = features_document(some_facts());
    EXPECT_THAT(text,
                StartsWith("{\n    \"ociVersionMin\": \"1.0.0\",\n    \"ociVersionMax\": \"1.3.0\",\n    \"hooks\": "
                           "[\n        \"prestart\",\n        \"createRuntime\","));
    EXPECT_THAT(text, HasSubstr("\"mountOptions\": [\n        \"ro\",\n        \"rro\",\n        \"rw\"\n    ]"));
    EXPECT_THAT(text,
                HasSubstr("\"namespaces\": [\n            \"cgroup\",\n            \"ipc\",\n            \"mount\",\n"
                          "            \"network\",\n            \"pid\",\n            \"time\",\n"
                          "            \"user\",\n            \"uts\"\n        ]"));
    EXPECT_THAT(text, HasSubstr("\"idmap\": {\n                \"enabled\": true\n            }"));
    EXPECT_THAT(text, HasSubstr("\"cgroup\": {\n            \"v1\": false,\n            \"v2\": true,\n"));
    EXPECT_THAT(text, HasSubstr("\"supportedFlags\": [\n                \"SECCOMP_FILTER_FLAG_LOG\"\n            ]"));
    EXPECT_THAT(text, HasSubstr("\"annotations\": {\n        \"run.arca.version\": \"0.1.0\"\n    }"));
    EXPECT_THAT(text, HasSubstr("\"potentiallyUnsafeConfigAnnotations\": [\n        \"org.criu.config\""));
    EXPECT_THAT(text, ::testing::EndsWith("\n}\n"));
}

TEST(Features, EveryNameInTheTables) {
    auto text = features_document(some_facts());
    auto expect_all = [&](auto names) {
        for (auto name : names)
            EXPECT_THAT(text, HasSubstr("\"" + std::string(name) + "\""));
    };
    expect_all(kHookNames);
    expect_all(kCapabilities);
    expect_all(kSeccompActions);
    expect_all(kSeccompOperators);
    expect_all(kSeccompArchitectures);
    expect_all(kSeccompFlags);
    expect_all(kMemoryPolicyModes);
    expect_all(kMemoryPolicyFlags);
    EXPECT_EQ(kCapabilities.size(), 41U);
}

TEST(Features, AreJson) {
    EXPECT_TRUE(Document::parse(features_document(some_facts())).has_value());
    EXPECT_TRUE(Document::parse(features_document({})).has_value());
}

TEST(Features, WithoutSeccomp) {
    auto text = features_document({});
    EXPECT_THAT(text, HasSubstr("\"seccomp\": {\n            \"enabled\": false\n        }"));
    EXPECT_THAT(text, HasSubstr("\"mountOptions\": [],"));
}

StateFields some_state() {
    return {"1.3.0", "web", "creating", 42, "/b", {{"k", "v\n"}}, "/b/rootfs", "2024-01-01T00:00:00Z", "root"};
}

TEST(StateJson, ForHooks) {
    EXPECT_EQ(
        state_json(some_state(), StateForm::Hook),
        R"({"ociVersion":"1.3.0","id":"web","status":"creating","pid":42,"bundle":"/b","annotations":{"k":"v\n"}})");
    EXPECT_EQ(state_json({"1.3.0", "web", "stopped", 0, "/b"}, StateForm::Hook),
              R"({"ociVersion":"1.3.0","id":"web","status":"stopped","bundle":"/b"})");
}

TEST(StateJson, Full) {
    EXPECT_EQ(state_json(some_state(), StateForm::Full),
              "{\n  \"ociVersion\": \"1.3.0\",\n  \"id\": \"web\",\n  \"pid\": 42,\n  \"status\": \"creating\",\n"
              "  \"bundle\": \"/b\",\n  \"rootfs\": \"/b/rootfs\",\n  \"created\": \"2024-01-01T00:00:00Z\",\n"
              "  \"annotations\": {\n    \"k\": \"v\\n\"\n  },\n  \"owner\": \"root\"\n}");
    EXPECT_THAT(state_json({"1.3.0", "web", "stopped", 0, "/b"}, StateForm::Full), HasSubstr("\"pid\": 0,"));
}

TEST(StateJson, OfAContainerProcess) {
    EXPECT_EQ(container_process_state({"1.3.0", 7, "m", R"({"id":"web"})"}),
              R"({"ociVersion":"1.3.0","fds":["seccompFd"],"pid":7,"metadata":"m","state":{"id":"web"}})");
    EXPECT_THAT(container_process_state({"1.3.0", 7, "", "{}"}), Not(HasSubstr("metadata")));
}

std::string quoted(std::string_view text) {
    JsonWriter json("");
    json.value(text);
    return json.take();
}

TEST(JsonWriter, EscapesAndRepairs) {
    EXPECT_EQ(quoted("a\"b\\c\n\t\x01\x1f/\x7f"), "\"a\\\"b\\\\c\\n\\t\\u0001\\u001f/\x7f\"");
    EXPECT_EQ(quoted("\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80"), "\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\"");
    for (std::string_view broken : {"\xff", "\xc3", "\xc0", "\x80", "\xc1"})
        EXPECT_EQ(quoted(broken), "\"\xef\xbf\xbd\"") << static_cast<int>(broken[0]);
    EXPECT_EQ(quoted("\xed\xa0\x80"), "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"");
    EXPECT_EQ(quoted("\xe2\x82z"), "\"\xef\xbf\xbd\xef\xbf\xbdz\"");
    EXPECT_EQ(quoted("\xf4\x90\x80\x80").size(), 2U + 4 * 3);
}

TEST(JsonWriter, Nests) {
    JsonWriter json("");
    json.begin_object();
    json.member("a", std::vector<int>{1, -2});
    json.key("b");
    json.begin_object();
    json.end_object();
    json.member("c", ~0ULL);
    json.member("d", false);
    json.end_object();
    EXPECT_EQ(json.take(), R"({"a":[1,-2],"b":{},"c":18446744073709551615,"d":false})");
}

}  // namespace
}  // namespace arca::spec::testing
