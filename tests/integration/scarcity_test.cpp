// Ring 4: what the machine gives runs out: space and inodes for the state, descriptors, memory, processes; or it is not
// there from the beginning. One sentence says what, and nothing is left.
#include <sys/mount.h>
#include <unistd.h>

#include "harness/container.hpp"
#include "harness/terminal.hpp"

using namespace integration;

class Scarcity : public ContainerTest {
  protected:
    void SetUp() override {
        ContainerTest::SetUp();
        REQUIRE_ROOT();
        REQUIRE_ARCA("what others need and say is theirs");
        REQUIRE(!is_sanitized(), "sanitizers need libraries, descriptors and memory of their own");
    }

    /// Succeeds, or ends with 1 and one line that has one of the words; then nothing is left that `delete` does not
    /// find.
    void expect_success_or(const Output& output, const std::vector<std::string>& words) {
        if (!output.ok()) {
            auto is_said = [&](const std::string& word) { return contains(output.err, word); };
            EXPECT_EQ(output.status, 1) << output;
            EXPECT_EQ(std::count(output.err.begin(), output.err.end(), '\n'), 1) << output;
            EXPECT_TRUE(std::any_of(words.begin(), words.end(), is_said)) << output;
        }
        Output removed = container.remove({"--force"});
        EXPECT_TRUE(removed.ok()) << removed;
        EXPECT_FALSE(std::filesystem::exists(root() / container.id)) << output;
        EXPECT_FALSE(std::filesystem::exists(container.cgroup())) << output;
    }
};

namespace {
/// A small file system of the test's own at the place.
class Disk {
  public:
    Disk(std::filesystem::path place, const std::string& options) : place_(std::move(place)) {
        std::filesystem::create_directories(place_);
        EXPECT_EQ(mount("tmpfs", place_.c_str(), "tmpfs", 0, options.c_str()), 0) << options;
    }
    ~Disk() { EXPECT_EQ(umount2(place_.c_str(), MNT_DETACH), 0); }
    Disk(const Disk&) = delete;
    Disk& operator=(const Disk&) = delete;
    void make_read_only() const { EXPECT_EQ(mount("", place_.c_str(), "", MS_REMOUNT | MS_RDONLY, ""), 0); }

  private:
    std::filesystem::path place_;
};

Arguments limited(const std::string& option) {
    return {"prlimit", option, "--"};
}
}  // namespace

TEST_F(Scarcity, OfAStateDirectoryThatCanBeWritten) {
    Disk disk(root(), "size=1m");
    disk.make_read_only();
    Output output = container.run();
    EXPECT_FALSE(output.ok());
    expect_success_or(output, {"EROFS"});
    EXPECT_TRUE(contains(output.err, root().string())) << output;
}

TEST_F(Scarcity, OfSpaceForTheState) {
    std::size_t refused = 0;
    for (int pages = 1; pages < 12; ++pages) {
        SCOPED_TRACE(pages);
        Disk disk(root(), "size=" + std::to_string(pages * 4) + "k");
        Output output = container.run();
        refused += output.ok() ? 0 : 1;
        expect_success_or(output, {"ENOSPC"});
    }
    EXPECT_GT(refused, 1U) << "the disks were too large to show anything";
}

TEST_F(Scarcity, OfInodesForTheState) {
    std::size_t refused = 0;
    for (int inodes = 2; inodes < 9; ++inodes) {
        SCOPED_TRACE(inodes);
        Disk disk(root(), "nr_inodes=" + std::to_string(inodes));
        Output output = container.run();
        refused += output.ok() ? 0 : 1;
        expect_success_or(output, {"ENOSPC"});
    }
    EXPECT_GT(refused, 1U) << "there were enough inodes to show nothing";
}

TEST_F(Scarcity, OfDescriptors) {
    bundle.process().erase("rlimits");
    std::size_t refused = 0, succeeded = 0;
    for (int limit = 3; limit <= 48; ++limit) {
        SCOPED_TRACE(limit);
        Output output = container.run_command().launched_by(limited("--nofile=" + std::to_string(limit))).run();
        (output.ok() ? succeeded : refused) += 1;
        expect_success_or(output, {"EMFILE", "RLIMIT_NOFILE"});
    }
    EXPECT_GT(refused, 1U);
    EXPECT_GT(succeeded, 1U);
}

TEST_F(Scarcity, OfMemory) {
    bundle.process().erase("rlimits");
    auto starts = [&](int kilobytes) {
        return runtime_command(root(), {"--version"})
            .launched_by(limited("--as=" + std::to_string(kilobytes * 1024)))
            .run()
            .ok();
    };
    int least = 4096;
    while (least < 65536 && !starts(least))
        least += 128;
    REQUIRE(least < 65536, "sanitizers need more than there is");
    std::size_t succeeded = 0;
    for (int more = 0; more < 24; ++more) {
        SCOPED_TRACE(more);
        const auto limit = "--as=" + std::to_string((least + more * 64) * 1024);
        Output output = container.run_command().launched_by(limited(limit)).run();
        succeeded += output.ok() ? 1 : 0;
        expect_success_or(output, {"ENOMEM", "no memory left", "out of memory"});
    }
    EXPECT_GT(succeeded, 1U);
}

TEST_F(Scarcity, OfProcesses) {
    REQUIRE(std::filesystem::exists(facts().fault), "the launcher knows x86-64 only");
    Output output =
        container.run_command().launched_by({facts().fault, "clone3", "EAGAIN", (work / "report").string()}).run();
    EXPECT_FALSE(output.ok());
    expect_success_or(output, {"EAGAIN"});
}

TEST_F(Scarcity, OfStandardDescriptors) {
    for (const char* closed : {"<&-", ">&-", "2>&-", "<&- >&- 2>&-"}) {
        SCOPED_TRACE(closed);
        const Arguments closing = {"sh", "-c", std::string("exec \"$@\" ") + closed, "sh"};
        bundle.args({"/bin/probe", "fds"});
        Output output = container.run_command().launched_by(closing).run();
        EXPECT_TRUE(output.ok()) << output;
        EXPECT_TRUE(output.out.empty() || parse_lines(output.out)[0].size() == 3) << output;
        // Where nobody can read the sentence, the status tells all the same.
        bundle.args({"/bin/absent"});
        output = container.run_command().launched_by(closing).run();
        EXPECT_EQ(output.status, 1) << output;
    }
}

TEST_F(Scarcity, OfAConsoleThatStays) {
    bundle.process()["terminal"] = true;
    bundle.args({"/bin/probe", "serve"});
    {
        ConsoleSocket socket(work / "tty");  // its file stays, and nobody listens any more
    }
    Output output = container.create({"--console-socket", (work / "tty").string()});
    EXPECT_FALSE(output.ok());
    expect_success_or(output, {(work / "tty").string()});
}
