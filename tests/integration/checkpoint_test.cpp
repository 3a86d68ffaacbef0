// Containers that become files and containers again. Needs CRIU, and a kernel that it can deal with: asked by trying.
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <optional>

#include "harness/container.hpp"
#include "harness/criu.hpp"
#include "harness/terminal.hpp"

using namespace integration;

namespace {
/// "/proc rw,relatime proc": where, how, what, in the order of the places.
std::vector<std::string> mounts_of(pid_t pid) {
    std::vector<std::string> found;
    for (const auto& line : lines(read_file("/proc/" + std::to_string(pid) + "/mountinfo"))) {
        std::istringstream fields(line);
        std::string id, parent, device, root, point, options, word, type;
        fields >> id >> parent >> device >> root >> point >> options;
        while (fields >> word && word != "-") {
        }
        fields >> type;
        found.push_back(point + " " + options + " " + type);
    }
    std::sort(found.begin(), found.end());
    return found;
}
}  // namespace

class Checkpoint : public ContainerTest {
  protected:
    void SetUp() override {
        ContainerTest::SetUp();
        REQUIRE_ROOT();
        REQUIRE(criu().obstacle.empty(), criu().obstacle);
        bundle.args({"/bin/probe", "count"});
    }
    Command with_criu(Arguments words) {
        Command command = runtime_command(root(), words);
        prepare_for_criu(command);
        return command.timeout(60);
    }
    std::string images() const { return work / "images"; }
    Arguments checkpoint_words(const Arguments& options = {}) {
        // The hosts of tests need not have what the network is locked with.
        Arguments words = {"checkpoint", "--image-path", images(), "--network-lock", "skip"};
        words.insert(words.end(), options.begin(), options.end());
        words.push_back(container.id);
        return words;
    }
    Output checkpoint(const Arguments& options = {}) {
        return with_criu(checkpoint_words(options)).run(Reaping::Adopted);
    }
    Command restore_command(const Arguments& options = {}) {
        Arguments words = {"restore", "--image-path", images(), "--bundle", bundle.path().string()};
        words.insert(words.end(), options.begin(), options.end());
        words.push_back(container.id);
        // To the same file: CRIU wants an open file to be as long as it was.
        return with_criu(words).output_files(work / "counted", work / "restored.err");
    }
    Output restore(const Arguments& options = {"--detach"}) { return restore_command(options).run(); }
    void start_counting() {
        Output output = container.run_command({"--detach"}).output_files(work / "counted", work / "run.err").run();
        ASSERT_TRUE(output.ok()) << output;
        ASSERT_TRUE(eventually([&] { return last_number(counted()) > 4; })) << counted();
    }
    std::string counted() const { return read_file(work / "counted"); }
    /// Nothing is lost, nothing said twice.
    bool counts_without_a_gap() const {
        int next = 0;
        const auto text = counted();
        for (const auto& line : lines(text.substr(0, text.rfind('\n') + 1)))
            if (line != std::to_string(next++)) return false;
        return true;
    }
    /// The last line may not be complete yet.
    static int last_number(const std::string& text) {
        auto all = lines(text.substr(0, text.rfind('\n') + 1));
        return all.empty() ? -1 : std::atoi(all.back().c_str());
    }
};

TEST_F(Checkpoint, TheProgramCountsOn) {
    start_counting();
    const auto mounts = mounts_of(container.pid());
    Output output = checkpoint();
    ASSERT_TRUE(output.ok()) << output;
    EXPECT_EQ(output.text(), "");
    EXPECT_EQ(container.state(), Json()) << "the container is over";
    const int last = last_number(counted());
    output = restore({"--detach", "--pid-file", work / "pid"});
    ASSERT_TRUE(output.ok()) << output;
    EXPECT_EQ(container.status(), "running");
    EXPECT_EQ(read_file(work / "pid"), std::to_string(container.pid()));
    ASSERT_TRUE(eventually([&] { return last_number(counted()) > last + 3; })) << counted();
    EXPECT_TRUE(counts_without_a_gap()) << counted();
    EXPECT_EQ(mounts_of(container.pid()), mounts) << "what was read-only still is";
}

TEST_F(Checkpoint, ARestoredContainerIsOneLikeAnyOther) {
    start_counting();
    ASSERT_TRUE(checkpoint().ok());
    Output output = restore();
    ASSERT_TRUE(output.ok()) << output;
    Output told = container.exec({"/bin/probe", "echo", "hello"});
    EXPECT_EQ(told.out, "hello\n") << told;
    EXPECT_NE(container.cgroup(), "");
    EXPECT_TRUE(container.call({"pause", container.id}).ok());
    EXPECT_EQ(container.status(), "paused");
    EXPECT_TRUE(container.call({"resume", container.id}).ok());
    EXPECT_TRUE(container.kill("KILL").ok());
    EXPECT_TRUE(container.reaches("stopped"));
    EXPECT_TRUE(container.remove().ok());
}

TEST_F(Checkpoint, AgainAndAgain) {
    start_counting();
    for (int round = 0; round < 3; ++round) {
        Output output = checkpoint();
        ASSERT_TRUE(output.ok()) << round << output;
        output = restore();
        ASSERT_TRUE(output.ok()) << round << output;
    }
    const int last = last_number(counted());
    EXPECT_TRUE(eventually([&] { return last_number(counted()) > last; }));
    EXPECT_TRUE(counts_without_a_gap()) << counted();
}

TEST_F(Checkpoint, ThenTheContainerMayGoOn) {
    start_counting();
    Output output = checkpoint({"--leave-running"});
    ASSERT_TRUE(output.ok()) << output;
    EXPECT_EQ(container.status(), "running");
    const int last = last_number(counted());
    EXPECT_TRUE(eventually([&] { return last_number(counted()) > last; }));
}

TEST_F(Checkpoint, APausedContainerCanBeWrittenDown) {
    start_counting();
    ASSERT_TRUE(container.call({"pause", container.id}).ok());
    Output output = checkpoint();
    ASSERT_TRUE(output.ok()) << output;
    output = restore();
    ASSERT_TRUE(output.ok()) << output;
}

TEST_F(Checkpoint, MountsOfTheHostAreFoundAgain) {
    std::filesystem::create_directory(work / "data");
    std::filesystem::create_directory(work / "data of another host");
    write_file(work / "data/file", "old");
    write_file(work / "data of another host/file", "new");
    bundle.directory("real");
    std::filesystem::create_symlink("real", bundle.rootfs() / "link");
    bundle.add_mount("/link/data", "bind", work / "data", {"bind", "ro", "nosuid"});
    start_counting();
    Output output = checkpoint();
    ASSERT_TRUE(output.ok()) << output;
    bundle.mount_at("/link/data")["source"] = work / "data of another host";
    bundle.write();
    output = restore();
    ASSERT_TRUE(output.ok()) << output;
    EXPECT_EQ(read_file("/proc/" + std::to_string(container.pid()) + "/root/real/data/file"), "new");
    const auto mounts = mounts_of(container.pid());
    EXPECT_TRUE(std::any_of(mounts.begin(), mounts.end(),
                            [](const std::string& line) { return line.starts_with("/real/data ro,nosuid"); }));
}

TEST_F(Checkpoint, ATerminalComesBackBySocket) {
    bundle.process()["terminal"] = true;
    ConsoleSocket first(work / "first");
    ASSERT_TRUE(container.run({"--detach", "--console-socket", first.path()}).ok());
    std::string data;
    const int before = first.receive(data);
    ASSERT_GE(before, 0);
    ASSERT_TRUE(contains(read_until(before, "\n5\r\n"), "\n5\r\n"));
    Output output = checkpoint();
    ASSERT_TRUE(output.ok()) << output;
    close(before);
    ConsoleSocket second(work / "second");
    output = restore({"--detach", "--console-socket", second.path()});
    ASSERT_TRUE(output.ok()) << output;
    const int after = second.receive(data);
    ASSERT_GE(after, 0);
    EXPECT_GE(last_number(read_until(after, "\r\n")), 5);
    close(after);
}

TEST_F(Checkpoint, InTheForegroundTheStatusIsPassedOn) {
    start_counting();
    ASSERT_TRUE(checkpoint().ok());
    Running running = restore_command().start();
    ASSERT_TRUE(container.reaches("running")) << running.err();
    ASSERT_TRUE(container.kill("KILL").ok());
    Output output = running.wait(20);
    EXPECT_EQ(output.status, 128 + SIGKILL) << output;
    EXPECT_EQ(container.state(), Json()) << "deleted as after run";
}

TEST_F(Checkpoint, AnotherIdAndCgroup) {
    start_counting();
    ASSERT_TRUE(checkpoint().ok());
    bundle.linux_()["cgroupsPath"] = "/" + container.id + "-elsewhere";
    bundle.write();
    Output output = restore();
    ASSERT_TRUE(output.ok()) << output;
    EXPECT_TRUE(contains(read_file("/proc/" + std::to_string(container.pid()) + "/cgroup"), "-elsewhere"));
}

TEST_F(Checkpoint, TheFilterOfSystemCallsComesBack) {
    bundle.linux_()["seccomp"] = {{"defaultAction", "SCMP_ACT_ALLOW"},
                                  {"syscalls", Json::array({{{"names", {"getppid"}}, {"action", "SCMP_ACT_ERRNO"}}})}};
    start_counting();
    ASSERT_TRUE(checkpoint().ok());
    Output output = restore();
    ASSERT_TRUE(output.ok()) << output;
    EXPECT_TRUE(contains(read_file("/proc/" + std::to_string(container.pid()) + "/status"), "Seccomp:\t2"));
    EXPECT_TRUE(container.exec({"/bin/probe", "echo", "hello"}).ok()) << "exec has its filter, too";
}

TEST_F(Checkpoint, ANetworkOfSomebodyElseIsJoinedAgain) {
    Running owner = Command({"unshare", "--net", "sleep", "60"}).start();
    const std::string path = "/proc/" + std::to_string(owner.pid()) + "/ns/net";
    ASSERT_TRUE(eventually(
        [&] { return std::filesystem::read_symlink(path) != std::filesystem::read_symlink("/proc/self/ns/net"); }));
    bundle.set_namespace("network", path);
    start_counting();
    Output output = checkpoint();
    ASSERT_TRUE(output.ok()) << output;
    output = restore();
    ASSERT_TRUE(output.ok()) << output;
    EXPECT_EQ(std::filesystem::read_symlink("/proc/" + std::to_string(container.pid()) + "/ns/net"),
              std::filesystem::read_symlink(path));
}

TEST_F(Checkpoint, HooksOfTheRuntimeRunAgain) {
    bundle.config["hooks"]["createRuntime"] =
        Json::array({{{"path", "/bin/sh"}, {"args", {"sh", "-c", "cat >> " + (work / "hook").string()}}}});
    start_counting();
    ASSERT_TRUE(checkpoint().ok());
    ASSERT_TRUE(restore().ok());
    const auto told = read_file(work / "hook");
    EXPECT_TRUE(contains(told, "\"pid\":" + std::to_string(container.pid()))) << told;
}

TEST_F(Checkpoint, MemoryFirst) {
    start_counting();
    Output output = checkpoint({"--pre-dump"});
    if (!output.ok()) {
        EXPECT_TRUE(contains(output.err, "soft-dirty")) << output;
        EXPECT_EQ(container.status(), "running");
        GTEST_SKIP() << "the kernel does not track changes of memory";
    }
    EXPECT_EQ(container.status(), "running");
    std::filesystem::rename(images(), work / "pre");
    output = checkpoint({"--parent-path", "../pre"});
    ASSERT_TRUE(output.ok()) << output;
    EXPECT_TRUE(restore().ok());
}

// CRIU locks the network of the container by rules of a packet filter while it works.
TEST_F(Checkpoint, AConnectionGoesOn) {
    REQUIRE(Command({"iptables-restore", "--version"}).run().ok(), "needs iptables-restore(8)");
    bundle.args({"/bin/probe", "tcp"});
    start_counting();
    Output output = checkpoint();
    EXPECT_EQ(output.status, 1);
    EXPECT_TRUE(contains(output.err, "onnected TCP socket")) << output;
    for (const char* lock : {"iptables", "nftables"}) {
        output = checkpoint({"--tcp-established", "--network-lock", lock});
        if (lock == std::string("nftables") && contains(output.err, "nftables")) break;  // CRIU is built without
        ASSERT_TRUE(output.ok()) << lock << output;
        output = restore({"--detach", "--tcp-established", "--network-lock", lock});
        ASSERT_TRUE(output.ok()) << lock << output;
        const int last = last_number(counted());
        EXPECT_TRUE(eventually([&] { return last_number(counted()) > last + 3; })) << counted();
        EXPECT_TRUE(counts_without_a_gap()) << counted();
    }
}

TEST_F(Checkpoint, AConnectionMayBeClosed) {
    bundle.args({"/bin/probe", "tcp"});
    start_counting();
    Output output = checkpoint({"--tcp-established"});
    ASSERT_TRUE(output.ok()) << output;
    output = restore({"--detach", "--tcp-close"});
    ASSERT_TRUE(output.ok()) << output;
    EXPECT_TRUE(eventually([&] { return contains(counted(), "the connection is broken"); })) << counted();
}

class CheckpointThatServes : public Checkpoint {
  protected:
    /// Whether it has come to where it serves memory on port 27182; else the kernel cannot do without it.
    bool start_serving() {
        start_counting();
        int ready[2];
        EXPECT_EQ(pipe2(ready, O_CLOEXEC), 0);
        const Arguments options = {"--lazy-pages", "--page-server", "127.0.0.1:27182", "--status-fd", "7"};
        serving_.emplace(with_criu(checkpoint_words(options)).descriptor(7, ready[1]).start());
        close(ready[1]);
        char byte = 'x';
        const bool is_ready = read(ready[0], &byte, 1) == 1 && byte == 0;
        close(ready[0]);
        if (is_ready) return true;
        Output output = serving_->wait(20);
        EXPECT_TRUE(contains(output.err, "userfaultfd")) << output;
        return false;
    }
    std::optional<Running> serving_;
};

TEST_F(CheckpointThatServes, DiesWithItsCaller) {
    REQUIRE(start_serving(), "the kernel does not fetch memory lazily");
    ASSERT_EQ(::kill(serving_->pid(), SIGKILL), 0);
    (void)serving_->wait(20);
    EXPECT_TRUE(eventually([this] { return container.remove({"--force"}).ok(); }));
    EXPECT_TRUE(eventually([] { return reap_all() == 0; })) << "CRIU waits for somebody to fetch the memory";
    EXPECT_EQ(container.state(), Json());
}

// The checkpoint stays and serves the memory to a daemon of CRIU, from which the restored processes fetch it.
TEST_F(CheckpointThatServes, MemoryFollowsWhenItIsNeeded) {
    REQUIRE(start_serving(), "the kernel does not fetch memory lazily");
    std::filesystem::create_directory(work / "lazy");
    Command daemon({"criu", "lazy-pages", "--page-server", "--address", "127.0.0.1", "--port", "27182", "--images-dir",
                    images(), "--work-dir", work / "lazy", "--log-file", "lazy.log", "-v4"});
    prepare_for_criu(daemon);
    auto fetching = daemon.start();
    ASSERT_TRUE(eventually([&] { return std::filesystem::exists(work / "lazy/lazy-pages.socket"); }))
        << read_file(work / "lazy/lazy.log");
    Bundle other_bundle(work / "elsewhere");
    other_bundle.config = bundle.config;
    const auto id = container.id + "-elsewhere";
    other_bundle.linux_()["cgroupsPath"] = "/" + id;
    Container other(root(), other_bundle, id);
    other_bundle.write();
    Output output = with_criu({"restore", "--detach", "--lazy-pages", "--image-path", images(), "--work-path",
                               work / "lazy", "--bundle", other_bundle.path().string(), id})
                        .output_files(work / "counted", work / "restored.err")
                        .run();
    EXPECT_TRUE(output.ok()) << output;
    const int last = last_number(counted());
    EXPECT_TRUE(eventually([&] { return last_number(counted()) > last + 3; })) << counted();
    EXPECT_TRUE(counts_without_a_gap()) << counted();
    EXPECT_EQ(fetching.wait(30).status, 0) << read_file(work / "lazy/lazy.log");
    output = serving_->wait(30);
    EXPECT_TRUE(output.ok()) << output;
    EXPECT_EQ(container.state(), Json()) << "the first one is over when its memory has gone";
    EXPECT_TRUE(other.remove({"--force"}).ok());
}

TEST_F(Checkpoint, JoinedNamespacesAreJoinedAgain) {
    Running owner = Command({"unshare", "--ipc", "--uts", "sleep", "60"}).start();
    const std::string namespaces = "/proc/" + std::to_string(owner.pid()) + "/ns/";
    ASSERT_TRUE(eventually([&] {
        return std::filesystem::read_symlink(namespaces + "uts") != std::filesystem::read_symlink("/proc/self/ns/uts");
    }));
    bundle.config.erase("hostname");
    bundle.set_namespace("ipc", namespaces + "ipc");
    bundle.set_namespace("uts", namespaces + "uts");
    start_counting();
    Output output = checkpoint();
    ASSERT_TRUE(output.ok()) << output;
    output = restore();
    ASSERT_TRUE(output.ok()) << output;
    for (const char* name : {"ipc", "uts"})
        EXPECT_EQ(std::filesystem::read_symlink("/proc/" + std::to_string(container.pid()) + "/ns/" + name),
                  std::filesystem::read_symlink(namespaces + name));
}

TEST_F(Checkpoint, AnotherProfileOfAppArmor) {
    REQUIRE(contains(read_file("/sys/module/apparmor/parameters/enabled"), "Y"), "AppArmor is not active here");
    REQUIRE(Command({"sh", "-c", "command -v apparmor_parser"}).run().ok(), "needs apparmor_parser(8)");
    const std::string first = container.id + "-first", second = container.id + "-second";
    write_file(work / "profiles", "profile " + first +
                                      " flags=(attach_disconnected) { capability, file, network, mount, " +
                                      "signal, unix, ptrace, }\nprofile " + second +
                                      " flags=(attach_disconnected) { capability, file, network, signal, unix, }\n");
    Output loaded = Command({"apparmor_parser", "--replace", "--skip-cache", (work / "profiles").string()}).run();
    ASSERT_TRUE(loaded.ok()) << loaded;
    bundle.process()["apparmorProfile"] = first;
    start_counting();
    Output output = checkpoint();
    EXPECT_TRUE(output.ok()) << output;
    output = restore({"--detach", "--lsm-profile", "apparmor:" + second});
    EXPECT_TRUE(output.ok()) << output;
    const auto confined = "/proc/" + std::to_string(container.pid()) + "/attr/apparmor/current";
    EXPECT_EQ(read_file(confined), second + " (enforce)\n");
    container.remove({"--force"});
    (void)Command({"apparmor_parser", "--remove", (work / "profiles").string()}).run();
}

TEST_F(Checkpoint, WhatCriuSaysAndWhereIsPassedOn) {
    bundle.add_mount("/data", "bind", work.path(), {"bind"});
    bundle.args({"/bin/probe", "flock", "/data/locked", ",", "count"});
    start_counting();
    std::filesystem::create_directory(work / "log");
    Output output = checkpoint({"--work-path", work / "log"});
    EXPECT_EQ(output.status, 1);
    EXPECT_TRUE(contains(output.err, "CRIU could not checkpoint the container: Error (criu/")) << output;
    EXPECT_TRUE(contains(output.err, (work / "log/dump.log").string())) << output;
    EXPECT_TRUE(std::filesystem::exists(work / "log/dump.log"));
    EXPECT_EQ(container.status(), "running") << "a failure changes nothing";
    output = checkpoint({"--file-locks"});
    EXPECT_TRUE(output.ok()) << output;
}

TEST_F(Checkpoint, ImagesThatAreNoneLeaveNothing) {
    std::filesystem::create_directory(images());
    bundle.write();
    Output output = restore();
    EXPECT_EQ(output.status, 1);
    EXPECT_TRUE(contains(output.err, "CRIU could not restore the container: Error (criu/")) << output;
    EXPECT_TRUE(contains(output.err, images() + "/restore.log")) << output;
    EXPECT_TRUE(std::filesystem::exists(images() + "/restore.log"));
    EXPECT_EQ(container.state(), Json());
}

TEST_F(Checkpoint, AnIdThatIsTakenIsRefused) {
    start_counting();
    ASSERT_TRUE(checkpoint({"--leave-running"}).ok());
    Output output = restore();
    EXPECT_EQ(output.status, 1);
    EXPECT_TRUE(contains(output.err, "already exists")) << output;
    EXPECT_EQ(container.status(), "running");
}

class CheckpointThatIsRefused : public ContainerTest {};

TEST_F(CheckpointThatIsRefused, WithoutCriuThePackageIsNamed) {
    REQUIRE_ROOT();
    start_probe({"serve"});
    Output output = runtime_command(root(), {"checkpoint", container.id}).variable("PATH", "/nowhere").run();
    EXPECT_EQ(output.status, 1);
    EXPECT_TRUE(contains(output.err, "Debian's package is called criu")) << output;
    EXPECT_EQ(container.status(), "running");
}

TEST_F(CheckpointThatIsRefused, WhatDoesNotRun) {
    REQUIRE_ROOT();
    ASSERT_TRUE(container.create().ok());
    Output output = container.call({"checkpoint", container.id});
    EXPECT_EQ(output.status, 1);
    EXPECT_TRUE(contains(output.err, "cannot checkpoint a container that is created")) << output;
    output = container.call({"checkpoint", "nobody"});
    EXPECT_TRUE(contains(output.err, "does not exist")) << output;
}

TEST_F(CheckpointThatIsRefused, WhatCannotBeMeant) {
    EXPECT_TRUE(contains(container.call({"checkpoint", "--parent-path", "/a", "x"}).err, "must be relative"));
    EXPECT_TRUE(contains(container.call({"checkpoint", "--lazy-pages", "x"}).err, "--page-server"));
    EXPECT_TRUE(contains(container.call({"checkpoint", "--empty-ns", "pid", "x"}).err, "only network"));
    EXPECT_TRUE(contains(container.call({"restore", "--lsm-mount-context"}).err, "flag needs an argument"));
}

TEST_F(CheckpointThatIsRefused, ImagesThatAreNotThere) {
    REQUIRE_ROOT();
    REQUIRE(criu().obstacle.empty(), criu().obstacle);
    bundle.write();
    Output output =
        container.call({"restore", "--image-path", work / "absent", "--bundle", bundle.path().string(), container.id});
    EXPECT_EQ(output.status, 1);
    EXPECT_TRUE(contains(output.err, (work / "absent").string())) << output;
    EXPECT_EQ(container.state(), Json());
}
