// Ring 4: every system call of an operation fails with every error, in turn. The operation then either succeeds, by an
// older way or because nothing depends on that call, or it ends with its status and one sentence; afterwards
// `delete --force` leaves nothing. The calls are not listed here: the undisturbed operation tells them, so that a new
// call is tested by existing.
//
// By default every call is made to fail by its name, with one error each. ARCA_TEST_FAULTS=all: with every error, and
// each single call too, which takes an hour.
#include <cstdlib>
#include <map>
#include <set>

#include "harness/container.hpp"

using namespace integration;

namespace {
constexpr const char* kErrors[] = {"ENOSPC", "EPERM", "ENOMEM", "EINVAL", "EMFILE", "ENOSYS"};

/// No caller can do anything about these, and the kernel gives no such error.
const std::set<std::string> kNeverFail = {"exit",   "exit_group", "rt_sigreturn",   "getpid", "getppid",
                                          "gettid", "getuid",     "geteuid",        "getgid", "getegid",
                                          "umask",  "futex",      "restart_syscall"};
/// A signal may interrupt these.
const std::set<std::string> kInterruptible = {"read",    "write",    "openat", "openat2",  "open",      "waitid",
                                              "wait4",   "poll",     "ppoll",  "recvmsg",  "sendmsg",   "connect",
                                              "accept4", "flock",    "fcntl",  "fstatfs",  "statfs",    "close",
                                              "pread64", "pwrite64", "sendto", "recvfrom", "getrandom", "execve"};
/// What the allocator asks the kernel for: the exception that follows knows no step.
const std::set<std::string> kOfTheAllocator = {"brk", "mmap", "munmap", "mremap", "madvise", "mprotect"};

bool wants_all() {
    const char* wanted = std::getenv("ARCA_TEST_FAULTS");
    return wanted != nullptr && std::string(wanted) == "all";
}

struct Case {
    std::string call;  ///< CALL or CALL:N
    std::string error;
    std::string name() const { return call.substr(0, call.find(':')); }
};

/// A call by its name is told apart from its single occurrences by their number, which is 0.
std::vector<Case> cases_of(const std::vector<std::string>& calls) {
    std::vector<Case> cases;
    std::map<std::string, unsigned> seen;
    for (const auto& call : calls) {
        if (kNeverFail.contains(call)) continue;
        const unsigned count = ++seen[call];
        if (count == 1 && !wants_all()) cases.push_back({call, kErrors[seen.size() % std::size(kErrors)]});
        if (!wants_all()) continue;
        const auto single = call + ":" + std::to_string(count);
        for (const char* error : kErrors) {
            if (count == 1) cases.push_back({call, error});
            cases.push_back({single, error});
        }
        if (kInterruptible.contains(call)) cases.push_back({single, "EINTR"});
    }
    return cases;
}

/// Lines of errors, in the form that standard error has; notes and warnings are no errors.
std::vector<std::string> errors_in(const std::string& text) {
    std::vector<std::string> found;
    for (const auto& line : lines(text))
        if (!line.empty() && !contains(line, "level=warning") && !contains(line, "level=info")) found.push_back(line);
    return found;
}
}  // namespace

class Faults : public ContainerTest {
  protected:
    void SetUp() override {
        ContainerTest::SetUp();
        REQUIRE_ROOT();
        REQUIRE_ARCA("others have other calls");
        REQUIRE(std::filesystem::exists(facts().fault), "the launcher knows x86-64 only");
        REQUIRE(wants_all() || !is_sanitized(),
                "sanitizers make calls of their own; ARCA_TEST_FAULTS=all tries them all the same");
        const Json hook = Json::array({{{"path", "/bin/true"}}});
        bundle.config["hooks"] = {{"createRuntime", hook}, {"poststop", hook}};
        bundle.linux_()["seccomp"] = {{"defaultAction", "SCMP_ACT_ALLOW"}};
        bundle.linux_()["sysctl"] = {{"net.ipv4.ip_forward", "1"}};
    }

    void TearDown() override {
        if (tried_ > 0)
            std::printf("%zu calls made to fail: %zu without effect, %zu told\n", tried_, succeeded_,
                        tried_ - succeeded_);
        ContainerTest::TearDown();
    }

    std::filesystem::path report() const { return work / "calls"; }

    std::vector<std::string> reported() const {
        std::vector<std::string> calls;
        for (const auto& line : lines(read_file(report())))
            if (!line.empty()) calls.push_back(line.substr(0, line.find(' ')));
        return calls;
    }

    std::vector<Case> cases_of_command(Command command) {
        Output output = command.launched_by({facts().fault, "list", report().string()}).run(Reaping::Adopted);
        EXPECT_TRUE(output.ok()) << output;
        const auto cases = cases_of(reported());
        EXPECT_GE(cases.size(), 8U) << "fewer calls than any operation makes";
        return cases;
    }

    /// With the call failing. The status is the operation's for failures.
    Output expect_success_or_one_error(Command command, const Case& fault, int status) {
        Output output = command.launched_by({facts().fault, fault.call, fault.error, report().string()})
                            .timeout(10)
                            .run(Reaping::Adopted);
        if (reported().empty()) return output;  // not reached this time
        ++tried_;
        succeeded_ += output.ok() ? 1 : 0;
        if (!output.ok()) expect_one_error(output, fault, status);
        return output;
    }

    void expect_one_error(const Output& output, const Case& fault, int status) {
        EXPECT_EQ(output.status, status) << output;
        if (fault.name() == "write") return;  // so was the sentence
        const auto errors = errors_in(output.err);
        EXPECT_EQ(errors.size(), 1U) << output;
        if (errors.empty() || kOfTheAllocator.contains(fault.name())) return;
        EXPECT_TRUE(contains(errors[0], container.id + ": ")) << "names neither operation nor container: " << output;
        EXPECT_FALSE(contains(errors[0], "(a bug")) << output;
    }

    void expect_nothing_left() {
        Output removed = container.remove({"--force"});
        EXPECT_TRUE(removed.ok()) << removed;
        EXPECT_EQ(reap_all(), 0) << "processes were left";
        EXPECT_FALSE(std::filesystem::exists(root() / container.id));
        EXPECT_FALSE(std::filesystem::exists(container.cgroup()));
    }

  private:
    std::size_t tried_ = 0, succeeded_ = 0;
};

TEST_F(Faults, Run) {
    for (const auto& fault : cases_of_command(container.run_command())) {
        SCOPED_TRACE(fault.call + " " + fault.error);
        Output output = expect_success_or_one_error(container.run_command(), fault, 1);
        EXPECT_TRUE(!output.ok() || output.out == "hello\n") << output;
        expect_nothing_left();
    }
}

TEST_F(Faults, Start) {
    bundle.args({"/bin/probe", "serve"});
    ASSERT_TRUE(container.create().ok());
    const auto cases = cases_of_command(runtime_command(root(), {"start", container.id}));
    for (const auto& fault : cases) {
        SCOPED_TRACE(fault.call + " " + fault.error);
        expect_nothing_left();
        Output created = container.create();
        ASSERT_TRUE(created.ok()) << created;
        expect_success_or_one_error(runtime_command(root(), {"start", container.id}), fault, 1);
    }
    expect_nothing_left();
}

TEST_F(Faults, ExecLeavesTheContainerAlone) {
    start_probe({"serve"});
    auto exec = [&] { return container.exec_command({"/bin/probe", "echo", "hello"}); };
    for (const auto& fault : cases_of_command(exec())) {
        SCOPED_TRACE(fault.call + " " + fault.error);
        expect_success_or_one_error(exec(), fault, 255);
        EXPECT_TRUE(eventually([&] { return lines(read_file(container.cgroup() / "cgroup.procs")).size() == 1; }))
            << "processes were left:\n"
            << read_file(container.cgroup() / "cgroup.procs");
        ASSERT_EQ(container.status(), "running");
    }
    expect_nothing_left();
}

TEST_F(Faults, KillReachesOrTells) {
    start_probe({"serve"});
    auto kill = [&] { return runtime_command(root(), {"kill", container.id, "0"}); };
    for (const auto& fault : cases_of_command(kill())) {
        SCOPED_TRACE(fault.call + " " + fault.error);
        expect_success_or_one_error(kill(), fault, 1);
    }
    expect_nothing_left();
}

TEST_F(Faults, DeleteCanBeRepeated) {
    auto remove = [&] { return runtime_command(root(), {"delete", "--force", container.id}); };
    ASSERT_TRUE(container.create().ok());
    for (const auto& fault : cases_of_command(remove())) {
        SCOPED_TRACE(fault.call + " " + fault.error);
        Output created = container.create();
        ASSERT_TRUE(created.ok()) << created;
        Output removed = expect_success_or_one_error(remove(), fault, 1);
        if (removed.ok()) {
            EXPECT_EQ(reap_all(), 0) << removed;
            EXPECT_FALSE(std::filesystem::exists(root() / container.id)) << removed;
        }
        expect_nothing_left();
    }
}

// A process that could not be looked at has not stopped: who believes that deletes a container that runs.
TEST_F(Faults, DoNotStopAContainer) {
    start_probe({"serve"});
    auto with_fault = [&](const char* command, const std::string& fault) {
        return runtime_command(root(), {command, container.id})
            .launched_by({facts().fault, fault, "EMFILE", report().string()})
            .run();
    };
    for (const char* call : {"openat", "read"}) {
        unsigned reached = 0;
        for (unsigned nth = 1; nth == reached + 1; ++nth) {
            const auto fault = call + (":" + std::to_string(nth));
            SCOPED_TRACE(fault);
            Output state = with_fault("state", fault);
            if (!reported().empty()) reached = nth;
            EXPECT_FALSE(contains(state.out, "stopped")) << state;
            Output removed = with_fault("delete", fault);
            EXPECT_EQ(removed.status, 1) << removed;
        }
        EXPECT_GT(reached, 1U);
    }
    EXPECT_EQ(container.status(), "running");
}
