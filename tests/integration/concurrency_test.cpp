#include <signal.h>

#include <random>

#include "harness/container.hpp"
#include "harness/fleet.hpp"

using namespace integration;

class Concurrency : public ContainerTest {
  protected:
    Fleet fleet(int size) { return {work.path(), root(), container.id, size}; }
};

TEST_F(Concurrency, ManyContainersAtOnce) {
    auto all = fleet(16);
    std::vector<Running> runs;
    for (auto& each : all.containers)
        runs.push_back(each->run_command().start());
    for (auto& run : runs) {
        Output output = run.wait(60);
        EXPECT_EQ(output.out, "hello\n") << output;
    }
}

TEST_F(Concurrency, OneOfManyCreatesOfAnIdWins) {
    bundle.write();
    for (int round = 0; round < 3; ++round) {
        std::vector<Running> runs;
        for (int i = 0; i < 6; ++i) {
            runs.push_back(runtime_command(root(), {"create", "-b", bundle.path().string(), container.id})
                               .output_files(work / ("o" + std::to_string(i)), work / ("e" + std::to_string(i)))
                               .start());
        }
        int won = 0;
        for (auto& run : runs)
            won += run.wait(60).ok() ? 1 : 0;
        EXPECT_EQ(won, 1);
        EXPECT_EQ(container.status(), "created");
        EXPECT_TRUE(container.remove({"--force"}).ok());
    }
}

TEST_F(Concurrency, RacingDeletes) {
    for (int round = 0; round < 5; ++round) {
        start_probe({"spawn", "2"});
        std::vector<Running> runs;
        for (int i = 0; i < 4; ++i) {
            runs.push_back(runtime_command(root(), {"delete", "--force", container.id}).start());
        }
        for (auto& run : runs)
            run.wait(30, Reaping::Adopted);
        EXPECT_TRUE(container.state().is_null());
        EXPECT_FALSE(std::filesystem::exists(root() / container.id));
    }
}

TEST_F(Concurrency, RacingExecs) {
    start_probe({"serve"});
    std::vector<Running> runs;
    for (int i = 0; i < 16; ++i) {
        runs.push_back(container.exec_command({"/bin/probe", "echo", std::to_string(i)}).start());
    }
    for (int i = 0; i < 16; ++i) {
        Output output = runs[static_cast<std::size_t>(i)].wait(60);
        EXPECT_EQ(output.out, std::to_string(i) + "\n") << output;
    }
}

TEST_F(Concurrency, KillDuringExecs) {
    start_probe({"serve"});
    std::vector<Running> runs;
    for (int i = 0; i < 8; ++i)
        runs.push_back(container.exec_command({"/bin/probe", "serve"}).start());
    ASSERT_TRUE(container.kill("KILL").ok());
    // Some were running, some came too late: none may hang.
    for (auto& run : runs)
        EXPECT_NE(run.wait(30, Reaping::Adopted).status, 0);
}

TEST_F(Concurrency, StateIsReadableAllTheTime) {
    start_probe({"serve"});
    std::vector<Running> runs;
    for (int i = 0; i < 4; ++i) {
        runs.push_back(runtime_command(root(), {"list", "--format", "json"}).start());
        runs.push_back(runtime_command(root(), {"state", container.id}).start());
    }
    for (auto& run : runs) {
        Output output = run.wait(30);
        EXPECT_TRUE(output.ok() && Json::accept(output.out)) << output;
    }
}

TEST_F(Concurrency, KilledCreateCanBeDeleted) {
    // What happens when the shim dies: its runtime gets SIGKILL at any point.
    SKIP_FOR(Runc, "leaves cgroups and processes behind");
    SKIP_FOR(Crun, "leaves cgroups and processes behind");
    std::mt19937 random(42);
    for (int round = 0; round < 40; ++round) {
        Running create = container.create_command().start();
        usleep(random() % 30000);
        create.signal(SIGKILL);
        create.wait(30);
        Output removed = container.remove({"--force"});
        ASSERT_TRUE(removed.ok()) << "round " << round << removed;
        ASSERT_FALSE(std::filesystem::exists(root() / container.id)) << "round " << round;
        ASSERT_EQ(reap_all(), 0) << "round " << round;
        ASSERT_TRUE(container.cgroup().empty() || !std::filesystem::exists(container.cgroup())) << "round " << round;
    }
}

TEST_F(Concurrency, KilledRunCanBeDeleted) {
    SKIP_FOR(Runc, "leaves cgroups and processes behind");
    SKIP_FOR(Crun, "leaves cgroups and processes behind");
    bundle.args({"/bin/probe", "spawn", "2"});
    std::mt19937 random(43);
    for (int round = 0; round < 20; ++round) {
        Running run = container.run_command().start();
        usleep(random() % 40000);
        run.signal(SIGKILL);
        run.wait(30);
        Output removed = container.remove({"--force"});
        ASSERT_TRUE(removed.ok()) << "round " << round << removed;
        ASSERT_EQ(reap_all(), 0) << "round " << round;
    }
}

TEST_F(Concurrency, IdIsFreeAfterAKilledCreate) {
    SKIP_FOR(Runc, "leaves cgroups and processes behind");
    SKIP_FOR(Crun, "leaves cgroups and processes behind");
    Running create = container.create_command().start();
    usleep(3000);
    create.signal(SIGKILL);
    create.wait(30);
    container.remove({"--force"});
    EXPECT_EQ(container.run().out, "hello\n");
}

TEST_F(Concurrency, StartsOfOneContainer) {
    SKIP_FOR(Runc, "the second one blocks for ever");
    bundle.args({"/bin/probe", "serve"});
    ASSERT_TRUE(container.create().ok());
    std::vector<Running> runs;
    for (int i = 0; i < 4; ++i)
        runs.push_back(runtime_command(root(), {"start", container.id}).start());
    int won = 0;
    for (auto& run : runs)
        won += run.wait(30).ok() ? 1 : 0;
    EXPECT_EQ(won, 1);
    EXPECT_EQ(container.status(), "running");
}

TEST_F(Concurrency, StartOfAContainerThatIsBeingDeleted) {
    for (int round = 0; round < 5; ++round) {
        bundle.args({"/bin/probe", "serve"});
        ASSERT_TRUE(container.create().ok());
        Running start = runtime_command(root(), {"start", container.id}).start();
        Running remove = runtime_command(root(), {"delete", "--force", container.id}).start();
        start.wait(30, Reaping::Adopted);
        EXPECT_TRUE(remove.wait(30, Reaping::Adopted).ok());
        container.remove({"--force"});
    }
}
