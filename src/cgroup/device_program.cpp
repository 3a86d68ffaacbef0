#include "cgroup/device_program.hpp"

#include <algorithm>
#include <limits>
#include <map>
#include <optional>
#include <span>

#include "cgroup/device_rules.hpp"

namespace arca::cgroup {

namespace {
constexpr unsigned kAllAccess = BPF_DEVCG_ACC_MKNOD | BPF_DEVCG_ACC_READ | BPF_DEVCG_ACC_WRITE;
constexpr int kMinorBits = 20;  // of dev_t inside the kernel (include/linux/kdev_t.h)
constexpr std::int64_t kMajorEnd = 1 << 12;
constexpr std::int64_t kMinorEnd = 1 << kMinorBits;

enum Register : std::uint8_t {
    Verdict = BPF_REG_0,
    Context = BPF_REG_1,
    Undecided = BPF_REG_2,  ///< accesses asked for that no rule has granted yet
    Major = BPF_REG_3,
    Minor = BPF_REG_4,
    Key = BPF_REG_5,  ///< major and minor in one, so that a rule is one comparison
    Type = BPF_REG_6,
};

bool is_possible(const spec::DeviceRule& rule) {
    auto within = [](const std::optional<std::int64_t>& number, std::int64_t end) {
        return !number || (*number >= 0 && *number < end);
    };
    return within(rule.major, kMajorEnd) && within(rule.minor, kMinorEnd) && access_bits(rule.access) != 0;
}

bool is_for(const spec::DeviceRule& rule, int type) {
    return rule.type == 'a' || (rule.type == 'b') == (type == BPF_DEVCG_DEV_BLOCK);
}

/// Decides about whatever is left.
bool is_final(const spec::DeviceRule& rule) {
    return !rule.major && !rule.minor && access_bits(rule.access) == kAllAccess;
}

/// Which accesses to which devices later rules have decided already.
class Decided {
  public:
    bool covers(const spec::DeviceRule& rule) const {
        const auto decided = at(rule.major, rule.minor) | at(rule.major, {}) | at({}, rule.minor) | at({}, {});
        return (access_bits(rule.access) & ~decided) == 0;
    }
    void add(const spec::DeviceRule& rule) { bits_[{rule.major, rule.minor}] |= access_bits(rule.access); }

  private:
    using Number = std::optional<std::int64_t>;
    unsigned at(Number major, Number minor) const {
        auto found = bits_.find({major, minor});
        return found == bits_.end() ? 0 : found->second;
    }
    std::map<std::pair<Number, Number>, unsigned> bits_;
};

/// The rules that can decide about devices of a type, the last first: what later rules cover never gets a say.
std::vector<spec::DeviceRule> deciding_rules(const std::vector<spec::DeviceRule>& rules, int type) {
    std::vector<spec::DeviceRule> deciding;
    Decided decided;
    for (auto rule = rules.rbegin(); rule != rules.rend(); ++rule) {
        if (!is_for(*rule, type) || !is_possible(*rule) || decided.covers(*rule)) continue;
        decided.add(*rule);
        deciding.push_back(*rule);
        if (is_final(*rule)) break;
    }
    // What the end of the list says anyway need not be said before it.
    while (!deciding.empty() && !deciding.back().allow)
        deciding.pop_back();
    return deciding;
}

bool denies_the_rest(const std::vector<spec::DeviceRule>& rules) {
    return rules.empty() || !is_final(rules.back());
}

/// Apart from the type, for which the lists were made.
bool are_equal(const spec::DeviceRule& one, const spec::DeviceRule& other) {
    return one.allow == other.allow && one.major == other.major && one.minor == other.minor &&
           access_bits(one.access) == access_bits(other.access);
}

bool ends_with(const std::vector<spec::DeviceRule>& rules, const std::vector<spec::DeviceRule>& end) {
    return rules.size() >= end.size() && std::equal(end.rbegin(), end.rend(), rules.rbegin(), are_equal);
}

// The kernel checks a program by walking its paths, and that walk is most of the price of loading it. So the main line
// is one comparison for each rule, all exits are shared, and what depends on the accesses is out of line: it comes back
// to the main line with a state that the walk has seen already.
class Compiler {
  public:
    Result<std::vector<bpf_insn>> compile(const std::vector<spec::DeviceRule>& rules) {
        load_request();
        const auto to_block_section = jump_if(BPF_JEQ, Type, BPF_DEVCG_DEV_BLOCK);
        const auto block = deciding_rules(rules, BPF_DEVCG_DEV_BLOCK);
        sections(deciding_rules(rules, BPF_DEVCG_DEV_CHAR), block, to_block_section);
        const auto deny = here();
        // The kernel refuses a program with instructions that nothing reaches.
        const bool detail_denies = std::ranges::any_of(details_, [](const auto& detail) { return !detail.rule.allow; });
        if (!to_deny_.empty() || denies_the_rest(block) || detail_denies) emit(BPF_ALU64 | BPF_MOV | BPF_K, Verdict, 0);
        const auto allow = here();
        emit(BPF_JMP | BPF_EXIT);
        for (const auto& detail : details_)
            out_of_line(detail);
        for (auto jump : to_deny_)
            land(jump, deny);
        for (auto jump : to_allow_)
            land(jump, allow);
        if (too_long_) return fail(Code::Unsupported, "too many device rules for one BPF program");
        return std::move(program_);
    }

  private:
    /// A rule for some accesses to some devices: jumped to when the device is one of them.
    struct Detail {
        std::size_t jump;
        std::size_t back;
        spec::DeviceRule rule;
    };

    std::size_t here() const { return program_.size(); }

    std::size_t emit(int code, std::uint8_t destination = 0, std::int32_t immediate = 0, std::uint8_t source = 0,
                     std::int16_t offset = 0) {
        bpf_insn instruction{};
        instruction.code = static_cast<std::uint8_t>(code);
        instruction.dst_reg = destination & 0xF;
        instruction.src_reg = source & 0xF;
        instruction.off = offset;
        instruction.imm = immediate;
        program_.push_back(instruction);
        return program_.size() - 1;
    }

    std::size_t jump_if(int condition, Register operand, std::int32_t value) {
        return emit(BPF_JMP32 | condition | BPF_K, operand, value);  // since Linux 5.1
    }

    void land(std::size_t jump, std::size_t target) {
        const auto offset = static_cast<std::ptrdiff_t>(target) - static_cast<std::ptrdiff_t>(jump) - 1;
        using Limits = std::numeric_limits<std::int16_t>;
        too_long_ = too_long_ || offset < Limits::min() || offset > Limits::max();
        program_[jump].off = static_cast<std::int16_t>(offset);
    }

    // struct bpf_cgroup_dev_ctx: access_type is (access << 16) | type.
    void load_request() {
        constexpr int kLoadWord = BPF_LDX | BPF_MEM | BPF_W;
        emit(kLoadWord, Undecided, 0, Context, offsetof(bpf_cgroup_dev_ctx, access_type));
        emit(kLoadWord, Major, 0, Context, offsetof(bpf_cgroup_dev_ctx, major));
        emit(kLoadWord, Minor, 0, Context, offsetof(bpf_cgroup_dev_ctx, minor));
        emit(BPF_ALU | BPF_MOV | BPF_X, Type, 0, Undecided);
        emit(BPF_ALU | BPF_AND | BPF_K, Type, 0xFFFF);
        emit(BPF_ALU | BPF_RSH | BPF_K, Undecided, 16);
        emit(BPF_ALU | BPF_MOV | BPF_X, Key, 0, Major);
        emit(BPF_ALU | BPF_LSH | BPF_K, Key, kMinorBits);
        emit(BPF_ALU | BPF_OR | BPF_X, Key, 0, Minor);
        emit(BPF_ALU64 | BPF_MOV | BPF_K, Verdict, 1);
    }

    // The second of two sections falls into the common end, which denies. Mostly one list is the end of the other
    // ("every node may be made"), and one section does for both.
    void sections(const std::vector<spec::DeviceRule>& character, const std::vector<spec::DeviceRule>& block,
                  std::size_t to_block_section) {
        const bool is_shared = ends_with(character, block);
        const auto own = is_shared ? character.size() - block.size() : character.size();
        section(std::span(character).first(own));
        if (!is_shared && denies_the_rest(character)) to_deny_.push_back(emit(BPF_JMP | BPF_JA));
        land(to_block_section, here());
        section(block);
    }

    void section(std::span<const spec::DeviceRule> rules) {
        for (const auto& rule : rules)
            if (rule.major || rule.minor)
                for_some_devices(rule);
            else if (is_final(rule))
                to_allow_.push_back(emit(BPF_JMP | BPF_JA));
            else
                for_some_accesses(rule);
    }

    void for_some_devices(const spec::DeviceRule& rule) {
        const auto key = rule.major && rule.minor ? Key : rule.major ? Major : Minor;
        const auto value =
            (key == Key ? *rule.major << kMinorBits : 0) + rule.minor.value_or(0) + (key == Major ? *rule.major : 0);
        const auto jump = jump_if(BPF_JEQ, key, static_cast<std::int32_t>(value));
        if (access_bits(rule.access) != kAllAccess)
            details_.push_back({jump, here(), rule});
        else
            (rule.allow ? to_allow_ : to_deny_).push_back(jump);
    }

    void for_some_accesses(const spec::DeviceRule& rule) {
        const auto bits = static_cast<std::int32_t>(access_bits(rule.access));
        if (rule.allow) {
            emit(BPF_ALU | BPF_AND | BPF_K, Undecided, ~bits);
            to_allow_.push_back(jump_if(BPF_JEQ, Undecided, 0));
        } else {
            to_deny_.push_back(jump_if(BPF_JSET, Undecided, bits));
        }
    }

    void out_of_line(const Detail& detail) {
        land(detail.jump, here());
        for_some_accesses(detail.rule);
        land(emit(BPF_JMP | BPF_JA), detail.back);
    }

    std::vector<bpf_insn> program_;
    std::vector<Detail> details_;
    std::vector<std::size_t> to_allow_;
    std::vector<std::size_t> to_deny_;
    bool too_long_ = false;
};
}  // namespace

Result<std::vector<bpf_insn>> device_program(const std::vector<spec::DeviceRule>& rules) {
    return Compiler().compile(rules);
}

}  // namespace arca::cgroup
