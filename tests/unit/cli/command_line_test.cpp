#include "cli/command_line.hpp"

#include <gmock/gmock.h>

namespace arca::cli {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using Strings = std::vector<std::string>;

Invocation read(const Strings& arguments) {
    auto invocation = read_command_line(arguments, "arca");
    EXPECT_TRUE(invocation) << invocation.error().message();
    return invocation ? std::move(*invocation) : Invocation{};
}

template<class T>
T command(const Strings& arguments) {
    auto invocation = read(arguments);
    EXPECT_TRUE(std::holds_alternative<T>(invocation.command));
    return std::holds_alternative<T>(invocation.command) ? std::get<T>(invocation.command) : T{};
}

std::string refusal(const Strings& arguments) {
    auto invocation = read_command_line(arguments, "arca");
    EXPECT_FALSE(invocation);
    if (invocation) return {};
    EXPECT_EQ(invocation.error().code(), Code::Usage);
    return invocation.error().message();
}

// --- what the callers really send (spec/cli.md, "Callers") ---

TEST(Callers, ContainerdCreates) {
    auto invocation = read({"--root", "/run/containerd/runc/k8s.io", "--log", "/b/log.json", "--log-format", "json",
                            "--systemd-cgroup", "create", "--bundle", "/b", "--pid-file", "/b/init.pid",
                            "--console-socket", "/s", "--no-pivot", "--no-new-keyring", "web"});
    EXPECT_EQ(invocation.globals.root, "/run/containerd/runc/k8s.io");
    EXPECT_EQ(invocation.globals.cgroup_manager, CgroupManager::Systemd);
    EXPECT_EQ(invocation.operation, "create");
    EXPECT_EQ(invocation.id, "web");
    const auto& options = std::get<Create>(invocation.command).options;
    EXPECT_EQ(options.id, "web");
    EXPECT_EQ(options.bundle, "/b");
    EXPECT_EQ(options.config, "config.json");
    EXPECT_EQ(options.pid_file, "/b/init.pid");
    EXPECT_EQ(options.console_socket, "/s");
    EXPECT_TRUE(options.no_pivot);
    EXPECT_TRUE(options.no_new_keyring);
    EXPECT_FALSE(options.strict);
    EXPECT_EQ(options.preserve_fds, 0U);
}

TEST(Callers, ContainerdExecutes) {
    auto options = command<Exec>({"exec", "--process", "/tmp/runc-process1", "--console-socket", "/s", "--detach",
                                  "--pid-file", "/b/x.pid", "web"})
                       .options;
    EXPECT_EQ(options.id, "web");
    EXPECT_EQ(options.process_file, "/tmp/runc-process1");
    EXPECT_TRUE(options.detach);
    EXPECT_FALSE(options.tty.has_value());
    EXPECT_THAT(options.args, IsEmpty());
}

TEST(Callers, ContainerdKillsAndLists) {
    auto options = command<Kill>({"kill", "--all", "web", "15"}).options;
    EXPECT_TRUE(options.all);
    EXPECT_EQ(options.signal, "15");
    EXPECT_EQ(command<Ps>({"ps", "--format", "json", "web"}).format, PsFormat::Json);
    EXPECT_TRUE(command<Delete>({"delete", "--force", "web"}).options.force);
}

TEST(Callers, CriO) {
    EXPECT_EQ(read({"--root=/run/crio", "state", "web"}).globals.root, "/run/crio");
    auto options = command<Kill>({"kill", "-a", "web", "KILL"}).options;
    EXPECT_TRUE(options.all);
    EXPECT_EQ(options.signal, "KILL");
}

TEST(Callers, Podman) {
    EXPECT_EQ(read({"--cgroup-manager", "disabled", "state", "web"}).globals.cgroup_manager, CgroupManager::Disabled);
    EXPECT_EQ(command<ShowState>({"state", "web"}).id, "web");
}

TEST(Callers, GoRuncSendsBooleansWithValues) {
    EXPECT_EQ(read({"--rootless=true", "list"}).globals.rootless, Tristate::Yes);
    EXPECT_EQ(read({"--rootless=false", "list"}).globals.rootless, Tristate::No);
    EXPECT_EQ(read({"--rootless", "auto", "list"}).globals.rootless, Tristate::Auto);
    EXPECT_TRUE(command<cli::Run>({"run", "-no-subreaper", "web"}).options.no_subreaper);
}

TEST(Callers, ContainerdChecksPoints) {
    auto options = command<cli::Checkpoint>({"checkpoint", "--image-path", "/i", "--work-path", "/w", "--parent-path",
                                             "../pre", "--tcp-established", "--ext-unix-sk", "--shell-job",
                                             "--file-locks", "--empty-ns", "network", "--leave-running", "web"})
                       .options;
    EXPECT_EQ(options.id, "web");
    EXPECT_EQ(options.image.image_path, "/i");
    EXPECT_EQ(options.image.work_path, "/w");
    EXPECT_EQ(options.parent_path, "../pre");
    EXPECT_TRUE(options.image.tcp_established && options.image.external_unix_sockets && options.image.shell_job);
    EXPECT_TRUE(options.image.file_locks && options.image.empty_network && options.leave_running);
    EXPECT_FALSE(options.pre_dump || options.image.lazy_pages || options.status_fd);
}

TEST(Callers, ContainerdAndCrioRestore) {
    auto options =
        command<cli::Restore>({"restore", "--image-path", "/i", "--work-path", "/w", "--detach", "--pid-file", "/p",
                               "--console-socket", "/s", "-no-subreaper", "--lsm-profile=selinux:a:b",
                               "--lsm-mount-context=a:b", "--bundle", "/b", "web"})
            .options;
    EXPECT_EQ(options.id, "web");
    EXPECT_EQ(options.bundle, "/b");
    EXPECT_EQ(options.pid_file, "/p");
    EXPECT_EQ(options.console_socket, "/s");
    EXPECT_TRUE(options.detach && options.no_subreaper);
    EXPECT_EQ(options.lsm_profile, "selinux:a:b");
    EXPECT_EQ(options.lsm_mount_context, "a:b");
    EXPECT_EQ(options.image.image_path, "/i");
}

TEST(Callers, PodmanChecksPoints) {
    auto options = command<cli::Checkpoint>({"checkpoint", "--image-path", "/i", "--work-path", "/w", "--leave-running",
                                             "--leave-running", "--pre-dump", "web"})
                       .options;
    EXPECT_TRUE(options.leave_running && options.pre_dump);
}

TEST(CommandLine, OptionsOfImages) {
    auto options = command<cli::Checkpoint>({"checkpoint", "--manage-cgroups-mode", "strict", "--network-lock",
                                             "nftables", "--page-server", "host:27", "--lazy-pages", "--status-fd", "7",
                                             "--link-remap", "--auto-dedup", "--tcp-skip-in-flight", "web"})
                       .options;
    EXPECT_EQ(options.image.image_path, "checkpoint");
    EXPECT_EQ(options.image.cgroups, CgroupRestoring::Strict);
    EXPECT_EQ(options.image.network_lock, NetworkLock::Nftables);
    EXPECT_EQ(options.page_server, "host:27");
    EXPECT_EQ(options.status_fd, 7);
    EXPECT_TRUE(options.image.lazy_pages && options.image.link_remap && options.image.auto_dedup);
    EXPECT_TRUE(options.tcp_skip_in_flight);
    EXPECT_THAT(refusal({"checkpoint", "--empty-ns", "pid", "web"}), HasSubstr("only network"));
    EXPECT_THAT(refusal({"restore", "--manage-cgroups-mode", "none", "web"}), HasSubstr("soft|full|strict|ignore"));
}

// podman and cri-o take the exit status of this for "can checkpoint".
TEST(Callers, ProbeForCheckpoint) {
    EXPECT_THAT(command<ShowHelp>({"checkpoint", "--help"}).text, HasSubstr("checkpoint [OPTIONS] ID"));
    EXPECT_THAT(refusal({"restore", "--lsm-mount-context"}), HasSubstr("flag needs an argument: -lsm-mount-context"));
}

// --- commands ---

TEST(CommandLine, CreateTakesCrunsOptions) {
    auto options =
        command<Create>({"create", "web", "-b", "/b", "-f", "c.json", "--no-subreaper", "--preserve-fds=2", "--strict"})
            .options;
    EXPECT_EQ(options.config, "c.json");
    EXPECT_EQ(options.preserve_fds, 2U);
    EXPECT_TRUE(options.strict);
}

TEST(CommandLine, Run) {
    auto options = command<cli::Run>({"run", "-d", "--keep", "--bundle=/b", "web"}).options;
    EXPECT_TRUE(options.detach);
    EXPECT_TRUE(options.keep);
    EXPECT_EQ(options.create.bundle, "/b");
    EXPECT_EQ(options.create.id, "web");
    EXPECT_FALSE(options.no_subreaper);
}

TEST(CommandLine, ExecHandsTheProgramItsOwnOptions) {
    auto options = command<Exec>({"exec", "-t", "web", "ls", "-la", "--tty=false", "[x]", "--", "-d"}).options;
    EXPECT_THAT(options.args, ElementsAre("ls", "-la", "--tty=false", "[x]", "--", "-d"));
    EXPECT_EQ(options.tty, true);
    EXPECT_FALSE(options.detach);
}

TEST(CommandLine, ExecTakesEveryOption) {
    auto options = command<Exec>({"exec",
                                  "-e",
                                  "A=1",
                                  "--env",
                                  "B=[x]",
                                  "--env=C=a,b",
                                  "-u",
                                  "1000:1000",
                                  "-g",
                                  "5",
                                  "--additional-gids",
                                  "4294967295",
                                  "-c",
                                  "CAP_NET_RAW",
                                  "--cap=CAP_KILL",
                                  "--cwd",
                                  "/w",
                                  "--tty=false",
                                  "--no-new-privs",
                                  "--process-label",
                                  "l",
                                  "--apparmor",
                                  "p",
                                  "--pid-file",
                                  "f",
                                  "--cgroup",
                                  "cpu:sub",
                                  "--cgroup=pids:other",
                                  "--ignore-paused",
                                  "--preserve-fds",
                                  "3",
                                  "web",
                                  "sh"})
                       .options;
    EXPECT_THAT(options.env, ElementsAre("A=1", "B=[x]", "C=a,b"));
    EXPECT_EQ(options.user, "1000:1000");
    EXPECT_THAT(options.additional_gids, ElementsAre(5U, 4294967295U));
    EXPECT_THAT(options.capabilities, ElementsAre("CAP_NET_RAW", "CAP_KILL"));
    EXPECT_EQ(options.cwd, "/w");
    EXPECT_EQ(options.tty, false);
    EXPECT_EQ(options.no_new_privileges, true);
    EXPECT_EQ(options.process_label, "l");
    EXPECT_EQ(options.apparmor, "p");
    EXPECT_EQ(options.pid_file, "f");
    EXPECT_THAT(options.cgroups, ElementsAre("cpu:sub", "pids:other"));
    EXPECT_TRUE(options.ignore_paused);
    EXPECT_EQ(options.preserve_fds, 3U);
    EXPECT_THAT(options.args, ElementsAre("sh"));
}

TEST(CommandLine, PsHandsOptionsToTheHostsPs) {
    auto ps = command<Ps>({"ps", "web", "-e", "-x"});
    EXPECT_EQ(ps.id, "web");
    EXPECT_THAT(ps.arguments, ElementsAre("-e", "-x"));
    EXPECT_EQ(ps.format, PsFormat::Table);
}

TEST(CommandLine, Update) {
    auto update =
        command<Update>({"update", "web", "--memory", "64m", "--memory-swap", "-1", "--cpu-quota=-1", "--cpu-period",
                         "1000", "--pids-limit", "0", "--device-rule", "c 1:3", "--device-rule=deny b 8:*", "-r", "-"});
    EXPECT_EQ(update.options.id, "web");
    EXPECT_EQ(update.options.memory, 67108864);
    EXPECT_EQ(update.options.memory_swap, -1);
    EXPECT_EQ(update.options.cpu_quota_us, -1);
    EXPECT_EQ(update.options.cpu_period_us, 1000U);
    EXPECT_EQ(update.options.pids_limit, 0);
    EXPECT_EQ(update.options.memory_reservation, std::nullopt);
    EXPECT_THAT(update.options.device_rules, ElementsAre("c 1:3", "deny b 8:*"));
    EXPECT_EQ(update.file, "-");
    EXPECT_THAT(refusal({"update", "web", "--memory", "much"}), HasSubstr("expected a size"));
}

TEST(CommandLine, List) {
    EXPECT_EQ(command<List>({"list"}).format, ListFormat::Table);
    EXPECT_EQ(command<List>({"list", "-f", "json"}).format, ListFormat::Json);
    EXPECT_EQ(command<List>({"list", "-q"}).format, ListFormat::Ids);
    EXPECT_EQ(command<List>({"list", "-q", "-f", "table"}).format, ListFormat::Ids);
    EXPECT_THAT(refusal({"list", "--format", "xml"}), HasSubstr("table|json"));
}

TEST(CommandLine, Spec) {
    auto spec = command<WriteSpec>({"spec", "--rootless", "-b", "/b"});
    EXPECT_EQ(spec.kind, SpecKind::Rootless);
    EXPECT_EQ(spec.bundle, "/b");
    EXPECT_EQ(command<WriteSpec>({"spec"}).kind, SpecKind::Privileged);
}

TEST(CommandLine, ExplainAndCheckTakeABundle) {
    EXPECT_EQ(command<Explain>({"explain", "/b", "--format", "json"}).format, Format::Json);
    EXPECT_EQ(command<Explain>({"explain", "/b"}).options.bundle, "/b");
    EXPECT_EQ(command<Check>({"check"}).options.bundle, ".");
    EXPECT_FALSE(command<Check>({"check"}).options.id.empty()) << "a plan needs an id";
}

TEST(CommandLine, MountsHasAnActionAnIdAndAFile) {
    auto invocation = read({"mounts", "add", "web", "/m.json"});
    EXPECT_EQ(invocation.id, "web");
    EXPECT_EQ(std::get<Mounts>(invocation.command).file, "/m.json");
    EXPECT_EQ(command<Mounts>({"mounts", "list", "web"}).action, MountsAction::List);
    EXPECT_THAT(refusal({"mounts", "change", "web"}), HasSubstr("add, remove or list"));
    EXPECT_THAT(refusal({"mounts", "add", "web"}), HasSubstr("add requires exactly 2 argument(s)"));
    EXPECT_THAT(refusal({"mounts", "list", "web", "/m"}), HasSubstr("list requires exactly 1 argument(s)"));
}

TEST(CommandLine, EveryCommandIsKnownByItsName) {
    for (const auto& name : command_names()) {
        auto invocation = read({name, "--help"});
        ASSERT_TRUE(std::holds_alternative<ShowHelp>(invocation.command)) << name;
        EXPECT_THAT(std::get<ShowHelp>(invocation.command).text, HasSubstr("Usage: arca " + name)) << name;
    }
}

// --- counts of words ---

struct WordCountCase {
    Strings arguments;
    std::string text;
};
class WrongWordCount : public testing::TestWithParam<WordCountCase> {};

TEST_P(WrongWordCount, IsRefusedInRuncsWords) {
    EXPECT_THAT(refusal(GetParam().arguments), HasSubstr(GetParam().text));
}

INSTANTIATE_TEST_SUITE_P(
    CommandLine, WrongWordCount,
    testing::Values(WordCountCase{{"state"}, "\"state\" requires exactly 1 argument(s)"},
                    WordCountCase{{"state", "a", "b"}, "\"state\" requires exactly 1 argument(s)"},
                    WordCountCase{{"create"}, "\"create\" requires exactly 1 argument(s)"},
                    WordCountCase{{"exec"}, "\"exec\" requires a minimum of 1 argument(s)"},
                    WordCountCase{{"kill"}, "\"kill\" requires a minimum of 1 argument(s)"},
                    WordCountCase{{"kill", "a", "9", "x"}, "\"kill\" requires a maximum of 2 argument(s)"},
                    WordCountCase{{"features", "x"}, "\"features\" requires exactly 0 argument(s)"}));

// --- global options ---

TEST(Globals, Defaults) {
    auto globals = read({"list"}).globals;
    EXPECT_EQ(globals.root, "");
    EXPECT_EQ(globals.cgroup_manager, CgroupManager::Cgroupfs);
    EXPECT_EQ(globals.rootless, Tristate::Auto);
    EXPECT_EQ(globals.log_level, log::Level::Error);
}

TEST(Globals, Levels) {
    EXPECT_EQ(read({"--debug", "list"}).globals.log_level, log::Level::Debug);
    EXPECT_EQ(read({"--debug=false", "list"}).globals.log_level, log::Level::Error);
    EXPECT_EQ(read({"--log-level", "warning", "list"}).globals.log_level, log::Level::Warning);
    EXPECT_THAT(refusal({"--log-level", "loud", "list"}), HasSubstr("error|warning|info|debug"));
}

TEST(Globals, Trace) {
    EXPECT_EQ(read({"--trace", "/t", "list"}).globals.trace, "/t");
}

TEST(Globals, GivenTwiceTheLastWins) {
    EXPECT_EQ(read({"--root", "/a", "--root", "/b", "list"}).globals.root, "/b");
}

TEST(Globals, CriuIsAccepted) {
    EXPECT_EQ(command<ShowState>({"--criu", "/usr/sbin/criu", "state", "web"}).id, "web");
}

TEST(Globals, Refusals) {
    EXPECT_THAT(refusal({"--root", "/", "list"}), HasSubstr("--root"));
    EXPECT_THAT(refusal({"--root", "//", "list"}), HasSubstr("--root"));
    EXPECT_THAT(refusal({"--root=", "list"}), HasSubstr("--root"));
    EXPECT_THAT(refusal({"--root"}), HasSubstr("flag needs an argument: -root"));
    EXPECT_THAT(refusal({"--log-format", "xml", "list"}), HasSubstr("log-format"));
    EXPECT_THAT(refusal({"--cgroup-manager", "mine", "list"}), HasSubstr("cgroupfs|systemd|disabled"));
    EXPECT_THAT(refusal({"--rootless=maybe", "list"}), HasSubstr("true, false or auto"));
    EXPECT_EQ(command<Create>({"create", "--pidfd-socket", "/s", "web"}).options.pidfd_socket, "/s");
    EXPECT_THAT(refusal({"create", "--preserve-fds", "many", "web"}), HasSubstr("many"));
    EXPECT_THAT(refusal({"create", "--preserve-fds", "-1", "web"}), HasSubstr("-1"));
    EXPECT_THAT(refusal({"create", "--log", "/l", "web"}), HasSubstr("flag provided but not defined: -log"));
    EXPECT_THAT(refusal({"create", "--bundle"}), HasSubstr("create: flag needs an argument: -bundle"));
}

// --- help and version ---

TEST(Help, Everywhere) {
    for (const Strings& arguments : {Strings{}, {"-h"}, {"--help"}, {"-?"}, {"--usage"}, {"help"}, {"--debug", "-h"}})
        EXPECT_THAT(command<ShowHelp>(arguments).text, HasSubstr("Life of a container:\n  create"));
    for (const Strings& arguments : {Strings{"kill", "-h"}, {"kill", "web", "--help"}, {"help", "kill"}})
        EXPECT_THAT(command<ShowHelp>(arguments).text, HasSubstr("arca kill [OPTIONS] ID [SIGNAL]"));
}

TEST(Help, ListsEveryOption) {
    for (const auto& name : command_names()) {
        auto text = command<ShowHelp>({name, "--help"}).text;
        for (const auto& rule : grammar_of(name).options)
            EXPECT_THAT(text, HasSubstr("--" + rule.name)) << name;
    }
}

TEST(Help, OfTheProgramIsNotOurs) {
    EXPECT_THAT(command<Exec>({"exec", "web", "ls", "--help"}).options.args, ElementsAre("ls", "--help"));
}

TEST(Help, OnNothing) {
    EXPECT_EQ(command<UnknownCommand>({"foo"}).topic, "foo");
    EXPECT_EQ(command<UnknownCommand>({"foo", "-h"}).topic, "foo");
    EXPECT_EQ(command<UnknownCommand>({"help", "foo"}).topic, "foo");
}

TEST(CommandLine, ASlipOfTheFingersGetsASuggestion) {
    EXPECT_EQ(command<UnknownCommand>({"satrt"}).suggestion, "start");
    EXPECT_EQ(command<UnknownCommand>({"creat", "web"}).suggestion, "create");
    EXPECT_EQ(command<UnknownCommand>({"help", "dleete"}).suggestion, "delete");
    EXPECT_EQ(command<UnknownCommand>({"pss"}).suggestion, "ps");
    EXPECT_EQ(command<UnknownCommand>({"checkpiont", "--help"}).suggestion, "checkpoint");
    EXPECT_EQ(command<UnknownCommand>({"xy"}).suggestion, "");
    EXPECT_EQ(command<UnknownCommand>({std::string(1000, 'a')}).suggestion, "");
}

TEST(CommandLine, KillAndDelete) {
    auto kill = command<Kill>({"kill", "-r", "--timeout", "1.5s", "^web", "INT"});
    EXPECT_EQ(kill.selection, Selection::Pattern);
    EXPECT_EQ(kill.options.id, "^web");
    EXPECT_EQ(kill.options.signal, "INT");
    EXPECT_EQ(kill.options.timeout, std::chrono::milliseconds(1500));
    EXPECT_EQ(command<Kill>({"kill", "web"}).options.timeout, std::nullopt);
    EXPECT_EQ(command<Kill>({"kill", "web"}).selection, Selection::Id);
    EXPECT_EQ(command<Delete>({"delete", "--regex", "-f", "."}).selection, Selection::Pattern);
    EXPECT_THAT(refusal({"kill", "--timeout", "10", "web"}), HasSubstr("expected a duration"));
}

TEST(Help, CommandsAreInGroups) {
    const auto text = command<ShowHelp>({"--help"}).text;
    for (const auto& name : command_names())
        EXPECT_THAT(text, HasSubstr("\n  " + name + " ")) << name;
    EXPECT_THAT(text, HasSubstr("\nLimits:\n  update "));
}

TEST(ShowsVersion, InEverySpelling) {
    for (const char* flag : {"-v", "-V", "--version", "-version", "version"})
        command<ShowVersion>({flag});
}

}  // namespace
}  // namespace arca::cli
