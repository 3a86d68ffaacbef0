#include "privileges/capabilities.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/capability.h>
#include <sched.h>
#include <sys/prctl.h>

#include <fstream>

#include "in_child.hpp"

namespace arca::privileges {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr std::uint64_t bit(int number) {
    return std::uint64_t{1} << static_cast<unsigned>(number);
}

TEST(CapabilityNames, InAnyCaseWithAndWithoutPrefix) {
    struct Row {
        const char* name;
        int bit;
    };
    for (const auto& row : {Row{"CAP_KILL", CAP_KILL},
                            {"kill", CAP_KILL},
                            {"Cap_Kill", CAP_KILL},
                            {"CAP_CHOWN", 0},
                            {"net_raw", CAP_NET_RAW},
                            {"CAP_CHECKPOINT_RESTORE", CAP_CHECKPOINT_RESTORE},
                            {"", -1},
                            {"CAP_", -1},
                            {"CAP_NOT_YET", -1},
                            {"CAP_KILL ", -1},
                            {"5", -1},
                            {"CAP_5", -1},
                            {"cap_kill,cap_chown", -1},
                            {"CAP_KILLER", -1},
                            {"CAP_CAP_KILL", -1}})
        EXPECT_EQ(capability_bit(row.name), row.bit) << row.name;
}

TEST(CapabilityNames, EveryNameLeadsBackToItsBit) {
    const auto names = capability_names();
    ASSERT_GE(names.size(), 41U);
    EXPECT_EQ(names[0], "CAP_CHOWN");
    for (std::size_t index = 0; index < names.size(); ++index) {
        EXPECT_EQ(capability_bit(names[index]), static_cast<int>(index));
        EXPECT_EQ(capability_name(static_cast<int>(index)), names[index]);
    }
    EXPECT_EQ(capability_name(63), "capability 63");
}

TEST(PlanCapabilities, NothingAskedForIsNothing) {
    std::vector<spec::Note> notes;
    EXPECT_EQ(plan_capabilities(nullptr, notes), CapabilitySets{});
    const spec::Capabilities empty;
    EXPECT_EQ(plan_capabilities(&empty, notes), CapabilitySets{});
    EXPECT_THAT(notes, IsEmpty());
}

TEST(PlanCapabilities, EachListGoesToItsSet) {
    spec::Capabilities wanted;
    wanted.bounding = {"CAP_CHOWN"};
    wanted.effective = {"CAP_KILL"};
    wanted.inheritable = {"CAP_SETUID", "CAP_SETGID"};
    wanted.permitted = {"CAP_SETUID", "CAP_SYS_ADMIN"};
    wanted.ambient = {"CAP_SETUID"};
    std::vector<spec::Note> notes;
    const CapabilitySets expected{.bounding = bit(CAP_CHOWN),
                                  .effective = bit(CAP_KILL),
                                  .inheritable = bit(CAP_SETUID) | bit(CAP_SETGID),
                                  .permitted = bit(CAP_SETUID) | bit(CAP_SYS_ADMIN),
                                  .ambient = bit(CAP_SETUID)};
    EXPECT_EQ(plan_capabilities(&wanted, notes), expected);
    EXPECT_THAT(notes, IsEmpty());
}

TEST(PlanCapabilities, UnknownNamesAreNotedAtTheirPlaceAndIgnored) {
    spec::Capabilities wanted;
    wanted.permitted = {"CAP_KILL", "CAP_FLY\x1b[31m"};
    std::vector<spec::Note> notes;
    EXPECT_EQ(plan_capabilities(&wanted, notes).permitted, bit(CAP_KILL));
    ASSERT_EQ(notes.size(), 1U);
    EXPECT_EQ(notes[0].pointer, "/process/capabilities/permitted/1");
    EXPECT_THAT(notes[0].text, HasSubstr("CAP_FLY"));
    EXPECT_EQ(notes[0].text.find('\x1b'), std::string::npos);
}

TEST(PlanCapabilities, AmbientNeedsPermittedAndInheritable) {
    for (const bool is_permitted : {false, true})
        for (const bool is_inheritable : {false, true}) {
            spec::Capabilities wanted;
            wanted.ambient = {"CAP_NET_RAW"};
            if (is_permitted) wanted.permitted = {"CAP_NET_RAW"};
            if (is_inheritable) wanted.inheritable = {"CAP_NET_RAW"};
            std::vector<spec::Note> notes;
            const bool is_kept = is_permitted && is_inheritable;
            EXPECT_EQ(plan_capabilities(&wanted, notes).ambient, is_kept ? bit(CAP_NET_RAW) : 0);
            EXPECT_EQ(notes.size(), is_kept ? 0U : 1U);
        }
}

TEST(RestrictToAvailable, WhatThisProcessLacksIsNotedAndLeftOut) {
    const CapabilitySets all{bit(0) | bit(1), bit(0) | bit(1), bit(0) | bit(1), bit(0) | bit(1), bit(0) | bit(1)};
    const CapabilitySets current{.bounding = bit(0), .effective = bit(0), .inheritable = 0, .permitted = bit(0)};
    std::vector<spec::Note> notes;
    const auto sets = restrict_to_available(all, current, notes);
    EXPECT_EQ(sets, (CapabilitySets{bit(0), bit(0), bit(0), bit(0), bit(0)}));
    ASSERT_EQ(notes.size(), 5U);
    EXPECT_EQ(notes[0].pointer, "/process/capabilities/bounding");
    EXPECT_THAT(notes[0].text, HasSubstr("CAP_DAC_OVERRIDE"));
    notes.clear();
    EXPECT_EQ(restrict_to_available(sets, all, notes), sets);
    EXPECT_THAT(notes, IsEmpty());
}

/// The line "Name:\thex" of /proc/self/status: an independent witness.
std::uint64_t status_field(const std::string& name) {
    std::ifstream status("/proc/self/status");
    for (std::string line; std::getline(status, line);)
        if (line.starts_with(name + ":")) return std::stoull(line.substr(name.size() + 1), nullptr, 16);
    return ~std::uint64_t{0};
}

TEST(KernelCapabilities, CurrentSetsAreThoseOfProcStatus) {
    const auto sets = current_sets();
    ASSERT_TRUE(sets);
    EXPECT_EQ(sets->bounding, status_field("CapBnd"));
    EXPECT_EQ(sets->effective, status_field("CapEff"));
    EXPECT_EQ(sets->permitted, status_field("CapPrm"));
    EXPECT_EQ(sets->inheritable, status_field("CapInh"));
    EXPECT_EQ(sets->ambient, status_field("CapAmb"));
}

/// The whole order of a launch.
Result<> become(const CapabilitySets& wanted, const Identity& identity) {
    TRY(drop_bounding(wanted));
    TRY(keep_capabilities_over_setuid());
    TRY(set_identity(identity));
    TRY(apply(wanted));
    return verify(wanted);
}

std::string compare_with_proc(const CapabilitySets& wanted) {
    if (status_field("CapBnd") != wanted.bounding) return "CapBnd";
    if (status_field("CapEff") != wanted.effective) return "CapEff";
    if (status_field("CapPrm") != wanted.permitted) return "CapPrm";
    if (status_field("CapInh") != wanted.inheritable) return "CapInh";
    if (status_field("CapAmb") != wanted.ambient) return "CapAmb";
    return "";
}

TEST(KernelCapabilities, RootBecomesAUserWithFewOfThem) {
    if (::geteuid() != 0) GTEST_SKIP() << "needs root";
    const CapabilitySets wanted{.bounding = bit(CAP_KILL) | bit(CAP_NET_RAW) | bit(CAP_CHOWN),
                                .effective = bit(CAP_KILL),
                                .inheritable = bit(CAP_NET_RAW),
                                .permitted = bit(CAP_KILL) | bit(CAP_NET_RAW),
                                .ambient = bit(CAP_NET_RAW)};
    const std::vector<std::uint32_t> groups = {7, 5, 5, 300000};
    ARCA_EXPECT_CHILD([&]() -> std::string {
        ARCA_MUST(become(wanted, {1000, 1001, &groups}));
        uid_t uids[3];
        gid_t gids[3];
        ::getresuid(&uids[0], &uids[1], &uids[2]);
        ::getresgid(&gids[0], &gids[1], &gids[2]);
        for (int index = 0; index < 3; ++index)
            if (uids[index] != 1000 || gids[index] != 1001) return "identity";
        if (::getgroups(0, nullptr) != 4) return "groups";
        return compare_with_proc(wanted);
    });
}

TEST(KernelCapabilities, RootLosesAllOfThem) {
    if (::geteuid() != 0) GTEST_SKIP() << "needs root";
    const std::vector<std::uint32_t> no_groups;
    ARCA_EXPECT_CHILD([&]() -> std::string {
        ARCA_MUST(become({}, {0, 0, &no_groups}));
        if (::getgroups(0, nullptr) != 0) return "groups are left";
        return compare_with_proc({});
    });
}

TEST(KernelCapabilities, InANewUserNamespaceEverythingCanBeHad) {
    ARCA_EXPECT_CHILD([]() -> std::string {
        const unsigned uid = ::geteuid();
        if (::unshare(CLONE_NEWUSER) < 0) return "skip: no right to create a user namespace";
        std::ofstream("/proc/self/setgroups") << "deny";
        std::ofstream("/proc/self/uid_map") << "1000 " << uid << " 1";
        const auto current = current_sets();
        if (!current) return current.error().message();
        const CapabilitySets all{~0ULL, ~0ULL, ~0ULL, ~0ULL, ~0ULL};
        std::vector<spec::Note> notes;
        auto wanted = restrict_to_available(all, *current, notes);
        if (wanted.permitted != wanted.ambient || wanted.bounding != wanted.permitted) return "not everything";
        // uid 1000, so that the KEEPCAPS path is taken, gid unmapped and so left alone.
        ARCA_MUST(drop_bounding(wanted));
        ARCA_MUST(keep_capabilities_over_setuid());
        ARCA_MUST(apply(wanted));
        ARCA_MUST(verify(wanted));
        return compare_with_proc(wanted);
    });
}

TEST(KernelCapabilities, WhatWasKeptForTheFilterIsGivenUpByCapsetAlone) {
    if (::geteuid() != 0) GTEST_SKIP() << "needs root";
    ARCA_EXPECT_CHILD([]() -> std::string {
        const CapabilitySets wanted{.bounding = bit(CAP_KILL),
                                    .effective = bit(CAP_KILL),
                                    .inheritable = bit(CAP_KILL),
                                    .permitted = bit(CAP_KILL),
                                    .ambient = bit(CAP_KILL)};
        auto kept = wanted;
        kept.effective |= bit(CAP_SYS_CHROOT);
        kept.permitted |= bit(CAP_SYS_CHROOT);
        ARCA_MUST(drop_bounding(wanted));
        ARCA_MUST(apply(kept));
        ARCA_MUST(verify(kept));
        if (lower(wanted) != 0) return "lower";
        if (lower(kept) != EPERM) return "it could be taken back";
        ARCA_MUST(verify(wanted));
        return compare_with_proc(wanted);
    });
}

TEST(KernelCapabilities, UnmappedIdIsAnErrorThatSaysSo) {
    ARCA_EXPECT_CHILD([]() -> std::string {
        const unsigned uid = ::geteuid(), gid = ::getegid();
        if (::unshare(CLONE_NEWUSER) < 0) return "skip: no right to create a user namespace";
        std::ofstream("/proc/self/setgroups") << "deny";
        std::ofstream("/proc/self/uid_map") << "0 " << uid << " 1";
        std::ofstream("/proc/self/gid_map") << "0 " << gid << " 1";
        ARCA_MUST(set_identity({0, 0, nullptr}));
        const auto refused = set_identity({1000, 0, nullptr});
        if (refused) return "an unmapped uid was accepted";
        const auto text = refused.error().message();
        if (text.find("setresuid(1000)") == std::string::npos || text.find("not mapped") == std::string::npos)
            return text;
        if (refused.error().pointer() != "/process/user/uid") return "pointer";
        const std::vector<std::uint32_t> groups = {0};
        const auto groups_refused = set_identity({0, 0, &groups});
        if (groups_refused || groups_refused.error().errnum() != EPERM) return "setgroups was not refused";
        return "";
    });
}

TEST(KernelCapabilities, VerifyNamesSetAndCapability) {
    const auto current = current_sets();
    ASSERT_TRUE(current);
    struct Row {
        std::uint64_t CapabilitySets::*set;
        const char* name;
    };
    ASSERT_TRUE(verify(*current));
    for (const auto& row :
         {Row{&CapabilitySets::bounding, "bounding"}, Row{&CapabilitySets::effective, "effective"},
          Row{&CapabilitySets::permitted, "permitted"}, Row{&CapabilitySets::inheritable, "inheritable"},
          Row{&CapabilitySets::ambient, "ambient"}}) {
        auto wanted = *current;
        wanted.*row.set ^= bit(CAP_NET_RAW);
        const bool is_extra = (wanted.*row.set & bit(CAP_NET_RAW)) == 0;
        const auto result = verify(wanted);
        ASSERT_FALSE(result) << row.name;
        EXPECT_THAT(result.error().message(), HasSubstr("CAP_NET_RAW"));
        EXPECT_THAT(result.error().message(), HasSubstr(std::string("the ") + row.name + " set"));
        EXPECT_THAT(result.error().message(), HasSubstr(is_extra ? "still in" : "missing from"));
    }
}

TEST(KernelCapabilities, WhatCannotBeGrantedIsAnError) {
    ARCA_EXPECT_CHILD([]() -> std::string {
        ARCA_MUST(apply({}));
        const auto refused = apply({.permitted = bit(CAP_KILL)});
        if (refused || refused.error().errnum() != EPERM) return "capset was not refused";
        const auto orphan = apply({.effective = bit(CAP_KILL)});
        if (orphan || orphan.error().code() != Code::InvalidConfig) return "effective without permitted";
        if (orphan.error().message().find("CAP_KILL") == std::string::npos) return orphan.error().message();
        const auto undropped = drop_bounding({});
        if (status_field("CapBnd") != 0 && undropped) return "dropping without CAP_SETPCAP";
        return "";
    });
}

TEST(NoNewPrivileges, SetAndReadBack) {
    ARCA_EXPECT_CHILD([]() -> std::string {
        if (verify_no_new_privileges()) return "skip: no_new_privs is set already";
        ARCA_MUST(set_no_new_privileges());
        ARCA_MUST(verify_no_new_privileges());
        return status_field("NoNewPrivs") == 1 ? "" : "NoNewPrivs";
    });
}

}  // namespace
}  // namespace arca::privileges
