#include "process/attributes.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sched.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include <csignal>

#include "../support/in_child.hpp"
#include "process/number_list.hpp"
#include "sys/procfs.hpp"

namespace arca::process {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

bool is_root() {
    return ::geteuid() == 0;
}

// CAP_SYS_RESOURCE, which root in a container seldom has.
bool may_raise_limits() {
    return test::in_child([]() -> std::string {
               const rlimit low{64, 64};
               const rlimit high{64, 128};
               ::setrlimit(RLIMIT_NOFILE, &low);
               return ::setrlimit(RLIMIT_NOFILE, &high) == 0 ? "yes" : "no";
           }) == "yes";
}

std::string text_of(const Result<>& result) {
    return result ? "" : result.error().message();
}

// ---- number lists

TEST(NumberList, BecomesAMaskThatIsJustLongEnough) {
    EXPECT_THAT(*mask_of("", 1024), IsEmpty());
    EXPECT_THAT(*mask_of("0-3,7", 1024), ElementsAre(0x8fUL));
    EXPECT_THAT(*mask_of(" 1 , 64 ", 1024), ElementsAre(2UL, 1UL));
    EXPECT_THAT(*mask_of("63-64", 1024), ElementsAre(1UL << 63, 1UL));
}

TEST(NumberList, RefusesWhatIsNoList) {
    for (const char* bad : {"a", "1-", "-1", "3-1", "1,,2", "1,", "0x1", "1--2", "1 2"})
        EXPECT_FALSE(mask_of(bad, 1024)) << bad;
}

TEST(NumberList, HugeNumbersAreRefusedNotAllocated) {
    EXPECT_FALSE(mask_of("1024", 1024));
    EXPECT_FALSE(mask_of("0-18446744073709551615", 1024));
    EXPECT_FALSE(mask_of("9999999999999999999999", 1024));
    EXPECT_EQ(mask_of("0-1023", 1024)->size(), 16U);
}

// ---- rlimits

TEST(Rlimits, AreSet) {
    EXPECT_EQ("", test::in_child([]() -> std::string {
                  if (auto done = set_rlimits({{"RLIMIT_CORE", 0, 0}, {"RLIMIT_NOFILE", 8, 16}}); !done)
                      return done.error().message();
                  rlimit limit{};
                  ::getrlimit(RLIMIT_NOFILE, &limit);
                  return limit.rlim_cur == 8 && limit.rlim_max == 16 ? "" : "NOFILE not set";
              }));
}

TEST(Rlimits, EveryNameOfTheSpecificationIsKnown) {
    EXPECT_EQ("", test::in_child([]() -> std::string {
                  int number = 0;
                  for (const char* name :
                       {"RLIMIT_CPU", "RLIMIT_FSIZE", "RLIMIT_DATA", "RLIMIT_STACK", "RLIMIT_CORE", "RLIMIT_RSS",
                        "RLIMIT_NPROC", "RLIMIT_NOFILE", "RLIMIT_MEMLOCK", "RLIMIT_AS", "RLIMIT_LOCKS",
                        "RLIMIT_SIGPENDING", "RLIMIT_MSGQUEUE", "RLIMIT_NICE", "RLIMIT_RTPRIO", "RLIMIT_RTTIME"}) {
                      rlimit now{};  // the same values again; the numbers are those of asm-generic/resource.h
                      ::getrlimit(static_cast<__rlimit_resource>(number++), &now);
                      if (now.rlim_cur > 1) now.rlim_cur -= now.rlim_cur == RLIM_INFINITY ? 0 : 1;
                      if (auto done = set_rlimits({{name, now.rlim_cur, now.rlim_max}}); !done)
                          return done.error().message();
                      rlimit after{};
                      ::getrlimit(static_cast<__rlimit_resource>(number - 1), &after);
                      if (after.rlim_cur != now.rlim_cur) return std::string(name) + " set another limit";
                  }
                  return "";
              }));
}

TEST(Rlimits, TheErrorNamesTheEntryAndBothValues) {
    auto above = set_rlimits({{"RLIMIT_CORE", 0, RLIM_INFINITY}, {"RLIMIT_NOFILE", 20, 10}});
    ASSERT_FALSE(above);
    EXPECT_EQ(above.error().pointer(), "/process/rlimits/1");
    EXPECT_THAT(above.error().what(), HasSubstr("RLIMIT_NOFILE: the soft limit 20 is above the hard limit 10"));

    auto unknown = set_rlimits({{"RLIMIT_HOPE", 1, 1}});
    ASSERT_FALSE(unknown);
    EXPECT_EQ(unknown.error().code(), Code::InvalidConfig);
    EXPECT_EQ(unknown.error().pointer(), "/process/rlimits/0");
}

TEST(Rlimits, RaisingWithoutTheRightSaysWhatIsInForce) {
    if (!is_root()) GTEST_SKIP() << "needs root to drop it";
    const auto message = test::in_child([]() -> std::string {
        const rlimit small{64, 64};
        ::setrlimit(RLIMIT_NOFILE, &small);
        if (::setresuid(1, 1, 1) < 0) return "setresuid";
        return text_of(set_rlimits({{"RLIMIT_NOFILE", 128, RLIM_INFINITY}}));
    });
    EXPECT_EQ(
        message,
        "/process/rlimits/0: prlimit(RLIMIT_NOFILE, soft 128, hard unlimited): refused (EPERM) (the hard limit is "
        "64 now; raising it needs CAP_SYS_RESOURCE, and nothing may raise it above the sysctl fs.nr_open)");
}

TEST(Rlimits, HardLimitsAreRaisedOfAnotherProcessAndSoftOnesLeft) {
    if (!may_raise_limits()) GTEST_SKIP() << "needs CAP_SYS_RESOURCE";
    EXPECT_EQ("", test::in_child([]() -> std::string {
                  const rlimit small{64, 64};
                  ::setrlimit(RLIMIT_NOFILE, &small);
                  ::setrlimit(RLIMIT_CORE, &small);
                  raise_hard_limits_of(::getpid(),
                                       {{"RLIMIT_NOFILE", 8, 128}, {"RLIMIT_CORE", 8, 32}, {"RLIMIT_HOPE", 1, 1}});
                  rlimit raised{};
                  ::getrlimit(RLIMIT_NOFILE, &raised);
                  if (raised.rlim_cur != 64 || raised.rlim_max != 128) return "NOFILE";
                  rlimit left{};
                  ::getrlimit(RLIMIT_CORE, &left);
                  return left.rlim_cur == 64 && left.rlim_max == 64 ? "" : "CORE";
              }));
}

TEST(Rlimits, RaisingHardLimitsWithoutTheRightIsSilent) {
    if (!is_root()) GTEST_SKIP() << "needs root to drop it";
    EXPECT_EQ("", test::in_child([]() -> std::string {
                  const rlimit small{64, 64};
                  ::setrlimit(RLIMIT_NOFILE, &small);
                  if (::setresuid(1, 1, 1) < 0) return "setresuid";
                  raise_hard_limits_of(0, {{"RLIMIT_NOFILE", 128, 128}});
                  rlimit now{};
                  ::getrlimit(RLIMIT_NOFILE, &now);
                  return now.rlim_max == 64 ? "" : "raised";
              }));
}

// ---- oom_score_adj

TEST(OomScoreAdj, IsWritten) {
    EXPECT_EQ("", test::in_child([]() -> std::string {
                  auto procfs = sys::Procfs::open();
                  if (!procfs) return procfs.error().message();
                  if (auto done = set_oom_score_adj(::getpid(), 321, OomPolicy::Strict); !done)
                      return done.error().message();
                  auto now = procfs->read("self/oom_score_adj");
                  return now && *now == "321\n" ? "" : "not written";
              }));
}

TEST(OomScoreAdj, LoweringWithoutTheRightIsAnErrorOrLeftAlone) {
    if (!is_root()) GTEST_SKIP() << "needs root to drop it";
    EXPECT_EQ("", test::in_child([]() -> std::string {
                  (void)set_oom_score_adj(::getpid(), 100, OomPolicy::Strict);
                  if (::setresuid(1, 1, 1) < 0) return "setresuid";
                  ::prctl(PR_SET_DUMPABLE, 1);
                  auto strict = set_oom_score_adj(::getpid(), -500, OomPolicy::Strict);
                  if (strict) return "lowered without the right";
                  if (strict.error().pointer() != "/process/oomScoreAdj") return "no pointer";
                  if (strict.error().hint().find("the value is 100 now") == std::string::npos)
                      return strict.error().message();
                  return text_of(set_oom_score_adj(::getpid(), -500, OomPolicy::Tolerant));
              }));
}

TEST(OomScoreAdj, NonsenseIsAnErrorEvenWhenTolerant) {
    EXPECT_FALSE(set_oom_score_adj(::getpid(), 5000, OomPolicy::Tolerant));
}

// ---- scheduler

TEST(Scheduler, PolicyAndNiceAreSet) {
    EXPECT_EQ("", test::in_child([]() -> std::string {
                  if (auto done = set_scheduler({"SCHED_BATCH", 7, 0, {"SCHED_FLAG_RESET_ON_FORK"}}); !done)
                      return done.error().message();
                  if (::sched_getscheduler(0) != (SCHED_BATCH | SCHED_RESET_ON_FORK)) return "policy";
                  return ::getpriority(PRIO_PROCESS, 0) == 7 ? "" : "nice";
              }));
}

TEST(Scheduler, RealtimeAndDeadline) {
    if (!is_root()) GTEST_SKIP() << "needs CAP_SYS_NICE";
    EXPECT_EQ("", test::in_child([]() -> std::string {
                  if (auto done = set_scheduler({"SCHED_FIFO", 0, 3}); !done) return done.error().message();
                  sched_param parameters{};
                  ::sched_getparam(0, &parameters);
                  if (::sched_getscheduler(0) != SCHED_FIFO || parameters.sched_priority != 3) return "FIFO";
                  auto deadline = set_scheduler({"SCHED_DEADLINE", 0, 0, {}, 1'000'000, 10'000'000, 10'000'000});
                  return text_of(deadline);
              }));
}

TEST(Scheduler, WrongValuesAreNamed) {
    struct Case {
        spec::Scheduler scheduler;
        const char* pointer;
        Code code;
    };
    const Case cases[] = {
        {{"SCHED_ISO"}, "/process/scheduler/policy", Code::Unsupported},
        {{"SCHED_BEST"}, "/process/scheduler/policy", Code::InvalidConfig},
        {{"SCHED_OTHER", 20}, "/process/scheduler/nice", Code::InvalidConfig},
        {{"SCHED_OTHER", 0, 1}, "/process/scheduler/priority", Code::InvalidConfig},
        {{"SCHED_FIFO", 0, 0}, "/process/scheduler/priority", Code::InvalidConfig},
        {{"SCHED_RR", 0, 100}, "/process/scheduler/priority", Code::InvalidConfig},
        {{"SCHED_OTHER", 0, 0, {"SCHED_FLAG_MAGIC"}}, "/process/scheduler/flags", Code::InvalidConfig},
        {{"SCHED_DEADLINE", 0, 0, {}, 5, 4, 10}, "/process/scheduler", Code::InvalidConfig},
        {{"SCHED_DEADLINE"}, "/process/scheduler", Code::InvalidConfig},
    };
    for (const auto& each : cases) {
        auto done = set_scheduler(each.scheduler);
        ASSERT_FALSE(done) << each.scheduler.policy;
        EXPECT_EQ(done.error().pointer(), each.pointer) << done.error().message();
        EXPECT_EQ(done.error().code(), each.code) << done.error().message();
    }
}

TEST(Scheduler, WithoutTheRightTheCapabilityIsNamed) {
    if (!is_root()) GTEST_SKIP() << "needs root to drop it";
    EXPECT_THAT(test::in_child([]() -> std::string {
                    if (::setresuid(1, 1, 1) < 0) return "setresuid";
                    return text_of(set_scheduler({"SCHED_FIFO", 0, 3}));
                }),
                HasSubstr("CAP_SYS_NICE"));
}

// ---- I/O priority, personality, memory policy

TEST(IoPriority, IsSetForThisProcess) {
    EXPECT_EQ("", test::in_child([]() -> std::string {
                  if (auto done = set_io_priority({"IOPRIO_CLASS_BE", 6}); !done) return done.error().message();
                  return ::syscall(SYS_ioprio_get, 1, 0) == (2 << 13 | 6) ? "" : "not set";
              }));
}

TEST(IoPriority, WrongValuesAreNamed) {
    EXPECT_EQ(set_io_priority({"IOPRIO_CLASS_BE", 8}).error().pointer(), "/process/ioPriority/priority");
    EXPECT_EQ(set_io_priority({"IOPRIO_CLASS_BE", -1}).error().pointer(), "/process/ioPriority/priority");
    EXPECT_EQ(set_io_priority({"IOPRIO_CLASS_NONE", 1}).error().pointer(), "/process/ioPriority/class");
}

TEST(Personality, IsSet) {
    EXPECT_EQ("", test::in_child([]() -> std::string {
                  if (!set_personality(spec::PersonalityDomain::Linux32)) return "refused";
                  if (::personality(0xffffffff) != PER_LINUX32) return "not LINUX32";
                  if (!set_personality(spec::PersonalityDomain::Linux)) return "refused";
                  return ::personality(0xffffffff) == PER_LINUX ? "" : "not LINUX";
              }));
}

TEST(MemoryPolicy, IsSet) {
    EXPECT_EQ("", test::in_child([]() -> std::string {
                  auto done = set_memory_policy({"MPOL_BIND", "0", {"MPOL_F_STATIC_NODES"}});
                  if (!done && done.error().errnum() == ENOSYS) return "";
                  if (!done) return done.error().message();
                  int mode = -1;
                  unsigned long nodes[16] = {};
                  if (::syscall(SYS_get_mempolicy, &mode, nodes, 1024UL, nullptr, 0UL) < 0) return "get_mempolicy";
                  if (mode != (2 | 1 << 15) || nodes[0] != 1) return "mode " + std::to_string(mode);
                  if (auto reset = set_memory_policy({"MPOL_DEFAULT", "", {}}); !reset) return reset.error().message();
                  ::syscall(SYS_get_mempolicy, &mode, nullptr, 0UL, nullptr, 0UL);
                  return mode == 0 ? "" : "not reset";
              }));
}

TEST(MemoryPolicy, WrongValuesAreNamed) {
    EXPECT_EQ(set_memory_policy({"MPOL_MAGIC", "0", {}}).error().pointer(), "/linux/memoryPolicy/mode");
    EXPECT_EQ(set_memory_policy({"MPOL_BIND", "0", {"MPOL_F_X"}}).error().pointer(), "/linux/memoryPolicy/flags");
    EXPECT_EQ(set_memory_policy({"MPOL_BIND", "0-876543210", {}}).error().pointer(), "/linux/memoryPolicy/nodes");
    EXPECT_EQ(set_memory_policy({"MPOL_BIND", "zero", {}}).error().pointer(), "/linux/memoryPolicy/nodes");
    EXPECT_EQ(set_memory_policy({"MPOL_BIND", "1023", {}}).error().pointer(), "/linux/memoryPolicy");
}

// ---- affinity

TEST(Affinity, IsSetAndReset) {
    cpu_set_t all;
    ::sched_getaffinity(0, sizeof all, &all);
    if (CPU_COUNT(&all) < 2) GTEST_SKIP() << "one CPU";
    int first = 0;
    while (!CPU_ISSET(first, &all))
        ++first;
    EXPECT_EQ("", test::in_child([&]() -> std::string {
                  cpu_set_t now;
                  if (auto done = set_affinity(std::to_string(first)); !done) return done.error().message();
                  ::sched_getaffinity(0, sizeof now, &now);
                  if (CPU_COUNT(&now) != 1 || !CPU_ISSET(first, &now)) return "not pinned";
                  if (!set_affinity("")) return "empty list refused";
                  ::sched_getaffinity(0, sizeof now, &now);
                  if (CPU_COUNT(&now) != 1) return "an empty list changed something";
                  reset_affinity();
                  ::sched_getaffinity(0, sizeof now, &now);
                  return CPU_COUNT(&now) >= CPU_COUNT(&all) ? "" : "not reset";
              }));
}

TEST(Affinity, CpusThatAreNotThereAreAnError) {
    EXPECT_THAT(text_of(set_affinity("60000")), HasSubstr("none of these CPUs"));
    EXPECT_THAT(text_of(set_affinity("65536")), HasSubstr("is not a list"));
    EXPECT_THAT(text_of(set_affinity("1;2")), HasSubstr("is not a list"));
}

// ---- signals

TEST(Signals, AreAllReset) {
    EXPECT_EQ("", test::in_child([]() -> std::string {
                  // 32 and 33 belong to glibc, which will not set them: raw, as a caller that is no C program can.
                  struct {
                      void (*handler)(int);
                      unsigned long flags, restorer, mask;
                  } raw{SIG_IGN, 0, 0, 0};
                  ::syscall(SYS_rt_sigaction, 32, &raw, nullptr, 8);
                  ::signal(SIGPIPE, SIG_IGN);
                  ::signal(SIGTERM, [](int) {});
                  sigset_t all;
                  sigfillset(&all);
                  ::sigprocmask(SIG_SETMASK, &all, nullptr);
                  reset_signals();
                  for (int signal = 1; signal < 65; ++signal) {
                      ::syscall(SYS_rt_sigaction, signal, nullptr, &raw, 8);
                      if (raw.handler != SIG_DFL) return "signal " + std::to_string(signal);
                  }
                  unsigned long mask = 1;
                  ::syscall(SYS_rt_sigprocmask, SIG_SETMASK, nullptr, &mask, 8);
                  return mask == 0 ? "" : "mask not empty";
              }));
}

}  // namespace
}  // namespace arca::process
