// Every command on the same containers from many processes, and some of them killed; many containers at once; and
// nothing grows. The default run has a few seconds for it; ARCA_TEST_STORM_SECONDS gives it more and says that the host
// is quiet, so that its own counts can be compared, and ARCA_TEST_STORM_CONTAINERS how many live at once.
#include <linux/bpf.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <optional>
#include <random>

#include "harness/container.hpp"
#include "harness/fleet.hpp"

using namespace integration;

namespace {

using Clock = std::chrono::steady_clock;

std::optional<int> wanted(const char* variable) {
    const char* value = std::getenv(variable);
    return value == nullptr ? std::nullopt : std::optional(std::atoi(value));
}

Clock::time_point end_of_storm() {
    return Clock::now() + std::chrono::seconds(wanted("ARCA_TEST_STORM_SECONDS").value_or(4));
}

/// What a runtime could leave behind on a host, counted.
std::map<std::string, long> counts_of_host() {
    std::map<std::string, long> counts;
    counts["mounts"] = static_cast<long>(lines(read_file("/proc/self/mountinfo")).size());
    for (const auto& entry : std::filesystem::directory_iterator("/proc"))
        if (std::isdigit(entry.path().filename().string().front())) ++counts["processes"];
    for (const auto& line : lines(read_file("/sys/fs/cgroup/cgroup.stat")))
        if (line.starts_with("nr_descendants ")) counts["cgroups"] = std::atol(line.c_str() + 15);
    for (const auto& line : lines(read_file("/proc/keys")))
        if (contains(line, "keyring")) ++counts["keyrings"];
    bpf_attr attributes{};
    while (::syscall(SYS_bpf, BPF_PROG_GET_NEXT_ID, &attributes, sizeof attributes) == 0) {
        ++counts["BPF programs"];
        attributes.start_id = attributes.next_id;
    }
    return counts;
}

class Storm : public ContainerTest {
  protected:
    Fleet fleet(int size) {
        Fleet all(work.path(), root(), container.id, size);
        for (auto& each : all.containers) {
            each->bundle.args({"/bin/probe", "serve"});
            each->bundle.write();
        }
        return all;
    }
    /// A command that is good for some state of the container; in another it has to say that it is not.
    Arguments any_command(const Container& target) {
        const std::string bundle_path = target.bundle.path().string();
        const std::vector<Arguments> choices = {
            {"create", "-b", bundle_path, target.id},
            {"run", "-d", "-b", bundle_path, target.id},
            {"create", "-b", bundle_path, target.id},
            {"start", target.id},
            {"start", target.id},
            {"exec", target.id, "/bin/probe", "exit", "0"},
            {"exec", "-d", target.id, "/bin/probe", "exit", "3"},
            {"kill", target.id, "TERM"},
            {"kill", target.id, "KILL"},
            {"delete", target.id},
            {"delete", "--force", target.id},
            {"update", "--device-rule", "allow c 99:1 r", target.id},
            {"pause", target.id},
            {"resume", target.id},
            {"state", target.id},
            {"ps", "--format", "json", target.id},
            {"list", "--format", "json"},
        };
        return choices[random_() % choices.size()];
    }
    Running start(const Arguments& words) {
        return runtime_command(root(), words)
            .output_files(work / ("out" + std::to_string(commands_)), work / ("err" + std::to_string(commands_)))
            .start();
    }
    /// Either it did what it was told, or it said why not. The status of a program that was killed is its own.
    static void expect_definite(const Output& output) {
        EXPECT_FALSE(output.timed_out) << output;
        if (output.status != 0 && output.status < 128) {
            EXPECT_FALSE(output.err.empty()) << "a failure must say why: " << output;
        }
        EXPECT_FALSE(contains(output.err, "internal error")) << output;
    }

    std::mt19937 random_{std::random_device{}()};
    int commands_ = 0;
};

}  // namespace

TEST_F(Storm, EveryCommandOnTheSameContainers) {
    REQUIRE_CGROUP();
    SKIP_FOR(Runc, "leaves cgroups and processes behind");
    SKIP_FOR(Crun, "leaves cgroups and processes behind");
    auto all = fleet(3);
    int killed = 0;
    for (const auto end = end_of_storm(); Clock::now() < end && !HasFailure();) {
        std::vector<Running> running;
        std::vector<bool> is_killed, is_pause;
        for (int i = 0; i < 8; ++i, ++commands_) {
            const auto words = any_command(all[random_() % all.size()]);
            running.push_back(start(words));
            is_killed.push_back(random_() % 6 == 0);
            is_pause.push_back(words.front() == "pause");
        }
        const auto finish = [&](std::size_t i) {
            if (is_killed[i]) {
                usleep(random_() % 10'000);
                running[i].signal(SIGKILL);
                ++killed;
            }
            Output output = running[i].wait(60, Reaping::Adopted);
            if (!is_killed[i]) expect_definite(output);
        };
        for (std::size_t i = 0; i < running.size(); ++i)
            if (is_pause[i]) finish(i);
        // What waits for a process of a container that was paused after it had looked waits until somebody resumes it.
        for (auto& each : all.containers)
            (void)each->call({"resume", each->id});
        for (std::size_t i = 0; i < running.size(); ++i)
            if (!is_pause[i]) finish(i);
    }
    for (auto& each : all.containers) {
        Output removed = each->remove({"--force"});
        EXPECT_TRUE(removed.ok()) << removed;
    }
    EXPECT_EQ(reap_all(), 0);
    for (auto& each : all.containers) {
        Output again = each->create();
        EXPECT_TRUE(again.ok()) << again;
        EXPECT_TRUE(each->remove({"--force"}).ok());
        EXPECT_FALSE(std::filesystem::exists(each->cgroup())) << each->cgroup();
    }
    std::cout << commands_ << " commands, " << killed << " of them killed\n";
}

TEST_F(Storm, ManyAlive) {
    const int number = wanted("ARCA_TEST_STORM_CONTAINERS").value_or(40);
    auto all = fleet(number);
    std::vector<Running> batch;
    const auto finish = [&batch] {
        for (auto& each : batch) {
            Output output = each.wait(60);
            EXPECT_TRUE(output.ok()) << output;
        }
        batch.clear();
    };
    for (auto& each : all.containers) {
        batch.push_back(each->run_command({"--detach"}).start());
        if (batch.size() == 8) finish();
    }
    finish();
    Output listed = runtime({"list", "--format", "json"});
    int alive = 0;
    for (const auto& each : Json::parse(listed.out))
        alive += each["status"] == "running" ? 1 : 0;
    EXPECT_EQ(alive, number);
    EXPECT_TRUE(all[static_cast<std::size_t>(number / 2)].exec({"/bin/probe", "exit", "0"}).ok());
    for (auto& each : all.containers) {
        Output removed = each->remove({"--force"});
        EXPECT_TRUE(removed.ok()) << removed;
        reap_adopted();
    }
}

TEST_F(Storm, NothingGrows) {
    auto all = fleet(24);
    for (auto& each : all.containers)
        each->bundle.args({"/bin/probe", "exit", "0"});
    int runs = 0;
    const auto wave = [&] {
        std::vector<Running> running;
        for (auto& each : all.containers)
            running.push_back(each->run_command().start());
        for (auto& each : running) {
            Output output = each.wait(120);
            EXPECT_TRUE(output.ok()) << output;
            ++runs;
        }
    };
    wave();  // what is made once, such as the cache of seccomp programs, is there afterwards
    const auto before = counts_of_host();
    for (const auto end = end_of_storm(); Clock::now() < end && !HasFailure();)
        wave();
    if (wanted("ARCA_TEST_STORM_SECONDS")) {
        // The kernel takes keys and BPF programs away a moment after their last user: there may be less than before.
        const auto nothing_grew = [&] {
            return std::ranges::all_of(counts_of_host(), [&](const auto& count) {
                const auto known = before.find(count.first);
                return count.second <= (known == before.end() ? 0 : known->second);
            });
        };
        EXPECT_TRUE(eventually(nothing_grew, 30))
            << testing::PrintToString(before) << testing::PrintToString(counts_of_host());
    }
    std::cout << runs << " containers\n";
}
