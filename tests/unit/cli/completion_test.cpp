// Each shell's completions know every command and every option.
#include "cli/completion.hpp"

#include <gmock/gmock.h>

#include "cli/command_line.hpp"

namespace arca::cli {
namespace {

using testing::HasSubstr;
using Make = std::string (*)();

struct Shell {
    const char* name;
    Make make;
    std::string (*option)(const std::string& name);  ///< how the shell writes an option
};

class Completion : public testing::TestWithParam<Shell> {};

TEST_P(Completion, KnowsEveryCommandAndOption) {
    auto text = GetParam().make();
    auto commands = command_names();
    for (const auto& command : commands)
        EXPECT_THAT(text, HasSubstr(command));
    commands.emplace_back();
    for (const auto& command : commands)
        for (const auto& option : grammar_of(command).options)
            EXPECT_THAT(text, HasSubstr(GetParam().option(option.name))) << command;
}

TEST_P(Completion, HasNoQuoteThatASummaryEnds) {
    for (const auto& command : command_names())
        EXPECT_EQ(text_of(command).summary.find_first_of("':"), std::string_view::npos) << command;
}

std::string plain(const std::string& name) {
    return "--" + name;
}
std::string for_fish(const std::string& name) {
    return " -l " + name;
}

INSTANTIATE_TEST_SUITE_P(Shells, Completion,
                         testing::Values(Shell{"bash", bash_completion, plain}, Shell{"zsh", zsh_completion, plain},
                                         Shell{"fish", fish_completion, for_fish}),
                         [](const auto& shell) { return std::string(shell.param.name); });

}  // namespace
}  // namespace arca::cli
