#include "base/progress.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <unistd.h>

#include <fstream>
#include <regex>
#include <set>

#include "../support/in_child.hpp"
#include "../support/temporary_directory.hpp"
#include "base/text.hpp"

namespace arca {
namespace {

using testing::HasSubstr;
using testing::Not;

/// The enumerators of Step as step.hpp writes them.
std::vector<std::string> steps_of_the_header() {
    std::ifstream file(std::filesystem::path(__FILE__).parent_path() / "../../../include/arca/step.hpp");
    std::string line;
    std::vector<std::string> steps;
    while (std::getline(file, line) && !line.starts_with("enum class Step")) {
    }
    const std::regex enumerator("\\s+([A-Z][A-Za-z]*),.*");
    for (std::smatch match; std::getline(file, line) && !line.starts_with("}");)
        if (std::regex_match(line, match, enumerator)) steps.push_back(match[1]);
    return steps;
}

TEST(Steps, NamesAreThoseOfTheEnumInItsOrder) {
    const auto steps = steps_of_the_header();
    ASSERT_EQ(steps.size(), kStepCount);
    for (std::uint16_t i = 0; i < kStepCount; ++i)
        EXPECT_EQ(name(static_cast<Step>(i)), steps[i]);
}

TEST(Steps, NamesAreUnique) {
    std::set<std::string_view> names;
    for (std::uint16_t i = 0; i < kStepCount; ++i)
        EXPECT_TRUE(names.insert(name(static_cast<Step>(i))).second) << name(static_cast<Step>(i));
}

TEST(Steps, AreMirroredToThePeer) {
    volatile Step shared = Step::None;
    progress::assume_role(Role::Init, &shared);
    EXPECT_EQ(progress::role(), Role::Init);
    progress::enter(Step::Pivot);
    EXPECT_EQ(Step{shared}, Step::Pivot);
    EXPECT_EQ(progress::current(), Step::Pivot);
    progress::finish();
    EXPECT_EQ(Step{shared}, Step::None);
    progress::assume_role(Role::Parent, nullptr);
    progress::enter(Step::Plan);
    EXPECT_EQ(Step{shared}, Step::None);
    progress::finish();
}

TEST(Trace, HasOneLineForEachFinishedStep) {
    const test::TemporaryDirectory directory;
    const auto path = directory / "trace";
    EXPECT_EQ("", test::in_child([&]() -> std::string {
                  progress::trace_to(::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600), "create", "00-abc-01");
                  progress::enter(Step::Plan);
                  progress::enter(Step::Fork);
                  progress::finish();
                  return "";
              }));
    std::ifstream file(path);
    const std::string content{std::istreambuf_iterator<char>(file), {}};
    const auto lines = text::split(content, '\n');
    ASSERT_EQ(lines.size(), 4U) << content;  // the last is empty
    const std::regex line(R"(\{"role":"parent","step":"Begin","operation":"create","start_ns":\d+,"duration_ns":\d+,)"
                          R"("pid":\d+,"traceparent":"00-abc-01"\})");
    EXPECT_TRUE(std::regex_match(std::string(lines[0]), line)) << lines[0];
    EXPECT_THAT(std::string(lines[1]), HasSubstr(R"("step":"Plan")"));
    EXPECT_THAT(std::string(lines[2]), HasSubstr(R"("step":"Fork")"));
}

TEST(Trace, ThatCannotBeWrittenChangesNothing) {
    EXPECT_EQ("", test::in_child([]() -> std::string {
                  progress::trace_to(::open("/dev/full", O_WRONLY), "create", "");
                  progress::enter(Step::Plan);
                  progress::enter(Step::Fork);
                  return progress::current() == Step::Fork ? "" : "lost the step";
              }));
}

}  // namespace
}  // namespace arca
