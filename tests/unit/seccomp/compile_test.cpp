#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/syscall.h>

#include <cerrno>
#include <map>

#include "../support/deny_syscall.hpp"
#include "../support/in_child.hpp"
#include "bpf_machine.hpp"
#include "seccomp/flags.hpp"
#include "seccomp/program.hpp"
#include "seccomp/validate.hpp"

namespace arca::seccomp {
namespace {

using spec::SeccompAction;
using spec::SeccompOperator;
using test::Call;
using test::execute;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr std::uint32_t kAllow = SECCOMP_RET_ALLOW;
constexpr std::uint32_t kX32 = 0x40000000;
constexpr std::uint32_t errno_action(std::uint32_t number) {
    return SECCOMP_RET_ERRNO | number;
}

/// A profile that refuses everything with EPERM, for x86_64 whatever this machine is.
spec::Seccomp refusing_profile() {
    spec::Seccomp profile;
    profile.default_action = SeccompAction::Errno;
    profile.architectures = {"SCMP_ARCH_X86_64"};
    profile.flags.emplace();
    return profile;
}

spec::SeccompRule allow(std::vector<std::string> names, std::vector<spec::SeccompArgument> args = {}) {
    return {std::move(names), SeccompAction::Allow, std::nullopt, std::move(args)};
}

struct Compiled {
    Program program;
    std::vector<spec::Note> notes;
};
Compiled must_compile(const spec::Seccomp& profile) {
    Compiled compiled;
    auto result = compile(profile, compiled.notes);
    if (!result) {
        ADD_FAILURE() << result.error().message();
        return compiled;
    }
    EXPECT_TRUE(validate(*result));
    compiled.program = std::move(*result);
    return compiled;
}

Error must_fail(const spec::Seccomp& profile) {
    std::vector<spec::Note> notes;
    auto result = compile(profile, notes);
    if (result) {
        ADD_FAILURE() << "was compiled";
        return Error(Code::Internal, "");
    }
    return std::move(result.error());
}

// System call numbers of x86_64, i386 and x32, from the kernel's tables.
enum Number : std::uint32_t {
    Read = 0,
    Write = 1,
    Close = 3,
    Mmap = 9,
    Ioctl = 16,
    Getpid = 39,
    Socket = 41,
    Clone = 56,
    Execve = 59,
    Kill = 62,
    Personality = 135,
    Mount = 165,
    Openat = 257,
    Clone3 = 435,
    CloseRange = 436,
    Openat2 = 437,
    Faccessat2 = 439,
};
constexpr std::uint32_t kI386Read = 3, kI386Getpid = 20, kI386Chdir = 12, kI386Openat2 = 437;
constexpr std::uint32_t kX32Execve = kX32 | 520;

TEST(Compile, DefaultActionAndItsErrno) {
    struct Row {
        SeccompAction action;
        std::optional<std::uint32_t> errno_ret;
        std::uint32_t expected;
    };
    for (const auto& row :
         {Row{SeccompAction::Errno, std::nullopt, errno_action(EPERM)}, Row{SeccompAction::Errno, 0, errno_action(0)},
          Row{SeccompAction::Errno, 38, errno_action(38)}, Row{SeccompAction::Errno, 4094, errno_action(4094)},
          Row{SeccompAction::Trace, std::nullopt, SECCOMP_RET_TRACE | EPERM},
          Row{SeccompAction::Trace, 7, SECCOMP_RET_TRACE | 7},
          Row{SeccompAction::Kill, std::nullopt, SECCOMP_RET_KILL_THREAD},
          Row{SeccompAction::KillThread, std::nullopt, SECCOMP_RET_KILL_THREAD},
          Row{SeccompAction::KillProcess, std::nullopt, SECCOMP_RET_KILL_PROCESS},
          Row{SeccompAction::Trap, std::nullopt, SECCOMP_RET_TRAP},
          Row{SeccompAction::Log, std::nullopt, SECCOMP_RET_LOG}, Row{SeccompAction::Allow, std::nullopt, kAllow}}) {
        auto profile = refusing_profile();
        profile.default_action = row.action;
        profile.default_errno_ret = row.errno_ret;
        // Something else for a newer call, so that the one in question is not "new"; and an exception.
        const bool is_allow = row.action == SeccompAction::Allow;
        profile.syscalls = {{{"faccessat2"}, is_allow ? SeccompAction::Log : SeccompAction::Allow, {}, {}}};
        const auto program = must_compile(profile).program;
        EXPECT_EQ(execute(program, {.number = Read}), row.expected);
        EXPECT_EQ(execute(program, {.number = Faccessat2}), is_allow ? SECCOMP_RET_LOG : kAllow);
    }
}

TEST(Compile, EveryActionOfARule) {
    struct Row {
        SeccompAction action;
        std::optional<std::uint32_t> errno_ret;
        std::uint32_t expected;
    };
    for (const auto& row :
         {Row{SeccompAction::Errno, std::nullopt, errno_action(EPERM)}, Row{SeccompAction::Errno, 13, errno_action(13)},
          Row{SeccompAction::Trace, std::nullopt, SECCOMP_RET_TRACE | EPERM},
          Row{SeccompAction::Trace, 65535, SECCOMP_RET_TRACE | 65535},
          Row{SeccompAction::Kill, std::nullopt, SECCOMP_RET_KILL_THREAD},
          Row{SeccompAction::KillThread, std::nullopt, SECCOMP_RET_KILL_THREAD},
          Row{SeccompAction::KillProcess, std::nullopt, SECCOMP_RET_KILL_PROCESS},
          Row{SeccompAction::Trap, std::nullopt, SECCOMP_RET_TRAP},
          Row{SeccompAction::Log, std::nullopt, SECCOMP_RET_LOG}}) {
        auto profile = refusing_profile();
        profile.default_action = SeccompAction::Allow;
        profile.syscalls = {{{"getpid"}, row.action, row.errno_ret, {}}};
        const auto program = must_compile(profile).program;
        EXPECT_EQ(execute(program, {.number = Getpid}), row.expected);
        EXPECT_EQ(execute(program, {.number = Read}), kAllow);
    }
}

TEST(Compile, EveryOperatorOnAllSixtyFourBits) {
    constexpr std::uint64_t kPivot = 0x1'0000'0005;
    struct Row {
        SeccompOperator op;
        bool (*holds)(std::uint64_t);
    };
    const Row rows[] = {{SeccompOperator::NotEqual, [](std::uint64_t v) { return v != kPivot; }},
                        {SeccompOperator::LessThan, [](std::uint64_t v) { return v < kPivot; }},
                        {SeccompOperator::LessOrEqual, [](std::uint64_t v) { return v <= kPivot; }},
                        {SeccompOperator::Equal, [](std::uint64_t v) { return v == kPivot; }},
                        {SeccompOperator::GreaterOrEqual, [](std::uint64_t v) { return v >= kPivot; }},
                        {SeccompOperator::GreaterThan, [](std::uint64_t v) { return v > kPivot; }}};
    for (const auto& row : rows)
        for (std::uint32_t index = 0; index < 6; ++index) {
            auto profile = refusing_profile();
            profile.syscalls = {allow({"mmap"}, {{index, kPivot, 0, row.op}}), allow({"faccessat2"})};
            const auto program = must_compile(profile).program;
            for (const std::uint64_t high : {0ULL, 1ULL, 2ULL, 0xffffffffULL})
                for (const std::uint64_t low : {0ULL, 4ULL, 5ULL, 6ULL, 0xffffffffULL}) {
                    Call call{.number = Mmap};
                    call.args.fill(0xdead'beef'dead'beef);
                    call.args[index] = high << 32 | low;
                    EXPECT_EQ(execute(program, call), row.holds(call.args[index]) ? kAllow : errno_action(EPERM))
                        << static_cast<int>(row.op) << ' ' << index << ' ' << call.args[index];
                }
        }
}

TEST(Compile, MaskedEqualComparesWhatTheMaskKeeps) {
    // As docker's profile does for clone: no CLONE_NEW* flag.
    constexpr std::uint64_t kNamespaces = 0x7e020000;
    auto profile = refusing_profile();
    profile.syscalls = {allow({"clone"}, {{0, kNamespaces, 0, SeccompOperator::MaskedEqual}}),
                        allow({"kill"}, {{1, 0xf0'0000'000f, 0x30'0000'0005, SeccompOperator::MaskedEqual}}),
                        allow({"faccessat2"})};
    const auto program = must_compile(profile).program;
    EXPECT_EQ(execute(program, {.number = Clone, .args = {0x11}}), kAllow);
    EXPECT_EQ(execute(program, {.number = Clone, .args = {0x10000000}}), errno_action(EPERM));
    EXPECT_EQ(execute(program, {.number = Clone, .args = {0x00020000 | 0x11}}), errno_action(EPERM));
    EXPECT_EQ(execute(program, {.number = Kill, .args = {0, 0x3f'0000'0ff5}}), kAllow);
    EXPECT_EQ(execute(program, {.number = Kill, .args = {0, 0x3f'0000'0ff4}}), errno_action(EPERM));
    EXPECT_EQ(execute(program, {.number = Kill, .args = {0, 0x2f'0000'0ff5}}), errno_action(EPERM));
}

TEST(Compile, DifferentArgumentsMustAllHold) {
    auto profile = refusing_profile();
    profile.syscalls = {allow({"socket"}, {{0, 1, 0, SeccompOperator::Equal}, {1, 2, 0, SeccompOperator::Equal}}),
                        allow({"clone3"})};
    const auto program = must_compile(profile).program;
    EXPECT_EQ(execute(program, {.number = Socket, .args = {1, 2}}), kAllow);
    EXPECT_EQ(execute(program, {.number = Socket, .args = {1, 3}}), errno_action(EPERM));
    EXPECT_EQ(execute(program, {.number = Socket, .args = {0, 2}}), errno_action(EPERM));
}

TEST(Compile, TheSameArgumentTwiceMeansEither) {
    auto profile = refusing_profile();
    profile.syscalls = {allow({"personality"}, {{0, 0, 0, SeccompOperator::Equal},
                                                {0, 8, 0, SeccompOperator::Equal},
                                                {0, 0xffffffff, 0, SeccompOperator::Equal}}),
                        // One index repeated makes all of the conditions alternatives.
                        allow({"socket"}, {{0, 1, 0, SeccompOperator::Equal},
                                           {0, 2, 0, SeccompOperator::Equal},
                                           {1, 7, 0, SeccompOperator::Equal}}),
                        allow({"clone3"})};
    const auto program = must_compile(profile).program;
    for (const std::uint64_t allowed : {0ULL, 8ULL, 0xffffffffULL})
        EXPECT_EQ(execute(program, {.number = Personality, .args = {allowed}}), kAllow);
    EXPECT_EQ(execute(program, {.number = Personality, .args = {1}}), errno_action(EPERM));
    EXPECT_EQ(execute(program, {.number = Socket, .args = {2, 0}}), kAllow);
    EXPECT_EQ(execute(program, {.number = Socket, .args = {9, 7}}), kAllow);
    EXPECT_EQ(execute(program, {.number = Socket, .args = {9, 9}}), errno_action(EPERM));
}

TEST(Compile, SeveralRulesOfOneNameAreAlternatives) {
    auto profile = refusing_profile();
    profile.syscalls = {allow({"socket"}, {{0, 1, 0, SeccompOperator::Equal}}),
                        allow({"read", "socket"}, {{0, 16, 0, SeccompOperator::GreaterThan}}),
                        {{"socket"}, SeccompAction::Errno, 22, {{0, 9, 0, SeccompOperator::Equal}}},
                        allow({"clone3", "clone3"}),
                        allow({"clone3"})};
    const auto program = must_compile(profile).program;
    EXPECT_EQ(execute(program, {.number = Socket, .args = {1}}), kAllow);
    EXPECT_EQ(execute(program, {.number = Socket, .args = {17}}), kAllow);
    EXPECT_EQ(execute(program, {.number = Socket, .args = {9}}), errno_action(22));
    EXPECT_EQ(execute(program, {.number = Socket, .args = {16}}), errno_action(EPERM));
    EXPECT_EQ(execute(program, {.number = Clone3}), kAllow);
}

TEST(Compile, OtherArchitecturesAreKilled) {
    auto profile = refusing_profile();
    profile.syscalls = {allow({"read", "getpid", "execve"})};
    auto program = must_compile(profile).program;
    EXPECT_EQ(execute(program, {.number = Getpid}), kAllow);
    EXPECT_EQ(execute(program, {.architecture = AUDIT_ARCH_I386, .number = kI386Getpid}), SECCOMP_RET_KILL_THREAD);
    EXPECT_EQ(execute(program, {.number = kX32Execve}), SECCOMP_RET_KILL_THREAD);
    EXPECT_EQ(execute(program, {.architecture = AUDIT_ARCH_S390X, .number = 3}), SECCOMP_RET_KILL_THREAD);

    profile.architectures = {"SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"};
    program = must_compile(profile).program;
    EXPECT_EQ(execute(program, {.number = Getpid}), kAllow);
    EXPECT_EQ(execute(program, {.architecture = AUDIT_ARCH_I386, .number = kI386Getpid}), kAllow);
    EXPECT_EQ(execute(program, {.architecture = AUDIT_ARCH_I386, .number = kI386Chdir}), errno_action(EPERM));
    EXPECT_EQ(execute(program, {.number = kX32Execve}), kAllow);
    EXPECT_EQ(execute(program, {.number = kX32 | Kill}), errno_action(EPERM));
    EXPECT_EQ(execute(program, {.architecture = AUDIT_ARCH_AARCH64, .number = 3}), SECCOMP_RET_KILL_THREAD);
}

TEST(Compile, ArchitecturesNamedTwiceOrNotAtAllAreFine) {
    auto profile = refusing_profile();
    profile.syscalls = {allow({"read"})};
    profile.architectures = {"SCMP_ARCH_X86_64", "SCMP_ARCH_X86_64", "SCMP_ARCH_X32", "SCMP_ARCH_X32"};
    EXPECT_EQ(execute(must_compile(profile).program, {.number = Read}), kAllow);
    profile.architectures = {};
    const auto program = must_compile(profile).program;
    EXPECT_FALSE(program.instructions.empty());
}

TEST(Compile, UnknownArchitectureIsAnErrorAtItsPlace) {
    auto profile = refusing_profile();
    profile.architectures = {"SCMP_ARCH_X86_64", "SCMP_ARCH_PDP11"};
    auto error = must_fail(profile);
    EXPECT_EQ(error.pointer(), "/linux/seccomp/architectures/1");
    EXPECT_THAT(error.message(), HasSubstr("SCMP_ARCH_PDP11"));
    profile.architectures = {"SCMP_ARCH_S390X"};  // the other byte order
    if (std::endian::native == std::endian::little) {
        EXPECT_EQ(must_fail(profile).code(), Code::Unsupported);
    }
}

TEST(Compile, UnknownSystemCallsAreNotedAndIgnored) {
    auto profile = refusing_profile();
    profile.syscalls = {allow({"read", "frobnicate", "write"})};
    const auto compiled = must_compile(profile);
    EXPECT_EQ(execute(compiled.program, {.number = Write}), kAllow);
    ASSERT_EQ(compiled.notes.size(), 1U);
    EXPECT_EQ(compiled.notes[0].pointer, "/linux/seccomp/syscalls/0/names/1");
    EXPECT_THAT(compiled.notes[0].text, AllOf(HasSubstr("frobnicate"), HasSubstr(library_version())));
}

TEST(Compile, RulesEqualToTheDefaultChangeNothing) {
    auto profile = refusing_profile();
    profile.syscalls = {{{"read", "mount"}, SeccompAction::Errno, {}, {}},
                        {{"kill"}, SeccompAction::Errno, EPERM, {}},
                        {{"getpid"}, SeccompAction::Errno, 2, {}},
                        allow({"read", "clone3"})};
    const auto compiled = must_compile(profile);
    EXPECT_EQ(execute(compiled.program, {.number = Read}), kAllow);
    EXPECT_EQ(execute(compiled.program, {.number = Kill}), errno_action(EPERM));
    EXPECT_EQ(execute(compiled.program, {.number = Getpid}), errno_action(2));
    ASSERT_EQ(compiled.notes.size(), 2U);
    EXPECT_EQ(compiled.notes[0].pointer, "/linux/seccomp/syscalls/0");
    EXPECT_EQ(compiled.notes[1].pointer, "/linux/seccomp/syscalls/1");
    for (const auto& note : compiled.notes)
        EXPECT_EQ(note.text, "the action is the default action: the rule changes nothing");
}

TEST(Compile, ContradictingRulesAreAnError) {
    auto profile = refusing_profile();
    profile.syscalls = {allow({"read"}, {{0, 3, 0, SeccompOperator::Equal}}),
                        {{"read"}, SeccompAction::Log, {}, {{0, 3, 0, SeccompOperator::Equal}}}};
    const auto error = must_fail(profile);
    EXPECT_EQ(error.code(), Code::InvalidConfig);
    EXPECT_EQ(error.pointer(), "/linux/seccomp/syscalls/1/names/0");
}

TEST(Compile, NoSeventhArgument) {
    auto profile = refusing_profile();
    profile.syscalls = {allow({"read"}, {{6, 3, 0, SeccompOperator::Equal}})};
    EXPECT_EQ(must_fail(profile).pointer(), "/linux/seccomp/syscalls/0/args");
}

TEST(Compile, NotifyNeedsAListener) {
    auto profile = refusing_profile();
    profile.syscalls = {allow({"read"}), {{"write"}, SeccompAction::Notify, {}, {}}};
    auto program = must_compile(profile).program;
    EXPECT_EQ(program.flags, SECCOMP_FILTER_FLAG_NEW_LISTENER);
    EXPECT_TRUE(notifies(program));
    EXPECT_EQ(execute(program, {.number = Write}), SECCOMP_RET_USER_NOTIF);
    EXPECT_EQ(execute(program, {.number = Read}), kAllow);
    profile.syscalls.clear();
    profile.default_action = SeccompAction::Notify;
    program = must_compile(profile).program;
    EXPECT_EQ(execute(program, {.number = Write}), SECCOMP_RET_USER_NOTIF);
    EXPECT_TRUE(notifies(*parse(serialise(program))));
    profile.default_action = SeccompAction::Errno;
    EXPECT_FALSE(notifies(must_compile(profile).program));
}

TEST(Compile, TooLongForTheKernelIsAnError) {
    auto profile = refusing_profile();
    for (std::uint64_t value = 0; value < 1500; ++value)
        profile.syscalls.push_back(allow({"mmap"}, {{0, value << 32 | value, 0, SeccompOperator::Equal}}));
    const auto error = must_fail(profile);
    EXPECT_EQ(error.code(), Code::InvalidConfig);
    EXPECT_THAT(error.message(), AllOf(HasSubstr("instructions"), HasSubstr("/linux/seccomp")));
}

// ---- flags ----------------------------------------------------------------------------------------------------------

TEST(Flags, AbsentIsSpecAllowAndEmptyIsNone) {
    auto profile = refusing_profile();
    EXPECT_EQ(must_compile(profile).program.flags, 0U);
    profile.flags.reset();
    const auto supported = supported_flags();
    if (std::ranges::find(supported, "SECCOMP_FILTER_FLAG_SPEC_ALLOW") == supported.end())
        GTEST_SKIP() << "this kernel has no SECCOMP_FILTER_FLAG_SPEC_ALLOW";
    EXPECT_EQ(must_compile(profile).program.flags, SECCOMP_FILTER_FLAG_SPEC_ALLOW);
}

TEST(Flags, EachBecomesItsBit) {
    struct Row {
        const char* name;
        std::uint32_t bits;
    };
    const auto supported = supported_flags();
    for (const auto& row :
         {Row{"SECCOMP_FILTER_FLAG_TSYNC", 0}, Row{"SECCOMP_FILTER_FLAG_LOG", SECCOMP_FILTER_FLAG_LOG},
          Row{"SECCOMP_FILTER_FLAG_SPEC_ALLOW", SECCOMP_FILTER_FLAG_SPEC_ALLOW},
          Row{"SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV", 0}}) {
        EXPECT_THAT(known_flags(), Contains(row.name));
        if (std::ranges::find(supported, row.name) == supported.end()) continue;
        auto profile = refusing_profile();
        profile.flags = {row.name};
        EXPECT_EQ(must_compile(profile).program.flags, row.bits) << row.name;
    }
    EXPECT_EQ(known_flags().size(), 4U);
}

spec::Seccomp killable_profile() {
    auto profile = refusing_profile();
    profile.syscalls = {{{"mount"}, SeccompAction::Notify, {}, {}}};
    profile.flags = {"SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV", "SECCOMP_FILTER_FLAG_TSYNC"};
    return profile;
}

TEST(Flags, NotificationWaitsKillablyAndTsyncStaysAway) {
    const auto supported = supported_flags();
    if (std::ranges::find(supported, "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV") == supported.end())
        GTEST_SKIP() << "this kernel has no SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV";
    EXPECT_EQ(must_compile(killable_profile()).program.flags, SECCOMP_FILTER_FLAG_NEW_LISTENER | 1U << 5);
}

TEST(Flags, NotificationDoesWithoutKillableWaits) {
    EXPECT_EQ("", arca::test::in_child([]() -> std::string {
                  if (!arca::test::deny_syscall(SYS_seccomp, EINVAL)) return "no filter";
                  auto profile = killable_profile();
                  profile.flags->pop_back();
                  std::vector<spec::Note> notes;
                  const auto flags = plan_flags(profile, notes);
                  if (!flags) return flags.error().message();
                  if (*flags != SECCOMP_FILTER_FLAG_NEW_LISTENER) return "wrong flags";
                  return notes.size() == 1 && notes[0].pointer == "/linux/seccomp/flags/0" ? "" : "no note";
              }));
}

TEST(Flags, UnknownIsAnErrorThatNamesIt) {
    auto profile = refusing_profile();
    profile.flags = {"SECCOMP_FILTER_FLAG_LOG", "SECCOMP_FILTER_FLAG_MAGIC"};
    const auto error = must_fail(profile);
    EXPECT_EQ(error.code(), Code::InvalidConfig);
    EXPECT_EQ(error.pointer(), "/linux/seccomp/flags/1");
    EXPECT_THAT(error.message(), HasSubstr("SECCOMP_FILTER_FLAG_MAGIC"));
}

// ---- the stub -------------------------------------------------------------------------------------------------------

TEST(EnosysStub, NewerThanAnythingMentionedIsNotImplemented) {
    auto profile = refusing_profile();
    profile.architectures = {"SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"};
    profile.syscalls = {allow({"read", "openat2"})};
    const auto program = must_compile(profile).program;
    for (const std::uint32_t base : {0U, kX32}) {
        EXPECT_EQ(execute(program, {.number = base | Read}), kAllow);
        EXPECT_EQ(execute(program, {.number = base | Write}), errno_action(EPERM));
        EXPECT_EQ(execute(program, {.number = base | CloseRange}), errno_action(EPERM));
        EXPECT_EQ(execute(program, {.number = base | Openat2}), kAllow);
        EXPECT_EQ(execute(program, {.number = base | (Openat2 + 1)}), errno_action(ENOSYS));
        EXPECT_EQ(execute(program, {.number = base | 5000}), errno_action(ENOSYS));
    }
    const auto i386 = [](std::uint32_t number) { return Call{.architecture = AUDIT_ARCH_I386, .number = number}; };
    EXPECT_EQ(execute(program, i386(kI386Read)), kAllow);
    EXPECT_EQ(execute(program, i386(kI386Openat2)), kAllow);
    EXPECT_EQ(execute(program, i386(kI386Openat2 + 1)), errno_action(ENOSYS));
    EXPECT_EQ(execute(program, {.architecture = AUDIT_ARCH_ARM, .number = 9999}), SECCOMP_RET_KILL_THREAD);
}

TEST(EnosysStub, WithoutX32InTheProfileX32StaysForbidden) {
    auto profile = refusing_profile();
    profile.syscalls = {allow({"read"})};
    const auto program = must_compile(profile).program;
    EXPECT_EQ(execute(program, {.number = kX32 | 9999}), SECCOMP_RET_KILL_THREAD);
    EXPECT_EQ(execute(program, {.number = 9999}), errno_action(ENOSYS));
}

TEST(EnosysStub, OnlyWhereTheDefaultRefuses) {
    struct Row {
        SeccompAction action;
        std::optional<std::uint32_t> errno_ret;
        std::uint32_t expected;
    };
    for (const auto& row :
         {Row{SeccompAction::Allow, {}, kAllow}, Row{SeccompAction::Log, {}, SECCOMP_RET_LOG},
          Row{SeccompAction::Trace, 3, SECCOMP_RET_TRACE | 3}, Row{SeccompAction::Errno, ENOSYS, errno_action(ENOSYS)},
          Row{SeccompAction::Errno, 13, errno_action(ENOSYS)},
          Row{SeccompAction::KillProcess, {}, errno_action(ENOSYS)}, Row{SeccompAction::Kill, {}, errno_action(ENOSYS)},
          Row{SeccompAction::Trap, {}, errno_action(ENOSYS)}}) {
        auto profile = refusing_profile();
        profile.default_action = row.action;
        profile.default_errno_ret = row.errno_ret;
        profile.syscalls = {{{"read"}, SeccompAction::Errno, 99, {}}};
        EXPECT_EQ(execute(must_compile(profile).program, {.number = 9999}), row.expected);
    }
}

TEST(EnosysStub, AProfileWithoutKnownNamesHasNone) {
    auto profile = refusing_profile();
    profile.syscalls = {allow({"frobnicate"})};
    EXPECT_EQ(execute(must_compile(profile).program, {.number = 9999}), errno_action(EPERM));
}

// ---- a profile as engines send it -----------------------------------------------------------------------------------

/// The answer that the words of the specification give, worked out without BPF.
std::uint32_t expected_action(std::uint32_t number, std::uint64_t first) {
    static const std::map<std::uint32_t, bool> kPlain = {
        {0, true},   {1, true},   {2, true},   {3, true},   {4, true},   {5, true},   {8, true},   {9, true},
        {10, true},  {11, true},  {12, true},  {13, true},  {14, true},  {16, true},  {17, true},  {18, true},
        {21, true},  {22, true},  {24, true},  {28, true},  {32, true},  {33, true},  {35, true},  {39, true},
        {42, true},  {43, true},  {44, true},  {45, true},  {46, true},  {47, true},  {57, true},  {58, true},
        {59, true},  {60, true},  {61, true},  {62, true},  {72, true},  {79, true},  {80, true},  {96, true},
        {102, true}, {186, true}, {202, true}, {217, true}, {228, true}, {231, true}, {257, true}, {439, true}};
    if (kPlain.contains(number)) return kAllow;
    if (number == Clone) return (first & 0x7e020000) == 0 ? kAllow : errno_action(EPERM);
    if (number == Socket) return first == 40 ? errno_action(EPERM) : kAllow;
    if (number == Personality) return first == 0 || first == 8 || first == 0xffffffff ? kAllow : errno_action(EPERM);
    if (number == Clone3) return errno_action(ENOSYS);
    return number > 439 ? errno_action(ENOSYS) : errno_action(EPERM);
}

spec::Seccomp engine_profile() {
    auto profile = refusing_profile();
    profile.default_errno_ret = EPERM;
    profile.architectures = {"SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"};
    profile.syscalls = {
        allow({"read",    "write",      "open",          "close",      "stat",         "fstat",          "lseek",
               "mmap",    "mprotect",   "munmap",        "brk",        "rt_sigaction", "rt_sigprocmask", "ioctl",
               "pread64", "pwrite64",   "access",        "pipe",       "sched_yield",  "madvise",        "dup",
               "dup2",    "nanosleep",  "getpid",        "connect",    "accept",       "sendto",         "recvfrom",
               "sendmsg", "recvmsg",    "fork",          "vfork",      "execve",       "exit",           "wait4",
               "kill",    "fcntl",      "getcwd",        "chdir",      "gettimeofday", "getuid",         "gettid",
               "futex",   "getdents64", "clock_gettime", "exit_group", "openat",       "faccessat2",     "not_a_call"}),
        allow({"personality"}, {{0, 0, 0, SeccompOperator::Equal}}),
        allow({"personality"}, {{0, 8, 0, SeccompOperator::Equal}}),
        allow({"personality"}, {{0, 0xffffffff, 0, SeccompOperator::Equal}}),
        allow({"clone"}, {{0, 0x7e020000, 0, SeccompOperator::MaskedEqual}}),
        allow({"socket"}, {{0, 40, 0, SeccompOperator::NotEqual}}),
        {{"clone3"}, SeccompAction::Errno, ENOSYS, {}}};
    return profile;
}

TEST(EngineProfile, EveryNumberGetsWhatTheSpecificationSays) {
    const auto program = must_compile(engine_profile()).program;
    for (std::uint32_t number = 0; number < 600; ++number)
        for (const std::uint64_t first : {0ULL, 1ULL, 8ULL, 40ULL, 0x20000ULL, 0x10000000ULL, 0xffffffffULL, ~0ULL})
            ASSERT_EQ(execute(program, {.number = number, .args = {first}}), expected_action(number, first))
                << number << ' ' << first;
}

// ---- stored form ----------------------------------------------------------------------------------------------------

TEST(StoredProgram, ComesBackAsItWas) {
    auto profile = engine_profile();
    profile.flags = {"SECCOMP_FILTER_FLAG_LOG"};
    const auto program = must_compile(profile).program;
    const auto back = parse(serialise(program));
    ASSERT_TRUE(back) << back.error().message();
    EXPECT_EQ(back->instructions, program.instructions);
    EXPECT_EQ(back->flags, program.flags);
}

TEST(StoredProgram, EveryFlippedBitAndEveryCutIsFound) {
    const auto bytes = serialise(must_compile(refusing_profile()).program);
    for (std::size_t position = 0; position < bytes.size(); ++position) {
        for (int bit = 0; bit < 8; ++bit) {
            auto damaged = bytes;
            damaged[position] = static_cast<char>(damaged[position] ^ (1 << bit));
            const auto result = parse(damaged);
            ASSERT_FALSE(result) << position << ' ' << bit;
            ASSERT_EQ(result.error().code(), Code::BadState);
        }
        ASSERT_FALSE(parse(std::string_view(bytes).substr(0, position)));
    }
    EXPECT_FALSE(parse(bytes + '\0'));
}

TEST(StoredProgram, WhatTheKernelWouldRefuseIsRefused) {
    const auto one = [](sock_filter instruction) { return std::bit_cast<std::uint64_t>(instruction); };
    const auto ret = one({BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW});
    struct Row {
        const char* what;
        Program program;
        bool is_valid;
    };
    const Row rows[] = {
        {"a return", {{ret}, 0}, true},
        {"nothing", {{}, 0}, false},
        {"4096", {std::vector<std::uint64_t>(4096, ret), 0}, true},
        {"4097", {std::vector<std::uint64_t>(4097, ret), 0}, false},
        {"no return at the end", {{ret, one({BPF_LD | BPF_W | BPF_ABS, 0, 0, 0})}, 0}, false},
        {"jump into the end", {{one({BPF_JMP | BPF_JEQ | BPF_K, 0, 1, 0}), ret}, 0}, false},
        {"jump to the last", {{one({BPF_JMP | BPF_JEQ | BPF_K, 1, 0, 0}), ret, ret}, 0}, true},
        {"long jump beyond", {{one({BPF_JMP | BPF_JA, 0, 0, 0xffffffff}), ret}, 0}, false},
        {"unaligned load", {{one({BPF_LD | BPF_W | BPF_ABS, 0, 0, 2}), ret}, 0}, false},
        {"load beyond the data", {{one({BPF_LD | BPF_W | BPF_ABS, 0, 0, 64}), ret}, 0}, false},
        {"byte load", {{one({BPF_LD | BPF_B | BPF_ABS, 0, 0, 0}), ret}, 0}, false},
        {"seventeenth word", {{one({BPF_ST, 0, 0, 16}), ret}, 0}, false},
        {"division by zero", {{one({BPF_ALU | BPF_DIV | BPF_K, 0, 0, 0}), ret}, 0}, false},
        {"modulo", {{one({BPF_ALU | BPF_MOD | BPF_K, 0, 0, 3}), ret}, 0}, false},
        {"mask", {{one({BPF_ALU | BPF_AND | BPF_K, 0, 0, 0}), ret}, 0}, true},
        {"a flag of no kernel", {{ret}, 1U << 31}, false},
    };
    for (const auto& row : rows)
        EXPECT_EQ(parse(serialise(row.program)).has_value(), row.is_valid) << row.what;
}

TEST(Features, WhatLibseccompKnows) {
    EXPECT_THAT(architectures(), AllOf(Contains("SCMP_ARCH_X86_64"), Contains("SCMP_ARCH_AARCH64"),
                                       Contains("SCMP_ARCH_RISCV64"), Not(Contains("SCMP_ARCH_PDP11"))));
    EXPECT_THAT(library_version(), ::testing::StartsWith("2."));
    for (const auto& flag : supported_flags())
        EXPECT_THAT(known_flags(), Contains(flag));
}

}  // namespace
}  // namespace arca::seccomp
