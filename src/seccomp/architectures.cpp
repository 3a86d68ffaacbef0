#include "seccomp/architectures.hpp"

#include <linux/audit.h>
#include <seccomp.h>

#include <algorithm>

#include "base/text.hpp"
#include "seccomp/program.hpp"

namespace arca::seccomp {

namespace {
/// "SCMP_ARCH_X86_64" is "x86_64" for libseccomp; 0 if it does not know it.
std::uint32_t architecture_token(std::string_view name) {
    constexpr std::string_view kPrefix = "SCMP_ARCH_";
    if (!name.starts_with(kPrefix)) return 0;
    return ::seccomp_arch_resolve_name(text::lower(name.substr(kPrefix.size())).c_str());
}

/// seccomp_data has the byte order of the kernel: no program can read the other one.
Result<std::uint32_t> usable_token(const std::string& name, const std::string& pointer) {
    const auto token = architecture_token(name);
    if (token == 0)
        return fail(Error(Code::Unsupported,
                          text::cat("libseccomp ", library_version(), " does not know \"", text::printable(name), '"'))
                        .at(pointer));
    if (byte_order(token) != byte_order(native_architecture()))
        return fail(Error(Code::Unsupported, text::cat("\"", name, "\" has the other byte order")).at(pointer));
    return token;
}
}  // namespace

Result<std::vector<std::uint32_t>> architecture_tokens(const std::vector<std::string>& names) {
    std::vector<std::uint32_t> tokens{native_architecture()};
    for (std::size_t index = 0; index < names.size(); ++index) {
        const auto token = TRY(usable_token(names[index], text::cat("/linux/seccomp/architectures/", index)));
        if (std::ranges::find(tokens, token) == tokens.end()) tokens.push_back(token);
    }
    return tokens;
}

bool is_x32(std::uint32_t token) {
    return token == SCMP_ARCH_X32;
}

std::uint32_t audit_architecture(std::uint32_t token) {
    return is_x32(token) ? AUDIT_ARCH_X86_64 : token;
}

Width argument_width(std::uint32_t token) {
    // N32 of MIPS has 64-bit numbers in the kernel's name, and 32-bit arguments for libseccomp.
    const bool is_wide = (token & __AUDIT_ARCH_64BIT) != 0 && (token & __AUDIT_ARCH_CONVENTION_MIPS64_N32) == 0;
    return is_wide ? Width::Bits64 : Width::Bits32;
}

ByteOrder byte_order(std::uint32_t token) {
    return (token & __AUDIT_ARCH_LE) != 0 ? ByteOrder::Little : ByteOrder::Big;
}

std::uint32_t native_architecture() {
    return ::seccomp_arch_native();
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

std::string library_version() {
    const auto* version = ::seccomp_version();
    return text::cat(version->major, '.', version->minor, '.', version->micro);
}

}  // namespace arca::seccomp
