#include "cli/arguments.hpp"

#include <gmock/gmock.h>

#include "cli/command_line.hpp"

namespace arca::cli {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using Strings = std::vector<std::string>;

Grammar grammar(Reading reading = Reading::Interspersed) {
    return {{{"bundle", "b", Takes::Value},
             {"detach", "d", Takes::Nothing},
             {"tty", "t", Takes::Nothing},
             {"no-subreaper", "", Takes::Nothing},
             {"memory-swap", "", Takes::Value}},
            reading};
}

Arguments plain(const Strings& arguments, Reading reading = Reading::Interspersed) {
    auto read = normalise(arguments, grammar(reading));
    EXPECT_TRUE(read) << read.error().message();
    return read ? std::move(*read) : Arguments{};
}

std::string refusal(const Strings& arguments) {
    auto read = normalise(arguments, grammar());
    EXPECT_FALSE(read);
    if (read) return {};
    EXPECT_EQ(read.error().code(), Code::Usage);
    return read.error().message();
}

struct Spelling {
    Strings given;
    Strings plain;
};

class EverySpelling : public testing::TestWithParam<Spelling> {};

TEST_P(EverySpelling, IsMadePlain) {
    auto read = plain(GetParam().given);
    EXPECT_EQ(read.options, GetParam().plain);
    EXPECT_THAT(read.words, IsEmpty());
}

INSTANTIATE_TEST_SUITE_P(
    Arguments, EverySpelling,
    testing::Values(Spelling{{"--bundle", "/b"}, {"--bundle", "/b"}}, Spelling{{"--bundle=/b"}, {"--bundle", "/b"}},
                    Spelling{{"-bundle", "/b"}, {"--bundle", "/b"}}, Spelling{{"-bundle=/b"}, {"--bundle", "/b"}},
                    Spelling{{"-b", "/b"}, {"--bundle", "/b"}}, Spelling{{"-b=/b"}, {"--bundle", "/b"}},
                    Spelling{{"--b", "/b"}, {"--bundle", "/b"}}, Spelling{{"--bundle="}, {"--bundle", ""}},
                    Spelling{{"--bundle=a=b"}, {"--bundle", "a=b"}}, Spelling{{"--bundle", ""}, {"--bundle", ""}},
                    Spelling{{"-no-subreaper"}, {"--no-subreaper=true"}},
                    Spelling{{"--no-subreaper"}, {"--no-subreaper=true"}},
                    Spelling{{"--detach=false"}, {"--detach=false"}}, Spelling{{"-d=T"}, {"--detach=true"}},
                    Spelling{{"--detach=1"}, {"--detach=true"}}, Spelling{{"--detach=0"}, {"--detach=false"}},
                    Spelling{{"-td"}, {"--tty=true", "--detach=true"}},
                    Spelling{{"--memory-swap", "-1"}, {"--memory-swap", "-1"}},
                    Spelling{{"--memory-swap=-1"}, {"--memory-swap", "-1"}},
                    Spelling{{"--bundle", "--detach"}, {"--bundle", "--detach"}}));

TEST(Arguments, OptionsBehindTheIdAreRead) {
    auto read = plain({"web", "--detach", "TERM", "-b", "/x"});
    EXPECT_THAT(read.words, ElementsAre("web", "TERM"));
    EXPECT_THAT(read.options, ElementsAre("--detach=true", "--bundle", "/x"));
}

TEST(Arguments, WhatFollowsTheFirstWordBelongsToTheProgram) {
    auto read = plain({"-d", "web", "ls", "-la", "--detach", "--", "x"}, Reading::UntilFirstWord);
    EXPECT_THAT(read.options, ElementsAre("--detach=true"));
    EXPECT_THAT(read.words, ElementsAre("web", "ls", "-la", "--detach", "--", "x"));
}

TEST(Arguments, DashDashEndsOptions) {
    EXPECT_THAT(plain({"--", "-d", "web"}).words, ElementsAre("-d", "web"));
    EXPECT_THAT(plain({"web", "--", "-9"}).words, ElementsAre("web", "-9"));
}

TEST(Arguments, ALoneDashIsAWord) {
    EXPECT_THAT(plain({"-", "web"}).words, ElementsAre("-", "web"));
}

TEST(Arguments, HelpEndsReading) {
    for (const char* help : {"-h", "--help", "-help", "-?", "--usage"}) {
        auto read = plain({"web", help, "--unknown"});
        EXPECT_TRUE(read.help) << help;
    }
    EXPECT_FALSE(plain({"web", "ls", "--help"}, Reading::UntilFirstWord).help);
}

TEST(Arguments, RefusalsUseTheWordsThatEnginesSearchFor) {
    EXPECT_EQ(refusal({"--bundle"}), "flag needs an argument: -bundle");
    EXPECT_EQ(refusal({"-b"}), "flag needs an argument: -b");
    EXPECT_EQ(refusal({"--bogus=1", "web"}), "flag provided but not defined: -bogus");
    EXPECT_EQ(refusal({"web", "-9"}), "flag provided but not defined: -9");
    EXPECT_EQ(refusal({"-tx"}), "flag provided but not defined: -tx");
    EXPECT_EQ(refusal({"--td"}), "flag provided but not defined: -td");
    EXPECT_EQ(refusal({"-tb"}), "flag provided but not defined: -tb");
    EXPECT_THAT(refusal({"--detach=maybe"}), HasSubstr("invalid boolean value \"maybe\""));
}

LogRequest scan(const Strings& arguments) {
    return scan_log_options(arguments);
}

TEST(LogOptions, AreFoundInEveryDialect) {
    EXPECT_EQ(scan({"--log", "/l"}).name, "/l");
    EXPECT_EQ(scan({"-log=/l"}).name, "/l");
    EXPECT_EQ(scan({"--log=file:/l"}).name, "/l");
    EXPECT_EQ(scan({"--root", "/r", "--systemd-cgroup", "--log", "/l", "state"}).name, "/l");
    EXPECT_EQ(scan({"--log-format", "json"}).format, LogFormat::Json);
    EXPECT_EQ(scan({"--log-format=text"}).format, LogFormat::Text);
}

TEST(LogOptions, AreFoundBehindMistakes) {
    EXPECT_EQ(scan({"--bogus", "--log", "/l"}).name, "/l");
    EXPECT_EQ(scan({"--bogus=x", "--rootless=maybe", "--log", "/l"}).name, "/l");
}

TEST(LogOptions, OfTheProgramAreNotOurs) {
    EXPECT_EQ(scan({"exec", "web", "prog", "--log", "/l"}).name, "");
    EXPECT_EQ(scan({"--root", "--log", "/l"}).name, "") << "--log is the value of --root";
    EXPECT_EQ(scan({"--log"}).name, "");
}

TEST(LogOptions, StandardErrorNeedsNoFile) {
    EXPECT_EQ(scan({"--log", "/dev/stderr"}).kind, LogRequest::Kind::StandardError);
    EXPECT_EQ(scan({"--log", ""}).kind, LogRequest::Kind::StandardError);
    EXPECT_EQ(scan({"--log=file:"}).kind, LogRequest::Kind::StandardError);
    EXPECT_EQ(scan({"--log", "/l"}).kind, LogRequest::Kind::File);
}

TEST(LogOptions, LogsThatAreShared) {
    EXPECT_EQ(scan({"--log", "journald:web"}).kind, LogRequest::Kind::Journal);
    EXPECT_EQ(scan({"--log", "journald:web"}).name, "web");
    EXPECT_EQ(scan({"--log=syslog:web"}).kind, LogRequest::Kind::Syslog);
    EXPECT_EQ(scan({"--log=syslog:"}).name, "arca");
    EXPECT_EQ(scan({"--log", "syslog"}).kind, LogRequest::Kind::File) << "a file of that name";
}

// The scan has a table of its own, because it must work before anything else does.
TEST(LogOptions, ScanKnowsEveryGlobalOptionWithAValue) {
    for (const auto& rule : grammar_of("").options) {
        bool skipped = scan({"--" + rule.name, "--log", "--log=/l"}).name == "/l";
        EXPECT_EQ(skipped, rule.takes == Takes::Value) << rule.name;
    }
}

}  // namespace
}  // namespace arca::cli
