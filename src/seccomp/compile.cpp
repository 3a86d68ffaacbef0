#include <linux/seccomp.h>
#include <sys/syscall.h>

#include <algorithm>
#include <cerrno>
#include <limits>

#include "base/text.hpp"
#include "seccomp/architectures.hpp"
#include "seccomp/calls.hpp"
#include "seccomp/dispatch.hpp"
#include "seccomp/emit.hpp"
#include "seccomp/filter.hpp"
#include "seccomp/flags.hpp"
#include "seccomp/program.hpp"
#include "seccomp/rules.hpp"
#include "seccomp/stub.hpp"
#include "seccomp/validate.hpp"

namespace arca::seccomp {

namespace {
constexpr std::uint32_t kLastNumber = std::numeric_limits<std::uint32_t>::max();

/// The profile, with everything resolved.
struct Resolved {
    const spec::Seccomp& profile;
    std::uint32_t default_action = 0;
    std::vector<std::uint32_t> tokens;  ///< the native one first
    std::vector<Numbers> numbers;       ///< of each token
    std::vector<Rule> rules;

    bool has(std::uint32_t token) const { return std::ranges::find(tokens, token) != tokens.end(); }
};

Result<Resolved> resolve(const spec::Seccomp& profile, std::vector<spec::Note>& notes) {
    Resolved resolved{.profile = profile};
    resolved.default_action =
        TRY(action_value(profile.default_action, profile.default_errno_ret, "/linux/seccomp/defaultAction"));
    resolved.tokens = TRY(architecture_tokens(profile.architectures));
    for (const auto token : resolved.tokens)
        resolved.numbers.emplace_back(profile, token);
    resolved.rules = TRY(resolve_rules(profile, resolved.default_action, resolved.numbers[0], notes));
    return resolved;
}

// ---- by libseccomp --------------------------------------------------------------------------------------------------

Result<Instructions> by_libseccomp(const Resolved& resolved, std::size_t index) {
    const auto token = resolved.tokens[index];
    Instructions code;
    if (needs_stub(resolved.profile)) code = enosys_stub(resolved.numbers[index].newest());
    const auto filter = TRY(Filter::build(resolved.profile, resolved.default_action, token, resolved.rules));
    const auto rest = TRY(filter.generate());
    code.insert(code.end(), rest.begin(), rest.end());
    return code;
}

/// libseccomp 2.5 loads the number only for the first call of its list, and not at all if that is one which the
/// architecture does not have; a call that every architecture has, and that has no conditions, comes before those.
Rule first_in_list(const Call& other_than) {
    const auto& some = *other_than.alternatives[0].rule;
    const int call = some.number == SYS_read ? SYS_write : SYS_read;
    return {call, some.action, {}, some.rule_index, some.name_index};
}

/// libseccomp's whole filter of the rules for one call; that it looks at architecture and number again does no harm.
Result<Instructions> by_libseccomp(const Resolved& resolved, std::uint32_t token, const Call& call) {
    std::vector<Rule> rules{first_in_list(call)};
    for (const auto& alternative : call.alternatives)
        rules.push_back(*alternative.rule);
    return TRY(Filter::build(resolved.profile, resolved.default_action, token, rules)).generate();
}

// ---- by ourselves ---------------------------------------------------------------------------------------------------

Result<Instructions> code_of(const Resolved& resolved, std::uint32_t token, const Call& call) {
    if (!is_unambiguous(call)) return by_libseccomp(resolved, token, call);
    return answer(call.alternatives, resolved.default_action, {argument_width(token), byte_order(token)});
}

/// From `next`, the first number that the profile does not mention, on.
void end_ranges(const Resolved& resolved, std::size_t index, std::uint32_t next, std::vector<Range>& ranges) {
    const auto known = resolved.numbers[index].newest();
    const bool has_stub = needs_stub(resolved.profile) && known.number;
    const auto first_unknown = has_stub ? std::max(next, *known.number + 1) : kLastNumber;
    if (next < first_unknown) ranges.push_back({next, return_action(resolved.default_action)});
    if (has_stub) ranges.push_back({first_unknown, return_action(SECCOMP_RET_ERRNO | ENOSYS)});
    if (!known.leaves_x32_alone || std::ranges::any_of(resolved.tokens, is_x32)) return;
    ranges.push_back({kFirstX32Number, return_action(SECCOMP_RET_KILL_THREAD)});
    // A tracer skips a call by this number, and the kernel asks the filter again (seccomp(2), SECCOMP_RET_TRACE).
    ranges.push_back({kLastNumber, return_action(resolved.default_action)});
}

Result<std::vector<Range>> ranges_of(const Resolved& resolved, std::size_t index) {
    const auto token = resolved.tokens[index];
    std::vector<Range> ranges;
    std::uint32_t next = 0;
    if (is_x32(token)) {
        ranges.push_back({0, return_action(SECCOMP_RET_KILL_THREAD)});
        next = kFirstX32Number;
    }
    for (const auto& call : calls_of(resolved.rules, resolved.numbers[index], token)) {
        if (call.number > next) ranges.push_back({next, return_action(resolved.default_action)});
        ranges.push_back({call.number, TRY(code_of(resolved, token, call))});
        next = call.number + 1;
    }
    end_ranges(resolved, index, next, ranges);
    return ranges;
}

Result<Instructions> by_tree(const Resolved& resolved, std::size_t index) {
    if (!knows_multiplexing(resolved.tokens[index])) return by_libseccomp(resolved, index);
    return search(TRY(ranges_of(resolved, index)));
}

Result<Instructions> generate(const Resolved& resolved, Result<Instructions> (*section)(const Resolved&, std::size_t)) {
    std::vector<Section> sections;
    for (std::size_t index = 0; index < resolved.tokens.size(); ++index) {
        const auto token = resolved.tokens[index];
        sections.push_back({audit_architecture(token), TRY(section(resolved, index)), is_x32(token)});
    }
    return dispatch(std::move(sections));
}
}  // namespace

Result<Program> compile(const spec::Seccomp& profile, std::vector<spec::Note>& notes) {
    Program program;
    program.flags = TRY(plan_flags(profile, notes));
    const auto resolved = TRY(resolve(profile, notes));
    program.instructions = TRY(generate(resolved, by_tree));
    // A list, and what libseccomp finds in common, is shorter than a tree.
    if (program.instructions.size() > kMaximalInstructions)
        program.instructions = TRY(generate(resolved, by_libseccomp));
    if (program.instructions.size() > kMaximalInstructions)
        return fail(
            Error(Code::InvalidConfig, text::cat("the seccomp profile makes a program of ", program.instructions.size(),
                                                 " instructions; the kernel takes ", kMaximalInstructions))
                .at("/linux/seccomp"));
    return program;
}

}  // namespace arca::seccomp
