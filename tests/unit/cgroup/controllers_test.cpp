#include "cgroup/controllers.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "../support/temporary_directory.hpp"
#include "cgroup/cgroup.hpp"
#include "cgroup/files.hpp"
#include "cgroup/limits.hpp"
#include "private_hierarchy.hpp"
#include "sys/syscalls.hpp"

namespace arca::cgroup {
namespace {

using testing::HasSubstr;

const Need kMemory{"memory", "/linux/resources/memory/limit"};

TEST(Controllers, AreNeededByWritesThatMustHappen) {
    const std::vector<Write> writes = {
        {.file = "memory.swap.max", .pointer = "/s", .controller = "memory", .if_absent = IfAbsent::Skip},
        {.file = "memory.max", .pointer = "/m", .controller = "memory"},
        {.file = "memory.low", .pointer = "/l", .controller = "memory"},
        {.file = "cgroup.max.depth", .pointer = "/d"},
        {.file = "io.bfq.weight", .pointer = "/w", .controller = "io", .if_absent = IfAbsent::UseOther},
        {.file = "pids.max", .value = "max", .pointer = "/p", .controller = "pids", .if_absent = IfAbsent::Skip},
    };
    const auto needs = controllers_needed(writes);
    ASSERT_EQ(needs.size(), 2U);
    EXPECT_EQ(needs[0].controller, "memory");
    EXPECT_EQ(needs[0].pointer, "/m");
    EXPECT_EQ(needs[1].controller, "io");
}

TEST(Controllers, AMissingOneIsExplainedFromWhatTheHostSays) {
    auto text = [](std::string_view cgroup, std::string_view offered, std::string_view memberships) {
        return missing_controller(kMemory, cgroup, offered, memberships).message();
    };
    const auto hybrid = text("/", "hugetlb\n", "4:memory:/\n0::/\n");
    EXPECT_EQ(hybrid,
              "/linux/resources/memory/limit: the cgroup controller \"memory\" is needed, but cgroup / offers only: "
              "hugetlb (this host uses memory in a cgroup v1 hierarchy, which /sys/fs/cgroup does not show)");
    EXPECT_THAT(text("/", "", "0::/\n"), HasSubstr("offers none (the kernel was built or booted without it)"));
    EXPECT_EQ(text("/user.slice/user-1.slice/user@1.service", "cpu pids\n", "0::/\n"),
              "/linux/resources/memory/limit: the cgroup controller \"memory\" is needed, but cgroup "
              "/user.slice/user-1.slice/user@1.service offers only: cpu pids (to delegate it: systemctl edit "
              "user@.service, [Service] Delegate=cpu cpuset io memory pids)");
    EXPECT_THAT(text("/docker", "pids", "0::/\n"), HasSubstr("not enabled above"));
    // v1 names the io controller differently.
    EXPECT_THAT(missing_controller({"io", "/x"}, "/", "", "7:blkio:/\n0::/\n").message(), HasSubstr("cgroup v1"));
}

// The last file cannot be written, and the first is gone when it is to be put back.
TEST(Limits, ThatCannotBePutBackAreToldBesideTheRefusal) {
    const test::TemporaryDirectory directory;
    for (const char* name : {"a", "b"})
        std::ofstream(directory.path() + "/" + name) << "1";
    ASSERT_EQ(::mkdir((directory.path() + "/c").c_str(), 0755), 0);
    const auto opened = sys::open(directory.path(), O_RDONLY | O_DIRECTORY);
    const std::vector<Write> writes = {{.file = "a", .value = "2", .pointer = "/a"},
                                       {.file = "b", .value = "2", .pointer = "/b"},
                                       {.file = "c", .value = "2", .pointer = "/c"}};
    const auto refuse = [&](const std::string& lost) {
        const auto updated = update_writes(writes, [&](const Write& write) {
            const bool is_last = write.file == "c" && sys::read_file(directory.path() + "/b") == "2";
            if (is_last) ::unlink((directory.path() + "/" + lost).c_str());
            return opened->ref();
        });
        return updated ? std::string() : updated.error().message();
    };
    const auto refusal = refuse("nothing");
    EXPECT_EQ(refusal, "/c: open(c): is a directory (EISDIR)");
    EXPECT_EQ(sys::read_file(directory.path() + "/a"), "1");
    EXPECT_EQ(refuse("a"), refusal + " (also: putting a limit back: open(a): absent (ENOENT))");
    EXPECT_EQ(sys::read_file(directory.path() + "/b"), "1") << "all are tried";
}

/// Plain directories with the two files: a write lands at the start of the file, as a trace of what was written.
class ControllerTree : public testing::Test {
  protected:
    void SetUp() override {
        char name[] = "/tmp/arca-controllers-XXXXXX";
        ASSERT_NE(mkdtemp(name), nullptr);
        root_ = name;
    }
    void TearDown() override { std::filesystem::remove_all(root_); }

    void add(const std::string& path, const std::string& offered, const std::string& enabled) {
        std::filesystem::create_directories(root_ + path);
        std::ofstream(root_ + path + "/cgroup.controllers") << offered << "\n";
        std::ofstream(root_ + path + "/cgroup.subtree_control") << enabled << "\n";
    }
    std::string enabled(const std::string& path) {
        return std::string(text::trim(*sys::read_file(root_ + path + "/cgroup.subtree_control")));
    }
    Result<> enable(const std::string& parent, const std::vector<Need>& needs) {
        auto mount = sys::open(root_, O_PATH | O_DIRECTORY);
        return enable_controllers(*mount, parent, needs);
    }

    std::string root_;
};

TEST_F(ControllerTree, OnlyWhatIsMissingIsEnabledFromTheRootDown) {
    add("", "cpu memory pids", "cpu memory");
    add("/a", "cpu memory pids", "");
    add("/a/b", "cpu memory pids", "");
    ASSERT_TRUE(enable("/a/b", {kMemory, {"pids", "/p"}}));
    EXPECT_THAT(enabled(""), testing::StartsWith("+pids"));
    EXPECT_EQ(enabled("/a"), "+memory +pids");
    EXPECT_EQ(enabled("/a/b"), "+memory +pids");
}

TEST_F(ControllerTree, NothingIsWrittenWhereAllIsEnabled) {
    add("", "cpu memory", "cpu");  // would fail if it were looked at
    add("/a", "cpu memory", "memory cpu");
    ASSERT_TRUE(enable("/a", {kMemory}));
    EXPECT_EQ(enabled(""), "cpu");
    EXPECT_EQ(enabled("/a"), "memory cpu");
}

TEST_F(ControllerTree, NothingIsReadWhereNothingIsNeeded) {
    EXPECT_TRUE(enable("/absent", {}));
}

/// What a real file of cgroupfs does on a write is known only there.
class KernelControllers : public testing_support::CgroupTest {};

TEST_F(KernelControllers, LimitsOfAnEnabledControllerArriveInTheCgroup) {
    std::string reason;
    const auto root = testing_support::private_mount(reason);
    if (!sys::read_file(root + "/cgroup.subtree_control").value_or("").contains("hugetlb"))
        GTEST_SKIP() << "hugetlb is not enabled in the root of this host's v2 hierarchy";
    std::vector<spec::Note> notes;
    auto plan = plan_at("/a/b");
    plan.writes = *translate({.hugepage_limits = {{"2MB", 4 << 20}}}, notes);
    auto group = Cgroup::create(plan);
    ASSERT_TRUE(group) << group.error().message();
    auto applied = group->apply(plan.writes);
    ASSERT_TRUE(applied) << applied.error().message();
    EXPECT_EQ(read("hugetlb.2MB.max", "/a/b"), "4194304");
    EXPECT_EQ(read("hugetlb.2MB.rsvd.max", "/a/b"), "4194304");

    plan.writes = *translate({.hugepage_limits = {{"3MB", 4 << 20}}}, notes);
    applied = group->apply(plan.writes);
    ASSERT_FALSE(applied);
    EXPECT_THAT(applied.error().message(), HasSubstr("this kernel has the page sizes"));
    EXPECT_THAT(applied.error().message(), HasSubstr("2MB"));
    EXPECT_EQ(applied.error().pointer(), "/linux/resources/hugepageLimits/0");
}

TEST_F(KernelControllers, ProcessesOnTheWayDownAreNamed) {
    std::string reason;
    const auto root = testing_support::private_mount(reason);
    if (!sys::read_file(root + "/cgroup.subtree_control").value_or("").contains("hugetlb"))
        GTEST_SKIP() << "hugetlb is not enabled in the root of this host's v2 hierarchy";
    auto above = Cgroup::create(plan_at());
    ASSERT_TRUE(above);
    ASSERT_TRUE(sys::write_file_at(above->entrance()->birthplace, "cgroup.subtree_control", "-hugetlb"));
    auto inhabitant = testing_support::sleeper(*above);
    auto plan = plan_at("/web");
    plan.writes = {{.file = "hugetlb.2MB.max", .value = "0", .pointer = "/h", .controller = "hugetlb"}};
    auto group = Cgroup::create(plan);
    ASSERT_FALSE(group);
    EXPECT_EQ(group.error().errnum(), EBUSY);
    EXPECT_EQ(group.error().pointer(), "/h");
    EXPECT_THAT(group.error().message(),
                HasSubstr(text::cat("enabling hugetlb for the children of cgroup ", at().path)));
    EXPECT_THAT(group.error().hint(), HasSubstr(text::cat("it holds 1 process: pid ", inhabitant.pid())));
}

TEST_F(KernelControllers, WhoMayDelegateIsNamed) {
    std::string reason;
    const auto root = testing_support::private_mount(reason);
    if (geteuid() != 0 || !sys::read_file(root + "/cgroup.subtree_control").value_or("").contains("hugetlb"))
        GTEST_SKIP() << "needs root and hugetlb in the root of this host's v2 hierarchy";
    auto above = Cgroup::create(plan_at());
    ASSERT_TRUE(above);
    ASSERT_TRUE(sys::write_file_at(above->entrance()->birthplace, "cgroup.subtree_control", "-hugetlb"));
    auto plan = plan_at("/web");
    plan.writes = {{.file = "hugetlb.2MB.max", .value = "0", .pointer = "/h", .controller = "hugetlb"}};
    plan.best_effort = true;
    auto stranger = testing_support::child_in(Cgroup(), [&plan] {
        if (seteuid(4242) < 0) return 9;
        auto refused = Cgroup::create(plan);
        if (refused || refused.error().pointer() != "/h") return 1;
        return refused.error().hint().contains("belongs to uid 0, arca runs as uid 4242; to delegate it: ") ? 0 : 2;
    });
    EXPECT_EQ(stranger.wait()->code, 0);
}

TEST(CgroupFiles, EventsAndFlatKeyedFiles) {
    const auto events = parse_events("populated 1\nfrozen 0\n");
    EXPECT_TRUE(events.populated);
    EXPECT_FALSE(events.frozen);
    EXPECT_TRUE(parse_events("populated 0\nfrozen 1\n").frozen);
    EXPECT_FALSE(parse_events("").populated);
    EXPECT_EQ(value_of("oom 4\noom_kill 3\noom_group_kill 2\n", "oom_kill"), 3U);
    EXPECT_EQ(value_of("oom_kill 3", "oom"), std::nullopt);
    EXPECT_EQ(value_of("oom x\n", "oom"), std::nullopt);
}

}  // namespace
}  // namespace arca::cgroup
