#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include "harness/container.hpp"

using namespace integration;

class Exec : public ContainerTest {
  protected:
    Output exec_file(const Json& process, Arguments options = {}) {
        write_file(work / "process.json", process.dump());
        options.insert(options.end(), {"--process", (work / "process.json").string()});
        return container.exec({}, options);
    }
    Json process_of(const Arguments& args) {
        return {{"args", args}, {"cwd", "/"}, {"user", {{"uid", 0}, {"gid", 0}}}, {"env", {"PATH=/bin"}}};
    }
};

TEST_F(Exec, PrintsAndReturnsTheStatus) {
    start_probe({"serve"});
    Output output = container.exec({"/bin/probe", "echo", "a", ",", "exit", "5"});
    EXPECT_EQ(output.out, "a\n");
    EXPECT_EQ(output.err, "");
    EXPECT_EQ(output.status, 5);
}

TEST_F(Exec, Returns128PlusTheSignal) {
    start_probe({"serve"});
    EXPECT_EQ(container.exec({"/bin/probe", "raise", "9"}).status, 128 + SIGKILL);
}

TEST_F(Exec, HandsStandardInputOn) {
    start_probe({"serve"});
    EXPECT_EQ(container.exec_command({"/bin/probe", "cat"}).input("in").run().out, "in");
}

TEST_F(Exec, IsInTheNamespacesOfTheContainer) {
    start_probe({"ns", ",", "serve"});
    Json init = Json::parse(lines(container.output()).at(0));
    EXPECT_EQ(exec_probe({"ns"}), init);
}

TEST_F(Exec, IsInTheCgroupOfTheContainer) {
    REQUIRE_CGROUP();
    start_probe({"serve"});
    Running running = container.exec_command({"/bin/probe", "serve"}).start();
    ASSERT_TRUE(eventually([&] { return contains(running.out(), "ready"); }));
    EXPECT_EQ(lines(read_file(container.cgroup() / "cgroup.procs")).size(), 2U);
    EXPECT_TRUE(container.remove({"--force"}).ok());
    EXPECT_EQ(running.wait(10).status, 128 + SIGKILL);
}

TEST_F(Exec, HasTheEnvironmentOfTheConfiguration) {
    bundle.process()["env"] = {"PATH=/bin", "COLOUR=blue"};
    start_probe({"serve"});
    Json env = exec_probe({"env"})["env"];
    EXPECT_NE(std::find(env.begin(), env.end(), "COLOUR=blue"), env.end()) << env;
}

TEST_F(Exec, AddsEnvironment) {
    start_probe({"serve"});
    Json env = exec_probe({"env"}, {"-e", "A=1", "-e", "B=2"})["env"];
    EXPECT_NE(std::find(env.begin(), env.end(), "A=1"), env.end());
    EXPECT_NE(std::find(env.begin(), env.end(), "B=2"), env.end());
}

TEST_F(Exec, ChangesTheDirectory) {
    start_probe({"serve"});
    EXPECT_EQ(exec_probe({"cwd"}, {"--cwd", "/tmp"})["cwd"], "/tmp");
}

TEST_F(Exec, AsAnotherUser) {
    REQUIRE_ROOT();
    start_probe({"serve"});
    Json ids = exec_probe({"ids"}, {"--user", "1000:1001"});
    EXPECT_EQ(ids["uid"], 1000);
    EXPECT_EQ(ids["gid"], 1001);
}

TEST_F(Exec, HasTheCapabilitiesOfTheConfiguration) {
    start_probe({"caps", ",", "serve"});
    EXPECT_EQ(exec_probe({"caps"}), Json::parse(lines(container.output()).at(0)));
}

TEST_F(Exec, AddedCapabilitiesAreNotInheritable) {
    REQUIRE_ROOT();
    start_probe({"serve"});
    Json caps = exec_probe({"caps"}, {"--cap", "CAP_NET_RAW"});
    EXPECT_TRUE(contains(caps["effective"].dump(), "CAP_NET_RAW"));
    EXPECT_TRUE(contains(caps["bounding"].dump(), "CAP_NET_RAW"));
    EXPECT_TRUE(caps["inheritable"].empty()) << "CVE-2022-29162";
}

TEST_F(Exec, BadUsersAreRefused) {
    // CVE-2016-3697, CVE-2026-30892: a user that cannot be read must never become another one.
    REQUIRE_ROOT();
    bundle.file("etc/passwd", "1000:x:0:0::/:/bin/sh\n");
    start_probe({"serve"});
    for (const char* user : {"abc", "1000:abc", "-1", "1x", "99999999999"}) {
        if (facts().kind == Kind::Runc && user[0] == '9') continue;  // wraps around
        Output output = container.exec({"/bin/probe", "ids"}, {"--user", user});
        EXPECT_NE(output.status, 0) << user << output;
    }
    EXPECT_EQ(exec_probe({"ids"}, {"--user", "1000"})["uid"], 1000);
}

TEST_F(Exec, ProcessFromAFile) {
    REQUIRE_ROOT();
    start_probe({"serve"});
    Json process = process_of({"/bin/probe", "ids", ",", "cwd", ",", "env"});
    process["user"] = {{"uid", 7}, {"gid", 8}, {"additionalGids", {9, 10}}};
    process["cwd"] = "/tmp";
    process["env"] = {"X=y"};
    Output output = exec_file(process);
    ASSERT_TRUE(output.ok()) << output;
    auto seen = parse_lines(output.out);
    EXPECT_EQ(seen[0]["uid"], 7);
    EXPECT_EQ(seen[0]["gid"], 8);
    EXPECT_EQ(seen[0]["groups"], Json({9, 10}));
    EXPECT_EQ(seen[1]["cwd"], "/tmp");
    EXPECT_TRUE(contains(seen[2]["env"].dump(), "X=y"));
}

TEST_F(Exec, ProcessFromAFileWithLimits) {
    start_probe({"serve"});
    Json process = process_of({"/bin/probe", "limits"});
    process["rlimits"] = {{{"type", "RLIMIT_CORE"}, {"soft", 0}, {"hard", 0}}};
    Output output = exec_file(process);
    ASSERT_TRUE(output.ok()) << output;
    EXPECT_EQ(parse_lines(output.out)[0]["RLIMIT_CORE"], Json({0, 0}));
}

TEST_F(Exec, DetachLeavesTheProcessToTheCaller) {
    start_probe({"serve"});
    std::string pid_file = (work / "exec.pid").string();
    Output output = container.exec_command({"/bin/probe", "serve"}, {"--detach", "--pid-file", pid_file}).run();
    ASSERT_TRUE(output.ok()) << output;
    std::string pid = read_file(pid_file);
    std::string status = read_file("/proc/" + pid + "/status");
    EXPECT_TRUE(contains(status, "\nPPid:\t" + std::to_string(getpid()) + "\n")) << status;
    EXPECT_TRUE(contains(read_file("/proc/" + pid + "/cmdline"), "probe"));
}

TEST_F(Exec, StatusOfADetachedProcessIsCollectedByTheCaller) {
    start_probe({"serve"});
    std::string pid_file = (work / "exec.pid").string();
    ASSERT_TRUE(container.exec({"/bin/probe", "exit", "9"}, {"-d", "--pid-file", pid_file}).ok());
    EXPECT_EQ(container.wait_for_init(std::stoi(read_file(pid_file))), 9);
}

TEST_F(Exec, OfAMissingProgram) {
    start_probe({"serve"});
    Output output = container.exec({"/bin/nothing"});
    EXPECT_EQ(output.status, facts().kind == Kind::Crun ? 1 : 255) << output;
    EXPECT_TRUE(contains(output.err, "/bin/nothing")) << output;
    EXPECT_TRUE(contains(output.err, "no such file or directory") || contains(output.err, "No such file")) << output;
}

TEST_F(Exec, OfAProgramThatIsNotInPath) {
    start_probe({"serve"});
    Output output = container.exec({"nothing"});
    EXPECT_NE(output.status, 0);
    EXPECT_TRUE(contains(output.err, "executable file")) << output;
    EXPECT_TRUE(contains(output.err, "not found in $PATH")) << output;
}

TEST_F(Exec, LooksUpPath) {
    start_probe({"serve"});
    EXPECT_EQ(container.exec({"probe", "echo", "found"}).out, "found\n");
}

TEST_F(Exec, InAStoppedContainerIsRefused) {
    ASSERT_TRUE(container.run({"--keep"}).ok());
    Output output = container.exec({"/bin/probe", "echo"});
    EXPECT_EQ(output.status, facts().kind == Kind::Crun ? 1 : 255);
    EXPECT_TRUE(contains(output.err, "container not running") || facts().kind != Kind::Arca) << output;
}

TEST_F(Exec, InAPausedContainerIsRefused) {
    REQUIRE_CGROUP();
    start_probe({"serve"});
    ASSERT_TRUE(container.call({"pause", container.id}).ok());
    Output output = container.exec_command({"/bin/probe", "echo"}).timeout(5).run();
    EXPECT_NE(output.status, 0);
    EXPECT_TRUE(contains(output.err, "paused")) << output;
    ASSERT_TRUE(container.call({"resume", container.id}).ok());
}

TEST_F(Exec, InACreatedContainer) {
    // The specification has no exec; the peers allow it once init has its namespaces. Before init has executed its
    // program it cannot be dumped, and only root may enter what belongs to it (setns(2), ptrace(2)).
    REQUIRE_ROOT();
    ASSERT_TRUE(container.create().ok());
    Output output = container.exec({"/bin/probe", "echo", "early"});
    EXPECT_EQ(output.out, "early\n") << output;
}

/// Races are won and lost by the program that people run; sanitized it starts too slowly to be tried as often.
static int tries(int number) {
    return is_sanitized() ? number / 5 : number;
}

TEST_F(Exec, ManyShortProcesses) {
    start_probe({"serve"});
    for (int i = 0; i < tries(50); ++i) {
        Output output = container.exec_command({"/bin/probe", "exit", "0"}).timeout(10).run();
        ASSERT_TRUE(output.ok()) << i << output;
    }
}

TEST_F(Exec, LosesNothingThatAFastProcessSays) {
    start_probe({"serve"});
    for (int i = 0; i < tries(200); ++i) {
        std::string word = "word " + std::to_string(i);
        Output output = container.exec({"/bin/probe", "echo", word, ",", "complain", word});
        ASSERT_EQ(output.out, word + "\n") << output;
        ASSERT_EQ(output.err, word + "\n") << output;
    }
}

TEST_F(Exec, LosesNothingOnATerminal) {
    start_probe({"serve"});
    for (int i = 0; i < tries(50); ++i) {
        Output output = container.exec({"/bin/probe", "echo", "word"}, {"--tty"});
        ASSERT_EQ(output.out, "word\n") << i << output;
    }
}

TEST_F(Exec, EndsWhenTheContainerEndsMeanwhile) {
    REQUIRE_ROOT();
    for (int i = 0; i < 10; ++i) {
        Container other(root(), bundle, container.id + "-" + std::to_string(i));
        bundle.args({"/bin/probe", "serve"});
        ASSERT_TRUE(other.create().ok());
        ASSERT_TRUE(other.start().ok());
        Running running = other.exec_command({"/bin/probe", "pause"}).start();
        usleep(static_cast<useconds_t>(i) * 3000);
        ASSERT_TRUE(other.kill("KILL").ok());
        Output output = running.wait(10, Reaping::Adopted);
        EXPECT_FALSE(output.timed_out) << i << output;
        EXPECT_TRUE(output.status == 255 || output.status == 128 + SIGKILL) << i << output;
        if (output.status == 255) {
            EXPECT_TRUE(contains(output.err, "container not running")) << output;
        }
        EXPECT_TRUE(other.remove({"--force"}).ok());
    }
}

TEST_F(Exec, SocketActivation) {
    REQUIRE_ARCA("the peers name pid 1, which the process is not");
    start_probe({"serve"});
    write_file(work / "gift", "gift");
    FILE* file = fopen((work / "gift").c_str(), "r");
    Output output = container.exec_command({"/bin/probe", "fdread", "3", ",", "env", ",", "ids"})
                        .descriptor(3, fileno(file))
                        .variable("LISTEN_FDS", "1")
                        .variable("LISTEN_FDNAMES", "web")
                        .with_listen_pid()
                        .run();
    fclose(file);
    auto seen = parse_lines(output.out);
    EXPECT_EQ(seen[0]["text"], "gift") << output;
    std::string env = seen[1]["env"].dump();
    EXPECT_TRUE(contains(env, "\"LISTEN_FDS=1\"") && contains(env, "\"LISTEN_FDNAMES=web\"")) << env;
    EXPECT_TRUE(contains(env, "\"LISTEN_PID=" + seen[2]["pid"].dump() + "\"")) << env << seen[2];
}

TEST_F(Exec, ScheduledAsTheProcessFileSays) {
    REQUIRE_ROOT();
    start_probe({"serve"});
    Json process = process_of({"/bin/probe", "sched", ",", "ioprio"});
    process["scheduler"] = {{"policy", "SCHED_BATCH"}, {"nice", 7}};
    process["ioPriority"] = {{"class", "IOPRIO_CLASS_BE"}, {"priority", 5}};
    Output output = exec_file(process);
    ASSERT_TRUE(output.ok()) << output;
    auto seen = parse_lines(output.out);
    EXPECT_EQ(seen[0]["policy"], 3);
    EXPECT_EQ(seen[0]["nice"], 7);
    EXPECT_EQ(seen[1]["class"], 2);
    EXPECT_EQ(seen[1]["priority"], 5);
}

TEST_F(Exec, AffinityOfTheProcessFileComesFirst) {
    REQUIRE_ROOT();
    REQUIRE_RUNC(1, 3, "execCPUAffinity");
    REQUIRE(sysconf(_SC_NPROCESSORS_ONLN) > 1, "needs two processors");
    bundle.process()["execCPUAffinity"] = {{"final", "1"}};
    start_probe({"serve"});
    Json process = process_of({"/bin/probe", "security"});
    process["execCPUAffinity"] = {{"final", "0"}};
    Output output = exec_file(process);
    ASSERT_TRUE(output.ok()) << output;
    EXPECT_EQ(parse_lines(output.out)[0]["cpus_allowed"], "0");
}

TEST_F(Exec, InAPausedContainerRunsWhenItIsResumed) {
    REQUIRE_CGROUP();
    SKIP_FOR(Crun, "has no such option");
    start_probe({"serve"});
    ASSERT_TRUE(container.call({"pause", container.id}).ok());
    Running running = container.exec_command({"/bin/probe", "echo", "late"}, {"--ignore-paused"}).start();
    usleep(200000);
    EXPECT_EQ(running.out(), "");
    ASSERT_TRUE(container.call({"resume", container.id}).ok());
    Output output = running.wait(10);
    EXPECT_EQ(output.out, "late\n") << output;
    EXPECT_EQ(output.status, 0);
}

TEST_F(Exec, FailuresOfItsOwnAre255AndLeaveNoPidFile) {
    SKIP_FOR(Crun, "says 1");
    start_probe({"serve"});
    std::string pid_file = (work / "exec.pid").string();
    for (const Arguments& options : std::vector<Arguments>{{"--cwd", "/etc/passwd"},
                                                           {"--user", "root"},
                                                           {"--process", (work / "absent").string()},
                                                           {"--detach", "--tty"},
                                                           {"--console-socket", (work / "absent").string(), "--tty"}}) {
        Arguments all = {"--pid-file", pid_file};
        all.insert(all.end(), options.begin(), options.end());
        Output output = container.exec({"/bin/probe", "echo"}, all);
        EXPECT_EQ(output.status, 255) << options[0] << output;
        EXPECT_FALSE(std::filesystem::exists(pid_file)) << options[0];
    }
    EXPECT_EQ(runtime({"exec", "nobody", "/bin/probe"}).status, 255);
}

TEST_F(Exec, GoesWhereInitIsWhenTheTopTakesNoProcess) {
    REQUIRE_CGROUP();
    start_probe({"serve"});
    auto top = container.cgroup();
    auto controllers = lines(read_file(top / "cgroup.controllers"));
    REQUIRE(!controllers.empty() && !controllers[0].empty(), "needs a controller in the container's cgroup");
    std::filesystem::create_directory(top / "inner");
    write_file(top / "inner" / "cgroup.procs", std::to_string(container.pid()));
    write_file(top / "cgroup.subtree_control", "+" + controllers[0].substr(0, controllers[0].find(' ')));
    Output output = container.exec({"/bin/probe", "cgroup"});
    EXPECT_TRUE(output.ok()) << output;
    EXPECT_TRUE(contains(output.out, "/inner")) << output;
}

TEST_F(Exec, NoForeignDescriptors) {
    start_probe({"serve"});
    Json fds = exec_probe({"fds"});
    EXPECT_EQ(fds.size(), 3U) << fds;
}

TEST_F(Exec, PreservesDescriptors) {
    start_probe({"serve"});
    write_file(work / "gift", "gift");
    FILE* file = fopen((work / "gift").c_str(), "r");
    Output output = container.exec_command({"/bin/probe", "fdread", "3", ",", "fds"}, {"--preserve-fds", "1"})
                        .descriptor(3, fileno(file))
                        .run();
    fclose(file);
    auto seen = parse_lines(output.out);
    ASSERT_EQ(seen.size(), 2U) << output;
    EXPECT_EQ(seen[0]["text"], "gift");
    EXPECT_EQ(seen[1].size(), 4U) << seen[1];
}

TEST_F(Exec, JoinsTheUserNamespace) {
    REQUIRE_ROOT();
    bundle.map_ids(100000, 65536);
    start_probe({"serve"});
    Json ids = exec_probe({"ids"}, {"--user", "1000:1000"});
    EXPECT_EQ(ids["uid"], 1000);
    EXPECT_TRUE(contains(exec_probe({"read", "/proc/self/uid_map"})["text"], " 100000 "));
}

TEST_F(Exec, HasTheFilterOfTheContainer) {
    bundle.linux_()["seccomp"] = {
        {"defaultAction", "SCMP_ACT_ALLOW"},
        {"syscalls", {{{"names", {"getppid"}}, {"action", "SCMP_ACT_ERRNO"}, {"errnoRet", 71}}}}};
    start_probe({"serve"});
    EXPECT_EQ(exec_probe({"syscall", "getppid"})["error"], "EPROTO");
    EXPECT_EQ(exec_probe({"security"})["seccomp"], 2);
}

TEST_F(Exec, NoNewPrivilegesByOption) {
    bundle.process()["noNewPrivileges"] = false;
    start_probe({"serve"});
    EXPECT_EQ(exec_probe({"security"})["no_new_privs"], 0);
    EXPECT_EQ(exec_probe({"security"}, {"--no-new-privs"})["no_new_privs"], 1);
}

TEST_F(Exec, AdditionalGroups) {
    REQUIRE_ROOT();
    start_probe({"serve"});
    EXPECT_EQ(exec_probe({"ids"}, {"-g", "50", "-g", "60"})["groups"], Json({50, 60}));
}

TEST_F(Exec, SubCgroupMustExist) {
    REQUIRE_CGROUP();
    start_probe({"serve"});
    EXPECT_NE(container.exec({"/bin/probe", "echo"}, {"--cgroup", "absent"}).status, 0);
    EXPECT_NE(container.exec({"/bin/probe", "echo"}, {"--cgroup", "../.."}).status, 0);
    SKIP_FOR(Crun, "takes the last");
    EXPECT_NE(container.exec({"/bin/probe", "echo"}, {"--cgroup", "/", "--cgroup", "/"}).status, 0);
}

TEST_F(Exec, InASubCgroup) {
    REQUIRE_CGROUP();
    start_probe({"serve"});
    std::filesystem::create_directory(container.cgroup() / "side");
    Output output = container.exec({"/bin/probe", "cgroup"}, {"--cgroup", "side"});
    EXPECT_TRUE(contains(output.out, "/side")) << output;
}

TEST_F(Exec, HomeComesFromThePasswordFile) {
    REQUIRE_ROOT();
    start_probe({"serve"});
    Json env = exec_probe({"env"}, {"--user", "1000"})["env"];
    EXPECT_NE(std::find(env.begin(), env.end(), "HOME=/home/user"), env.end()) << env;
}

TEST_F(Exec, DirectoryThroughALeakedDescriptorIsRefused) {
    // CVE-2024-21626
    start_probe({"serve"});
    for (int fd = 3; fd < 16; ++fd) {
        Output output = container.exec({"/bin/probe", "cwd"}, {"--cwd", "/proc/self/fd/" + std::to_string(fd)});
        if (!output.ok()) continue;
        EXPECT_EQ(parse_lines(output.out)[0]["error"], "") << output;
        EXPECT_FALSE(contains(output.out, "(unreachable)")) << output;
    }
}

TEST_F(Exec, AffinityOfTheConfiguration) {
    REQUIRE_ROOT();
    REQUIRE_RUNC(1, 3, "execCPUAffinity");
    REQUIRE(sysconf(_SC_NPROCESSORS_ONLN) > 1, "needs two processors");
    bundle.process()["execCPUAffinity"] = {{"initial", "0"}, {"final", "1"}};
    start_probe({"security", ",", "serve"});
    EXPECT_EQ(exec_probe({"security"})["cpus_allowed"], "1");
    EXPECT_NE(Json::parse(lines(container.output()).at(0))["cpus_allowed"], "1") << "of exec only";
}

TEST_F(Exec, TimeOfTheContainersTimeNamespace) {
    REQUIRE_ROOT();
    REQUIRE_RUNC(1, 2, "time namespaces");
    REQUIRE(facts().time_namespaces, "needs time namespaces");
    bundle.set_namespace("time");
    bundle.linux_()["timeOffsets"] = {{"boottime", {{"secs", 500000}}}};
    start_probe({"serve"});
    timespec now{};
    clock_gettime(CLOCK_BOOTTIME, &now);
    EXPECT_GE(exec_probe({"clocks"})["boottime"].get<long>(), now.tv_sec + 499999);
}
