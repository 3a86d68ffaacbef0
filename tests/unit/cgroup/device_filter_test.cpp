#include "cgroup/device_filter.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <random>

#include "cgroup/cgroup.hpp"
#include "cgroup/device_program.hpp"
#include "cgroup/device_rules.hpp"
#include "private_hierarchy.hpp"
#include "sys/syscalls.hpp"

namespace arca::cgroup {
namespace {

using testing::HasSubstr;
using Rules = std::vector<spec::DeviceRule>;

constexpr unsigned kMknod = BPF_DEVCG_ACC_MKNOD;
constexpr unsigned kRead = BPF_DEVCG_ACC_READ;
constexpr unsigned kWrite = BPF_DEVCG_ACC_WRITE;

struct Request {
    char type;
    std::uint32_t major;
    std::uint32_t minor;
    unsigned access;
};

// ---- the reference: one access at a time, the last rule that speaks of it decides
// ---------------------------------------

bool reference_allows_one(const Rules& rules, const Request& request, unsigned access) {
    for (auto rule = rules.rbegin(); rule != rules.rend(); ++rule) {
        const bool matches =
            (rule->type == 'a' || rule->type == request.type) && (!rule->major || *rule->major == request.major) &&
            (!rule->minor || *rule->minor == request.minor) && (access_bits(rule->access) & access) != 0;
        if (matches) return rule->allow;
    }
    return false;
}

bool reference_allows(const Rules& rules, const Request& request) {
    for (unsigned access : {kMknod, kRead, kWrite})
        if ((request.access & access) != 0 && !reference_allows_one(rules, request, access)) return false;
    return true;
}

// ---- an interpreter of the few instructions the compiler uses
// -----------------------------------------------------------

class Machine {
  public:
    explicit Machine(const std::vector<bpf_insn>& program) : program_(program) {}

    std::uint64_t run(const Request& request) {
        const auto type = static_cast<std::uint32_t>(request.type == 'b' ? BPF_DEVCG_DEV_BLOCK : BPF_DEVCG_DEV_CHAR);
        context_ = {request.access << 16 | type, request.major, request.minor};
        std::size_t at = 0;
        for (int steps = 0; steps < 100'000; ++steps) {
            if (at >= program_.size()) break;
            const auto& instruction = program_[at];
            if (instruction.code == (BPF_JMP | BPF_EXIT)) return registers_[0];
            at += 1 + static_cast<std::size_t>(step(instruction));
        }
        ADD_FAILURE() << "the program does not end";
        return ~0ULL;
    }

  private:
    /// How far to jump.
    std::int64_t step(const bpf_insn& instruction) {
        auto& target = registers_[instruction.dst_reg];
        const auto source = static_cast<std::uint32_t>(registers_[instruction.src_reg]);
        const auto operand = static_cast<std::uint32_t>(target);
        const auto immediate = static_cast<std::uint32_t>(instruction.imm);
        switch (instruction.code) {
            case BPF_LDX | BPF_MEM | BPF_W:
                target = context_.at(static_cast<std::size_t>(instruction.off) / 4);
                return 0;
            case BPF_ALU | BPF_MOV | BPF_X:
                target = source;
                return 0;
            case BPF_ALU | BPF_OR | BPF_X:
                target = operand | source;
                return 0;
            case BPF_ALU | BPF_AND | BPF_K:
                target = operand & immediate;
                return 0;
            case BPF_ALU | BPF_LSH | BPF_K:
                target = operand << immediate;
                return 0;
            case BPF_ALU | BPF_RSH | BPF_K:
                target = operand >> immediate;
                return 0;
            case BPF_ALU64 | BPF_MOV | BPF_K:
                target = immediate;
                return 0;
            case BPF_JMP | BPF_JA:
                return instruction.off;
            case BPF_JMP32 | BPF_JEQ | BPF_K:
                return operand == immediate ? instruction.off : 0;
            case BPF_JMP32 | BPF_JSET | BPF_K:
                return (operand & immediate) != 0 ? instruction.off : 0;
            default:
                ADD_FAILURE() << "unknown instruction " << static_cast<int>(instruction.code);
                return 0;
        }
    }

    const std::vector<bpf_insn>& program_;
    std::array<std::uint64_t, 11> registers_{};
    std::array<std::uint32_t, 3> context_{};
};

std::vector<bpf_insn> compile(const Rules& rules) {
    auto program = device_program(rules);
    EXPECT_TRUE(program) << program.error().message();
    return program ? *program : std::vector<bpf_insn>{};
}

bool allows(const Rules& rules, const Request& request) {
    return Machine(compile(rules)).run(request) == 1;
}

std::string show(const Rules& rules) {
    std::string out;
    for (const auto& rule : rules)
        out += text::cat(rule.allow ? "allow " : "deny ", rule.type, " ", rule.major.value_or(-1), ":",
                         rule.minor.value_or(-1), " ", rule.access, "\n");
    return out;
}

const Rules kDenyAll = {{.allow = false, .access = "rwm"}};

/// What docker sends, and the defaults behind it.
Rules docker_rules() {
    Rules rules = kDenyAll;
    for (auto [major, minor] : {std::pair{1, 5}, {1, 3}, {1, 9}, {1, 8}, {5, 0}, {5, 1}})
        rules.push_back({.allow = true, .type = 'c', .major = major, .minor = minor, .access = "rwm"});
    rules.push_back({.allow = false, .type = 'c', .major = 10, .minor = 229, .access = "rwm"});
    return effective_device_rules(rules);
}

TEST(DeviceProgram, AnswersSimpleQuestions) {
    const Rules rules = {
        {.allow = false},
        {.allow = true, .type = 'c', .major = 1, .minor = 3, .access = "rw"},
        {.allow = true, .type = 'b', .major = 8, .access = "r"},
        {.allow = false, .type = 'b', .major = 8, .minor = 1, .access = "r"},
    };
    EXPECT_TRUE(allows(rules, {'c', 1, 3, kRead}));
    EXPECT_TRUE(allows(rules, {'c', 1, 3, kRead | kWrite}));
    EXPECT_FALSE(allows(rules, {'c', 1, 3, kMknod}));
    EXPECT_FALSE(allows(rules, {'b', 1, 3, kRead}));
    EXPECT_FALSE(allows(rules, {'c', 1, 4, kRead}));
    EXPECT_FALSE(allows(rules, {'c', 2, 3, kRead}));
    EXPECT_TRUE(allows(rules, {'b', 8, 0, kRead}));
    EXPECT_FALSE(allows(rules, {'b', 8, 0, kRead | kWrite}));
    EXPECT_FALSE(allows(rules, {'b', 8, 1, kRead}));
    EXPECT_FALSE(allows({}, {'c', 1, 3, kRead}));
    EXPECT_TRUE(allows({{.allow = true}}, {'b', 4095, 1048575, kRead | kWrite | kMknod}));
}

TEST(DeviceProgram, AccessesGrantedOneByOneAddUp) {
    const Rules rules = {
        {.allow = true, .type = 'c', .major = 1, .minor = 3, .access = "r"},
        {.allow = true, .type = 'c', .major = 1, .access = "w"},
    };
    EXPECT_TRUE(allows(rules, {'c', 1, 3, kRead | kWrite}));
    EXPECT_FALSE(allows(rules, {'c', 1, 3, kRead | kWrite | kMknod}));
    EXPECT_FALSE(allows(rules, {'c', 1, 4, kRead | kWrite}));
}

TEST(DeviceProgram, NumbersThatCannotBeNeverMatch) {
    // 1 << 20 as a minor must not be taken for major 1, minor 0.
    const Rules rules = {{.allow = true, .type = 'c', .major = 0, .minor = 1 << 20},
                         {.allow = true, .type = 'c', .major = 4096, .minor = 3},
                         {.allow = true, .type = 'c', .major = -1, .minor = 3}};
    EXPECT_FALSE(allows(rules, {'c', 1, 0, kRead}));
    EXPECT_FALSE(allows(rules, {'c', 0, 3, kRead}));
    EXPECT_FALSE(allows(rules, {'c', 4095, 3, kRead}));
}

spec::DeviceRule random_rule(std::mt19937& random) {
    constexpr const char* kAccesses[] = {"rwm", "", "r", "w", "m", "rw", "rm", "wm"};
    auto number = [&](unsigned wild_in) -> std::optional<std::int64_t> {
        constexpr std::int64_t kNumbers[] = {0, 1, 2, 136, 4095};
        if (random() % wild_in == 0) return std::nullopt;
        return kNumbers[random() % std::size(kNumbers)];
    };
    spec::DeviceRule rule;
    rule.allow = random() % 2 == 0;
    rule.type = "aabbcccc"[random() % 8];
    rule.major = number(3);
    rule.minor = number(2);
    rule.access = kAccesses[random() % std::size(kAccesses)];
    return rule;
}

TEST(DeviceProgram, AgreesWithTheReferenceOnRandomRules) {
    std::mt19937 random(20260731);
    constexpr std::uint32_t kNumbers[] = {0, 1, 2, 3, 136, 4095};
    for (int round = 0; round < 400; ++round) {
        Rules rules(random() % 12);
        for (auto& rule : rules)
            rule = random_rule(random);
        const auto program = compile(rules);
        for (char type : {'b', 'c'})
            for (auto major : kNumbers)
                for (auto minor : kNumbers)
                    for (unsigned access = 1; access < 8; ++access) {
                        const Request request{type, major, minor, access};
                        const bool expected = reference_allows(rules, request);
                        ASSERT_EQ(Machine(program).run(request), expected ? 1U : 0U)
                            << show(rules) << type << " " << major << ":" << minor << " access " << access;
                    }
    }
}

TEST(DeviceProgram, StaysSmall) {
    EXPECT_LE(compile(docker_rules()).size(), 32U);
    EXPECT_LE(compile({}).size(), 16U);
    // Rules that a later one covers cost nothing.
    Rules many;
    for (int i = 0; i < 1000; ++i)
        many.push_back({.allow = true, .type = 'c', .major = 1, .minor = i});
    many.push_back({.allow = false});
    EXPECT_EQ(compile(many).size(), compile({}).size());
}

TEST(DeviceProgram, TooManyRulesAreAnErrorNotAWrongProgram) {
    Rules many;
    for (int i = 0; i < 40'000; ++i)
        many.push_back({.allow = true, .type = 'c', .major = i % 4096, .minor = i / 4096, .access = i % 2 ? "r" : "w"});
    auto program = device_program(many);
    ASSERT_FALSE(program);
    EXPECT_EQ(program.error().code(), Code::Unsupported);
}

// ---- in the kernel
// ------------------------------------------------------------------------------------------------------

class KernelDeviceFilter : public testing_support::CgroupTest {
  protected:
    void SetUp() override {
        CgroupTest::SetUp();
        if (IsSkipped()) return;
        auto program = load_device_program(compile(kDenyAll));
        if (!program && program.error().errnum() == EPERM) GTEST_SKIP() << program.error().message();
        char name[] = "/tmp/arca-devices-XXXXXX";
        ASSERT_NE(mkdtemp(name), nullptr);
        nodes_ = name;
        if (mknod((nodes_ + "/kmsg").c_str(), S_IFCHR | 0600, makedev(1, 11)) < 0)
            GTEST_SKIP() << "this host refuses mknod";
        ASSERT_EQ(mknod((nodes_ + "/null").c_str(), S_IFCHR | 0600, makedev(1, 3)), 0);
    }
    void TearDown() override {
        if (!nodes_.empty()) std::filesystem::remove_all(nodes_);
        CgroupTest::TearDown();
    }

    /// errno of opening a node from within the cgroup; 0 when that works.
    int open_inside(const Cgroup& group, const std::string& name, int flags) {
        auto child = testing_support::child_in(
            group, [&] { return ::open((nodes_ + "/" + name).c_str(), flags) < 0 ? errno : 0; });
        auto status = child.wait();
        return status ? status->code : -1;
    }

    std::string nodes_;
};

TEST_F(KernelDeviceFilter, DeniesAndAllows) {
    auto group = Cgroup::create(plan_at());
    ASSERT_TRUE(group) << group.error().message();
    ASSERT_EQ(open_inside(*group, "kmsg", O_RDONLY), 0) << "the node works without a filter";
    auto installed = group->install_device_filter(docker_rules());
    ASSERT_TRUE(installed) << installed.error().message();
    EXPECT_EQ(open_inside(*group, "kmsg", O_RDONLY), EPERM);
    EXPECT_EQ(open_inside(*group, "null", O_RDWR), 0);
    auto maker = testing_support::child_in(
        *group, [&] { return mknod((nodes_ + "/made").c_str(), S_IFCHR | 0600, makedev(1, 11)) < 0 ? errno : 0; });
    EXPECT_EQ(maker.wait()->code, 0) << "making a node is harmless and allowed";
    EXPECT_EQ(open_inside(*group, "made", O_RDONLY), EPERM);
}

TEST_F(KernelDeviceFilter, AccessesAreToldApart) {
    auto group = Cgroup::create(plan_at());
    ASSERT_TRUE(group);
    const Rules rules = {{.allow = true, .type = 'c', .major = 1, .minor = 11, .access = "r"}};
    ASSERT_TRUE(group->install_device_filter(rules));
    EXPECT_EQ(open_inside(*group, "kmsg", O_RDONLY), 0);
    EXPECT_EQ(open_inside(*group, "kmsg", O_WRONLY), EPERM);
    EXPECT_EQ(open_inside(*group, "kmsg", O_RDWR), EPERM);
}

TEST_F(KernelDeviceFilter, IsReplacedNotAdded) {
    auto group = Cgroup::create(plan_at());
    ASSERT_TRUE(group);
    auto replaced = group->replace_device_filter(kDenyAll);  // nothing there yet
    ASSERT_TRUE(replaced) << replaced.error().message();
    EXPECT_EQ(open_inside(*group, "null", O_RDONLY), EPERM);
    const Rules allow_null = {{.allow = true, .type = 'c', .major = 1, .minor = 3}};
    replaced = group->replace_device_filter(allow_null);  // one there
    ASSERT_TRUE(replaced) << replaced.error().message();
    EXPECT_EQ(open_inside(*group, "null", O_RDONLY), 0);
    ASSERT_TRUE(group->install_device_filter(kDenyAll));
    EXPECT_EQ(open_inside(*group, "null", O_RDONLY), EPERM) << "all programs must agree";
    replaced = group->replace_device_filter(allow_null);  // two there
    ASSERT_TRUE(replaced) << replaced.error().message();
    EXPECT_EQ(open_inside(*group, "null", O_RDONLY), 0);
    EXPECT_EQ(open_inside(*group, "kmsg", O_RDONLY), EPERM);
}

TEST_F(KernelDeviceFilter, TheVerifierTakesEveryShapeOfRule) {
    std::mt19937 random(7);
    ASSERT_TRUE(load_device_program(compile({{.allow = true}})));
    for (int round = 0; round < 300; ++round) {
        Rules rules(random() % (round % 2 == 0 ? 5 : 40));
        for (auto& rule : rules)
            rule = random_rule(random);
        auto loaded = load_device_program(compile(rules));
        ASSERT_TRUE(loaded) << show(rules) << loaded.error().message();
    }
    Rules many;
    for (int i = 0; i < 2000; ++i)
        many.push_back({.allow = i % 3 != 0, .type = 'c', .major = i % 256, .minor = i, .access = i % 2 ? "r" : "wm"});
    auto loaded = load_device_program(compile(many));
    ASSERT_TRUE(loaded) << loaded.error().message();
}

TEST_F(KernelDeviceFilter, ARefusedProgramIsToldInOneSentence) {
    auto program = compile(kDenyAll);
    program.pop_back();  // falls off its end
    auto loaded = load_device_program(program);
    ASSERT_FALSE(loaded);
    EXPECT_EQ(loaded.error().errnum(), EINVAL);
    EXPECT_THAT(loaded.error().hint(), HasSubstr("the kernel says: "));
    EXPECT_LT(loaded.error().message().size(), 300U);
    EXPECT_THAT(loaded.error().evidence(), HasSubstr("\nprocessed ")) << "the verifier's log to its end";
}

}  // namespace
}  // namespace arca::cgroup
