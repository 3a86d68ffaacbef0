// A process that shares a volume with the container exchanges a directory and a link that leads out, while containers
// are made whose configuration leads through it (CVE-2019-19921, CVE-2021-30465, CVE-2024-45310, CVE-2025-31133,
// CVE-2025-52565). ARCA_TEST_RACE_SECONDS makes the races longer.
#include <chrono>
#include <functional>

#include "harness/attack.hpp"
#include "harness/container.hpp"

using namespace integration;

namespace {
/// What leads through /volume/swapped.
struct Way {
    const char* name;
    std::function<void(Bundle&, const std::filesystem::path& host)> configure;
};

void mount_in_volume(Bundle& bundle, const char* type, const std::vector<std::string>& options = {}) {
    bundle.add_mount("/volume/swapped/point", type, type, options);
}

const Way kWays[] = {
    {"Tmpfs", [](Bundle& bundle, const auto&) { mount_in_volume(bundle, "tmpfs"); }},
    {"TmpfsItself", [](Bundle& bundle, const auto&) { bundle.add_mount("/volume/swapped", "tmpfs", "tmpfs", {}); }},
    {"CopyUp",
     [](Bundle& bundle, const auto&) { bundle.add_mount("/volume/swapped", "tmpfs", "tmpfs", {"tmpcopyup"}); }},
    {"Mqueue", [](Bundle& bundle, const auto&) { mount_in_volume(bundle, "mqueue"); }},
    {"Devpts", [](Bundle& bundle, const auto&) { mount_in_volume(bundle, "devpts", {"newinstance"}); }},
    {"Sysfs", [](Bundle& bundle, const auto&) { mount_in_volume(bundle, "sysfs"); }},
    {"SysfsItself", [](Bundle& bundle, const auto&) { bundle.add_mount("/volume/swapped", "sysfs", "sysfs", {}); }},
    {"Cgroup", [](Bundle& bundle, const auto&) { mount_in_volume(bundle, "cgroup", {"ro"}); }},
    {"BindOfADirectory",
     [](Bundle& bundle, const auto& host) {
         bundle.add_mount("/volume/swapped/new", "bind", host / "source", {"bind"});
     }},
    {"BindOfAFile",
     [](Bundle& bundle, const auto& host) {
         bundle.add_mount("/volume/swapped/deep/file", "bind", host / "source/file", {"bind"});
     }},
    {"BindOverWhatIsThere",
     [](Bundle& bundle, const auto& host) {
         bundle.add_mount("/volume/swapped/file", "bind", host / "source/file", {"bind"});
     }},
    {"Device",
     [](Bundle& bundle, const auto&) {
         bundle.linux_()["devices"] = {{{"path", "/volume/swapped/null"},
                                        {"type", "c"},
                                        {"major", 1},
                                        {"minor", 3},
                                        {"fileMode", 0666},
                                        {"uid", 5},
                                        {"gid", 5}}};
     }},
    {"MaskedPath",
     [](Bundle& bundle, const auto&) {
         bundle.linux_()["maskedPaths"] = {"/volume/swapped/file", "/volume/swapped/directory"};
     }},
    {"ReadonlyPath",
     [](Bundle& bundle, const auto&) {
         bundle.linux_()["readonlyPaths"] = {"/volume/swapped/file", "/volume/swapped/directory"};
     }},
    {"WorkingDirectory", [](Bundle& bundle, const auto&) { bundle.process()["cwd"] = "/volume/swapped/made"; }},
};

std::ostream& operator<<(std::ostream& stream, const Way& way) {
    return stream << way.name;
}
}  // namespace

class AttacksRaceThat : public ContainerTest, public testing::WithParamInterface<Way> {
  protected:
    void SetUp() override {
        ContainerTest::SetUp();
        REQUIRE_ROOT();
        std::filesystem::create_directories(volume / "swapped/directory");
        write_file(volume / "swapped/file", "inside");
        std::filesystem::create_symlink(canary.path(), volume / "link");
        std::filesystem::create_directories(work / "source");
        write_file(work / "source/file", "source");
        bundle.config["root"]["readonly"] = false;
        bundle.add_mount("/volume", "bind", volume, {"bind"});
        // Before the root changes: whatever is mounted is still seen, with the host's names.
        Json hook = {{"path", facts().probe},
                     {"args", {"probe", "mounted-below", canary.path(), (work / "mounted").string()}}};
        bundle.config["hooks"]["createContainer"] = {hook};
    }

    std::filesystem::path volume = work / "volume";
    Canary canary{work / "outside"};
};

TEST_P(AttacksRaceThat, LeavesTheHostAlone) {
    GetParam().configure(bundle, work.path());
    const auto end = std::chrono::steady_clock::now() + std::chrono::duration<double>(race_seconds());
    int rounds = 0;
    {
        Swapper swapper(volume / "swapped", volume / "link");
        for (; rounds < 2 || std::chrono::steady_clock::now() < end; ++rounds) {
            // Both outcomes are good, as long as the host is left alone.
            (void)container.run();
            if (std::filesystem::exists(root() / container.id)) container.remove({"--force"});
        }
    }
    canary.expect_alive();
    EXPECT_EQ(read_file(work / "mounted"), "") << "mounted outside of the root";
    EXPECT_EQ(read_file(work / "source/file"), "source");
    EXPECT_GT(rounds, 1);
}
INSTANTIATE_TEST_SUITE_P(Ways, AttacksRaceThat, testing::ValuesIn(kWays),
                         [](const auto& which) { return std::string(which.param.name); });

class AttacksRace : public ContainerTest {
  protected:
    void SetUp() override {
        ContainerTest::SetUp();
        REQUIRE_ROOT();
    }
    /// Runs the container again and again while `one` and `other` are exchanged, and, on a machine so slow that what is
    /// looked for was not met in that time, for a minute more.
    std::vector<Output> race(const std::filesystem::path& one, const std::filesystem::path& other,
                             bool (*met)(const Output&)) {
        std::vector<Output> outputs;
        const auto end = std::chrono::steady_clock::now() + std::chrono::duration<double>(race_seconds());
        const auto last = end + std::chrono::minutes(1);
        Swapper swapper(one, other);
        for (bool seen = false; std::chrono::steady_clock::now() < (seen ? end : last);) {
            outputs.push_back(container.run());
            seen = seen || met(outputs.back());
            if (std::filesystem::exists(root() / container.id)) container.remove({"--force"});
        }
        return outputs;
    }
    static bool works(const Output& output) { return output.ok(); }
    static bool refuses(const Output& output) { return !output.ok(); }

    Canary canary{work / "outside"};
};

// CVE-2019-19921: procfs is mounted on the directory that was called proc, wherever it is called to later, or the
// container does not run. (What is written to /proc does not go through it: see AttacksProc.)
TEST_F(AttacksRace, ProcfsIsNotMountedWhereALinkLeads) {
    std::filesystem::create_directories(bundle.rootfs() / "fake/self/attr");
    std::filesystem::create_symlink("/fake", bundle.rootfs() / "link");
    Json hook = {{"path", facts().probe},
                 {"args", {"probe", "mounted-below", bundle.rootfs() / "fake", (work / "mounted").string()}}};
    bundle.config["hooks"]["createContainer"] = {hook};
    bundle.linux_().erase("maskedPaths");
    bundle.linux_().erase("readonlyPaths");
    int refused = 0;
    for (const auto& output : race(bundle.rootfs() / "proc", bundle.rootfs() / "link", refuses))
        refused += output.ok() ? 0 : 1;
    EXPECT_EQ(read_file(work / "mounted"), "") << "a mount where the link leads";
    EXPECT_GT(refused, 0) << "the link was never met: it shows nothing";
}

// CVE-2025-31133: what masks files is a device of the kernel, whatever stands at /dev/null meanwhile.
TEST_F(AttacksRace, MasksAreNoFileOfTheContainer) {
    std::filesystem::create_directories(work / "dev");
    write_file(work / "dev/evil", "evil");
    ASSERT_EQ(::mknod((work / "dev/null").c_str(), S_IFCHR | 0666, (1 << 8) | 3), 0);
    for (const char* mount : {"/dev/pts", "/dev/shm", "/dev/mqueue", "/dev"})
        bundle.drop_mount(mount);
    bundle.add_mount("/dev", "bind", work / "dev", {"bind"});
    bundle.file("secret", "secret");
    bundle.linux_()["maskedPaths"] = {"/secret"};
    bundle.args({"/bin/probe", "read", "/secret"});
    int good = 0;
    for (const auto& output : race(work / "dev/null", work / "dev/evil", works)) {
        EXPECT_FALSE(contains(output.out, "evil") || contains(output.out, "\"secret\"")) << output;
        good += output.ok() ? 1 : 0;
    }
    EXPECT_GT(good, 0) << "none was masked";
}

// CVE-2025-52565: the terminal is bound by descriptor, not by a name below /dev/pts; nor is /dev/console a way out.
TEST_F(AttacksRace, TheConsoleIsTheTerminal) {
    std::filesystem::create_directories(work / "dev/pts");
    write_file(work / "dev/console", "");
    std::filesystem::create_symlink(canary.path() / "file", work / "dev/link");
    for (const char* mount : {"/dev/shm", "/dev/mqueue", "/dev"})
        bundle.drop_mount(mount);
    auto& mounts = bundle.config["mounts"];
    mounts.insert(
        mounts.begin(),
        Json{{"destination", "/dev"}, {"type", "bind"}, {"source", (work / "dev").string()}, {"options", {"bind"}}});
    bundle.process()["terminal"] = true;
    bundle.args({"/bin/probe", "stat", "/dev/console", ",", "write", "/dev/console", "x"});
    int good = 0;
    for (const auto& output : race(work / "dev/console", work / "dev/link", works)) {
        if (!output.ok()) continue;
        ++good;
        EXPECT_TRUE(contains(output.out, "\"type\":\"character\"") || contains(output.out, "\"type\":\"file\""))
            << output;
    }
    canary.expect_alive();
    SUCCEED() << good << " containers ran";
}
