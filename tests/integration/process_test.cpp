#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "harness/container.hpp"

using namespace integration;

class Process : public ContainerTest {
  protected:
    bool has(const Json& list, const std::string& entry) {
        return std::find(list.begin(), list.end(), entry) != list.end();
    }
};

TEST_F(Process, EnvironmentIsThatOfTheConfigurationOnly) {
    bundle.process()["env"] = {"PATH=/bin", "EMPTY=", "WITH=equals=inside"};
    bundle.args({"/bin/probe", "env"});
    Output output = container.run_command().variable("LEAK", "1").run();
    ASSERT_TRUE(output.ok()) << output;
    Json env = parse_lines(output.out)[0]["env"];
    EXPECT_TRUE(has(env, "PATH=/bin"));
    EXPECT_TRUE(has(env, "EMPTY="));
    EXPECT_TRUE(has(env, "WITH=equals=inside"));
    EXPECT_FALSE(contains(env.dump(), "LEAK"));
}

TEST_F(Process, EnvironmentKeepsItsOrder) {
    bundle.process()["env"] = {"B=1", "A=2", "PATH=/bin"};
    Json env = probe({"env"})["env"];
    EXPECT_EQ(env[0], "B=1");
    EXPECT_EQ(env[1], "A=2");
}

TEST_F(Process, HomeOfTheUser) {
    REQUIRE_ROOT();
    bundle.process()["user"] = {{"uid", 1000}, {"gid", 1000}};
    EXPECT_TRUE(has(probe({"env"})["env"], "HOME=/home/user"));
}

TEST_F(Process, HomeOfAnUnknownUserIsTheRoot) {
    REQUIRE_ROOT();
    bundle.process()["user"] = {{"uid", 4321}, {"gid", 4321}};
    EXPECT_TRUE(has(probe({"env"})["env"], "HOME=/"));
}

TEST_F(Process, HomeOfTheConfigurationWins) {
    bundle.process()["env"] = {"HOME=/elsewhere", "PATH=/bin"};
    EXPECT_TRUE(has(probe({"env"})["env"], "HOME=/elsewhere"));
}

TEST_F(Process, ArgumentsArriveAsWritten) {
    Json seen = probe({"argv", "two words", "", "qu\"ote", "-dash", "*"});
    EXPECT_EQ(seen["argv"], Json({"/bin/probe", "argv", "two words", "", "qu\"ote", "-dash", "*"}));
}

TEST_F(Process, FirstArgumentIsKeptWhenLookedUp) {
    bundle.args({"probe", "argv"});
    Output output = container.run();
    EXPECT_EQ(parse_lines(output.out)[0]["argv"][0], "probe") << output;
}

TEST_F(Process, RelativeProgramIsRelativeToTheDirectory) {
    bundle.process()["cwd"] = "/bin";
    bundle.args({"./probe", "echo", "here"});
    EXPECT_EQ(container.run().out, "here\n");
}

TEST_F(Process, Directory) {
    bundle.process()["cwd"] = "/tmp";
    EXPECT_EQ(probe({"cwd"})["cwd"], "/tmp");
}

TEST_F(Process, MissingDirectoryIsMade) {
    bundle.config["root"]["readonly"] = false;
    bundle.process()["cwd"] = "/made/for/it";
    EXPECT_EQ(probe({"cwd"})["cwd"], "/made/for/it");
}

TEST_F(Process, RelativeDirectoryIsRefused) {
    SKIP_FOR(Crun, "makes it absolute");
    bundle.process()["cwd"] = "tmp";
    expect_create_fails();
}

TEST_F(Process, DirectoryOnlyItsUserMayEnter) {
    REQUIRE_ROOT();
    bundle.directory("private", 0700);
    ASSERT_EQ(chown((bundle.rootfs() / "private").c_str(), 1000, 1000), 0);
    bundle.process()["user"] = {{"uid", 1000}, {"gid", 1000}};
    bundle.process()["cwd"] = "/private";
    bundle.set_capabilities(Json::array());
    EXPECT_EQ(probe({"cwd"})["cwd"], "/private");
}

TEST_F(Process, DirectoryThroughALeakedDescriptorIsRefused) {
    // CVE-2024-21626
    for (int fd = 3; fd < 20; ++fd) {
        for (const char* self : {"/proc/self/fd/", "/proc/thread-self/fd/"}) {
            bundle.process()["cwd"] = self + std::to_string(fd);
            bundle.args({"/bin/probe", "cwd"});
            Output output = container.run();
            if (!output.ok()) continue;
            EXPECT_EQ(parse_lines(output.out)[0]["error"], "") << output;
            EXPECT_FALSE(contains(output.out, "(unreachable)")) << output;
        }
    }
}

TEST_F(Process, UserAndGroup) {
    REQUIRE_ROOT();
    bundle.process()["user"] = {{"uid", 1000}, {"gid", 1001}};
    Json ids = probe({"ids"});
    for (const char* id : {"uid", "euid", "suid"})
        EXPECT_EQ(ids[id], 1000);
    for (const char* id : {"gid", "egid", "sgid"})
        EXPECT_EQ(ids[id], 1001);
    EXPECT_EQ(ids["groups"], Json::array());
}

TEST_F(Process, AdditionalGroups) {
    REQUIRE_ROOT();
    bundle.process()["user"]["additionalGids"] = {5, 77};
    EXPECT_EQ(probe({"ids"})["groups"], Json({5, 77}));
}

TEST_F(Process, GroupsOfTheCallerAreDropped) {
    REQUIRE_ROOT();
    gid_t groups[] = {4, 20};
    ASSERT_EQ(setgroups(2, groups), 0);
    Json ids = probe({"ids"});
    setgroups(0, nullptr);
    EXPECT_EQ(ids["groups"], Json::array());
}

TEST_F(Process, Umask) {
    bundle.process()["user"]["umask"] = 0077;
    EXPECT_EQ(probe({"ids"})["umask"], 0077);
}

TEST_F(Process, UmaskIs022WhenNotGiven) {
    umask(0);
    Json ids = probe({"ids"});
    umask(022);
    EXPECT_EQ(ids["umask"], 022);
}

TEST_F(Process, CapabilitiesAreExactlyThoseOfTheConfiguration) {
    Json caps = probe({"caps"});
    Json wanted = {"CAP_KILL", "CAP_NET_BIND_SERVICE", "CAP_AUDIT_WRITE"};
    EXPECT_EQ(caps["bounding"], wanted);
    EXPECT_EQ(caps["effective"], wanted);
    EXPECT_EQ(caps["permitted"], wanted);
    EXPECT_EQ(caps["inheritable"], Json::array());
    EXPECT_EQ(caps["ambient"], Json::array());
}

TEST_F(Process, NoCapabilitiesWhenNoneAreGiven) {
    bundle.process().erase("capabilities");
    Json caps = probe({"caps"});
    EXPECT_EQ(caps["effective"], Json::array());
    EXPECT_EQ(caps["permitted"], Json::array());
}

TEST_F(Process, AmbientCapabilitiesReachAnotherUser) {
    REQUIRE_ROOT();
    bundle.process()["user"] = {{"uid", 1000}, {"gid", 1000}};
    Json one = {"CAP_NET_BIND_SERVICE"};
    bundle.process()["capabilities"] = {
        {"bounding", one}, {"effective", one}, {"permitted", one}, {"inheritable", one}, {"ambient", one}};
    Json caps = probe({"caps"});
    EXPECT_EQ(caps["effective"], one);
    EXPECT_EQ(caps["ambient"], one);
}

TEST_F(Process, AnotherUserWithoutAmbientSetHasNone) {
    REQUIRE_ROOT();
    bundle.process()["user"] = {{"uid", 1000}, {"gid", 1000}};
    Json caps = probe({"caps"});
    EXPECT_EQ(caps["effective"], Json::array());
    EXPECT_EQ(caps["permitted"], Json::array());
}

TEST_F(Process, UnknownCapabilityIsNoError) {
    bundle.add_capabilities({"CAP_OF_THE_FUTURE"});
    SKIP_FOR(Crun, "refuses it since 1.29");
    EXPECT_EQ(probe({"caps"})["effective"].size(), 3U);
}

TEST_F(Process, Rlimits) {
    bundle.process()["rlimits"] = {{{"type", "RLIMIT_NOFILE"}, {"soft", 256}, {"hard", 512}},
                                   {{"type", "RLIMIT_CORE"}, {"soft", 0}, {"hard", 0}}};
    Json limits = probe({"limits"});
    EXPECT_EQ(limits["RLIMIT_NOFILE"], Json({256, 512}));
    EXPECT_EQ(limits["RLIMIT_CORE"], Json({0, 0}));
}

TEST_F(Process, RlimitsAboveTheRuntimesOwn) {
    REQUIRE_ROOT();
    REQUIRE(has_capability(24), "needs CAP_SYS_RESOURCE");
    bundle.process()["rlimits"] = {{{"type", "RLIMIT_NOFILE"}, {"soft", 600000}, {"hard", 700000}}};
    EXPECT_EQ(probe({"limits"})["RLIMIT_NOFILE"], Json({600000, 700000}));
}

// Engines ask for limits above their own in user namespaces as well, where nobody may raise any.
TEST_F(Process, RlimitsAboveTheRuntimesOwnInAUserNamespace) {
    REQUIRE_ROOT();
    REQUIRE(has_capability(24), "needs CAP_SYS_RESOURCE");
    bundle.map_ids(100000, 65536);
    bundle.process()["rlimits"] = {{{"type", "RLIMIT_NOFILE"}, {"soft", 600000}, {"hard", 700000}}};
    start_probe({"serve"});
    EXPECT_EQ(exec_probe({"limits"})["RLIMIT_NOFILE"], Json({600000, 700000}));
    EXPECT_TRUE(container.remove({"--force"}).ok());
    EXPECT_EQ(probe({"limits"})["RLIMIT_NOFILE"], Json({600000, 700000}));
}

TEST_F(Process, OtherRlimitsAreTheCallers) {
    bundle.process().erase("rlimits");
    rlimit mine{};
    getrlimit(RLIMIT_NOFILE, &mine);
    EXPECT_EQ(probe({"limits"})["RLIMIT_NOFILE"], Json({mine.rlim_cur, mine.rlim_max}));
}

TEST_F(Process, TinyNumberOfDescriptors) {
    bundle.process()["rlimits"] = {{{"type", "RLIMIT_NOFILE"}, {"soft", 8}, {"hard", 8}}};
    EXPECT_EQ(probe({"limits"})["RLIMIT_NOFILE"], Json({8, 8}));
}

TEST_F(Process, UnknownRlimitIsRefused) {
    bundle.process()["rlimits"] = {{{"type", "RLIMIT_NONSENSE"}, {"soft", 1}, {"hard", 1}}};
    expect_create_fails("RLIMIT_NONSENSE");
}

TEST_F(Process, DuplicateRlimitIsRefused) {
    REQUIRE_ARCA("config.md#posix-process: MUST generate an error");
    bundle.process()["rlimits"] = {{{"type", "RLIMIT_CORE"}, {"soft", 0}, {"hard", 0}},
                                   {{"type", "RLIMIT_CORE"}, {"soft", 1}, {"hard", 1}}};
    expect_create_fails("RLIMIT_CORE");
}

TEST_F(Process, NoNewPrivileges) {
    EXPECT_EQ(probe({"security"})["no_new_privs"], 1);
}

TEST_F(Process, NewPrivilegesWhenAllowed) {
    bundle.process()["noNewPrivileges"] = false;
    EXPECT_EQ(probe({"security"})["no_new_privs"], 0);
}

TEST_F(Process, OomScoreAdjustment) {
    bundle.process()["oomScoreAdj"] = 500;
    EXPECT_EQ(probe({"oom"})["oom_score_adj"], 500);
}

TEST_F(Process, OomScoreAdjustmentIsInheritedWhenNotGiven) {
    std::string mine = read_file("/proc/self/oom_score_adj");
    EXPECT_EQ(probe({"oom"})["oom_score_adj"], std::stoi(mine));
}

TEST_F(Process, Personality) {
    REQUIRE_RUNC(1, 2, "personality");
    bundle.linux_()["personality"] = {{"domain", "LINUX32"}};
    EXPECT_EQ(probe({"personality"})["personality"], 8);
}

TEST_F(Process, Scheduler) {
    REQUIRE_ROOT();
    REQUIRE_RUNC(1, 2, "scheduler");
    bundle.process()["scheduler"] = {{"policy", "SCHED_BATCH"}, {"nice", 5}};
    Json sched = probe({"sched"});
    EXPECT_EQ(sched["policy"], SCHED_BATCH);
    EXPECT_EQ(sched["nice"], 5);
}

TEST_F(Process, IoPriority) {
    REQUIRE_ROOT();
    REQUIRE_RUNC(1, 2, "ioPriority");
    bundle.process()["ioPriority"] = {{"class", "IOPRIO_CLASS_BE"}, {"priority", 6}};
    Json priority = probe({"ioprio"});
    EXPECT_EQ(priority["class"], 2);
    EXPECT_EQ(priority["priority"], 6);
}

TEST_F(Process, SignalsAreAtTheirDefaults) {
    SKIP_FOR(Runc, "hands the caller's signal mask on");
    sigset_t all, before;
    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, &before);
    bundle.args({"/bin/probe", "security"});
    Running running = container.run_command().start();
    sigprocmask(SIG_SETMASK, &before, nullptr);
    Output output = running.wait(20);
    ASSERT_TRUE(output.ok()) << output;
    Json security = parse_lines(output.out)[0];
    EXPECT_EQ(security["signals_blocked"], "0000000000000000");
    EXPECT_EQ(security["signals_ignored"], "0000000000000000");
}

TEST_F(Process, AffinityOfTheCallerIsNotInherited) {
    REQUIRE_ROOT();
    REQUIRE_RUNC(1, 3, "reset of the affinity");
    cpu_set_t all, first;
    sched_getaffinity(0, sizeof(all), &all);
    REQUIRE(CPU_COUNT(&all) > 1, "needs two processors");
    CPU_ZERO(&first);
    CPU_SET(0, &first);
    sched_setaffinity(0, sizeof(first), &first);
    Json seen = probe({"security"});
    sched_setaffinity(0, sizeof(all), &all);
    EXPECT_NE(seen["cpus_allowed"], "0");
}

TEST_F(Process, IsPid1OfItsOwnSession) {
    Json ids = probe({"ids"});
    EXPECT_EQ(ids["pid"], 1);
    EXPECT_EQ(ids["ppid"], 0);
    EXPECT_EQ(ids["sid"], 1);
}

TEST_F(Process, SessionKeyringIsNew) {
    Json keyring = probe({"keyring"});
    if (keyring["error"] != "") GTEST_SKIP() << "no keyrings here: " << keyring["error"];
    EXPECT_TRUE(contains(keyring["description"], container.id)) << keyring;
}

TEST_F(Process, SessionKeyringIsInheritedOnRequest) {
    bundle.args({"/bin/probe", "keyring"});
    Output output = container.run({"--no-new-keyring"});
    ASSERT_TRUE(output.ok()) << output;
    EXPECT_FALSE(contains(output.out, container.id)) << output;
}

TEST_F(Process, AbsentProcessIsAnErrorOfStart) {
    REQUIRE_ARCA("create works without process, start does not (config.md#process)");
    bundle.config.erase("process");
    ASSERT_TRUE(container.create().ok());
    EXPECT_EQ(container.status(), "created");
    EXPECT_EQ(container.start().status, 1);
}
