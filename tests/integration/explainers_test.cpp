// What arca says of failures whose cause lies around it, or that come one after the other. Broken programs, deaths,
// hooks, configurations, ids and limits have tables of their own: start_truth_test.cpp, early_deaths_test.cpp,
// hooks_test.cpp, wrong_configs_test.cpp, rootless_test.cpp, cgroup_test.cpp.
#include <linux/capability.h>
#include <sys/mount.h>

#include <regex>

#include "harness/container.hpp"
#include "harness/engine_patterns.hpp"

using namespace integration;

namespace {

std::string replaced(std::string text, const std::string& from, const std::string& to) {
    for (std::size_t at = 0; (at = text.find(from, at)) != std::string::npos; at += to.size())
        text.replace(at, from.size(), to);
    return text;
}

const std::string kRefused = "refused (EPERM)";
const std::string kInTheWay = ": most likely that is in the way)\n";

}  // namespace

class Explainers : public ContainerTest {
  protected:
    void SetUp() override {
        ContainerTest::SetUp();
        REQUIRE_ROOT();
        REQUIRE_ARCA("its own texts");
    }
    std::string plain(const std::string& text) const {
        return std::regex_replace(replaced(replaced(text, container.id, "ID"), work.path().string(), "WORK"),
                                  std::regex(R"(\d+\.\d\d s)"), "N s");
    }
    /// That command has failed with this text alone, which no engine takes for something else.
    void expect_told(const Output& output, const std::string& text) const {
        EXPECT_EQ(output.status, 1) << output;
        EXPECT_EQ(plain(output.err), "arca: " + text);
        EXPECT_EQ(output.out, "");
        EXPECT_EQ(engines::docker_status(output.err, "/bin/probe"), engines::kOtherDockerFailure);
        EXPECT_EQ(engines::podman_status(output.err), engines::kOtherPodmanFailure);
    }
    void expect_nothing_left() {
        EXPECT_FALSE(std::filesystem::exists(root() / container.id));
        EXPECT_FALSE(std::filesystem::exists(container.cgroup()));
    }
    std::string known_of_failure() {
        return Json::parse(runtime({"why", "--format", "json", container.id}).out, nullptr, false).value("message", "");
    }
};

// --- the first failure wins, and what fails because of it is told beside it ---

class ExplainersThatCleanUp : public Explainers {
  protected:
    /// A hook that puts a mount where arca wants to remove a directory, and fails.
    void obstruct(const std::string& kind, const std::filesystem::path& place) {
        obstacle_ = place;
        const auto script = "mkdir " + place.string() + " && mount -t tmpfs none " + place.string() + "; exit 3";
        bundle.config["hooks"][kind] = {{{"path", "/bin/sh"}, {"args", {"sh", "-c", script}}}};
    }
    void clear_away() const { EXPECT_EQ(umount2(obstacle_.c_str(), MNT_DETACH), 0); }
    void TearDown() override {
        (void)umount2(obstacle_.c_str(), MNT_DETACH);
        Explainers::TearDown();
    }
    static std::string failure_of_hook(const std::string& kind) {
        return "error running " + kind + " hook #0: /hooks/" + kind + "/0: /bin/sh exited with status 3 after N s";
    }
    /// The state is what `delete` then works from.
    void expect_delete_finishes_the_job() {
        EXPECT_EQ(container.status(), "creating");
        clear_away();
        EXPECT_TRUE(container.remove({"--force"}).ok());
        expect_nothing_left();
    }

  private:
    std::filesystem::path obstacle_;
};

TEST_F(ExplainersThatCleanUp, TellOfAStateThatStaysBesideTheCause) {
    obstruct("createRuntime", root() / container.id / "obstacle");
    const auto text = failure_of_hook("createRuntime") +
                      " (also: removing the state directory: unlink(obstacle): device or resource busy (EBUSY))";
    expect_told(container.create(), "create ID: " + text + "\n");
    EXPECT_EQ(plain(known_of_failure()), text);
    expect_delete_finishes_the_job();
}

TEST_F(ExplainersThatCleanUp, TellOfACgroupThatStaysBesideTheCause) {
    REQUIRE_CGROUP();
    REQUIRE(!facts().systemd_manager, "systemd removes its cgroups whatever is mounted there");
    obstruct("createRuntime", container.cgroup() / "obstacle");
    const auto text = failure_of_hook("createRuntime") + " (also: removing cgroup ";
    Output output = container.run();
    EXPECT_EQ(output.status, 1) << output;
    EXPECT_TRUE(plain(output.err).starts_with("arca: run ID: " + text)) << output;
    EXPECT_TRUE(output.err.ends_with("device or resource busy (EBUSY))\n")) << output;
    expect_delete_finishes_the_job();
}

TEST_F(ExplainersThatCleanUp, TellAndKeepWhatStaysOfARunThatFailsLate) {
    obstruct("poststart", root() / container.id / "obstacle");
    Output output = container.run();
    const auto text = failure_of_hook("poststart") +
                      " (also: removing the state directory: unlink(obstacle): device or resource busy (EBUSY))";
    output.out.clear();  // the program ran until the hook failed
    expect_told(output, "run ID: " + text + "\n");
    EXPECT_EQ(plain(known_of_failure()), text);
    clear_away();
    EXPECT_TRUE(container.remove({"--force"}).ok());
    expect_nothing_left();
}

TEST_F(ExplainersThatCleanUp, SayNothingOfWhatCouldBeTakenBack) {
    obstruct("createRuntime", work / "elsewhere");
    expect_told(container.create(), "create ID: " + failure_of_hook("createRuntime") + "\n");
    clear_away();
    expect_nothing_left();
}

// --- arca runs in something that takes rights from it ---

struct Refused {
    const char* name;
    const char* call;
    std::string text;
};
const Refused kRefusals[] = {
    {"Mount", "mount", "setting the propagation of /: mount(none, /, , 0x84000, ): "},
    {"PivotRoot", "pivot_root", "making WORK/bundle/rootfs the root: pivot_root(., .): "},
    {"Hostname", "sethostname", "/hostname: sethostname(box): "},
    {"Unshare", "unshare", "unshare(CLONE_NEWCGROUP): "},
    {"Identity", "setresuid", "/process/user/uid: setresuid(0): "},
};

class ExplainersOfAFilterAround : public Explainers, public testing::WithParamInterface<Refused> {};

TEST_P(ExplainersOfAFilterAround, NameIt) {
    Output output = container.run_command().launched_by({facts().refuse, "EPERM", GetParam().call}).run();
    expect_told(output,
                "run ID: " + GetParam().text + kRefused + " (arca itself runs under a seccomp filter" + kInTheWay);
    expect_nothing_left();
}

INSTANTIATE_TEST_SUITE_P(Calls, ExplainersOfAFilterAround, testing::ValuesIn(kRefusals),
                         [](const auto& each) { return std::string(each.param.name); });

TEST_F(Explainers, OfAFilterAroundExecNameIt) {
    start_probe({"serve"});
    Output output = container.exec_command({"/bin/probe", "ids"}).launched_by({facts().refuse, "EPERM", "setns"}).run();
    EXPECT_EQ(output.status, 255);
    EXPECT_EQ(plain(output.err), "arca: exec ID: joining the container's pid namespace: " + kRefused +
                                     " (arca itself runs under a seccomp filter" + kInTheWay);
    EXPECT_EQ(container.status(), "running");
}

// As an engine's container is without more: a filter, and no CAP_SYS_ADMIN.
TEST_F(Explainers, OfAContainerAroundNameTheFilterAndTheMissingRight) {
    REQUIRE(std::filesystem::exists("/usr/bin/setpriv"), "needs setpriv(1)");
    Output output =
        container.run_command()
            .launched_by({facts().refuse, "EPERM", "keyctl", "/usr/bin/setpriv", "--bounding-set=-sys_admin"})
            .run();
    EXPECT_EQ(output.status, 1);
    const std::regex told(
        "arca: run ID: clone3\\(flags 0x[0-9a-f]+\\): refused \\(EPERM\\) \\(arca runs under a seccomp "
        "filter and without CAP_SYS_ADMIN: the container around it must allow new namespaces\\)\n");
    EXPECT_TRUE(std::regex_match(plain(output.err), told)) << output;
    expect_nothing_left();
}

TEST_F(Explainers, OfAUserNamespaceAroundNameIt) {
    REQUIRE(facts().user_namespaces, "needs user namespaces");
    bundle.linux_().erase("resources");
    bundle.linux_().erase("cgroupsPath");
    for (auto& mount : bundle.config["mounts"])
        if (mount["destination"] == "/dev/pts") mount["options"] = {"nosuid", "noexec", "newinstance"};
    bundle.add_mount("/debug", "debugfs", "debugfs", {"nosuid"});
    const auto pointer = "/mounts/" + std::to_string(bundle.config["mounts"].size() - 1);
    Output output = container.run_command().launched_by({"unshare", "--user", "--map-root-user"}).run();
    expect_told(output, "run ID: mounting debugfs -> /debug nosuid (" + pointer + "): fsconfig(create): " + kRefused +
                            " (arca itself runs in a user namespace that is not the host's" + kInTheWay);
    expect_nothing_left();
}

// --- a chroot(2) ---

class ExplainersInAChroot : public Explainers {
  protected:
    void SetUp() override {
        Explainers::SetUp();
        if (IsSkipped()) return;
        REQUIRE(!is_sanitized(), "sanitizers need libraries, which are not in the chroot");
        for (const char* name : {"jail/bundle", "jail/proc", "jail/run", "jail/sys/fs/cgroup"})
            std::filesystem::create_directories(work / name);
        std::filesystem::copy_file(facts().runtime, work / "jail/arca");
    }
    /// In a mount namespace of its own, after this has been prepared.
    Output run_in_chroot(const std::string& preparation) {
        bundle.write();
        const auto jail = (work / "jail").string();
        const auto script = preparation + "\nmount --bind " + bundle.path().string() + " " + jail +
                            "/bundle\nmount -t proc proc " + jail + "/proc\nmount --rbind /sys/fs/cgroup " + jail +
                            "/sys/fs/cgroup\nexec chroot " + jail + " /arca --root /run/state run --bundle /bundle " +
                            container.id;
        return Command({"unshare", "-m", "--propagation", "private", "sh", "-ec", script}).run();
    }
};

TEST_F(ExplainersInAChroot, NameItWithTheRemedy) {
    expect_told(run_in_chroot(""),
                "run ID: setting the propagation of /: mount(none, /, , 0x84000, ): invalid argument (EINVAL) (arca "
                "runs in a chroot(2) whose root is no mount: `mount --bind DIR DIR` before makes it one)\n");
}

TEST_F(ExplainersInAChroot, NameARemedyThatHelps) {
    const auto jail = (work / "jail").string();
    Output output = run_in_chroot("mount --bind " + jail + " " + jail);
    EXPECT_EQ(output.out, "hello\n") << output;
}

TEST_F(ExplainersInAChroot, NameItWhereNoUserNamespaceCanBeMade) {
    bundle.map_ids(100000, 65536);
    Output output = run_in_chroot("");
    EXPECT_EQ(output.status, 1);
    EXPECT_TRUE(output.err.ends_with(": refused (EPERM) (in a chroot(2) no user namespace can be made)\n")) << output;
    EXPECT_TRUE(plain(output.err).starts_with("arca: run ID: clone3(flags 0x")) << output;
}

// --- what is looked up in files of the kernel or of the host ---

TEST_F(Explainers, OfIdMappedMountsNameTheFileSystem) {
    bundle.add_mount("/mapped", "bind", "/proc/sys", {"bind"});
    const auto pointer = "/mounts/" + std::to_string(bundle.config["mounts"].size() - 1);
    auto& mount = bundle.mount_at("/mapped");
    mount["uidMappings"] = mount["gidMappings"] = {{{"containerID", 0}, {"hostID", 1000}, {"size", 10}}};
    expect_told(container.create(),
                "create ID: mounting bind /proc/sys -> /mapped idmap (" + pointer +
                    "): mount_setattr: invalid argument (EINVAL) (the file system proc at /proc/sys does not support "
                    "id-mapped mounts on this kernel)\n");
    expect_nothing_left();
}

TEST_F(Explainers, OfSeccompTellOfRulesThatChangeNothingAtDebugOnly) {
    bundle.linux_()["seccomp"] = {{"defaultAction", "SCMP_ACT_ALLOW"},
                                  {"syscalls", {{{"names", {"mkdir"}}, {"action", "SCMP_ACT_ALLOW"}}}}};
    bundle.write();
    for (const char* level : {"warning", "debug"}) {
        const auto log = work / level;
        Output output = runtime({"--log", log.string(), "--log-format", "json", "--log-level", level, "run", "--bundle",
                                 bundle.path().string(), container.id});
        EXPECT_TRUE(output.ok()) << output;
        EXPECT_EQ(output.text(), "hello\n");
        const bool told = contains(read_file(log),
                                   "/linux/seccomp/syscalls/0: the action is the default action: the rule changes "
                                   "nothing");
        EXPECT_EQ(told, std::string(level) == "debug") << read_file(log);
    }
}
