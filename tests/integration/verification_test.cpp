// What a process has given up is read back before its program runs. Here the kernel claims that it was given up, and
// nothing has happened: each verification must notice.
#include "harness/container.hpp"

using namespace integration;

struct Lie {
    const char* call;
    const char* notice;  ///< what the error says
};

class VerificationOf : public ContainerTest, public testing::WithParamInterface<Lie> {
  protected:
    void SetUp() override {
        ContainerTest::SetUp();
        REQUIRE_ROOT();
        REQUIRE_ARCA("others do not look");
        bundle.process()["user"] = {{"uid", 1000}, {"gid", 1001}, {"additionalGids", {5, 6}}};
        bundle.process()["noNewPrivileges"] = true;
    }
    static Arguments lying() { return {facts().refuse, "SUCCESS", GetParam().call}; }
};

TEST_P(VerificationOf, StopsTheContainer) {
    Output output = container.run_command().launched_by(lying()).run();
    EXPECT_NE(output.status, 0) << output;
    EXPECT_FALSE(contains(output.out, "hello")) << output;
    EXPECT_TRUE(contains(output.err, GetParam().notice)) << output;
}

TEST_P(VerificationOf, StopsExec) {
    start_probe({"serve"});
    Output output = container.exec_command({"/bin/probe", "echo", "inside"}).launched_by(lying()).run();
    EXPECT_NE(output.status, 0) << output;
    EXPECT_FALSE(contains(output.out, "inside")) << output;
    EXPECT_TRUE(contains(output.err, GetParam().notice)) << output;
}

INSTANTIATE_TEST_SUITE_P(Calls, VerificationOf,
                         testing::Values(Lie{"setgroups", "reading the supplementary groups back"},
                                         Lie{"setresgid", "reading the gid back"},
                                         Lie{"setresuid", "reading the uid back"}, Lie{"capset", "back"},
                                         Lie{"prctl", "capset("}, Lie{"close_range", "descriptor's flags back"}),
                         [](const auto& which) { return std::string(which.param.call); });
