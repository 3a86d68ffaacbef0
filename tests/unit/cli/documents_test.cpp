// Manual pages and the contract tell the same commands, options, kinds of failures and steps as the program has.
#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>
#include <regex>
#include <set>
#include <sstream>

#include "arca/error.hpp"
#include "arca/step.hpp"
#include "cli/command_line.hpp"

namespace arca::cli {
namespace {

using testing::ElementsAreArray;
using testing::HasSubstr;
using Names = std::set<std::string>;

std::string read(const std::string& path) {
    auto top = std::filesystem::path(__FILE__).parent_path() / "../../..";
    std::ifstream stream(top / path);
    EXPECT_TRUE(stream) << path;
    std::stringstream text;
    text << stream.rdbuf();
    return text.str();
}

Names matches(const std::string& text, const std::string& pattern) {
    Names names;
    std::regex expression(pattern, std::regex::ECMAScript | std::regex::multiline);
    for (std::sregex_iterator at(text.begin(), text.end(), expression), end; at != end; ++at)
        names.insert((*at)[1]);
    return names;
}

Names long_options(const Grammar& grammar) {
    Names names;
    for (const auto& rule : grammar.options)
        names.insert(rule.name);
    return names;
}

/// Long options of the list in a page (".It Fl -name", ".It Fl n , Fl -name").
Names listed_options(const std::string& page) {
    Names names;
    for (const auto& line : matches(page, "^\\.It (Fl .*)$"))
        for (const auto& name : matches(line, "Fl -([a-z0-9-]+)"))
            names.insert(name);
    return names;
}

TEST(Documents, EachCommandHasAPageWithItsOptions) {
    for (const auto& command : command_names()) {
        auto page = read("man/arca-" + command + ".8");
        EXPECT_THAT(listed_options(page), ElementsAreArray(long_options(grammar_of(command)))) << command;
        EXPECT_THAT(read("man/arca.8"), HasSubstr(".It Xr arca-" + command + " 8\n"));
    }
}

TEST(Documents, LettersOfOptionsAreInThePages) {
    for (const auto& command : command_names()) {
        auto page = read("man/arca-" + command + ".8");
        for (const auto& rule : grammar_of(command).options) {
            if (rule.letters.empty()) continue;
            EXPECT_THAT(page, HasSubstr(".It Fl " + rule.letters + " , Fl -" + rule.name));
        }
    }
}

TEST(Documents, MainPageHasTheGlobalOptions) {
    auto expected = long_options(grammar_of(""));
    expected.insert({"help", "usage"});
    EXPECT_THAT(listed_options(read("man/arca.8")), ElementsAreArray(expected));
}

TEST(Documents, NoPageIsOfAnUnknownCommand) {
    auto commands = command_names();
    auto top = std::filesystem::path(__FILE__).parent_path() / "../../../man";
    for (const auto& entry : std::filesystem::directory_iterator(top)) {
        auto name = entry.path().stem().string();
        if (name == "arca" || name == "arca-errors") continue;
        EXPECT_THAT(commands, testing::Contains(name.substr(5)));
    }
}

TEST(Documents, ContractNamesEveryCommandAndOption) {
    auto contract = read("spec/cli.md");
    auto commands = command_names();
    commands.emplace_back();
    for (const auto& command : commands) {
        EXPECT_THAT(contract, HasSubstr("`" + command));
        for (const auto& rule : grammar_of(command).options)
            EXPECT_THAT(contract, HasSubstr("--" + rule.name));
    }
}

TEST(Documents, ContractNamesTestsThatExist) {
    std::string tests;
    for (const auto& entry : std::filesystem::directory_iterator(std::filesystem::path(__FILE__).parent_path()))
        tests += read("tests/unit/cli/" + entry.path().filename().string());
    for (const auto& line : matches(read("spec/cli.md"), "^Tests?: (.*)$"))
        for (const auto& name : matches(line, "`([A-Za-z]+)[.*]*`"))
            EXPECT_NE(tests.find(name), std::string::npos) << name;
    for (const auto& row : matches(read("spec/cli.md"), "^\\| L[0-9]+ .*\\| (`[^|]*`) \\|$"))
        for (const auto& name : matches(row, "`([A-Za-z0-9]+)`"))
            EXPECT_NE(tests.find(name), std::string::npos) << name;
}

std::string part(const std::string& page, const std::string& from, const std::string& to) {
    auto begin = page.find(from);
    return page.substr(begin, page.find(to) - begin);
}

TEST(Documents, EachKindOfFailureIsExplained) {
    Names kinds;
    for (std::uint16_t code = 0; name(static_cast<Code>(code)) != "?"; ++code)
        kinds.emplace(name(static_cast<Code>(code)));
    auto page = part(read("man/arca-errors.7"), ".Sh KINDS", ".Sh STEPS");
    EXPECT_THAT(matches(page, "^\\.It Sy (.*)$"), ElementsAreArray(kinds));
}

TEST(Documents, EachStepIsExplained) {
    Names steps = {"Begin", "End"};  // of the trace alone
    for (std::uint16_t step = 1; step < kStepCount; ++step)
        steps.emplace(name(static_cast<Step>(step)));
    auto page = part(read("man/arca-errors.7"), ".Sh STEPS", ".Sh SEE ALSO");
    EXPECT_THAT(matches(page, "^\\.It Sy (.*)$"), ElementsAreArray(steps));
}

}  // namespace
}  // namespace arca::cli
