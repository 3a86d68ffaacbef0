// Ring 4: a process of arca is killed at the beginning of each step it is seen to go through, in each role; afterwards
// `delete --force` must leave nothing, and the id must be free again. The steps are not listed here: a trace of the
// undisturbed operation tells them, so that a new step is tested by existing.
#include <signal.h>

#include <set>

#include "harness/container.hpp"
#include "harness/criu.hpp"

using namespace integration;

class KillPoints : public ContainerTest {
  protected:
    void SetUp() override {
        ContainerTest::SetUp();
        REQUIRE_ARCA("steps and kill points are its own");
        REQUIRE_ROOT();
        Output dying = container.create_command().variable("ARCA_TEST_DIE_AT", "parent:LoadConfig").run();
        (void)container.remove({"--force"});
        REQUIRE(dying.status == 128 + SIGKILL, "compiled without ARCA_TESTING");
        bundle.args({"/bin/probe", "serve"});
    }

    void use_everything() {
        const Json hook = Json::array({{{"path", "/bin/true"}}});
        bundle.config["hooks"] = {{"prestart", hook},
                                  {"createRuntime", hook},
                                  {"createContainer", hook},
                                  {"poststart", hook},
                                  {"poststop", hook}};
        bundle.linux_()["seccomp"] = {{"defaultAction", "SCMP_ACT_ALLOW"}};
        bundle.linux_()["sysctl"] = {{"net.ipv4.ip_unprivileged_port_start", "0"}};
    }

    /// Every role:step that `words` goes through.
    std::set<std::string> steps_of(Command command) {
        std::set<std::string> points;
        Output output = command.run();
        EXPECT_TRUE(output.ok()) << output;
        for (const auto& line : parse_lines(read_file(trace())))
            points.insert(line["role"].get<std::string>() + ":" + line["step"].get<std::string>());
        std::filesystem::remove(trace());
        return points;
    }

    std::filesystem::path trace() const { return work.path() / "trace.jsonl"; }
    Command traced(Arguments words) {
        words.insert(words.begin(), {"--trace", trace().string()});
        bundle.write();
        return runtime_command(root(), words);
    }
    Command create() { return traced({"create", "--bundle", bundle.path().string(), container.id}); }

    void expect_deletable() {
        Output removed = container.remove({"--force"});
        EXPECT_TRUE(removed.ok()) << removed;
        EXPECT_EQ(reap_all(), 0) << "processes were left";
        EXPECT_FALSE(std::filesystem::exists(root() / container.id));
        if (auto cgroup = container.cgroup(); !cgroup.empty()) {
            EXPECT_FALSE(std::filesystem::exists(cgroup));
        }
    }

    void expect_create_survives_every_death() {
        auto points = steps_of(create());
        expect_deletable();
        EXPECT_GE(points.size(), 20U);
        for (const auto& point : points) {
            SCOPED_TRACE(point);
            Output killed = create().variable("ARCA_TEST_DIE_AT", point).run();
            const bool init_after_ready = point == "init:AwaitStart";
            EXPECT_TRUE(!killed.ok() || init_after_ready) << killed;
            expect_deletable();
            Output again = container.create();
            EXPECT_TRUE(again.ok()) << again;
            expect_deletable();
        }
        std::printf("%zu kill points of create\n", points.size());
    }
};

TEST_F(KillPoints, Create) {
    use_everything();
    expect_create_survives_every_death();
}

TEST_F(KillPoints, CreateWithAnIntermediate) {
    bundle.set_namespace("time");
    bundle.linux_()["timeOffsets"] = {{"boottime", {{"secs", 100}}}};
    expect_create_survives_every_death();
}

TEST_F(KillPoints, CreateInAUserNamespace) {
    REQUIRE(facts().user_namespaces, "needs user namespaces");
    bundle.map_ids(100000, 65536);
    expect_create_survives_every_death();
}

TEST_F(KillPoints, Start) {
    use_everything();
    ASSERT_TRUE(container.create().ok());
    auto points = steps_of(traced({"start", container.id}));
    expect_deletable();
    for (const char* point : {"init:StartContainerHooks", "init:LoadFilter", "init:Exec"})
        points.insert(point);
    for (const auto& point : points) {
        SCOPED_TRACE(point);
        // Init is a fork of create and has its environment; what create and start both go through is not for create.
        Command making = container.create_command();
        if (point.starts_with("init:")) making.variable("ARCA_TEST_DIE_AT", point);
        Output created = making.run();
        ASSERT_TRUE(created.ok()) << created;
        (void)traced({"start", container.id}).variable("ARCA_TEST_DIE_AT", point).timeout(20).run();
        expect_deletable();
    }
}

TEST_F(KillPoints, ExecLeavesTheContainerAlone) {
    use_everything();
    start_probe({"serve"});
    auto points = steps_of(traced({"exec", container.id, "/bin/probe", "exit", "0"}));
    for (const auto& point : points) {
        SCOPED_TRACE(point);
        (void)traced({"exec", container.id, "/bin/probe", "exit", "0"})
            .variable("ARCA_TEST_DIE_AT", point)
            .timeout(20)
            .run();
        EXPECT_EQ(container.status(), "running");
    }
    expect_deletable();
}

TEST_F(KillPoints, DeleteCanBeRepeated) {
    use_everything();
    ASSERT_TRUE(container.create().ok());
    auto points = steps_of(traced({"delete", "--force", container.id}));
    for (const auto& point : points) {
        SCOPED_TRACE(point);
        ASSERT_TRUE(container.create().ok());
        Output killed = traced({"delete", "--force", container.id}).variable("ARCA_TEST_DIE_AT", point).run();
        EXPECT_EQ(killed.status, 128 + SIGKILL) << killed;
        expect_deletable();
    }
}

TEST_F(KillPoints, UpdateCanBeRepeated) {
    start_probe({"serve"});
    // Needs no controller: devices are the kernel's everywhere.
    write_file(work / "limits",
               R"({"devices": [{"allow": true, "type": "c", "major": 10, "minor": 200, "access": "rw"}]})");
    const Arguments update = {"update", "--resources", work / "limits", container.id};
    for (const auto& point : steps_of(traced(update))) {
        SCOPED_TRACE(point);
        Output killed = traced(update).variable("ARCA_TEST_DIE_AT", point).run();
        EXPECT_EQ(killed.status, 128 + SIGKILL) << killed;
        EXPECT_EQ(container.status(), "running");
        Output again = traced(update).run();
        EXPECT_TRUE(again.ok()) << again;
    }
    expect_deletable();
}

class KillPointsOfCriu : public KillPoints {
  protected:
    void SetUp() override {
        KillPoints::SetUp();
        if (IsSkipped()) return;
        REQUIRE(criu().obstacle.empty(), criu().obstacle);
    }
    Command with_criu(const Arguments& words) {
        Command command = traced(words);
        prepare_for_criu(command);
        return command.timeout(60);
    }
    Command checkpoint() {
        return with_criu({"checkpoint", "--image-path", work / "images", "--network-lock", "skip", container.id});
    }
    Command restore() {
        return with_criu(
            {"restore", "--detach", "--image-path", work / "images", "--bundle", bundle.path().string(), container.id});
    }
    /// CRIU ends by itself when nobody reads its answers any more.
    void expect_nothing_left() {
        EXPECT_TRUE(eventually([this] { return container.remove({"--force"}).ok(); }));
        EXPECT_TRUE(eventually([] { return reap_all() == 0; })) << "processes were left";
        EXPECT_FALSE(std::filesystem::exists(root() / container.id));
    }
};

TEST_F(KillPointsOfCriu, Checkpoint) {
    start_probe({"serve"});
    auto points = steps_of(checkpoint());
    EXPECT_GE(points.size(), 6U);
    expect_nothing_left();
    for (const auto& point : points) {
        SCOPED_TRACE(point);
        start_probe({"serve"});
        Output killed = checkpoint().variable("ARCA_TEST_DIE_AT", point).run();
        EXPECT_EQ(killed.status, 128 + SIGKILL) << killed;
        expect_nothing_left();
    }
}

TEST_F(KillPointsOfCriu, Restore) {
    start_probe({"serve"});
    Output saved = checkpoint().run();
    ASSERT_TRUE(saved.ok()) << saved;
    std::filesystem::remove(trace());
    auto points = steps_of(restore());
    EXPECT_GE(points.size(), 8U);
    expect_nothing_left();
    for (const auto& point : points) {
        SCOPED_TRACE(point);
        Output killed = restore().variable("ARCA_TEST_DIE_AT", point).run();
        EXPECT_EQ(killed.status, 128 + SIGKILL) << killed;
        expect_nothing_left();
    }
}
