#include <algorithm>

#include "base/text.hpp"
#include "spec/names.hpp"
#include "spec/validate.hpp"

namespace arca::spec {

namespace {
/// SECCOMP_RET_DATA is 16 bits wide; the kernel cuts an errno to MAX_ERRNO (seccomp(2)).
void validate_errno(SeccompAction action, const std::string& action_pointer,
                    const std::optional<std::uint32_t>& errno_ret, const std::string& pointer, Report& report) {
    if (!errno_ret || report.unread(action_pointer)) return;
    std::uint32_t highest = action == SeccompAction::Trace ? 65535 : 4095;
    if (action != SeccompAction::Errno && action != SeccompAction::Trace) {
        report.problem(pointer,
                       text::cat(name(action), " returns no errno: only SCMP_ACT_ERRNO and SCMP_ACT_TRACE do"));
    } else if (*errno_ret > highest) {
        report.problem(pointer, text::cat(*errno_ret, " is out of range: expected 0 to ", highest));
    }
}

void validate_rule(const SeccompRule& rule, const std::string& base, Report& report) {
    constexpr std::uint32_t kHighestArgument = 5;
    if (rule.names.empty()) report.problem(base + "/names", "must name at least one system call");
    for (std::size_t i = 0; i < rule.names.size(); ++i)
        if (rule.names[i].empty()) report.problem(pointer_join(base + "/names", i), "must not be empty");
    validate_errno(rule.action, base + "/action", rule.errno_ret, base + "/errnoRet", report);
    for (std::size_t i = 0; i < rule.args.size(); ++i)
        if (rule.args[i].index > kHighestArgument)
            report.problem(pointer_join(base + "/args", i) + "/index",
                           text::cat(rule.args[i].index, " is out of range: expected 0 to ", kHighestArgument));
}
}  // namespace

void validate_seccomp(const Seccomp& seccomp, Report& report) {
    const std::string base = "/linux/seccomp";
    validate_errno(seccomp.default_action, base + "/defaultAction", seccomp.default_errno_ret,
                   base + "/defaultErrnoRet", report);
    for (std::size_t i = 0; i < seccomp.syscalls.size(); ++i)
        validate_rule(seccomp.syscalls[i], pointer_join(base + "/syscalls", i), report);
    if (!seccomp.listener_metadata.empty() && seccomp.listener_path.empty())
        report.problem(base + "/listenerMetadata", "needs a listenerPath");
}

}  // namespace arca::spec
