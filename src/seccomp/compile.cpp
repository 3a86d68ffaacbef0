// The only file that includes seccomp.h.
#include <linux/audit.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <map>
#include <memory>

#include "base/text.hpp"
#include "seccomp/flags.hpp"
#include "seccomp/program.hpp"
#include "seccomp/stub.hpp"
#include "seccomp/validate.hpp"
#include "sys/syscalls.hpp"

namespace arca::seccomp {

namespace {

/// From this many system calls on, a search tree is worth its longer program.
constexpr std::size_t kLinearSystemCalls = 32;
constexpr unsigned kArguments = 6;

using Context = std::unique_ptr<void, decltype(&::seccomp_release)>;

std::string rule_pointer(std::size_t index) {
    return text::cat("/linux/seccomp/syscalls/", index);
}

/// libseccomp returns negative errnos.
std::unexpected<Error> libseccomp_error(std::string what, int result) {
    return fail(Code::System, std::move(what), -result);
}

// ---- actions --------------------------------------------------------------------------------------------------------

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
            break;
    }
    return fail(Error(Code::Unsupported,
                      "SCMP_ACT_NOTIFY, which hands system calls to the agent of listenerPath, is not carried out by "
                      "this version of arca")
                    .at(pointer));
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

// ---- architectures --------------------------------------------------------------------------------------------------

/// "SCMP_ARCH_X86_64" is "x86_64" for libseccomp; 0 if it does not know it.
std::uint32_t architecture_token(std::string_view name) {
    constexpr std::string_view kPrefix = "SCMP_ARCH_";
    if (!name.starts_with(kPrefix)) return 0;
    return ::seccomp_arch_resolve_name(text::lower(name.substr(kPrefix.size())).c_str());
}

/// Native first, each once.
Result<std::vector<std::uint32_t>> architecture_tokens(const std::vector<std::string>& names) {
    std::vector<std::uint32_t> tokens{native_architecture()};
    for (std::size_t index = 0; index < names.size(); ++index) {
        const auto token = architecture_token(names[index]);
        if (token == 0)
            return fail(Error(Code::Unsupported, text::cat("libseccomp ", library_version(), " does not know \"",
                                                           text::printable(names[index]), '"'))
                            .at(text::cat("/linux/seccomp/architectures/", index)));
        if (std::ranges::find(tokens, token) == tokens.end()) tokens.push_back(token);
    }
    return tokens;
}

Result<> add_architectures(scmp_filter_ctx context, const std::vector<std::uint32_t>& tokens) {
    for (const auto token : tokens)
        if (const int result = ::seccomp_arch_add(context, token); result < 0 && result != -EEXIST)
            return fail(Error(Code::Unsupported,
                              text::cat("libseccomp cannot put architecture ", text::hex(token),
                                        " into one filter with the native one"),
                              -result)
                            .at("/linux/seccomp/architectures"));
    return {};
}

// ---- rules ----------------------------------------------------------------------------------------------------------

using Conditions = std::vector<scmp_arg_cmp>;

bool repeats_an_index(const std::vector<spec::SeccompArgument>& args) {
    unsigned seen = 0;
    for (const auto& argument : args) {
        const unsigned bit = 1U << (argument.index % 32);
        if ((seen & bit) != 0) return true;
        seen |= bit;
    }
    return false;
}

/// The lists of conditions, each of which makes a rule of its own. Conditions on different arguments must all hold. An
/// argument that is named twice makes every condition an alternative: profiles from the time of docker's own format
/// rely on it, and all runtimes do so.
Result<std::vector<Conditions>> alternatives(const std::vector<spec::SeccompArgument>& args,
                                             const std::string& pointer) {
    Conditions all;
    for (const auto& argument : args) {
        if (argument.index >= kArguments)
            return fail(
                Error(Code::InvalidConfig, text::cat("a system call has no argument ", argument.index)).at(pointer));
        // For SCMP_CMP_MASKED_EQ the first datum is the mask, as in the configuration.
        all.push_back({argument.index, compare_operator(argument.op), argument.value, argument.value_two});
    }
    if (!repeats_an_index(args)) return std::vector<Conditions>{all};
    std::vector<Conditions> single;
    for (const auto& condition : all)
        single.push_back({condition});
    return single;
}

/// Adds the rules of a profile to a filter.
class RuleAdder {
  public:
    RuleAdder(scmp_filter_ctx context, std::uint32_t default_action, std::vector<spec::Note>& notes)
        : context_(context), default_action_(default_action), notes_(notes) {}

    Result<> add(const spec::SeccompRule& rule, const std::string& pointer) {
        const auto action = TRY(action_value(rule.action, rule.errno_ret, pointer + "/action"));
        if (action == default_action_) {
            notes_.push_back({pointer, "the action is the default action: the rule changes nothing"});
            return {};
        }
        const auto conditions = TRY(alternatives(rule.args, pointer + "/args"));
        for (std::size_t index = 0; index < rule.names.size(); ++index)
            TRY(add_name(rule.names[index], action, conditions, text::cat(pointer, "/names/", index)));
        return {};
    }

  private:
    Result<> add_name(const std::string& name, std::uint32_t action, const std::vector<Conditions>& conditions,
                      const std::string& pointer) {
        const int number = ::seccomp_syscall_resolve_name(name.c_str());
        if (number == __NR_SCMP_ERROR) {
            notes_.push_back({pointer, text::cat("system call \"", text::printable(name),
                                                 "\" is unknown to libseccomp ", library_version(), " and ignored")});
            return {};
        }
        for (const auto& list : conditions)
            TRY(add_one(number, action, list, name, pointer));
        return {};
    }

    Result<> add_one(int number, std::uint32_t action, const Conditions& conditions, const std::string& name,
                     const std::string& pointer) {
        // libseccomp compares each new rule with all others: a rule that is there already is not worth that.
        if (conditions.empty() && !unconditional_.emplace(number, action).second && unconditional_[number] == action)
            return {};
        const int result = ::seccomp_rule_add_array(context_, action, number, static_cast<unsigned>(conditions.size()),
                                                    conditions.data());
        if (result == 0) return {};
        if (result == -EEXIST)
            return fail(Error(Code::InvalidConfig, text::cat("the rule for ", name, " contradicts an earlier one"))
                            .at(pointer));
        return fail(
            Error(Code::InvalidConfig, text::cat("libseccomp refuses the rule for ", name), -result).at(pointer));
    }

    scmp_filter_ctx context_;
    std::uint32_t default_action_;
    std::vector<spec::Note>& notes_;
    std::map<int, std::uint32_t> unconditional_;
};

std::size_t count_names(const spec::Seccomp& profile) {
    std::size_t count = 0;
    for (const auto& rule : profile.syscalls)
        count += rule.names.size();
    return count;
}

// ---- what the profile knows -----------------------------------------------------------------------------------------

std::optional<std::uint32_t> newest_number(const spec::Seccomp& profile, std::uint32_t token) {
    int newest = -1;
    for (const auto& rule : profile.syscalls)
        for (const auto& name : rule.names)
            newest = std::max(newest, ::seccomp_syscall_resolve_name_arch(token, name.c_str()));
    // Negative: pseudo numbers of libseccomp, for calls that the architecture does not have.
    return newest < 0 ? std::nullopt : std::optional(static_cast<std::uint32_t>(newest));
}

std::vector<NewestKnown> newest_known(const spec::Seccomp& profile, const std::vector<std::uint32_t>& tokens) {
    std::vector<NewestKnown> known;
    for (const auto token : tokens) {
        const auto number = newest_number(profile, token);
        if (!number) continue;
        const std::uint32_t audit = token == SCMP_ARCH_X32 ? AUDIT_ARCH_X86_64 : token;
        auto entry = std::ranges::find(known, audit, &NewestKnown::audit_architecture);
        if (entry == known.end()) entry = known.insert(known.end(), NewestKnown{audit, {}, {}});
        (token == SCMP_ARCH_X32 ? entry->x32_number : entry->number) = number;
    }
    return known;
}

// ---- export ---------------------------------------------------------------------------------------------------------

Result<std::vector<std::uint64_t>> export_instructions(scmp_filter_ctx context) {
    // FALLBACK(libseccomp<2.6): seccomp_export_bpf_mem is newer than what Debian 12 has.
    const sys::Fd file(::memfd_create("seccomp", MFD_CLOEXEC));
    if (!file) return sys::last_error("memfd_create");
    if (const int result = ::seccomp_export_bpf(context, file.number()); result < 0)
        return libseccomp_error("seccomp_export_bpf", result);
    if (::lseek(file.number(), 0, SEEK_SET) < 0) return sys::last_error("lseek");
    const auto bytes = TRY(sys::read_all(file));
    std::vector<std::uint64_t> instructions(bytes.size() / sizeof(std::uint64_t));
    std::memcpy(instructions.data(), bytes.data(), instructions.size() * sizeof(std::uint64_t));
    return instructions;
}

enum class Layout : std::uint32_t { Priority = 1, Tree = 2 };

Result<std::vector<std::uint64_t>> generate(scmp_filter_ctx context, Layout layout) {
    const int result = ::seccomp_attr_set(context, SCMP_FLTATR_CTL_OPTIMIZE, static_cast<std::uint32_t>(layout));
    if (result < 0) return libseccomp_error("seccomp_attr_set(SCMP_FLTATR_CTL_OPTIMIZE)", result);
    return export_instructions(context);
}

/// The tree is searched in fewer steps, but is longer.
Result<std::vector<std::uint64_t>> generate_within(scmp_filter_ctx context, std::size_t names, std::size_t limit) {
    std::vector<std::uint64_t> instructions;
    if (names > kLinearSystemCalls) instructions = TRY(generate(context, Layout::Tree));
    if (instructions.empty() || instructions.size() > limit) instructions = TRY(generate(context, Layout::Priority));
    if (instructions.size() > limit)
        return fail(Error(Code::InvalidConfig, text::cat("the seccomp profile makes a program of ", instructions.size(),
                                                         " instructions; the kernel takes ", limit))
                        .at("/linux/seccomp"));
    return instructions;
}

Result<Context> open_context(std::uint32_t default_action) {
    Context context(::seccomp_init(default_action), &::seccomp_release);
    if (!context)
        return fail(Error(Code::Unsupported,
                          text::cat("libseccomp ", library_version(), " or this kernel refuses the default action"))
                        .at("/linux/seccomp/defaultAction"));
    return context;
}
}  // namespace

Result<Program> compile(const spec::Seccomp& profile, std::vector<spec::Note>& notes) {
    Program program;
    program.flags = TRY(plan_flags(profile.flags, notes));
    const auto default_action =
        TRY(action_value(profile.default_action, profile.default_errno_ret, "/linux/seccomp/defaultAction"));
    const auto context = TRY(open_context(default_action));
    const auto tokens = TRY(architecture_tokens(profile.architectures));
    TRY(add_architectures(context.get(), tokens));
    RuleAdder adder(context.get(), default_action, notes);
    for (std::size_t index = 0; index < profile.syscalls.size(); ++index)
        TRY(adder.add(profile.syscalls[index], rule_pointer(index)));
    if (needs_stub(profile)) program.instructions = enosys_stub(newest_known(profile, tokens));
    const auto filter =
        TRY(generate_within(context.get(), count_names(profile), kMaximalInstructions - program.instructions.size()));
    program.instructions.insert(program.instructions.end(), filter.begin(), filter.end());
    return program;
}

std::vector<std::string> architectures() {
    std::vector<std::string> known;
    for (const auto* name :
         {"SCMP_ARCH_X86",     "SCMP_ARCH_X86_64",   "SCMP_ARCH_X32",         "SCMP_ARCH_ARM",
          "SCMP_ARCH_AARCH64", "SCMP_ARCH_MIPS",     "SCMP_ARCH_MIPS64",      "SCMP_ARCH_MIPS64N32",
          "SCMP_ARCH_MIPSEL",  "SCMP_ARCH_MIPSEL64", "SCMP_ARCH_MIPSEL64N32", "SCMP_ARCH_PPC",
          "SCMP_ARCH_PPC64",   "SCMP_ARCH_PPC64LE",  "SCMP_ARCH_S390",        "SCMP_ARCH_S390X",
          "SCMP_ARCH_PARISC",  "SCMP_ARCH_PARISC64", "SCMP_ARCH_RISCV64",     "SCMP_ARCH_LOONGARCH64",
          "SCMP_ARCH_M68K",    "SCMP_ARCH_SH",       "SCMP_ARCH_SHEB"})
        if (architecture_token(name) != 0) known.emplace_back(name);
    return known;
}

std::uint32_t native_architecture() {
    return ::seccomp_arch_native();
}

std::string library_version() {
    const auto* version = ::seccomp_version();
    return text::cat(version->major, '.', version->minor, '.', version->micro);
}

}  // namespace arca::seccomp
