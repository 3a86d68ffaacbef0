// explain, check, --trace: what arca has and the peers have not.
#include <unistd.h>

#include <chrono>
#include <set>

#include "harness/container.hpp"

using namespace integration;

class Tools : public ContainerTest {
  protected:
    void SetUp() override {
        ContainerTest::SetUp();
        REQUIRE_ARCA("explain, check, trace");
    }
    Output on_bundle(Arguments words) {
        bundle.write();
        words.insert(words.end(), {"--bundle", bundle.path().string()});
        return runtime(words);
    }
};

TEST_F(Tools, ExplainPrintsThePlan) {
    Output output = on_bundle({"explain"});
    ASSERT_TRUE(output.ok()) << output;
    for (const char* part : {"/dev/shm", "pid", "CAP_KILL", "/proc/kcore"}) {
        EXPECT_TRUE(contains(output.out, part)) << part << "\n" << output.out;
    }
    EXPECT_EQ(output.err, "");
}

TEST_F(Tools, ExplainAsJson) {
    Output output = on_bundle({"explain", "--format", "json"});
    ASSERT_TRUE(output.ok()) << output;
    EXPECT_TRUE(Json::accept(output.out)) << output.out;
}

TEST_F(Tools, ExplainIsStable) {
    EXPECT_EQ(on_bundle({"explain", "--format", "json"}).out, on_bundle({"explain", "--format", "json"}).out);
}

TEST_F(Tools, ExplainChangesNothing) {
    std::string before = read_file("/proc/self/mountinfo");
    ASSERT_TRUE(on_bundle({"explain"}).ok());
    EXPECT_EQ(read_file("/proc/self/mountinfo"), before);
    EXPECT_FALSE(std::filesystem::exists(root() / container.id));
}

TEST_F(Tools, ExplainOfABadConfiguration) {
    bundle.process()["cwd"] = 7;
    Output output = on_bundle({"explain"});
    EXPECT_EQ(output.status, 1);
    EXPECT_TRUE(contains(output.err, "/process/cwd")) << output;
}

TEST_F(Tools, CheckOfAGoodBundle) {
    Output output = on_bundle({"check"});
    EXPECT_TRUE(output.ok()) << output;
}

TEST_F(Tools, CheckFindsErrors) {
    bundle.process()["user"]["uid"] = "0";
    Output output = on_bundle({"check"});
    EXPECT_NE(output.status, 0);
    EXPECT_TRUE(contains(output.text(), "/process/user/uid")) << output;
}

TEST_F(Tools, CheckSuggestsForTypingErrors) {
    bundle.linux_()["ressources"] = Json::object();
    Output output = on_bundle({"check"});
    EXPECT_TRUE(contains(output.text(), "/linux/ressources")) << output;
    EXPECT_TRUE(contains(output.text(), "/linux/resources")) << output;
}

TEST_F(Tools, CheckFindsMissingThings) {
    bundle.add_mount("/mnt", "bind", (work / "absent").string(), {"bind"});
    Output output = on_bundle({"check"});
    EXPECT_NE(output.status, 0);
    EXPECT_TRUE(contains(output.text(), (work / "absent").string())) << output;
}

TEST_F(Tools, CheckTriesIdMapsOfMounts) {
    REQUIRE(facts().mount_setattr, "needs mount_setattr(2)");
    REQUIRE_ROOT();
    const Json maps = {{{"containerID", 0}, {"hostID", 1000}, {"size", 10}}};
    const auto before = read_file("/proc/self/mountinfo");
    for (const auto& source : {std::string("/proc/sys"), work.path().string()}) {
        bundle.add_mount("/mapped", "bind", source, {"bind", "idmap"});
        bundle.mount_at("/mapped")["uidMappings"] = bundle.mount_at("/mapped")["gidMappings"] = maps;
        const auto pointer = "/mounts/" + std::to_string(bundle.config["mounts"].size() - 1);
        Output output = on_bundle({"check"});
        const auto refusal =
            "mount_setattr: invalid argument (EINVAL) (the file system proc at /proc/sys does not "
            "support id-mapped mounts on this kernel)";
        if (source == "/proc/sys") {
            EXPECT_EQ(output.status, 1) << output;
            EXPECT_EQ(output.out,
                      "error: mounting bind /proc/sys -> /mapped idmap (" + pointer + "): " + refusal + "\n");
        } else {
            EXPECT_FALSE(contains(output.out, "invalid argument")) << "only what is refused is told: " << output;
        }
        bundle.config["mounts"].erase(bundle.config["mounts"].size() - 1);
    }
    EXPECT_EQ(read_file("/proc/self/mountinfo"), before);
}

TEST_F(Tools, CheckTellsOfOwnersThatAreNotMapped) {
    REQUIRE_ROOT();
    bundle.map_ids(100000, 65536);
    bundle.add_mount("/writable", "bind", work.path().string(), {"bind"});
    bundle.add_mount("/readable", "bind", work.path().string(), {"bind", "ro"});
    const auto place =
        "/mounts/" + std::to_string(bundle.config["mounts"].size() - 2) + "/source: " + work.path().string();
    ASSERT_EQ(chown(work.path().c_str(), 7, 100007), 0);
    Output output = on_bundle({"check"});
    EXPECT_EQ(output.status, 2) << output;
    EXPECT_EQ(output.out, "warning: " + place +
                              " belongs to user 7, whom /linux/uidMappings does not map: the container sees nobody "
                              "there and may not change it; map the id, or the mount (idmap)\n");
    EXPECT_EQ(on_bundle({"check", "--strict"}).status, 1);
    ASSERT_EQ(chown(work.path().c_str(), 165535, 100007), 0);
    output = on_bundle({"check"});
    EXPECT_TRUE(output.ok()) << output;
}

TEST_F(Tools, TraceNamesTheSteps) {
    auto trace = work / "trace";
    bundle.write();
    Output output = Command({facts().runtime, "--root", root().string(), "--trace", trace.string(), "run", "-b",
                             bundle.path().string(), container.id})
                        .run();
    ASSERT_TRUE(output.ok()) << output;
    std::set<std::string> steps, roles;
    for (const auto& line : parse_lines(read_file(trace))) {
        steps.insert(line["step"]);
        roles.insert(line["role"]);
        EXPECT_TRUE(line["duration_ns"].is_number()) << line;
    }
    for (const char* step : {"LoadConfig", "Plan", "Cgroup", "Mounts", "Pivot", "Identity"}) {
        EXPECT_TRUE(steps.contains(step)) << step;
    }
    EXPECT_TRUE(roles.contains("parent"));
    EXPECT_TRUE(roles.contains("init"));
}

TEST_F(Tools, TraceExplainsTheTimeOfRun) {
    constexpr int kTries = 30;  // the kernel starts and ends the process, and others may run in between
    auto trace = work / "trace";
    bundle.write();
    double best = 0;
    for (int tries = 0; tries < kTries && best < 0.75; ++tries) {
        std::filesystem::remove(trace);
        Command run({facts().runtime, "--root", root().string(), "--trace", trace.string(), "run", "-b",
                     bundle.path().string(), container.id});
        const auto began = std::chrono::steady_clock::now();
        Output output = run.run();
        const std::chrono::duration<double, std::nano> wall = std::chrono::steady_clock::now() - began;
        ASSERT_TRUE(output.ok()) << output;
        double first = 0, last = 0, explained = 0;
        std::string first_step, last_step;
        for (const auto& line : parse_lines(read_file(trace))) {
            if (line["role"] != "parent") continue;
            if (explained == 0) {
                first = line["start_ns"];
                first_step = line["step"];
            }
            last_step = line["step"];
            explained += line["duration_ns"].get<double>();
            last = line["start_ns"].get<double>() + line["duration_ns"].get<double>();
        }
        EXPECT_GE(explained, 0.99 * (last - first)) << "between the steps there are gaps";
        EXPECT_EQ(first_step, "Begin");
        EXPECT_EQ(last_step, "End");
        best = std::max(best, explained / wall.count());
    }
    EXPECT_GE(best, 0.75) << "the process begins long before its first step, or ends long after its last";
}

TEST_F(Tools, TraceCarriesTheTraceParent) {
    auto trace = work / "trace";
    std::string parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    bundle.write();
    Command({facts().runtime, "--root", root().string(), "--trace", trace.string(), "run", "-b", bundle.path().string(),
             container.id})
        .variable("TRACEPARENT", parent)
        .run();
    EXPECT_TRUE(contains(read_file(trace), parent));
}

TEST_F(Tools, StrictMakesNotesErrors) {
    bundle.config["ofTheFuture"] = 1;
    EXPECT_NE(container.create({"--strict"}).status, 0);
    EXPECT_FALSE(std::filesystem::exists(root() / container.id));
}

TEST_F(Tools, OwnImageIsOutOfReach) {
    // CVE-2019-5736: argv[0] is the runtime itself; it must not be possible to write to it from inside.
    REQUIRE_ROOT();
    bundle.config["root"]["readonly"] = false;
    ASSERT_TRUE(container.create().ok());
    std::string image = "/proc/" + std::to_string(container.pid()) + "/exe";
    std::string before = read_file(facts().runtime);
    Output attempt = container.exec({"/bin/probe", "open", "/proc/1/exe", "w"});
    EXPECT_FALSE(contains(attempt.out, "\"error\":\"\"")) << attempt;
    EXPECT_TRUE(read_file(facts().runtime) == before);
}

TEST_F(Tools, ShebangOfTheRuntimesOwnImage) {
    // The classic exploit: /bin/evil is executed by the kernel through /proc/self/exe of the runtime.
    bundle.file("bin/evil", "#!/proc/self/exe\n", 0755);
    bundle.args({"/bin/evil"});
    Output output = container.run_command().timeout(20).run();
    EXPECT_FALSE(output.timed_out);
    EXPECT_FALSE(std::filesystem::exists(root() / container.id));
}
