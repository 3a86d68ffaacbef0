#include "host/explain_namespaces.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>

#include <cerrno>

namespace arca::host {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

NamespaceEvidence of_a_user(int errnum) {
    return {.errnum = errnum, .asks_for_user_namespace = true, .limits = {{"max_user_namespaces", "4711"}}};
}

TEST(ExplainNamespaces, ALimitOfZeroForbids) {
    auto evidence = of_a_user(ENOSPC);
    evidence.limits = {{"max_user_namespaces", "15000"}, {"max_net_namespaces", "0"}};
    EXPECT_THAT(explain_namespaces(evidence), AllOf(HasSubstr("/proc/sys/user/max_net_namespaces is 0"),
                                                    HasSubstr("sysctl user.max_net_namespaces=15000")));
}

TEST(ExplainNamespaces, OtherLimitsAreShown) {
    EXPECT_THAT(explain_namespaces(of_a_user(ENOSPC)), HasSubstr("max_user_namespaces 4711"));
    EXPECT_THAT(explain_namespaces(of_a_user(EUSERS)), HasSubstr("nested more than 32 deep"));
}

TEST(ExplainNamespaces, SysctlOfDebian) {
    auto evidence = of_a_user(EPERM);
    evidence.unprivileged_clone = "0";
    EXPECT_THAT(explain_namespaces(evidence), HasSubstr("kernel.unprivileged_userns_clone=1"));
    evidence.has_sys_admin = true;  // whom the sysctl does not concern
    EXPECT_THAT(explain_namespaces(evidence), IsEmpty());
    evidence.has_sys_admin = false;
    evidence.unprivileged_clone = "1";
    EXPECT_THAT(explain_namespaces(evidence), IsEmpty());
}

TEST(ExplainNamespaces, AppArmor) {
    auto evidence = of_a_user(EACCES);
    evidence.unprivileged_by_apparmor = "1";
    EXPECT_EQ(explain_namespaces(evidence),
              "AppArmor restricts user namespaces of programs whose profile does not allow them "
              "(kernel.apparmor_restrict_unprivileged_userns is 1; arca runs as \"unconfined\"): load the profile "
              "contrib/apparmor/arca that comes with arca, with the path of this program in it");
    evidence.label = "unprivileged_userns (enforce)";
    EXPECT_THAT(explain_refusal(evidence), HasSubstr("\"unprivileged_userns (enforce)\""));
    evidence.errnum = EINVAL;
    EXPECT_THAT(explain_refusal(evidence), IsEmpty());
    evidence.errnum = EPERM;
    evidence.unprivileged_by_apparmor = "0";
    evidence.label.clear();
    EXPECT_THAT(explain_refusal(evidence), IsEmpty());
}

TEST(ExplainNamespaces, WithoutRightsAndWithoutAUserNamespace) {
    NamespaceEvidence evidence{.errnum = EPERM};
    EXPECT_THAT(explain_namespaces(evidence), HasSubstr("without CAP_SYS_ADMIN"));
    evidence.is_filtered = true;
    EXPECT_THAT(explain_namespaces(evidence), HasSubstr("the container around it must allow new namespaces"));
    evidence.has_sys_admin = true;
    EXPECT_THAT(explain_namespaces(evidence), HasSubstr("seccomp filter"));
}

TEST(ExplainNamespaces, ChrootAndOldKernels) {
    auto evidence = of_a_user(EPERM);
    evidence.is_chrooted = true;
    EXPECT_THAT(explain_namespaces(evidence), HasSubstr("chroot"));
    EXPECT_THAT(explain_namespaces(of_a_user(EINVAL)), HasSubstr("built without"));
    EXPECT_THAT(explain_namespaces(of_a_user(ENOMEM)), IsEmpty());
}

struct Blocked {
    const char* name;
    NamespaceEvidence evidence;
    const char* reason;
};
const Blocked kBlocked[] = {
    {"ByNothing", {.errnum = EPERM, .has_sys_admin = true}, ""},
    {"ByTheChoiceOfAUserNamespace", {.errnum = EPERM, .asks_for_user_namespace = true}, ""},
    {"ByMissingRights", {.errnum = EPERM}, "arca itself runs without CAP_SYS_ADMIN: most likely that is in the way"},
    {"ByAFilter",
     {.errnum = EPERM, .has_sys_admin = true, .is_filtered = true},
     "arca itself runs under a seccomp filter: most likely that is in the way"},
    {"ByAContainerOfAnEngine",
     {.errnum = EPERM, .label = "docker-default (enforce)", .is_filtered = true},
     "arca itself runs under the AppArmor profile \"docker-default (enforce)\", under a seccomp filter, without "
     "CAP_SYS_ADMIN: most likely that is in the way"},
    {"ByAUserNamespaceAround",
     {.errnum = EPERM, .has_sys_admin = true, .in_initial_user_namespace = false},
     "arca itself runs in a user namespace that is not the host's: most likely that is in the way"},
    {"ByAppArmorAlone",
     {.errnum = EACCES, .label = "web (enforce)", .is_filtered = true},
     "arca itself runs under the AppArmor profile \"web (enforce)\": most likely that is in the way"},
    {"ByAProfileThatOnlyComplains", {.errnum = EACCES, .label = "web (complain)"}, ""},
    {"BySelinux",
     {.errnum = EACCES, .selinux_context = "system_u:system_r:container_t:s0:c1,c2"},
     "arca itself runs under SELinux as \"system_u:system_r:container_t:s0:c1,c2\": most likely that is in the way"},
    {"ByWhatSelinuxDoesNotAnswer",
     {.errnum = EPERM, .has_sys_admin = true, .selinux_context = "system_u:system_r:container_t:s0"},
     ""},
    {"ByAnUnconfinedContext",
     {.errnum = EACCES, .selinux_context = "unconfined_u:unconfined_r:unconfined_t:s0-s0:c0.c1023"},
     ""},
    {"ByNoRefusal", {.errnum = EINVAL, .label = "web (enforce)", .is_filtered = true}, ""},
};
class ExplainRefusal : public ::testing::TestWithParam<Blocked> {};

TEST_P(ExplainRefusal, TellsWhatArcaRunsUnder) {
    EXPECT_EQ(explain_refusal(GetParam().evidence), GetParam().reason);
}
INSTANTIATE_TEST_SUITE_P(Blocked, ExplainRefusal, ::testing::ValuesIn(kBlocked),
                         [](const auto& each) { return std::string(each.param.name); });

TEST(ExplainRefusal, LeavesOtherErrorsAlone) {
    const auto hint = [](Error error) { return explain_refusal(std::move(error), 0).hint(); };
    EXPECT_EQ(hint(Error(Code::System, "open", EPERM).in(Step::OpenResources)), "");
    EXPECT_EQ(hint(Error(Code::System, "mount", EINVAL).in(Step::Mounts)), "");
    EXPECT_EQ(hint(Error(Code::System, "mount", EPERM).in(Step::Mounts).hinting("known")), "known");
}

TEST(LookAtNamespaces, ReadsWhatIsAskedFor) {
    const auto evidence = look_at_namespaces(CLONE_NEWUSER | CLONE_NEWNET, EPERM);
    EXPECT_EQ(evidence.errnum, EPERM);
    EXPECT_TRUE(evidence.asks_for_user_namespace);
    ASSERT_EQ(evidence.limits.size(), 2U);
    EXPECT_EQ(evidence.limits[0].file, "max_user_namespaces");
    EXPECT_EQ(evidence.limits[1].file, "max_net_namespaces");
    EXPECT_FALSE(evidence.limits[0].value.empty());
}

}  // namespace
}  // namespace arca::host
