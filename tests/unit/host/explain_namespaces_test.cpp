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
    EXPECT_THAT(explain_namespaces(evidence), AllOf(HasSubstr("apparmor_restrict_unprivileged_userns is 1"),
                                                    HasSubstr("\"unconfined\""), HasSubstr("contrib/apparmor/arca")));
    evidence.label = "unprivileged_userns (enforce)";
    EXPECT_THAT(explain_rights_in_user_namespace(evidence), HasSubstr("\"unprivileged_userns (enforce)\""));
    evidence.errnum = EINVAL;
    EXPECT_THAT(explain_rights_in_user_namespace(evidence), IsEmpty());
    evidence.errnum = EPERM;
    evidence.unprivileged_by_apparmor = "0";
    EXPECT_THAT(explain_rights_in_user_namespace(evidence), IsEmpty());
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
