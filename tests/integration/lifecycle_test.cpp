#include "harness/container.hpp"

using namespace integration;

class Lifecycle : public ContainerTest {};

TEST_F(Lifecycle, RunPrintsWhatTheProcessPrints) {
    Output output = container.run();
    EXPECT_TRUE(output.ok()) << output;
    EXPECT_EQ(output.out, "hello\n");
    EXPECT_EQ(output.err, "");
}
