// Ring 2: real cgroups of this kernel.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>

#include "cgroup/cgroup.hpp"
#include "cgroup/files.hpp"
#include "cgroup/inhabitants.hpp"
#include "private_hierarchy.hpp"
#include "sys/syscalls.hpp"

namespace arca::cgroup {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::UnorderedElementsAre;
using testing_support::child_in;
using testing_support::sleeper;

class KernelCgroup : public testing_support::CgroupTest {};

#define ASSERT_OK(expression)                                          \
    do {                                                               \
        const auto& checked = (expression);                            \
        ASSERT_TRUE(checked.has_value()) << checked.error().message(); \
    } while (false)

void make_below(const Cgroup& group, const std::string& name) {
    ASSERT_OK(sys::mkdirat(group.entrance()->birthplace, name, 0755));
}

Cgroup open_or_die(const Location& location) {
    auto group = Cgroup::open(location);
    EXPECT_TRUE(group) << group.error().message();
    return std::move(*group);
}

TEST_F(KernelCgroup, WithoutACgroupEverythingSucceedsAndDoesNothing) {
    const Cgroup none;
    EXPECT_FALSE(none.exists());
    EXPECT_THAT(*none.processes(), IsEmpty());
    EXPECT_TRUE(none.apply({{.file = "memory.max", .value = "1"}}));
    EXPECT_TRUE(none.install_device_filter({}));
    EXPECT_TRUE(none.signal_all(SIGTERM) && none.kill_all() && none.freeze(1) && none.thaw(1));
    EXPECT_TRUE(none.wait_empty(1) && none.remove());
    EXPECT_FALSE(*none.is_populated() || *none.is_frozen());
    EXPECT_EQ(none.oom_kills(), 0U);
    EXPECT_FALSE(none.entrance_below({"x"}));
    EXPECT_EQ(Cgroup::create(Plan{})->location().kind, Kind::None);
}

TEST_F(KernelCgroup, IsMadeWithItsAncestors) {
    auto group = Cgroup::create(plan_at("/a/b"));
    ASSERT_OK(group);
    EXPECT_TRUE(group->exists() && group->was_made_here());
    EXPECT_EQ(group->location(), at("/a/b"));
    EXPECT_EQ(read("cgroup.events", "/a/b"), "populated 0\nfrozen 0");
    // What was made for the sake of the path offers its children all it has.
    EXPECT_EQ(read("cgroup.subtree_control", "/a"), read("cgroup.controllers", "/a"));
    ASSERT_OK(group->remove());
    EXPECT_EQ(access(directory("/a/b").c_str(), F_OK), -1);
    EXPECT_EQ(access(directory("/a").c_str(), F_OK), 0) << "ancestors stay";
}

TEST_F(KernelCgroup, AnEmptyOneIsUsedAPopulatedOneRefused) {
    auto first = Cgroup::create(plan_at());
    ASSERT_OK(first);
    auto second = Cgroup::create(plan_at());
    ASSERT_OK(second);
    EXPECT_FALSE(second->was_made_here());

    make_below(*first, "inner");
    auto inhabitant = sleeper(open_or_die(at("/inner")));
    auto third = Cgroup::create(plan_at());
    ASSERT_FALSE(third);
    EXPECT_THAT(third.error().message(), HasSubstr("container's cgroup is not empty"));
    EXPECT_THAT(third.error().message(), HasSubstr(text::cat("pid ", inhabitant.pid(), " (")));
    EXPECT_EQ(third.error().pointer(), "/linux/cgroupsPath");

    auto sharing = plan_at();
    sharing.shared = true;
    EXPECT_TRUE(Cgroup::create(sharing));
}

TEST_F(KernelCgroup, BelowAFrozenOneNothingIsMadeAndNothingLeft) {
    auto above = Cgroup::create(plan_at());
    ASSERT_OK(above);
    ASSERT_OK(above->freeze(1000));
    auto group = Cgroup::create(plan_at("/a/b"));
    ASSERT_FALSE(group);
    EXPECT_THAT(group.error().message(), HasSubstr(text::cat(at("/a/b").path, " is frozen")));
    EXPECT_THAT(group.error().hint(), HasSubstr(text::cat(at().path, "/cgroup.freeze says 1")));
    EXPECT_NE(access(directory("/a").c_str(), F_OK), 0);
}

TEST_F(KernelCgroup, OpensWhatIsThereAndTellsWhenNothingIs) {
    ASSERT_OK(Cgroup::create(plan_at()));
    EXPECT_TRUE(open_or_die(at()).exists());
    const auto absent = open_or_die(at("/absent"));
    EXPECT_FALSE(absent.exists());
    EXPECT_TRUE(absent.kill_all() && absent.wait_empty(1) && absent.remove());
}

TEST_F(KernelCgroup, ListsTheProcessesOfTheWholeSubtree) {
    auto group = Cgroup::create(plan_at());
    ASSERT_OK(group);
    make_below(*group, "a");
    make_below(*group, "a/b");
    make_below(*group, "c");
    auto one = sleeper(*group);
    auto two = sleeper(open_or_die(at("/a/b")));
    auto three = sleeper(open_or_die(at("/c")));
    EXPECT_THAT(*group->processes(), UnorderedElementsAre(one.pid(), two.pid(), three.pid()));
    EXPECT_TRUE(*group->is_populated());
}

TEST_F(KernelCgroup, FreezesAndThaws) {
    auto group = Cgroup::create(plan_at());
    ASSERT_OK(group);
    EXPECT_FALSE(*group->is_frozen());
    auto* page = mmap(nullptr, sizeof(int), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    auto* count = static_cast<volatile int*>(page);
    auto counting = child_in(*group, [count] {
        for (;;)
            *count = *count + 1;
        return 0;
    });
    ASSERT_OK(group->freeze(5000));
    EXPECT_TRUE(*group->is_frozen());
    const int frozen_at = *count;
    usleep(20'000);
    EXPECT_EQ(*count, frozen_at);
    ASSERT_OK(group->thaw(5000));
    EXPECT_FALSE(*group->is_frozen());
    for (int i = 0; i < 500 && *count == frozen_at; ++i)
        usleep(10'000);
    EXPECT_NE(*count, frozen_at);
    munmap(page, sizeof(int));
}

TEST_F(KernelCgroup, ThawingBelowAFrozenOneNamesIt) {
    auto above = Cgroup::create(plan_at());
    auto group = Cgroup::create(plan_at("/a"));
    ASSERT_OK(group);
    ASSERT_OK(above->freeze(1000));
    auto thawed = group->thaw(50);
    ASSERT_FALSE(thawed);
    EXPECT_EQ(thawed.error().code(), Code::Timeout);
    EXPECT_THAT(thawed.error().hint(), HasSubstr(text::cat("cgroup ", at().path, " is frozen")));
}

TEST_F(KernelCgroup, KillsTheWholeSubtreeEvenWhenFrozen) {
    auto group = Cgroup::create(plan_at());
    ASSERT_OK(group);
    make_below(*group, "inner");
    auto one = sleeper(*group);
    auto two = sleeper(open_or_die(at("/inner")));
    ASSERT_OK(group->freeze(5000));
    ASSERT_OK(group->kill_all());
    EXPECT_EQ(one.wait()->signal, SIGKILL);
    EXPECT_EQ(two.wait()->signal, SIGKILL);
    EXPECT_TRUE(group->wait_empty(5000));
    EXPECT_FALSE(*group->is_populated());
}

TEST_F(KernelCgroup, WithoutCgroupKillEachIsKilled) {
    auto group = Cgroup::create(plan_at());
    ASSERT_OK(group);
    make_below(*group, "inner");
    auto one = sleeper(*group);
    // A process that keeps forking: every child ends only by being killed.
    auto forking = child_in(open_or_die(at("/inner")), [] {
        for (int i = 0; i < 200; ++i)
            if (fork() == 0) ::pause();
        ::pause();
        return 0;
    });
    ASSERT_OK(kill_one_by_one(group->entrance()->birthplace));
    EXPECT_EQ(one.wait()->signal, SIGKILL);
    EXPECT_EQ(forking.wait()->signal, SIGKILL);
    ASSERT_OK(group->wait_empty(5000));
    EXPECT_EQ(read("cgroup.freeze"), "0") << "the freezer is put back";
}

TEST_F(KernelCgroup, SignalsReachEveryProcess) {
    auto group = Cgroup::create(plan_at());
    ASSERT_OK(group);
    make_below(*group, "inner");
    auto one = sleeper(*group);
    auto two = sleeper(open_or_die(at("/inner")));
    ASSERT_OK(group->signal_all(SIGTERM));
    EXPECT_EQ(one.wait()->signal, SIGTERM);
    EXPECT_EQ(two.wait()->signal, SIGTERM);
}

TEST_F(KernelCgroup, WaitingForTheEndNamesWhoIsLeft) {
    auto group = Cgroup::create(plan_at());
    ASSERT_OK(group);
    auto one = sleeper(*group);
    auto waited = group->wait_empty(20);
    ASSERT_FALSE(waited);
    EXPECT_EQ(waited.error().code(), Code::Timeout);
    EXPECT_THAT(waited.error().message(), HasSubstr(text::cat("1 process: pid ", one.pid(), " (")));
}

TEST_F(KernelCgroup, WaitingEndsWhenTheLastProcessDoes) {
    auto group = Cgroup::create(plan_at());
    ASSERT_OK(group);
    auto one = child_in(*group, [] {
        usleep(50'000);
        return 0;
    });
    ASSERT_OK(group->wait_empty(5000));
    EXPECT_FALSE(*group->is_populated());
}

TEST_F(KernelCgroup, IsRemovedWithWhatTheContainerMade) {
    auto group = Cgroup::create(plan_at("/web"));
    ASSERT_OK(group);
    for (int i = 0; i < 50; ++i) {
        make_below(*group, text::cat("s", i));
        make_below(*group, text::cat("s", i, "/x"));
        if (i % 7 == 0) make_below(*group, text::cat("s", i, "/x/y"));
    }
    ASSERT_OK(group->remove());
    EXPECT_NE(access(directory("/web").c_str(), F_OK), 0);
    EXPECT_TRUE(group->remove()) << "gone already";
}

TEST_F(KernelCgroup, DepthIsNoHidingPlace) {
    auto group = Cgroup::create(plan_at("/web"));
    ASSERT_OK(group);
    constexpr int kDepth = 100;
    std::string path;
    for (int i = 0; i < kDepth; ++i) {
        path += path.empty() ? "d" : "/d";
        make_below(*group, path);
    }
    auto deep = sleeper(open_or_die(at("/web/" + path)));
    rlimit before{};
    getrlimit(RLIMIT_NOFILE, &before);
    const rlimit few{32, before.rlim_max};
    setrlimit(RLIMIT_NOFILE, &few);
    auto found = group->processes();
    auto killed = group->kill_all();
    auto emptied = group->wait_empty(5000);
    auto removed = group->remove();
    setrlimit(RLIMIT_NOFILE, &before);
    ASSERT_OK(found);
    EXPECT_THAT(*found, ElementsAre(deep.pid()));
    ASSERT_OK(killed);
    ASSERT_OK(emptied);
    ASSERT_OK(removed);
    EXPECT_NE(access(directory("/web").c_str(), F_OK), 0);
}

TEST_F(KernelCgroup, RemovalWaitsForTheLastProcess) {
    auto group = Cgroup::create(plan_at("/web"));
    ASSERT_OK(group);
    make_below(*group, "inner");
    auto one = child_in(open_or_die(at("/web/inner")), [] {
        usleep(50'000);
        return 0;
    });
    ASSERT_OK(group->remove());
    EXPECT_NE(access(directory("/web").c_str(), F_OK), 0);
}

TEST_F(KernelCgroup, RemovalOfAPopulatedOneFailsAndNamesWhoIsThere) {
    auto group = Cgroup::create(plan_at("/web"));
    ASSERT_OK(group);
    auto one = sleeper(*group);
    auto removed = group->remove();
    ASSERT_FALSE(removed);
    EXPECT_EQ(removed.error().errnum(), EBUSY);
    EXPECT_THAT(removed.error().hint(), HasSubstr(text::cat("pid ", one.pid(), " (")));
}

TEST_F(KernelCgroup, ANamesakeIsNotRemoved) {
    auto old = Cgroup::create(plan_at("/web"));
    ASSERT_OK(old);
    ASSERT_EQ(rmdir(directory("/web").c_str()), 0);
    ASSERT_EQ(mkdir(directory("/web").c_str(), 0755), 0);
    ASSERT_OK(old->remove());
    EXPECT_EQ(access(directory("/web").c_str(), F_OK), 0) << "made after ours had gone: not ours";
    EXPECT_FALSE(*old->is_populated());
    EXPECT_THAT(*old->processes(), IsEmpty());
    EXPECT_TRUE(old->kill_all() && old->wait_empty(1));
}

TEST_F(KernelCgroup, SubCgroupsAreOpenedBeneathOnly) {
    auto group = Cgroup::create(plan_at());
    ASSERT_OK(group);
    make_below(*group, "a");
    make_below(*group, "a/b");
    EXPECT_TRUE(group->entrance_below({"a/b"}));
    EXPECT_TRUE(group->entrance_below({"/a/b"}));
    for (const char* bad : {"..", "a/..", "../", "a/../../x"}) {
        auto opened = group->entrance_below({bad});
        ASSERT_FALSE(opened) << bad;
        EXPECT_THAT(opened.error().message(), HasSubstr("bad sub cgroup path"));
    }
    auto absent = group->entrance_below({"absent"});
    ASSERT_FALSE(absent);
    EXPECT_EQ(absent.error().message(), "the container has no sub-cgroup absent");
    auto two = group->entrance_below({"a", "a/b"});
    ASSERT_FALSE(two);
    EXPECT_THAT(two.error().message(), HasSubstr("one cgroup of the unified hierarchy"));
}

TEST_F(KernelCgroup, LimitsOfTheCoreAreWritten) {
    auto group = Cgroup::create(plan_at());
    ASSERT_OK(group);
    ASSERT_OK(group->apply({{.file = "cgroup.max.depth", .value = "3"}}));
    EXPECT_EQ(read("cgroup.max.depth"), "3");
}

TEST_F(KernelCgroup, ARefusedValueIsNamedWithItsFileAndEntry) {
    auto group = Cgroup::create(plan_at());
    ASSERT_OK(group);
    auto applied = group->apply({{.file = "cgroup.max.depth", .value = "deep", .pointer = "/x/y"}});
    ASSERT_FALSE(applied);
    EXPECT_EQ(applied.error().pointer(), "/x/y");
    EXPECT_EQ(applied.error().message(),
              text::cat("cgroup ", at().path, ": /x/y: write(cgroup.max.depth, \"deep\"): invalid argument (EINVAL)"));
}

TEST_F(KernelCgroup, AbsentFilesFailUnlessTheyMayBeAbsent) {
    auto group = Cgroup::create(plan_at());
    ASSERT_OK(group);
    Write write{.file = "memory.max", .value = "5", .pointer = "/m", .controller = "memory"};
    auto applied = group->apply({write});
    ASSERT_FALSE(applied);
    EXPECT_EQ(applied.error().code(), Code::Unsupported);
    EXPECT_THAT(applied.error().message(), HasSubstr("the controller memory is not enabled"));
    write.if_absent = IfAbsent::Skip;
    EXPECT_TRUE(group->apply({write}));
    write.if_absent = IfAbsent::UseOther;
    write.other_file = "cgroup.max.depth";
    write.other_value = "7";
    EXPECT_TRUE(group->apply({write}));
    EXPECT_EQ(read("cgroup.max.depth"), "7");
}

TEST_F(KernelCgroup, ThereAreNoOomKillsWithoutTheMemoryController) {
    auto group = Cgroup::create(plan_at());
    ASSERT_OK(group);
    EXPECT_EQ(group->oom_kills(), 0U);
}

TEST_F(KernelCgroup, AMissingControllerIsToldBeforeAnythingIsMade) {
    auto plan = plan_at("/a/b");
    plan.writes = {{.file = "nonsense.max", .value = "1", .pointer = "/p", .controller = "nonsense"}};
    auto group = Cgroup::create(plan);
    ASSERT_FALSE(group);
    EXPECT_EQ(group.error().code(), Code::Unsupported);
    EXPECT_EQ(group.error().pointer(), "/p");
    EXPECT_THAT(group.error().message(), HasSubstr("controller \"nonsense\" is needed, but cgroup / offers"));
    EXPECT_NE(access(directory().c_str(), F_OK), 0) << "what was made is removed";
}

TEST_F(KernelCgroup, HandsItselfOverToAUser) {
    if (geteuid() != 0 || !host::in_initial_user_namespace().value_or(false)) GTEST_SKIP() << "chown needs root";
    auto plan = plan_at();
    plan.delegate_to = 4242;
    ASSERT_OK(Cgroup::create(plan));
    struct stat status {};
    for (const char* name : {"", "/cgroup.procs", "/cgroup.subtree_control", "/cgroup.threads"}) {
        ASSERT_EQ(stat((directory() + name).c_str(), &status), 0);
        EXPECT_EQ(status.st_uid, 4242U) << name;
        EXPECT_EQ(status.st_gid, 0U) << name;
    }
    ASSERT_EQ(stat((directory() + "/cgroup.freeze").c_str(), &status), 0);
    EXPECT_EQ(status.st_uid, 0U);
}

TEST_F(KernelCgroup, ARefusalIsExplainedOrTolerated) {
    if (geteuid() != 0 || !host::in_initial_user_namespace().value_or(false))
        GTEST_SKIP() << "needs to become somebody else";
    ASSERT_OK(Cgroup::create(plan_at()));
    auto plan = plan_at("/inner");
    pid_t child = fork();
    if (child == 0) {
        if (seteuid(4242) < 0) _exit(9);
        auto refused = Cgroup::create(plan);
        if (refused || !refused.error().hint().contains("belongs to uid 0, arca runs as uid 4242")) _exit(1);
        plan.best_effort = true;
        auto tolerated = Cgroup::create(plan);
        _exit(tolerated && tolerated->location().kind == Kind::None && !tolerated->exists() ? 0 : 2);
    }
    auto pidfd = sys::Pidfd::open(child);
    ASSERT_OK(pidfd);
    EXPECT_EQ(sys::Child(std::move(*pidfd)).wait()->code, 0);
}

}  // namespace
}  // namespace arca::cgroup
