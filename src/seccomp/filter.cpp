#include "seccomp/filter.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/text.hpp"
#include "seccomp/program.hpp"
#include "sys/syscalls.hpp"

namespace arca::seccomp {

namespace {
/// libseccomp returns negative errnos.
std::unexpected<Error> libseccomp_error(std::string what, int result) {
    return fail(Code::System, std::move(what), -result);
}

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
}  // namespace

void Filter::Release::operator()(void* context) const {
    ::seccomp_release(context);
}

Result<Filter> Filter::build(const spec::Seccomp& profile, std::uint32_t default_action, std::uint32_t token,
                             const std::vector<Rule>& rules) {
    Filter filter(::seccomp_init(default_action));
    if (!filter.context_)
        return fail(Error(Code::Unsupported,
                          text::cat("libseccomp ", library_version(), " or this kernel refuses the default action"))
                        .at("/linux/seccomp/defaultAction"));
    TRY(filter.set_architecture(token));
    for (const auto& rule : rules)
        TRY(filter.add_rule(rule, profile));
    return filter;
}

Result<> Filter::set_architecture(std::uint32_t token) const {
    const auto native = native_architecture();
    if (token == native) return {};
    // ORDER: the native one is removed last, because only beside it is one of the other byte order refused.
    if (const int result = ::seccomp_arch_add(context_.get(), token); result < 0)
        return fail(
            Error(Code::Unsupported,
                  text::cat("libseccomp cannot filter architecture ", text::hex(token), " beside the native one"),
                  -result)
                .at("/linux/seccomp/architectures"));
    const int result = ::seccomp_arch_remove(context_.get(), native);
    return result < 0 ? libseccomp_error("seccomp_arch_remove", result) : Result<>{};
}

Result<> Filter::add_rule(const Rule& rule, const spec::Seccomp& profile) const {
    const int result = ::seccomp_rule_add_array(context_.get(), rule.action, rule.number,
                                                static_cast<unsigned>(rule.conditions.size()), rule.conditions.data());
    if (result == 0) return {};
    const auto& name = profile.syscalls[rule.rule_index].names[rule.name_index];
    if (result == -EEXIST)
        return fail(Error(Code::InvalidConfig, text::cat("the rule for ", name, " contradicts an earlier one"))
                        .at(rule.pointer()));
    return fail(
        Error(Code::InvalidConfig, text::cat("libseccomp refuses the rule for ", name), -result).at(rule.pointer()));
}

Result<std::vector<std::uint64_t>> Filter::generate() const {
    return export_instructions(context_.get());
}

}  // namespace arca::seccomp
