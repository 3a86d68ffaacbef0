// What `arca features` tells is what the parser takes, name by name and both ways: engines decide by it what to ask
// for.
#include <gmock/gmock.h>

#include <algorithm>

#include "arca/container.hpp"
#include "base/text.hpp"
#include "mounts/options.hpp"
#include "seccomp/program.hpp"
#include "spec/names.hpp"
#include "spec/parse.hpp"

namespace arca {
namespace {

using testing::Contains;
using testing::IsEmpty;
using testing::Not;
using testing::UnorderedElementsAreArray;
using Names = std::vector<std::string>;

/// The strings of the first array of that name in the document.
Names told(std::string_view key) {
    auto document = features_json();
    auto from = document.find(text::cat("\"", key, "\": ["));
    if (from == std::string::npos) return {};
    from = document.find('[', from);
    auto part = document.substr(from, document.find(']', from) - from);
    Names names;
    for (std::size_t i = 1; auto piece : text::split(part, '"'))
        if (i++ % 2 == 0) names.emplace_back(piece);
    return names;
}

/// Whether a configuration with these members is taken without an error and without a note.
bool is_taken(std::string_view process, std::string_view top) {
    std::vector<spec::Note> notes;
    auto config = spec::load_config(
        "config.json",
        text::cat(R"({"ociVersion":"1.3.0","root":{"path":"/r"},"process":{"cwd":"/","user":{"uid":0,"gid":0},)",
                  R"("args":["sh"])", process, "}", top, "}"),
        notes);
    if (!config) ADD_FAILURE() << config.error().message();
    for (const auto& note : notes)
        ADD_FAILURE() << note.pointer << ": " << note.text;
    return config && notes.empty();
}

bool is_taken_by_seccomp(std::string_view members) {
    return is_taken("", text::cat(R"(,"linux":{"seccomp":{)", members, "}}"));
}

template<class Table>
Names names_of(const Table& table) {
    return Names(table.begin(), table.end());
}

TEST(FeaturesAndParser, Capabilities) {
    auto names = told("capabilities");
    EXPECT_THAT(names, UnorderedElementsAreArray(names_of(spec::kCapabilities)));
    for (const auto& name : names)
        EXPECT_TRUE(is_taken(text::cat(R"(,"capabilities":{"bounding":[")", name, "\"]}"), "")) << name;
}

TEST(FeaturesAndParser, Namespaces) {
    auto names = told("namespaces");
    EXPECT_THAT(names, UnorderedElementsAreArray(names_of(spec::kNamespaceNames)));
    EXPECT_FALSE(names.empty());
}

TEST(FeaturesAndParser, Hooks) {
    EXPECT_THAT(told("hooks"), UnorderedElementsAreArray(names_of(spec::kHookNames)));
    for (const auto& name : told("hooks"))
        EXPECT_TRUE(is_taken("", text::cat(R"(,"hooks":{")", name, R"(":[{"path":"/bin/true"}]})"))) << name;
}

TEST(FeaturesAndParser, SeccompActions) {
    auto names = told("actions");
    EXPECT_THAT(names, UnorderedElementsAreArray(names_of(spec::kSeccompActions)));
    for (const auto& name : names)
        EXPECT_TRUE(is_taken_by_seccomp(text::cat(
            R"("defaultAction":"SCMP_ACT_ALLOW","listenerPath":"/s","syscalls":[{"names":["getcwd"],"action":")", name,
            "\"}]")))
            << name;
}

TEST(FeaturesAndParser, SeccompOperators) {
    auto names = told("operators");
    EXPECT_THAT(names, UnorderedElementsAreArray(names_of(spec::kSeccompOperators)));
    for (const auto& name : names)
        EXPECT_TRUE(is_taken_by_seccomp(
            text::cat(R"("defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["getcwd"],"action":"SCMP_ACT_ERRNO",)",
                      R"("args":[{"index":0,"value":1,"valueTwo":1,"op":")", name, "\"}]}]")))
            << name;
}

TEST(FeaturesAndParser, SeccompArchitectures) {
    auto names = told("archs");
    EXPECT_THAT(names, Not(IsEmpty()));
    for (const auto& name : names) {
        EXPECT_THAT(names_of(spec::kSeccompArchitectures), Contains(name));
        EXPECT_TRUE(
            is_taken_by_seccomp(text::cat(R"("defaultAction":"SCMP_ACT_ALLOW","architectures":[")", name, "\"]")))
            << name;
    }
}

TEST(FeaturesAndParser, SeccompFlags) {
    auto known = told("knownFlags");
    EXPECT_THAT(known, UnorderedElementsAreArray(names_of(spec::kSeccompFlags)));
    for (const auto& name : known)
        EXPECT_TRUE(is_taken_by_seccomp(text::cat(R"("defaultAction":"SCMP_ACT_ALLOW","flags":[")", name, "\"]")))
            << name;
    for (const auto& name : told("supportedFlags"))
        EXPECT_THAT(known, Contains(name));
    EXPECT_THAT(told("supportedFlags"), UnorderedElementsAreArray(seccomp::supported_flags()));
}

// Words that are no option are data of the file system, so there is no refusal that could tell the two apart.
TEST(FeaturesAndParser, MountOptions) {
    auto names = told("mountOptions");
    EXPECT_THAT(names, Contains("rro"));
    for (const auto& name : names)
        EXPECT_NE(mounts::find_option(name), nullptr) << name;
    for (const auto& option : mounts::option_table())
        EXPECT_THAT(names, Contains(std::string(option.name)));
}

TEST(FeaturesAndParser, MemoryPolicy) {
    EXPECT_THAT(told("modes"), UnorderedElementsAreArray(names_of(spec::kMemoryPolicyModes)));
    EXPECT_THAT(told("flags"), UnorderedElementsAreArray(names_of(spec::kMemoryPolicyFlags)));
}

TEST(FeaturesAndParser, AnnotationsThatMatterAreNamedUnsafe) {
    auto names = told("potentiallyUnsafeConfigAnnotations");
    EXPECT_THAT(names, Contains("run.arca."));  // a final dot: every name that begins so
}

}  // namespace
}  // namespace arca
