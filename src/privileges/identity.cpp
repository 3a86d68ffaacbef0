#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "base/text.hpp"
#include "privileges/capabilities.hpp"
#include "sys/syscalls.hpp"

namespace arca::privileges {

namespace {
// The system calls themselves: the C library's wrappers would try to change the other threads, of a process whose
// thread list a child of clone3(2) only has as a copy.
#ifdef SYS_setresuid32
constexpr long kSetresuid = SYS_setresuid32, kSetresgid = SYS_setresgid32, kSetgroups = SYS_setgroups32;
#else
constexpr long kSetresuid = SYS_setresuid, kSetresgid = SYS_setresgid, kSetgroups = SYS_setgroups;
#endif

std::unexpected<Error> identity_error(std::string call, std::string_view pointer) {
    const int errnum = errno;
    Error error(Code::System, std::move(call), errnum);
    // user_namespaces(7): an id without a mapping is invalid, and nothing else is.
    if (errnum == EINVAL)
        return fail(std::move(error)
                        .at(std::string(pointer))
                        .hinting("the id is not mapped in the user namespace of the container"));
    return fail(std::move(error).at(std::string(pointer)));
}

Result<> verify_groups(std::vector<std::uint32_t> wanted) {
    const int count = ::getgroups(0, nullptr);
    if (count < 0) return sys::last_error("getgroups");
    std::vector<gid_t> actual(static_cast<std::size_t>(count));
    if (::getgroups(count, actual.data()) != count) return sys::last_error("getgroups");
    std::ranges::sort(wanted);
    std::ranges::sort(actual);
    if (!std::ranges::equal(wanted, actual))
        return fail(Code::System, "reading the supplementary groups back: they are not those that were set");
    return {};
}

Result<> set_groups(const std::vector<std::uint32_t>& gids) {
    static_assert(sizeof(gid_t) == sizeof(std::uint32_t));
    if (::syscall(kSetgroups, gids.size(), gids.data()) < 0)
        return identity_error(text::cat("setgroups(", gids.size(), " groups)"), "/process/user/additionalGids");
    return verify_groups(gids);
}

Result<> verify_triple(std::string_view what, const std::array<std::uint32_t, 3>& actual, std::uint32_t wanted) {
    for (const auto id : actual)
        if (id != wanted) return fail(Code::System, text::cat("reading the ", what, " back: ", id, ", not ", wanted));
    return {};
}

Result<> set_gid(std::uint32_t gid) {
    if (::syscall(kSetresgid, gid, gid, gid) < 0)
        return identity_error(text::cat("setresgid(", gid, ")"), "/process/user/gid");
    std::array<std::uint32_t, 3> actual{};
    if (::getresgid(&actual[0], &actual[1], &actual[2]) < 0) return sys::last_error("getresgid");
    return verify_triple("gid", actual, gid);
}

Result<> set_uid(std::uint32_t uid) {
    if (::syscall(kSetresuid, uid, uid, uid) < 0)
        return identity_error(text::cat("setresuid(", uid, ")"), "/process/user/uid");
    std::array<std::uint32_t, 3> actual{};
    if (::getresuid(&actual[0], &actual[1], &actual[2]) < 0) return sys::last_error("getresuid");
    return verify_triple("uid", actual, uid);
}
}  // namespace

Result<> set_identity(const Identity& identity) {
    // ORDER: groups, then gid, then uid: the first two need the rights that the last gives up.
    if (identity.additional_gids != nullptr) TRY(set_groups(*identity.additional_gids));
    TRY(set_gid(identity.gid));
    return set_uid(identity.uid);
}

}  // namespace arca::privileges
