// libseccomp as the reference: the program made here must answer like one that libseccomp made of the same rules, for
// every architecture, system call and argument that is looked at.
#include <gtest/gtest.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <iostream>
#include <iterator>
#include <memory>
#include <random>
#include <set>

#include "bpf_machine.hpp"
#include "seccomp/architectures.hpp"
#include "seccomp/calls.hpp"
#include "seccomp/rules.hpp"
#include "seccomp/validate.hpp"
#include "sys/syscalls.hpp"

// libseccomp 2.5 loses parts of the rules that it refuses or replaces.
#if defined(ARCA_LEAKS_ARE_SOUGHT)
#include <sanitizer/lsan_interface.h>
using LeaksOfLibseccomp = __lsan::ScopedDisabler;
#else
struct LeaksOfLibseccomp {
    LeaksOfLibseccomp() {}
};
#endif

namespace arca::seccomp {
namespace {

using spec::SeccompAction;
using spec::SeccompOperator;

/// What libseccomp makes of the profile by itself; nothing if it finds that rules contradict each other.
std::optional<Program> reference(const spec::Seccomp& profile, const std::vector<std::uint32_t>& architectures) {
    const auto default_action = *action_value(profile.default_action, profile.default_errno_ret, "");
    const std::unique_ptr<void, decltype(&::seccomp_release)> context(::seccomp_init(default_action),
                                                                      ::seccomp_release);
    for (const auto token : architectures)
        ::seccomp_arch_add(context.get(), token);
    if (std::ranges::find(architectures, native_architecture()) == architectures.end())
        ::seccomp_arch_remove(context.get(), native_architecture());
    std::vector<spec::Note> notes;
    const auto rules = resolve_rules(profile, default_action, Numbers(profile, native_architecture()), notes);
    for (const auto& rule : *rules) {
        const int result =
            ::seccomp_rule_add_array(context.get(), rule.action, rule.number,
                                     static_cast<unsigned>(rule.conditions.size()), rule.conditions.data());
        if (result == -EEXIST) return std::nullopt;
        EXPECT_EQ(result, 0);
    }
    const sys::Fd file(::memfd_create("reference", 0));
    EXPECT_EQ(::seccomp_export_bpf(context.get(), file.number()), 0);
    ::lseek(file.number(), 0, SEEK_SET);
    const auto bytes = sys::read_all(file);
    Program program;
    program.instructions.resize(bytes->size() / 8);
    bytes->copy(reinterpret_cast<char*>(program.instructions.data()), bytes->size());
    return program;
}

TEST(Reference, ThreeArchitecturesAnswerLikeOneFilterOfLibseccomp) {
    const std::vector<const char*> names = {"read",       "write",        "open",     "close",      "stat",
                                            "socket",     "connect",      "bind",     "ipc",        "shmget",
                                            "semop",      "socketcall",   "execve",   "exit",       "ptrace",
                                            "sigreturn",  "rt_sigaction", "ioctl",    "_llseek",    "mmap2",
                                            "fcntl64",    "openat",       "statx",    "openat2",    "faccessat2",
                                            "clone3",     "futex_time64", "vm86",     "modify_ldt", "arch_prctl",
                                            "getpid",     "kill",         "tgkill",   "dup3",       "pipe2",
                                            "epoll_wait", "recvmmsg",     "sendmmsg", "accept4",    "process_vm_readv"};
    spec::Seccomp profile;
    profile.default_action = SeccompAction::Errno;
    profile.default_errno_ret = ENOSYS;  // no stub: libseccomp has none
    profile.architectures = {"SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32", "SCMP_ARCH_AARCH64"};
    for (const auto* name : names)
        profile.syscalls.push_back({{name}, SeccompAction::Allow, {}, {}});
    const auto add = [&](const char* name, std::vector<spec::SeccompArgument> args) {
        profile.syscalls.push_back({{name}, SeccompAction::Allow, {}, std::move(args)});
    };
    add("personality", {{0, 8, 0, SeccompOperator::Equal}});
    add("personality", {{0, 0xffffffff, 0, SeccompOperator::Equal}});
    add("clone", {{0, 0x7e020000, 0, SeccompOperator::MaskedEqual}});
    add("setns", {{0, 3, 0, SeccompOperator::GreaterOrEqual}, {1, 1ULL << 33, 0, SeccompOperator::LessThan}});
    std::vector<spec::Note> notes;
    const auto program = compile(profile, notes);
    ASSERT_TRUE(program) << program.error().message();
    const auto expected = reference(profile, {SCMP_ARCH_X86_64, SCMP_ARCH_X86, SCMP_ARCH_X32, SCMP_ARCH_AARCH64});
    ASSERT_TRUE(expected);
    int answers = 0;
    for (const std::uint32_t architecture :
         std::initializer_list<std::uint32_t>{AUDIT_ARCH_X86_64, AUDIT_ARCH_I386, AUDIT_ARCH_AARCH64, AUDIT_ARCH_ARM})
        for (const std::uint32_t base : {0U, 0x40000000U, 0x80000000U, 0xffffff00U})
            for (std::uint32_t number = 0; number < 600; ++number)
                for (const std::uint64_t first : {0ULL, 3ULL, 8ULL, 0x20000ULL, 0xffffffffULL, ~0ULL})
                    for (const std::uint64_t second : {0ULL, 1ULL << 33}) {
                        const test::Call call{architecture, base + number, {first, second}};
                        ASSERT_EQ(test::execute(*program, call), test::execute(*expected, call))
                            << architecture << ' ' << base + number << ' ' << first << ' ' << second;
                        ++answers;
                    }
    EXPECT_EQ(answers, 4 * 4 * 600 * 6 * 2);
}

// ---- profiles by chance ---------------------------------------------------------------------------------------------

struct Architecture {
    const char* name;
    std::uint32_t token;
    std::uint32_t audit;
};
constexpr std::array kArchitectures = {
    Architecture{"SCMP_ARCH_X86_64", SCMP_ARCH_X86_64, AUDIT_ARCH_X86_64},
    Architecture{"SCMP_ARCH_X86", SCMP_ARCH_X86, AUDIT_ARCH_I386},
    Architecture{"SCMP_ARCH_X32", SCMP_ARCH_X32, AUDIT_ARCH_X86_64},
    Architecture{"SCMP_ARCH_AARCH64", SCMP_ARCH_AARCH64, AUDIT_ARCH_AARCH64},
    Architecture{"SCMP_ARCH_ARM", SCMP_ARCH_ARM, AUDIT_ARCH_ARM},
    Architecture{"SCMP_ARCH_RISCV64", SCMP_ARCH_RISCV64, AUDIT_ARCH_RISCV64},
    Architecture{"SCMP_ARCH_PPC64LE", SCMP_ARCH_PPC64LE, AUDIT_ARCH_PPC64LE},
    Architecture{"SCMP_ARCH_MIPSEL64N32", SCMP_ARCH_MIPSEL64N32, AUDIT_ARCH_MIPSEL64N32}};

constexpr Architecture kX32 = kArchitectures[2];

/// Every name that some architecture knows.
std::vector<std::string> every_name() {
    std::set<std::string> names;
    for (const std::uint32_t token : std::initializer_list<std::uint32_t>{
             SCMP_ARCH_X86_64, SCMP_ARCH_X86, SCMP_ARCH_ARM, SCMP_ARCH_S390X, SCMP_ARCH_PPC64LE})
        for (int number = -300; number < 600; ++number)
            if (char* name = ::seccomp_syscall_resolve_num_arch(token, number)) {
                names.insert(name);
                std::free(name);
            }
    return {names.begin(), names.end()};
}

class Chance {
  public:
    explicit Chance(unsigned seed) : engine_(seed) {}
    unsigned below(std::size_t limit) { return static_cast<unsigned>(engine_() % limit); }
    template<class Range>
    const auto& one_of(const Range& range) {
        return *std::next(std::begin(range), below(std::size(range)));
    }

    spec::Seccomp profile() {
        static const auto kNames = every_name();
        spec::Seccomp made;
        made.default_action = one_of(std::array{SeccompAction::Errno, SeccompAction::Allow, SeccompAction::Log});
        if (made.default_action == SeccompAction::Errno) made.default_errno_ret = ENOSYS;
        for (const auto& architecture : kArchitectures)
            if (below(3) == 0) made.architectures.emplace_back(architecture.name);
        std::vector<std::string> some;
        for (unsigned count = mode_ == Mode::ManyRulesACall ? 10 : 300; count > 0; --count)
            some.push_back(one_of(kNames));
        for (const auto* name : {"socket", "connect", "semop", "shmget", "personality"})
            some.emplace_back(name);
        // Without it libseccomp 2.5 may not look at the number at all (first_in_list in compile.cpp).
        made.syscalls.push_back({{"read"}, SeccompAction::KillProcess, {}, {}});
        for (unsigned count = below(40); count > 0; --count)
            made.syscalls.push_back(rule(some));
        return made;
    }
    /// Near what a profile compares with, where mistakes would be.
    std::uint64_t value() { return one_of(kValues) + (below(4) == 0 ? one_of(std::array{1ULL, ~0ULL}) : 0); }

  private:
    static constexpr std::array<std::uint64_t, 12> kValues = {
        0, 1, 2, 5, 16, 0xffffffff, 1ULL << 32, 5ULL << 32U, 0x500000005, 0x80000000U, ~0ULL << 8, ~0ULL};

    spec::SeccompRule rule(const std::vector<std::string>& names) {
        spec::SeccompRule made;
        for (unsigned count = 1 + below(3); count > 0; --count)
            made.names.push_back(one_of(names));
        made.action = one_of(actions_);
        if (made.action == SeccompAction::Errno) made.errno_ret = EACCES;
        std::vector<std::uint32_t> indices = {0, 1, 2, 3, 4, 5};
        std::shuffle(indices.begin(), indices.end(), engine_);
        const std::size_t most = mode_ == Mode::ManyRulesACall ? 2 : 4;
        for (unsigned count = below(most); count > 0; --count)
            made.args.push_back({indices[count], one_of(kValues), one_of(kValues), one_of(kOperators)});
        return made;
    }
    static constexpr std::array kOperators = {SeccompOperator::NotEqual,       SeccompOperator::LessThan,
                                              SeccompOperator::LessOrEqual,    SeccompOperator::Equal,
                                              SeccompOperator::GreaterOrEqual, SeccompOperator::GreaterThan,
                                              SeccompOperator::MaskedEqual};
    /// libseccomp 2.5 never ends with some rules that share a call and have several conditions each.
    enum class Mode : std::uint8_t { ManyRulesACall, ManyConditionsARule };

    std::mt19937 engine_;
    Mode mode_ = below(2) == 0 ? Mode::ManyRulesACall : Mode::ManyConditionsARule;
    /// One action for most profiles: with several, libseccomp often finds a contradiction.
    std::vector<SeccompAction> actions_ = below(2) == 0 ? std::vector{SeccompAction::KillProcess}
                                                        : std::vector{SeccompAction::KillProcess, SeccompAction::Errno};
};

bool has(const spec::Seccomp& profile, const Architecture& architecture) {
    return architecture.token == native_architecture() ||
           std::ranges::find(profile.architectures, architecture.name) != profile.architectures.end();
}

/// Those that the profile names, their neighbours, and the ends.
std::set<std::uint32_t> interesting_numbers(const spec::Seccomp& profile, std::uint32_t token) {
    std::set<std::uint32_t> numbers = {0, 102, 117, 0x3fffffff, 0x40000000, 0x40000001, 0x80000000, 0xfffffffe, ~0U};
    for (const auto& rule : profile.syscalls)
        for (const auto& name : rule.names)
            if (const int number = ::seccomp_syscall_resolve_name_rewrite(token, name.c_str()); number >= 0)
                for (const int neighbour : {-1, 0, 1})
                    numbers.insert(static_cast<std::uint32_t>(number + neighbour));
    for (std::uint32_t direct = 359; direct <= 402; ++direct)  // the parts of socketcall and ipc of i386
        numbers.insert(direct);
    return numbers;
}

// ---- what the words of the specification say ------------------------------------------------------------------------

bool holds(const Condition& condition, const test::Call& call, Width width) {
    auto value = call.args[condition.argument];
    if (width == Width::Bits32) value &= 0xffffffff;
    switch (condition.op) {
        case SCMP_CMP_NE:
            return value != condition.value;
        case SCMP_CMP_LT:
            return value < condition.value;
        case SCMP_CMP_LE:
            return value <= condition.value;
        case SCMP_CMP_GE:
            return value >= condition.value;
        case SCMP_CMP_GT:
            return value > condition.value;
        default:
            return (value & condition.mask) == condition.value;
    }
}

/// The calls of a profile on one architecture, looked at without BPF.
class Words {
  public:
    Words(const spec::Seccomp& profile, std::uint32_t token) : width_(argument_width(token)) {
        default_action_ = *action_value(profile.default_action, profile.default_errno_ret, "");
        std::vector<spec::Note> notes;
        auto rules = resolve_rules(profile, default_action_, Numbers(profile, native_architecture()), notes);
        rules_ = std::move(*rules);
        calls_ = calls_of(rules_, Numbers(profile, token), token);
    }
    /// libseccomp 2.5 asks the next chain of conditions with whatever the failed one has left in the accumulator, if
    /// both begin with the same word of an argument.
    bool may_be_misread(std::uint32_t number) const {
        const auto* call = find(number);
        return call != nullptr && is_unambiguous(*call) && call->alternatives.size() > 1;
    }
    std::uint32_t answer(const test::Call& call) const {
        for (const auto& alternative : find(call.number)->alternatives)
            if (std::ranges::all_of(alternative.conditions,
                                    [&](const auto& condition) { return holds(condition, call, width_); }))
                return alternative.action;
        return default_action_;
    }

  private:
    const Call* find(std::uint32_t number) const {
        const auto found = std::ranges::find(calls_, number, &Call::number);
        return found == calls_.end() ? nullptr : &*found;
    }
    Width width_;
    std::uint32_t default_action_ = 0;
    std::vector<Rule> rules_;
    std::vector<Call> calls_;
};

struct Tally {
    int compared = 0;
    int misread = 0;        ///< answers that libseccomp gets wrong
    int contradictory = 0;  ///< architectures for which libseccomp refuses the rules
};

test::Call call_by_chance(Chance& chance, std::uint32_t architecture, std::uint32_t number) {
    test::Call call{architecture, number, {}};
    for (auto& argument : call.args)
        argument = chance.value();
    if (number == 102 || number == 117) call.args[0] = chance.below(26);
    return call;
}

void compare(const Program& program, const spec::Seccomp& profile, const Architecture& architecture, Chance& chance,
             Tally& tally) {
    const auto expected = reference(profile, {architecture.token});
    if (!expected) {
        ++tally.contradictory;
        return;
    }
    const Words words(profile, architecture.token);
    const bool shares_its_name = has(profile, kX32) && architecture.audit == AUDIT_ARCH_X86_64;
    for (const auto number : interesting_numbers(profile, architecture.token)) {
        if (shares_its_name && is_x32(architecture.token) != (number >= kFirstX32Number)) continue;
        for (int tries = 0; tries < 24; ++tries) {
            const auto call = call_by_chance(chance, architecture.audit, number);
            const auto ours = test::execute(program, call), theirs = test::execute(*expected, call);
            ++tally.compared;
            if (ours != theirs && words.may_be_misread(number) && ours == words.answer(call))
                ++tally.misread;
            else
                ASSERT_EQ(ours, theirs) << architecture.name << ' ' << number << " args "
                                        << ::testing::PrintToString(call.args);
        }
    }
}

TEST(Reference, ProfilesByChanceAnswerLikeThoseOfLibseccomp) {
    const LeaksOfLibseccomp are_not_ours;
    Tally tally;
    for (unsigned seed = 0; seed < 300; ++seed) {
        Chance chance(seed);
        const auto profile = chance.profile();
        std::vector<spec::Note> notes;
        const auto program = compile(profile, notes);
        if (!program) {
            EXPECT_EQ(program.error().code(), arca::Code::InvalidConfig) << "seed " << seed;
            continue;
        }
        ASSERT_TRUE(validate(*program));
        for (const auto& architecture : kArchitectures) {
            if (has(profile, architecture)) {
                ASSERT_NO_FATAL_FAILURE(compare(*program, profile, architecture, chance, tally)) << "seed " << seed;
            } else if (!is_x32(architecture.token)) {
                EXPECT_EQ(test::execute(*program, {architecture.audit, 1, {}}), SECCOMP_RET_KILL_THREAD);
            }
        }
    }
    EXPECT_GT(tally.compared, 1'000'000);
    EXPECT_GT(tally.contradictory, 0);
    EXPECT_LT(tally.misread, tally.compared / 100);
}

}  // namespace
}  // namespace arca::seccomp
