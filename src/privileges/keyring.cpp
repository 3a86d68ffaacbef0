#include "privileges/keyring.hpp"

#include <linux/keyctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

#include "base/text.hpp"
#include "sys/procfs.hpp"
#include "sys/syscalls.hpp"

namespace arca::privileges {

namespace {
// Permission bits of keyrings(7), as libkeyutils names them; the kernel's own headers leave them out.
constexpr std::uint32_t kPossessorAll = 0x3f000000;
constexpr std::uint32_t kUserView = 0x00010000, kUserRead = 0x00020000, kUserSearch = 0x00080000,
                        kUserLink = 0x00100000;
constexpr std::uint32_t kOtherSearch = 0x00000008;
/// What the kernel gives a new session keyring, which its owner may see but not find.
constexpr std::uint32_t kDefaultPermissions = kPossessorAll | kUserView | kUserRead | kUserLink;

bool is_not_to_be_had(int errnum) {
    return errnum == ENOSYS || errnum == EPERM || errnum == EACCES;
}

/// "7/200" of /proc/key-users.
bool parse_ratio(std::string_view text, std::uint64_t& used, std::uint64_t& maximal) {
    const auto slash = text.find('/');
    if (slash == std::string_view::npos) return false;
    const auto left = text::to_uint(text.substr(0, slash)), right = text::to_uint(text.substr(slash + 1));
    if (!left || !right) return false;
    used = *left;
    maximal = *right;
    return true;
}

/// The sysctl whose value the limit is: the initial user namespace's root has ones of its own.
std::string sysctl_of(const sys::Procfs& procfs, std::string_view kind, std::uint64_t limit) {
    const auto of_root = procfs.read(text::cat("sys/kernel/keys/root_", kind));
    const bool is_root = of_root && text::to_uint(text::trim(*of_root)) == limit;
    return text::cat("kernel.keys.", is_root ? "root_" : "", kind);
}

std::string explain_quota() {
    const std::uint32_t uid = ::geteuid();
    const auto procfs = sys::Procfs::open();
    if (!procfs) return {};
    const auto content = procfs->read("key-users");
    const auto usage = content ? parse_key_users(*content, uid) : std::nullopt;
    if (!usage) return text::cat("the keys of uid ", uid, " are limited by the sysctls kernel.keys.*");
    return text::cat("uid ", uid, " owns ", usage->keys, " of ", usage->maximal_keys, " keys (sysctl ",
                     sysctl_of(*procfs, "maxkeys", usage->maximal_keys), ") and ", usage->bytes, " of ",
                     usage->maximal_bytes, " bytes of keys (", sysctl_of(*procfs, "maxbytes", usage->maximal_bytes),
                     "); see /proc/key-users");
}
}  // namespace

std::optional<KeyUsage> parse_key_users(std::string_view content, std::uint32_t uid) {
    const auto wanted = text::cat(uid, ":");
    for (const auto line : text::split(content, '\n')) {
        std::vector<std::string_view> fields;
        for (const auto field : text::split(line, ' '))
            if (!field.empty()) fields.push_back(field);
        // "uid: usage nkeys/nikeys qnkeys/maxkeys qnbytes/maxbytes"
        if (fields.size() < 5 || fields[0] != wanted) continue;
        KeyUsage usage;
        if (!parse_ratio(fields[3], usage.keys, usage.maximal_keys) ||
            !parse_ratio(fields[4], usage.bytes, usage.maximal_bytes))
            return std::nullopt;
        return usage;
    }
    return std::nullopt;
}

Result<> join_session_keyring(const std::string& container_id, KeyringSearch search) {
    const auto name = text::cat("_ses.", container_id);
    const long serial = ::syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, name.c_str(), 0, 0, 0);
    if (serial < 0) {
        if (is_not_to_be_had(errno)) return {};
        auto error = Error(Code::System, text::cat("keyctl(KEYCTL_JOIN_SESSION_KEYRING, ", name, ")"), errno);
        if (error.errnum() == EDQUOT) return fail(std::move(error).hinting(explain_quota()));
        return fail(std::move(error));
    }
    const auto permissions =
        kDefaultPermissions | kUserSearch | (search == KeyringSearch::Everyone ? kOtherSearch : 0U);
    // Refused on a keyring that another uid has made: who made it has given the permissions.
    if (::syscall(SYS_keyctl, KEYCTL_SETPERM, serial, permissions, 0, 0) < 0 && !is_not_to_be_had(errno))
        return sys::last_error(text::cat("keyctl(KEYCTL_SETPERM, ", name, ")"));
    return {};
}

}  // namespace arca::privileges
