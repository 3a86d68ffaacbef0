#include <regex>

#include "harness/container.hpp"

using namespace integration;

/// The command line as engines use it: contract of spec/cli.md.
class Cli : public ContainerTest {
  protected:
    static Output call(Arguments words) {
        words.insert(words.begin(), facts().runtime);
        return Command(words).run();
    }
    Json last_log_line(const std::filesystem::path& file) {
        auto all = lines(read_file(file));
        return all.empty() ? Json() : Json::parse(all.back(), nullptr, false);
    }
};

TEST_F(Cli, VersionStartsWithNameAndVersion) {
    Output output = call({"--version"});
    EXPECT_TRUE(output.ok());
    EXPECT_EQ(output.err, "");
    EXPECT_TRUE(std::regex_search(output.out, std::regex(R"(^\w+ version \d+\.\d+)"))) << output;
    EXPECT_TRUE(contains(output.out, "\nspec: 1.")) << output;
}

TEST_F(Cli, VersionByLetter) {
    EXPECT_EQ(call({"-v"}).out, call({"--version"}).out);
}

TEST_F(Cli, HelpOfEveryCommand) {
    for (const char* command : {"create", "run", "start", "state", "kill", "delete", "list", "exec", "ps", "pause",
                                "resume", "spec", "features"}) {
        for (const char* flag : {"-h", "--help"}) {
            Output output = call({command, flag});
            EXPECT_TRUE(output.ok()) << output;
            EXPECT_TRUE(contains(output.text(), command)) << output;
        }
    }
}

TEST_F(Cli, GlobalHelp) {
    EXPECT_TRUE(call({"--help"}).ok());
    EXPECT_TRUE(call({"-h"}).ok());
}

TEST_F(Cli, UnknownCommand) {
    SKIP_FOR(Crun, "other words, status 1");
    Output output = call({"nonsense"});
    EXPECT_EQ(output.status, 3);
    EXPECT_TRUE(contains(output.text(), "No help topic for 'nonsense'")) << output;
}

TEST_F(Cli, UnknownOption) {
    Output output = call({"state", "--nonsense", "x"});
    EXPECT_NE(output.status, 0);
    EXPECT_TRUE(contains(output.text(), "nonsense")) << output;
}

TEST_F(Cli, UnknownOptionInGoWords) {
    SKIP_FOR(Crun, "words of argp");
    Output output = call({"state", "--nonsense", "x"});
    EXPECT_EQ(output.status, 1);
    EXPECT_TRUE(contains(output.text(), "flag provided but not defined: -nonsense")) << output;
}

TEST_F(Cli, MissingValueSaysFlagNeedsAnArgument) {
    SKIP_FOR(Crun, "words of argp");
    Output output = call({"create", "--bundle"});
    EXPECT_NE(output.status, 0);
    EXPECT_TRUE(contains(output.text(), "flag needs an argument: -bundle")) << output;
}

TEST_F(Cli, WrongNumberOfWords) {
    SKIP_FOR(Crun, "other words");
    Output output = call({"state"});
    EXPECT_EQ(output.status, 1);
    EXPECT_TRUE(contains(output.text(), "requires exactly 1 argument")) << output;
}

TEST_F(Cli, LongOptionsWithOneDash) {
    SKIP_FOR(Crun, "reads one dash as letters");
    bundle.write();
    Output output = Command({facts().runtime, "-root", root().string(), "run", "-bundle", bundle.path().string(),
                             "-no-subreaper", container.id})
                        .run();
    EXPECT_EQ(output.out, "hello\n") << output;
}

TEST_F(Cli, ValuesWithEqualsSign) {
    bundle.write();
    Output output = Command({facts().runtime, "--root=" + root().string(), "run", "--bundle=" + bundle.path().string(),
                             container.id})
                        .run();
    EXPECT_EQ(output.out, "hello\n") << output;
}

TEST_F(Cli, OptionsAfterTheId) {
    bundle.write();
    Output output = runtime({"run", container.id, "--bundle", bundle.path().string()});
    EXPECT_EQ(output.out, "hello\n") << output;
}

TEST_F(Cli, BooleansWithValues) {
    SKIP_FOR(Crun, "booleans take no value");
    bundle.write();
    Output output = Command({facts().runtime, "--debug=false", "--systemd-cgroup=false", "--rootless=auto", "--root",
                             root().string(), "run", "--keep=false", "--bundle", bundle.path().string(), container.id})
                        .run();
    EXPECT_EQ(output.out, "hello\n") << output;
}

TEST_F(Cli, ExecStopsParsingAtTheProgram) {
    start_probe({"serve"});
    Output output = container.exec({"/bin/probe", "echo", "-la", "--help", "--tty"});
    EXPECT_EQ(output.out, "-la --help --tty\n") << output;
}

TEST_F(Cli, IdSyntax) {
    bundle.write();
    for (const char* id : {"../x", "a/b", "a b", "..", ".", "a:b", "", "\xc3\xa9"}) {
        Output output = runtime({"create", "-b", bundle.path().string(), id});
        EXPECT_NE(output.status, 0) << id;
        EXPECT_FALSE(output.err.empty()) << id;
    }
    EXPECT_FALSE(std::filesystem::exists(work / "x"));
}

TEST_F(Cli, IdSyntaxHoldsForEveryCommand) {
    std::filesystem::create_directories(root());
    write_file(work / "x", "");
    for (const char* command : {"state", "delete", "kill", "start"}) {
        EXPECT_NE(runtime({command, "../x"}).status, 0) << command;
    }
    EXPECT_TRUE(std::filesystem::exists(work / "x"));
}

TEST_F(Cli, UnusualButLegalId) {
    Container other(root(), bundle, "A_b+c.d-9");
    Output output = other.run();
    EXPECT_EQ(output.out, "hello\n") << output;
}

TEST_F(Cli, LongId) {
    // sun_path holds 108 bytes: nothing may be bound or connected by a path that contains the id.
    SKIP_FOR(Crun, "limits vary by release");
    Container other(root(), bundle, std::string(200, 'a'));
    ASSERT_TRUE(other.create().ok());
    pid_t init = other.pid();
    Output started = other.start();
    EXPECT_TRUE(started.ok()) << started;
    other.wait_for_init(init);
    EXPECT_EQ(other.output(), "hello\n");
    EXPECT_TRUE(other.remove().ok());
}

TEST_F(Cli, ExistingId) {
    ASSERT_TRUE(container.create().ok());
    Output again = container.create();
    EXPECT_EQ(again.status, 1);
    EXPECT_TRUE(contains(again.err, "exists")) << again;
    EXPECT_EQ(container.status(), "created");
}

TEST_F(Cli, MissingContainerIsWordedForEngines) {
    for (const Arguments& words : {Arguments{"state", "nobody"},
                                   {"start", "nobody"},
                                   {"delete", "nobody"},
                                   {"kill", "nobody", "9"},
                                   {"pause", "nobody"},
                                   {"resume", "nobody"},
                                   {"ps", "-f", "json", "nobody"}}) {
        if (facts().kind == Kind::Crun && words[0] == "delete") continue;
        Output output = runtime(words);
        EXPECT_EQ(output.status, 1) << output;
        EXPECT_TRUE(contains(output.err, "does not exist")) << output;
    }
}

TEST_F(Cli, ExecInMissingContainerIs255) {
    SKIP_FOR(Crun, "returns 1");
    Output output = runtime({"exec", "nobody", "true"});
    EXPECT_EQ(output.status, 255);
    EXPECT_TRUE(contains(output.err, "does not exist")) << output;
}

TEST_F(Cli, JsonLogHoldsOneErrorLine) {
    auto log = work / "log.json";
    Output output = Command({facts().runtime, "--root", root().string(), "--log", log.string(), "--log-format", "json",
                             "start", "nobody"})
                        .run();
    EXPECT_EQ(output.status, 1);
    auto all = lines(read_file(log));
    ASSERT_EQ(all.size(), 1U) << read_file(log);
    Json line = Json::parse(all[0]);
    EXPECT_EQ(line["level"], "error");
    EXPECT_TRUE(contains(line["msg"], "does not exist"));
    EXPECT_TRUE(std::regex_match(line["time"].get<std::string>(),
                                 std::regex(R"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d))")));
}

TEST_F(Cli, ErrorsInTheLogAreOnStandardErrorToo) {
    Output output =
        Command({facts().runtime, "--root", root().string(), "--log", (work / "log").string(), "start", "nobody"})
            .run();
    EXPECT_TRUE(contains(output.err, "does not exist")) << output;
}

TEST_F(Cli, LogIsAppendedTo) {
    auto log = work / "log.json";
    for (int i = 0; i < 2; ++i) {
        Command({facts().runtime, "--root", root().string(), "--log=" + log.string(), "--log-format=json", "start",
                 "nobody"})
            .run();
    }
    EXPECT_EQ(lines(read_file(log)).size(), 2U);
}

TEST_F(Cli, SuccessWritesNoLogLine) {
    auto log = work / "log.json";
    bundle.write();
    Output output = Command({facts().runtime, "--root", root().string(), "--log", log.string(), "--log-format", "json",
                             "run", "-b", bundle.path().string(), container.id})
                        .run();
    EXPECT_TRUE(output.ok()) << output;
    EXPECT_EQ(read_file(log), "");
}

TEST_F(Cli, LogFormatIsChecked) {
    Output output = call({"--log-format", "xml", "list"});
    EXPECT_NE(output.status, 0);
    EXPECT_FALSE(output.text().empty());
}

TEST_F(Cli, LogInAMissingDirectory) {
    // Whatever the runtime decides to do, it must say something.
    Output output =
        Command({facts().runtime, "--root", root().string(), "--log", (work / "no/log").string(), "start", "nobody"})
            .run();
    EXPECT_NE(output.status, 0);
    EXPECT_FALSE(output.err.empty());
}

TEST_F(Cli, BadOptionsAreLoggedToo) {
    REQUIRE_ARCA("the log is opened before options are read");
    auto log = work / "log.json";
    Output output =
        Command({facts().runtime, "--log", log.string(), "--log-format", "json", "create", "--nonsense"}).run();
    EXPECT_EQ(output.status, 1);
    EXPECT_EQ(last_log_line(log)["level"], "error") << read_file(log);
}

TEST_F(Cli, FailuresOfCreateNameTheOperation) {
    bundle.config["root"]["path"] = "absent";
    Output output = container.create();
    EXPECT_EQ(output.status, 1);
    EXPECT_TRUE(contains(output.err, "create")) << output;
    SKIP_FOR(Runc, "uses the words engines read as a missing program");
    EXPECT_FALSE(contains(output.err, "no such file or directory"));
}

TEST_F(Cli, EmptyEnvironmentIsEnough) {
    // podman calls kill, pause and delete with nothing but XDG_RUNTIME_DIR.
    ASSERT_TRUE(container.create().ok());
    Output output = runtime_command(root(), {"delete", "--force", container.id}).without_environment().run();
    EXPECT_TRUE(output.ok()) << output;
}

TEST_F(Cli, DefaultRootFollowsTheRuntimeDirectory) {
    REQUIRE_ROOT();
    SKIP_FOR(Runc, "uses it without privileges only");
    std::string dir = (work / "xdg").string();
    std::filesystem::create_directories(dir);
    bundle.write();
    Output created = Command({facts().runtime, "create", "-b", bundle.path().string(), container.id})
                         .variable("XDG_RUNTIME_DIR", dir)
                         .output_files(work / "o", work / "e")
                         .run();
    ASSERT_TRUE(created.ok()) << created;
    Output state =
        Command({facts().runtime, "state", container.id}).without_environment().variable("XDG_RUNTIME_DIR", dir).run();
    EXPECT_TRUE(state.ok()) << state;
    Command({facts().runtime, "delete", "-f", container.id}).variable("XDG_RUNTIME_DIR", dir).run();
}

TEST_F(Cli, SpecWritesAConfiguration) {
    auto dir = work / "fresh";
    std::filesystem::create_directories(dir);
    Output output = Command({facts().runtime, "spec"}).directory(dir).run();
    ASSERT_TRUE(output.ok()) << output;
    Json config = Json::parse(read_file(dir / "config.json"));
    EXPECT_EQ(config["process"]["args"], Json({"sh"}));
    EXPECT_EQ(config["process"]["terminal"], true);
    EXPECT_EQ(config["root"]["path"], "rootfs");
    EXPECT_EQ(config["linux"]["namespaces"].size(), 6U);
    EXPECT_NE(Command({facts().runtime, "spec"}).directory(dir).run().status, 0) << "must not overwrite";
}

TEST_F(Cli, SpecRootless) {
    auto dir = work / "fresh";
    std::filesystem::create_directories(dir);
    ASSERT_TRUE(Command({facts().runtime, "spec", "--rootless", "--bundle", dir.string()}).run().ok());
    Json config = Json::parse(read_file(dir / "config.json"));
    EXPECT_EQ(config["linux"]["uidMappings"].size(), 1U);
    EXPECT_TRUE(contains(config["linux"]["namespaces"].dump(), "user"));
    EXPECT_FALSE(contains(config["linux"]["namespaces"].dump(), "network"));
}

TEST_F(Cli, ConfigurationOfSpecRuns) {
    ASSERT_TRUE(Command({facts().runtime, "spec", "--bundle", (work / "bundle").string()}).run().ok());
    bundle.config = Json::parse(read_file(bundle.path() / "config.json"));
    REQUIRE_ROOT();
    bundle.process()["terminal"] = false;
    bundle.args({"/bin/probe", "echo", "spec"});
    Output output = container.run();
    EXPECT_EQ(output.out, "spec\n") << output;
}

TEST_F(Cli, FeaturesIsOneJsonDocument) {
    REQUIRE_RUNC(1, 1, "features");
    Output output = call({"features"});
    ASSERT_TRUE(output.ok()) << output;
    EXPECT_EQ(output.err, "");
    Json features = Json::parse(output.out);
    EXPECT_EQ(features["ociVersionMin"], "1.0.0");
    EXPECT_TRUE(features["ociVersionMax"].get<std::string>().starts_with("1."));
    EXPECT_EQ(features["hooks"].size(), 6U);
    EXPECT_TRUE(contains(features["mountOptions"].dump(), "\"rro\""));
    EXPECT_GE(features["linux"]["namespaces"].size(), 7U);
    EXPECT_GE(features["linux"]["capabilities"].size(), 38U);
    EXPECT_EQ(features["linux"]["seccomp"]["enabled"], true);
}

TEST_F(Cli, FeaturesOfThisVersionOfTheSpecification) {
    REQUIRE_ARCA("complete document of 1.3");
    Json features = Json::parse(call({"features"}).out);
    EXPECT_TRUE(features["ociVersionMax"].get<std::string>().starts_with("1.3"));
    EXPECT_EQ(features["linux"]["namespaces"].size(), 8U);
    EXPECT_TRUE(contains(features["linux"]["namespaces"].dump(), "\"user\""));
    EXPECT_TRUE(features["linux"].contains("mountExtensions"));
    EXPECT_FALSE(features["linux"]["seccomp"]["archs"].empty());
    EXPECT_TRUE(features.contains("potentiallyUnsafeConfigAnnotations"));
}

TEST_F(Cli, ProbeForCheckpoints) {
    // podman and cri-o ask for the runtime's part this way.
    EXPECT_EQ(call({"checkpoint", "--help"}).status, 0);
}
