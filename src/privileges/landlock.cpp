#include "privileges/landlock.hpp"

#include <fcntl.h>
#include <linux/landlock.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/text.hpp"
#include "sys/syscalls.hpp"

// Since Linux 6.2 and 6.10; the headers of Debian 12 are older.
#ifndef LANDLOCK_ACCESS_FS_TRUNCATE
#define LANDLOCK_ACCESS_FS_TRUNCATE (1ULL << 14)
#endif
#ifndef LANDLOCK_ACCESS_FS_IOCTL_DEV
#define LANDLOCK_ACCESS_FS_IOCTL_DEV (1ULL << 15)
#endif

namespace arca::privileges {

namespace {
constexpr int kVersionWithTruncate = 3;
constexpr int kVersionWithIoctl = 5;

constexpr std::uint64_t kExecute = LANDLOCK_ACCESS_FS_EXECUTE;
constexpr std::uint64_t kRead = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR;
constexpr std::uint64_t kWrite = LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_TRUNCATE |
                                 LANDLOCK_ACCESS_FS_REMOVE_DIR | LANDLOCK_ACCESS_FS_REMOVE_FILE |
                                 LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_DIR |
                                 LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_SOCK |
                                 LANDLOCK_ACCESS_FS_MAKE_FIFO | LANDLOCK_ACCESS_FS_MAKE_BLOCK |
                                 LANDLOCK_ACCESS_FS_MAKE_SYM | LANDLOCK_ACCESS_FS_REFER | LANDLOCK_ACCESS_FS_IOCTL_DEV;
/// What a rule for anything but a directory may hold (landlock_add_rule(2), EINVAL).
constexpr std::uint64_t kOfFiles = LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_READ_FILE |
                                   LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_TRUNCATE |
                                   LANDLOCK_ACCESS_FS_IOCTL_DEV;

std::string pointer() {
    return text::cat("/annotations/", kLandlockAnnotation);
}

std::unexpected<Error> invalid(std::string what) {
    return fail(Error(Code::InvalidConfig, std::move(what)).at(pointer()));
}

Result<std::uint64_t> parse_access(std::string_view letters) {
    std::uint64_t access = 0;
    for (const char letter : letters) {
        if (letter == 'r')
            access |= kRead;
        else if (letter == 'w')
            access |= kWrite;
        else if (letter == 'x')
            access |= kExecute;
        else
            return invalid(text::cat("\"", text::printable(letters), "\" is not of the letters r, w and x"));
    }
    return access;
}

Result<LandlockRule> parse_rule(std::string_view text) {
    const auto blank = text.find(' ');
    const auto path = blank == std::string_view::npos ? std::string_view() : text::trim(text.substr(blank));
    if (!path.starts_with('/'))
        return invalid(text::cat("the rule \"", text::printable(text), "\" is not of the form \"rwx /PATH\""));
    return LandlockRule{TRY(parse_access(text.substr(0, blank))), std::string(path)};
}

/// Every right that a kernel of that version can take away.
std::uint64_t known_rights(int version) {
    std::uint64_t rights = kRead | kWrite | kExecute;
    if (version < kVersionWithIoctl) rights &= ~std::uint64_t{LANDLOCK_ACCESS_FS_IOCTL_DEV};
    return rights;
}

Result<sys::Fd> make_ruleset(std::uint64_t handled) {
    const landlock_ruleset_attr attributes{.handled_access_fs = handled};
    sys::Fd ruleset(static_cast<int>(::syscall(SYS_landlock_create_ruleset, &attributes, sizeof attributes, 0)));
    if (!ruleset) return sys::last_error("landlock_create_ruleset");
    return ruleset;
}

Result<> add_rule(sys::FdRef ruleset, const LandlockRule& rule, std::uint64_t handled, const sys::RootDir& root) {
    const auto place = TRY(root.open(rule.path, O_PATH));
    const bool is_directory = S_ISDIR(TRY(sys::fstat(place)).st_mode);
    const landlock_path_beneath_attr attributes{
        .allowed_access = rule.access & handled & (is_directory ? ~0ULL : kOfFiles), .parent_fd = place.number()};
    if (attributes.allowed_access == 0) return {};  // a file that may only be listed
    if (::syscall(SYS_landlock_add_rule, ruleset.number(), LANDLOCK_RULE_PATH_BENEATH, &attributes, 0) < 0)
        return sys::last_error(text::cat("landlock_add_rule(", rule.path, ")"));
    return {};
}

Result<> enforce(const std::vector<LandlockRule>& rules, const sys::RootDir& root) {
    const auto handled = known_rights(landlock_version());
    const auto ruleset = TRY(make_ruleset(handled));
    for (const auto& rule : rules)
        TRY(add_rule(ruleset, rule, handled, root));
    if (::syscall(SYS_landlock_restrict_self, ruleset.number(), 0) < 0)
        return sys::last_error("landlock_restrict_self");
    return {};
}
}  // namespace

Result<std::vector<LandlockRule>> parse_landlock(std::string_view annotation) {
    std::vector<LandlockRule> rules;
    for (auto part : text::split(annotation, ';'))
        if (const auto rule = text::trim(part); !rule.empty()) rules.push_back(TRY(parse_rule(rule)));
    if (rules.empty()) return invalid("has no rule: not even the program could be executed");
    return rules;
}

std::string describe(const LandlockRule& rule) {
    std::string letters;
    if ((rule.access & kRead) != 0) letters += 'r';
    if ((rule.access & kWrite) != 0) letters += 'w';
    if ((rule.access & kExecute) != 0) letters += 'x';
    return text::cat(letters, " ", text::printable(rule.path));
}

int landlock_version() {
    const auto version = ::syscall(SYS_landlock_create_ruleset, nullptr, 0, LANDLOCK_CREATE_RULESET_VERSION);
    return version < 0 ? 0 : static_cast<int>(version);
}

// An older kernel is refused, not served with less: there a file that may only be read could be emptied all the same
// (truncate(2), before Linux 6.2). That it leaves ioctl(2) on devices alone takes nothing from what the letters
// promise.
Result<> check_landlock(const std::vector<LandlockRule>& rules, int version) {
    if (rules.empty() || version >= kVersionWithTruncate) return {};
    auto what = version == 0
                    ? std::string("Landlock is not active on this host (CONFIG_LSM, or the kernel parameter lsm=)")
                    : text::cat("this kernel has version ", version, " of Landlock; ", kVersionWithTruncate,
                                " (Linux 6.2) is the first that protects files from truncation");
    return fail(Error(Code::Unsupported, std::move(what)).at(pointer()));
}

Result<> restrict_files(const std::vector<LandlockRule>& rules, const sys::RootDir& root) {
    if (rules.empty()) return {};
    auto enforced = enforce(rules, root);
    if (!enforced) return fail(std::move(enforced.error()).with("restricting access to files").at(pointer()));
    return {};
}

}  // namespace arca::privileges
