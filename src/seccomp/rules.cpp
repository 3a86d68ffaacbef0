#include "seccomp/rules.hpp"

#include <cerrno>
#include <map>

#include "base/text.hpp"
#include "seccomp/program.hpp"

namespace arca::seccomp {

namespace {
constexpr unsigned kArguments = 6;

using Comparisons = std::vector<scmp_arg_cmp>;

std::string rule_pointer(std::size_t index) {
    return text::cat("/linux/seccomp/syscalls/", index);
}

scmp_compare compare_operator(spec::SeccompOperator op) {
    switch (op) {
        case spec::SeccompOperator::NotEqual:
            return SCMP_CMP_NE;
        case spec::SeccompOperator::LessThan:
            return SCMP_CMP_LT;
        case spec::SeccompOperator::LessOrEqual:
            return SCMP_CMP_LE;
        case spec::SeccompOperator::Equal:
            return SCMP_CMP_EQ;
        case spec::SeccompOperator::GreaterOrEqual:
            return SCMP_CMP_GE;
        case spec::SeccompOperator::GreaterThan:
            return SCMP_CMP_GT;
        case spec::SeccompOperator::MaskedEqual:
            break;
    }
    return SCMP_CMP_MASKED_EQ;
}

bool repeats_an_index(const std::vector<spec::SeccompArgument>& args) {
    unsigned seen = 0;
    for (const auto& argument : args) {
        const unsigned bit = 1U << argument.index;
        if ((seen & bit) != 0) return true;
        seen |= bit;
    }
    return false;
}

/// The lists of conditions, each of which makes a rule of its own. Conditions on different arguments must all hold. An
/// argument that is named twice makes every condition an alternative: profiles from the time of docker's own format
/// rely on it.
Result<std::vector<Comparisons>> alternatives(const std::vector<spec::SeccompArgument>& args, std::size_t rule_index) {
    Comparisons all;
    for (const auto& argument : args) {
        if (argument.index >= kArguments)
            return fail(Error(Code::InvalidConfig, text::cat("a system call has no argument ", argument.index))
                            .at(rule_pointer(rule_index) + "/args"));
        // For SCMP_CMP_MASKED_EQ the first datum is the mask, as in the configuration.
        all.push_back({argument.index, compare_operator(argument.op), argument.value, argument.value_two});
    }
    if (!repeats_an_index(args)) return std::vector<Comparisons>{all};
    std::vector<Comparisons> single;
    for (const auto& condition : all)
        single.push_back({condition});
    return single;
}

class Resolver {
  public:
    Resolver(const Numbers& native, std::vector<spec::Note>& notes) : native_(native), notes_(notes) {}

    Result<> add(const spec::SeccompRule& rule, std::uint32_t action, std::size_t rule_index) {
        const auto lists = TRY(alternatives(rule.args, rule_index));
        for (std::size_t name_index = 0; name_index < rule.names.size(); ++name_index) {
            const int number = native_.of(rule_index, name_index);
            if (number == __NR_SCMP_ERROR)
                note_unknown(rule.names[name_index], rule_index, name_index);
            else
                for (const auto& conditions : lists)
                    add_one({number, action, conditions, rule_index, name_index});
        }
        return {};
    }
    std::vector<Rule> take() { return std::move(rules_); }

  private:
    void note_unknown(const std::string& name, std::size_t rule_index, std::size_t name_index) {
        notes_.push_back({Rule{0, 0, {}, rule_index, name_index}.pointer(),
                          text::cat("system call \"", text::printable(name), "\" is unknown to libseccomp ",
                                    library_version(), " and ignored")});
    }
    void add_one(Rule rule) {
        if (rule.conditions.empty()) {
            // Profiles name some calls many times; libseccomp would compare each new rule with all others.
            const auto [first, is_new] = unconditional_.emplace(rule.number, rule.action);
            if (!is_new && first->second == rule.action) return;
        }
        rules_.push_back(std::move(rule));
    }

    const Numbers& native_;
    std::vector<spec::Note>& notes_;
    std::vector<Rule> rules_;
    std::map<int, std::uint32_t> unconditional_;
};
}  // namespace

std::string Rule::pointer() const {
    return text::cat(rule_pointer(rule_index), "/names/", name_index);
}

Result<std::uint32_t> action_value(spec::SeccompAction action, std::optional<std::uint32_t> errno_ret,
                                   const std::string& pointer) {
    // config-linux.md#seccomp: errnoRet "The default is EPERM", for the number given to a tracer as well.
    const std::uint32_t data = errno_ret.value_or(EPERM);
    switch (action) {
        case spec::SeccompAction::Kill:
        case spec::SeccompAction::KillThread:
            return std::uint32_t{SCMP_ACT_KILL_THREAD};
        case spec::SeccompAction::KillProcess:
            return std::uint32_t{SCMP_ACT_KILL_PROCESS};
        case spec::SeccompAction::Trap:
            return std::uint32_t{SCMP_ACT_TRAP};
        case spec::SeccompAction::Errno:
            return std::uint32_t{SCMP_ACT_ERRNO(data)};
        case spec::SeccompAction::Trace:
            return std::uint32_t{SCMP_ACT_TRACE(data)};
        case spec::SeccompAction::Allow:
            return std::uint32_t{SCMP_ACT_ALLOW};
        case spec::SeccompAction::Log:
            return std::uint32_t{SCMP_ACT_LOG};
        case spec::SeccompAction::Notify:
            return std::uint32_t{SCMP_ACT_NOTIFY};
    }
    return fail(Error(Code::Internal, "unknown seccomp action").at(pointer));
}

Result<std::vector<Rule>> resolve_rules(const spec::Seccomp& profile, std::uint32_t default_action,
                                        const Numbers& native, std::vector<spec::Note>& notes) {
    Resolver resolver(native, notes);
    for (std::size_t index = 0; index < profile.syscalls.size(); ++index) {
        const auto& rule = profile.syscalls[index];
        const auto action = TRY(action_value(rule.action, rule.errno_ret, rule_pointer(index) + "/action"));
        // libseccomp refuses what the specification finds harmless.
        if (action == default_action)
            notes.push_back({rule_pointer(index), "the action is the default action: the rule changes nothing"});
        else
            TRY(resolver.add(rule, action, index));
    }
    return resolver.take();
}

}  // namespace arca::seccomp
