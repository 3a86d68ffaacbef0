#include "privileges/keyring.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/keyctl.h>
#include <sys/syscall.h>

#include <regex>

#include "in_child.hpp"

namespace arca::privileges {
namespace {

constexpr std::string_view kKeyUsers =
    "    0:    10 9/9 4/1000000 42/25000000\n"
    " 1000:     3 3/2 200/200 1234/20000\n"
    "10001:     3 3/2 1/200 12/20000\n"
    "    7:     3 garbage\n"
    "    8:     3 3/2 x/200 12/20000\n";

TEST(KeyUsers, TheLineOfOneUid) {
    EXPECT_EQ(parse_key_users(kKeyUsers, 0), (KeyUsage{4, 1000000, 42, 25000000}));
    EXPECT_EQ(parse_key_users(kKeyUsers, 1000), (KeyUsage{200, 200, 1234, 20000}));
    for (const std::uint32_t absent : {1U, 100U, 10U, 1001U, 7U, 8U})
        EXPECT_EQ(parse_key_users(kKeyUsers, absent), std::nullopt) << absent;
    EXPECT_EQ(parse_key_users("", 0), std::nullopt);
}

long session_keyring() {
    return ::syscall(SYS_keyctl, KEYCTL_GET_KEYRING_ID, KEY_SPEC_SESSION_KEYRING, 0, 0, 0);
}

/// "keyring;0;0;3f1f0000;_ses.x"
std::string describe_session() {
    char text[256] = {};
    ::syscall(SYS_keyctl, KEYCTL_DESCRIBE, KEY_SPEC_SESSION_KEYRING, text, sizeof text, 0);
    return text;
}

std::string unique_id(const char* test) {
    return std::string(test) + std::to_string(::getpid());
}

TEST(SessionKeyring, IsNewNamedAndFoundAgain) {
    const auto id = unique_id("again");
    ARCA_EXPECT_CHILD([&]() -> std::string {
        const long before = session_keyring();
        if (before < 0 && errno == ENOSYS) return "skip: no keyrings in this kernel";
        ARCA_MUST(join_session_keyring(id));
        const long mine = session_keyring();
        if (mine < 0) return "skip: keyctl is refused";
        if (mine == before) return "still the caller's keyring";
        if (!describe_session().ends_with("3f1b0000;_ses." + id)) return describe_session();
        // Another process of the same uid, as exec would be.
        return test::in_child([&]() -> std::string {
            ::syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, nullptr, 0, 0, 0);
            if (session_keyring() == mine) return "a new anonymous keyring was not new";
            ARCA_MUST(join_session_keyring(id));
            return session_keyring() == mine ? "" : "exec would not find the keyring of the container";
        });
    });
}

TEST(SessionKeyring, EveryoneMeansThatAnotherUidFindsIt) {
    if (::geteuid() != 0) GTEST_SKIP() << "needs root to be two users";
    for (const auto search : {KeyringSearch::Owner, KeyringSearch::Everyone}) {
        const auto id = unique_id(search == KeyringSearch::Owner ? "own" : "all");
        ARCA_EXPECT_CHILD([&]() -> std::string {
            ARCA_MUST(join_session_keyring(id, search));
            const long mine = session_keyring();
            if (mine < 0) return "skip: keyctl is refused";
            return test::in_child([&]() -> std::string {
                ::syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, nullptr, 0, 0, 0);
                if (::setresuid(65531, 65531, 65531) < 0) return "setresuid";
                ARCA_MUST(join_session_keyring(id, search));
                const bool is_found = session_keyring() == mine;
                return is_found == (search == KeyringSearch::Everyone) ? "" : "wrong permissions";
            });
        });
    }
}

TEST(SessionKeyring, FullQuotaNamesTheNumbersAndTheSysctl) {
    if (::geteuid() != 0) GTEST_SKIP() << "needs root to become a user without keys";
    ARCA_EXPECT_CHILD([]() -> std::string {
        if (::setresuid(65532, 65532, 65532) < 0) return "setresuid";
        for (int count = 0;; ++count) {
            const auto name = "k" + std::to_string(count);
            if (::syscall(SYS_add_key, "user", name.c_str(), "x", 1, KEY_SPEC_PROCESS_KEYRING) >= 0) continue;
            if (errno == EDQUOT) break;
            return "skip: no key can be added";
        }
        const auto refused = join_session_keyring("a-name-that-is-longer-than-what-is-left");
        if (refused || refused.error().errnum() != EDQUOT) return "not refused";
        const std::regex told(
            R"(keyctl\(KEYCTL_JOIN_SESSION_KEYRING, _ses\.a-name-that-is-longer-than-what-is-left\): disk quota exceeded )"
            R"(\(EDQUOT\) \(uid 65532 owns \d+ of \d+ keys \(sysctl kernel\.keys\.maxkeys\) and \d+ of \d+ bytes of keys )"
            R"(\(kernel\.keys\.maxbytes\); see /proc/key-users\))");
        const auto text = refused.error().message();
        return std::regex_match(text, told) ? "" : text;
    });
}

}  // namespace
}  // namespace arca::privileges
