#include "ids/explain.hpp"

#include <gtest/gtest.h>

namespace arca::ids {
namespace {

constexpr const char* kWholeMap = "         0          0 4294967295\n";

HelperEvidence alices(std::vector<spec::IdMapping> map) {
    return {.helper = "/usr/bin/newuidmap",
            .user = "alice",
            .uid = 1000,
            .own_id = 1000,
            .sub_ids_file = "/etc/subuid",
            .sub_ids = "bob:500000:65536\nalice:100000:65536\n1000:165536:10\n",
            .own_map = kWholeMap,
            .map = std::move(map)};
}

TEST(ExplainHelper, RightsComeFirst) {
    auto evidence = alices({{0, 1, 1}});
    evidence.has_rights = false;
    EXPECT_EQ(explain_helper(evidence), "/usr/bin/newuidmap is neither setuid root nor has file capabilities");
    evidence.has_rights = true;
    evidence.is_on_nosuid_mount = true;
    EXPECT_EQ(explain_helper(evidence), "/usr/bin/newuidmap is on a mount with nosuid");
    evidence.is_on_nosuid_mount = false;
    evidence.no_new_privileges = true;
    EXPECT_EQ(explain_helper(evidence), "no_new_privs is set, so /usr/bin/newuidmap gains no rights");
}

TEST(ExplainHelper, RangesAreComparedWithTheGrant) {
    EXPECT_EQ(explain_helper(alices({{0, 1000, 1}, {1, 100000, 65536}})), "") << "nothing wrong with it";
    EXPECT_EQ(explain_helper(alices({{0, 1000, 1}, {1, 100000, 65546}})), "") << "two entries that adjoin";
    EXPECT_EQ(explain_helper(alices({{0, 1000, 1}, {1, 100000, 65547}})),
              "/etc/subuid gives alice 100000-165535, 165536-165545, but config.json asks for 100000-165546");
    EXPECT_EQ(explain_helper(alices({{0, 500000, 5}})),
              "/etc/subuid gives alice 100000-165535, 165536-165545, but config.json asks for 500000-500004");
    EXPECT_EQ(explain_helper(alices({{0, 1001, 1}})),
              "/etc/subuid gives alice 100000-165535, 165536-165545, but config.json asks for 1001");
    EXPECT_EQ(explain_helper(alices({{0, 1000, 2}})),
              "/etc/subuid gives alice 100000-165535, 165536-165545, but config.json asks for 1000-1001");
}

TEST(ExplainHelper, ThereMayBeNoEntry) {
    auto evidence = alices({{0, 100000, 5}});
    evidence.sub_ids = "bob:100000:65536\nalice:x:y\nmalformed\n";
    EXPECT_EQ(explain_helper(evidence), "/etc/subuid has no entry for alice");
    evidence.user.clear();
    EXPECT_EQ(explain_helper(evidence), "/etc/subuid has no entry for uid 1000");
    evidence.map = {{0, 1000, 1}};
    EXPECT_EQ(explain_helper(evidence), "") << "the own id needs no entry";
}

TEST(ExplainHelper, ANestedNamespaceMayLackTheIds) {
    auto evidence = alices({{0, 100000, 65536}});
    evidence.own_map = "         0       1000          1\n         1     100000      65536\n";
    EXPECT_EQ(explain_helper(evidence), "arca runs in a user namespace that has the ids 0, 1-65536, not 100000-165535");
}

TEST(ExplainUnmapped, EverythingIsMappedOrNothingIsKnown) {
    EXPECT_EQ(explain_unmapped({{0, 100000, 65536}}, kWholeMap), "");
    EXPECT_EQ(explain_unmapped({{0, 5, 5}}, "0 100 4\n4 200 10\n"), "");
    EXPECT_EQ(explain_unmapped({{0, 100000, 65536}}, ""), "");
}

TEST(LoginName, IsFoundByUid) {
    constexpr const char* kPasswd = "root:x:0:0::/root:/bin/sh\nalice:x:1000:1001::/home/alice:/bin/sh\nbroken\n";
    EXPECT_EQ(login_name(kPasswd, 1000), "alice");
    EXPECT_EQ(login_name(kPasswd, 1001), "");
    EXPECT_EQ(login_name("", 0), "");
}

}  // namespace
}  // namespace arca::ids
