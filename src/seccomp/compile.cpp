#include "base/text.hpp"
#include "seccomp/architectures.hpp"
#include "seccomp/dispatch.hpp"
#include "seccomp/filter.hpp"
#include "seccomp/flags.hpp"
#include "seccomp/program.hpp"
#include "seccomp/rules.hpp"
#include "seccomp/stub.hpp"
#include "seccomp/validate.hpp"

namespace arca::seccomp {

namespace {
/// From this many rules on, a search tree is worth its longer program.
constexpr std::size_t kRulesForAList = 32;

/// The part of the program for one architecture.
struct Part {
    std::uint32_t token = 0;
    std::vector<std::uint64_t> stub;
    Filter filter;
};

Result<std::vector<Part>> build_parts(const spec::Seccomp& profile, std::vector<spec::Note>& notes) {
    const auto default_action =
        TRY(action_value(profile.default_action, profile.default_errno_ret, "/linux/seccomp/defaultAction"));
    const auto tokens = TRY(architecture_tokens(profile.architectures));
    const auto rules = TRY(resolve_rules(profile, default_action, notes));
    const bool has_stub = needs_stub(profile);
    std::vector<Part> parts;
    for (const auto token : tokens) {
        auto filter = TRY(Filter::build(profile, default_action, token, rules));
        auto stub = has_stub ? enosys_stub(newest_known(profile, token)) : std::vector<std::uint64_t>{};
        parts.push_back({token, std::move(stub), std::move(filter)});
    }
    return parts;
}

Result<std::vector<std::uint64_t>> generate(const std::vector<Part>& parts, Layout layout) {
    std::vector<Section> sections;
    for (const auto& part : parts) {
        sections.push_back({audit_architecture(part.token), part.stub, is_x32(part.token)});
        auto& code = sections.back().instructions;
        const auto filter = TRY(part.filter.generate(layout));
        code.insert(code.end(), filter.begin(), filter.end());
    }
    // libseccomp's own test of the architecture suffices for one.
    if (sections.size() == 1 && parts[0].stub.empty()) return std::move(sections[0].instructions);
    return dispatch(std::move(sections));
}
}  // namespace

Result<Program> compile(const spec::Seccomp& profile, std::vector<spec::Note>& notes) {
    Program program;
    program.flags = TRY(plan_flags(profile, notes));
    const auto parts = TRY(build_parts(profile, notes));
    std::size_t names = 0;
    for (const auto& rule : profile.syscalls)
        names += rule.names.size();
    if (names > kRulesForAList) program.instructions = TRY(generate(parts, Layout::Tree));
    if (program.instructions.empty() || program.instructions.size() > kMaximalInstructions)
        program.instructions = TRY(generate(parts, Layout::List));
    if (program.instructions.size() > kMaximalInstructions)
        return fail(
            Error(Code::InvalidConfig, text::cat("the seccomp profile makes a program of ", program.instructions.size(),
                                                 " instructions; the kernel takes ", kMaximalInstructions))
                .at("/linux/seccomp"));
    return program;
}

}  // namespace arca::seccomp
