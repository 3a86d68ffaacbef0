#include "seccomp/flags.hpp"

#include <linux/seccomp.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <string_view>

#include "base/text.hpp"
#include "seccomp/program.hpp"

// Since Linux 5.19.
#ifndef SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
#define SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV (1UL << 5)
#endif

namespace arca::seccomp {

namespace {
struct Flag {
    std::string_view name;
    std::uint32_t bit;
    std::uint32_t probe_with;  ///< what seccomp(2) wants beside it
};

// config-linux.md#seccomp: flags.
constexpr std::array<Flag, 4> kFlags{{
    {"SECCOMP_FILTER_FLAG_TSYNC", SECCOMP_FILTER_FLAG_TSYNC, 0},
    {"SECCOMP_FILTER_FLAG_LOG", SECCOMP_FILTER_FLAG_LOG, 0},
    {"SECCOMP_FILTER_FLAG_SPEC_ALLOW", SECCOMP_FILTER_FLAG_SPEC_ALLOW, 0},
    {"SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV", SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV,
     SECCOMP_FILTER_FLAG_NEW_LISTENER},
}};

const Flag* find(std::string_view name) {
    const auto found = std::ranges::find(kFlags, name, &Flag::name);
    return found == kFlags.end() ? nullptr : &*found;
}

/// seccomp(2) looks at the flags before it looks at the (absent) filter.
bool is_supported(const Flag& flag) {
    return ::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flag.bit | flag.probe_with, nullptr) < 0 && errno == EFAULT;
}

/// What WAIT_KILLABLE_RECV adds to a profile: nothing without notification, where seccomp(2) would refuse it.
std::uint32_t wait_killable(const Flag& flag, bool has_listener, const std::string& pointer,
                            std::vector<spec::Note>& notes) {
    if (!has_listener) {
        notes.push_back({pointer, text::cat(flag.name, " has no effect without SCMP_ACT_NOTIFY")});
        return 0;
    }
    if (is_supported(flag)) return flag.bit;
    // FALLBACK(linux<5.19): a signal may interrupt a call that the agent is carrying out already.
    notes.push_back({pointer, text::cat("this kernel has no ", flag.name, ": notification does without")});
    return 0;
}

Result<std::uint32_t> carry_out(const Flag& flag, bool has_listener, const std::string& pointer,
                                std::vector<spec::Note>& notes) {
    if (flag.bit == SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV) return wait_killable(flag, has_listener, pointer, notes);
    if (!is_supported(flag))
        return fail(
            Error(Code::Unsupported, text::cat("this kernel does not take the seccomp flag ", flag.name)).at(pointer));
    // The filter is loaded for one thread.
    return flag.bit == SECCOMP_FILTER_FLAG_TSYNC ? 0 : flag.bit;
}
}  // namespace

Result<std::uint32_t> plan_flags(const spec::Seccomp& profile, std::vector<spec::Note>& notes) {
    const bool has_listener = notifies(profile);
    std::uint32_t bits = has_listener ? SECCOMP_FILTER_FLAG_NEW_LISTENER : 0U;
    if (!profile.flags) {
        const auto* spec_allow = find("SECCOMP_FILTER_FLAG_SPEC_ALLOW");
        return bits | (is_supported(*spec_allow) ? spec_allow->bit : 0U);
    }
    for (std::size_t index = 0; index < profile.flags->size(); ++index) {
        const auto& name = (*profile.flags)[index];
        const auto pointer = text::cat("/linux/seccomp/flags/", index);
        const auto* flag = find(name);
        if (flag == nullptr)
            return fail(Error(Code::InvalidConfig, text::cat("unknown seccomp flag \"", text::printable(name), '"'))
                            .at(pointer));
        bits |= TRY(carry_out(*flag, has_listener, pointer, notes));
    }
    return bits;
}

bool notifies(const spec::Seccomp& profile) {
    return profile.default_action == spec::SeccompAction::Notify ||
           std::ranges::any_of(profile.syscalls,
                               [](const auto& rule) { return rule.action == spec::SeccompAction::Notify; });
}

bool notifies(const Program& program) {
    return (program.flags & SECCOMP_FILTER_FLAG_NEW_LISTENER) != 0;
}

std::uint32_t known_flag_bits() {
    std::uint32_t bits = SECCOMP_FILTER_FLAG_NEW_LISTENER;
    for (const auto& flag : kFlags)
        bits |= flag.bit;
    return bits;
}

std::vector<std::string> known_flags() {
    std::vector<std::string> names;
    for (const auto& flag : kFlags)
        names.emplace_back(flag.name);
    return names;
}

std::vector<std::string> supported_flags() {
    std::vector<std::string> names;
    for (const auto& flag : kFlags)
        if (is_supported(flag)) names.emplace_back(flag.name);
    return names;
}

}  // namespace arca::seccomp
