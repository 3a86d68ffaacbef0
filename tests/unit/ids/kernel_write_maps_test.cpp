// Ring 2: maps of real user namespaces, by our own hand and by helpers.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <grp.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>

#include "ids/helper.hpp"
#include "ids/id_maps.hpp"
#include "sys/process.hpp"
#include "sys/syscalls.hpp"

namespace arca::ids {
namespace {

using testing::HasSubstr;
using Map = std::vector<spec::IdMapping>;

/// Root of a user namespace has the rights, but not the ids.
bool is_host_root() {
    return geteuid() == 0 && host::in_initial_user_namespace().value_or(false);
}

/// A child in a user namespace of its own that waits to be killed; nothing where that is refused.
sys::Child in_new_user_namespace() {
    auto cloned = sys::clone3({.flags = CLONE_NEWUSER});
    if (!cloned) return {};
    if (cloned->is_child) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        for (;;)
            ::pause();
    }
    return std::move(cloned->child);
}

/// "0 100000 65536\n..." without the padding of the kernel.
std::string map_of(pid_t pid, const char* file) {
    const auto content = sys::read_file(text::cat("/proc/", pid, "/", file)).value_or("?");
    std::string out;
    for (auto line : text::split(text::trim(content), '\n')) {
        for (auto field : text::split(line, ' '))
            if (!field.empty()) out += text::cat(field, " ");
        out.back() = '\n';
    }
    return out;
}

Plan direct(Map uids, Map gids) {
    return {.new_user_namespace = true, .uids = std::move(uids), .gids = std::move(gids)};
}

/// Runs `body` as uid 4242, gid 4243; the value is the exit status of the child it runs in.
int as_somebody(const std::function<int()>& body) {
    auto cloned = sys::clone3({});
    if (!cloned) return -1;
    if (cloned->is_child) {
        const bool became = setgroups(0, nullptr) == 0 && setresgid(4243, 4243, 4243) == 0 &&
                            setresuid(4242, 4242, 4242) == 0 && prctl(PR_SET_DUMPABLE, 1) == 0;
        _exit(became ? body() : 99);
    }
    return cloned->child.wait()->code;
}

TEST(KernelWriteMaps, DirectlyAsRoot) {
    if (!is_host_root()) GTEST_SKIP() << "needs root";
    auto child = in_new_user_namespace();
    if (!child) GTEST_SKIP() << "this host refuses user namespaces";
    auto written = write_maps(direct({{0, 100000, 1000}, {1000, 0, 5}}, {{0, 200000, 7}}), child.pid(), {});
    ASSERT_TRUE(written) << written.error().message();
    EXPECT_EQ(map_of(child.pid(), "uid_map"), "0 100000 1000\n1000 0 5\n");
    EXPECT_EQ(map_of(child.pid(), "gid_map"), "0 200000 7\n");
    EXPECT_EQ(*sys::read_file(text::cat("/proc/", child.pid(), "/setgroups")), "allow\n");

    auto again = write_maps(direct({{0, 100000, 1}}, {{0, 200000, 7}}), child.pid(), {});
    ASSERT_FALSE(again) << "maps are written once";
    EXPECT_THAT(again.error().message(), HasSubstr(text::cat("mapping the ids of process ", child.pid())));
    EXPECT_EQ(again.error().pointer(), "/linux/uidMappings");
}

TEST(KernelWriteMaps, ManyLines) {
    if (!is_host_root()) GTEST_SKIP() << "needs root";
    auto child = in_new_user_namespace();
    if (!child) GTEST_SKIP() << "this host refuses user namespaces";
    Map many;
    for (std::uint32_t i = 0; i < 300; ++i)
        many.push_back({i, 2 * i + 7, 1});
    auto written = write_maps(direct(many, many), child.pid(), {});
    ASSERT_TRUE(written) << written.error().message();
    EXPECT_EQ(to_host(many, 299), 605U);
    EXPECT_THAT(map_of(child.pid(), "gid_map"), HasSubstr("299 605 1\n"));
}

TEST(KernelWriteMaps, AUserMapsTheOwnIds) {
    if (!is_host_root()) GTEST_SKIP() << "needs to become somebody else";
    const int status = as_somebody([] {
        auto child = in_new_user_namespace();
        if (!child) return 77;
        auto plan = direct({{0, 4242, 1}}, {{0, 4243, 1}});
        plan.deny_setgroups = true;
        if (!write_maps(plan, child.pid(), {})) return 1;
        if (map_of(child.pid(), "gid_map") != "0 4243 1\n") return 2;
        return *sys::read_file(text::cat("/proc/", child.pid(), "/setgroups")) == "deny\n" ? 0 : 3;
    });
    if (status == 77) GTEST_SKIP() << "this host refuses user namespaces to users";
    EXPECT_EQ(status, 0);
}

TEST(KernelWriteMaps, ARefusalNamesTheMissingRight) {
    if (!is_host_root()) GTEST_SKIP() << "needs to become somebody else";
    const int status = as_somebody([] {
        auto child = in_new_user_namespace();
        if (!child) return 77;
        auto written = write_maps(direct({{0, 100000, 5}}, {{0, 4243, 1}}), child.pid(), {});
        if (written) return 1;
        return written.error().errnum() == EPERM && written.error().hint() == "arca runs without CAP_SETUID" ? 0 : 2;
    });
    if (status == 77) GTEST_SKIP() << "this host refuses user namespaces to users";
    EXPECT_EQ(status, 0);
}

TEST(KernelWriteMaps, WithoutANewNamespaceNothingIsWritten) {
    EXPECT_TRUE(write_maps(Plan{.uids = {{0, 1, 1}}}, 1, {}));
}

/// Stand-ins for newuidmap and newgidmap.
class Helpers : public testing::Test {
  protected:
    void SetUp() override {
        char name[] = "/tmp/arca-ids-XXXXXX";
        ASSERT_NE(mkdtemp(name), nullptr);
        directory_ = name;
        environment_ = {"PATH=relative:/absent:" + directory_ + ":/usr/bin:/bin", "MARK=here"};
        plan_ = direct({{0, 1000, 1}, {1, 100000, 65536}}, {{0, 1001, 1}});
        plan_.writer = Writer::Helpers;
    }
    void TearDown() override { std::filesystem::remove_all(directory_); }

    void make(const std::string& name, const std::string& body) {
        const auto path = directory_ + "/" + name;
        std::ofstream(path) << "#!/bin/sh\n" << body << "\n";
        ASSERT_EQ(chmod(path.c_str(), 0755), 0);
    }
    std::string log() { return sys::read_file(directory_ + "/log").value_or(""); }

    std::string directory_;
    std::vector<std::string> environment_;
    Plan plan_;
};

TEST_F(Helpers, GetTheMapsAsArguments) {
    for (const char* name : {"newuidmap", "newgidmap"})
        make(name, text::cat("echo \"${0##*/} $* $MARK\" >> ", directory_, "/log"));
    auto written = write_maps(plan_, 4711, environment_);
    ASSERT_TRUE(written) << written.error().message();
    EXPECT_EQ(log(), "newuidmap 4711 0 1000 1 1 100000 65536 here\nnewgidmap 4711 0 1001 1 here\n");
}

TEST_F(Helpers, TakeAsManyLinesAsTheKernel) {
    plan_.uids.clear();
    for (std::uint32_t i = 0; i < 340; ++i)
        plan_.uids.push_back({i, i, 1});
    make("newuidmap", text::cat("echo $# >> ", directory_, "/log"));
    make("newgidmap", "true");
    ASSERT_TRUE(write_maps(plan_, 4711, environment_));
    EXPECT_EQ(log(), "1021\n");
}

TEST_F(Helpers, MayFailAndWhatTheySayIsKept) {
    make("newuidmap", "echo 'newuidmap: not on my watch' >&2; exit 3");
    auto written = write_maps(plan_, 4711, environment_);
    ASSERT_FALSE(written);
    EXPECT_EQ(written.error().pointer(), "/linux/uidMappings");
    EXPECT_THAT(written.error().message(),
                HasSubstr("mapping the user ids of process 4711: /linux/uidMappings: " + directory_ +
                          "/newuidmap exited with status 3 and said \"newuidmap: not on my watch\""));
    EXPECT_THAT(written.error().hint(), HasSubstr("/newuidmap is neither setuid root nor has file capabilities"));
}

TEST_F(Helpers, MayBeKilledOrSayTooMuch) {
    make("newuidmap", "i=0; while [ $i -lt 9000 ]; do echo 0123456789; i=$((i+1)); done; kill -9 $$");
    auto written = write_maps(plan_, 4711, environment_);
    ASSERT_FALSE(written);
    EXPECT_THAT(written.error().message(), HasSubstr("was killed by SIGKILL"));
    EXPECT_LT(written.error().message().size(), 1000U);
}

TEST_F(Helpers, MayBeAbsent) {
    auto written = write_maps(plan_, 4711, {"PATH=" + directory_});
    ASSERT_FALSE(written);
    EXPECT_EQ(written.error().code(), Code::Unsupported);
    EXPECT_THAT(written.error().message(), HasSubstr("newuidmap, which is in no directory of PATH"));
}

TEST_F(Helpers, TheGroupHelperIsNamedWhenItFails) {
    make("newuidmap", "true");
    make("newgidmap", "exit 1");
    auto written = write_maps(plan_, 4711, environment_);
    ASSERT_FALSE(written);
    EXPECT_EQ(written.error().pointer(), "/linux/gidMappings");
    EXPECT_THAT(written.error().message(), HasSubstr("/newgidmap exited with status 1"));
}

TEST_F(Helpers, AreNotLookedForInTheWorkingDirectory) {
    make("newuidmap", "true");
    EXPECT_EQ(find_helper("newuidmap", {"PATH=::.:" + directory_}), directory_ + "/newuidmap");
    ASSERT_EQ(chdir(directory_.c_str()), 0);
    EXPECT_EQ(find_helper("newuidmap", {"PATH=:."}), "");
    ASSERT_EQ(chdir("/"), 0);
    make("notrunnable", "true");
    ASSERT_EQ(chmod((directory_ + "/notrunnable").c_str(), 0644), 0);
    EXPECT_EQ(find_helper("notrunnable", environment_), "");
}

TEST_F(Helpers, TheRealOneIsAskedWhereItIsInstalled) {
    if (!is_host_root() || find_helper("newuidmap", {}).empty()) GTEST_SKIP() << "needs root and newuidmap";
    const int status = as_somebody([] {
        auto child = in_new_user_namespace();
        if (!child) return 77;
        Plan plan = direct({{0, 4242, 1}, {1, 100000, 5}}, {{0, 4243, 1}});
        plan.writer = Writer::Helpers;
        auto written = write_maps(plan, child.pid(), {});
        if (written) return 1;
        return written.error().hint() == "/etc/subuid has no entry for uid 4242" ? 0 : 2;
    });
    if (status == 77) GTEST_SKIP() << "this host refuses user namespaces to users";
    EXPECT_EQ(status, 0);
}

/// Puts `content` in the place of `path`, for this mount namespace alone.
bool cover(const std::string& path, const std::string& content) {
    char name[] = "/tmp/arca-cover-XXXXXX";
    sys::Fd file(mkstemp(name));
    const bool covered = sys::write_all(file, content) && fchmod(file.number(), 0644) == 0 &&
                         mount(name, path.c_str(), nullptr, MS_BIND, nullptr) == 0;
    unlink(name);
    return covered;
}

/// As daemon, whom newuidmap knows by name, with ranges granted to it.
int map_granted_ranges() {
    constexpr uid_t kDaemon = 1;
    if (mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) < 0 ||
        !cover("/etc/subuid", "daemon:300000:100\n") || !cover("/etc/subgid", "daemon:400000:100\n"))
        return 77;
    if (setgroups(0, nullptr) < 0 || setresgid(kDaemon, kDaemon, kDaemon) < 0 ||
        setresuid(kDaemon, kDaemon, kDaemon) < 0 || prctl(PR_SET_DUMPABLE, 1) < 0)
        return 99;
    auto child = in_new_user_namespace();
    if (!child) return 77;
    Plan plan = direct({{0, kDaemon, 1}, {1, 300000, 100}}, {{0, 400000, 100}});
    plan.writer = Writer::Helpers;
    if (!write_maps(plan, child.pid(), {})) return 1;
    return map_of(child.pid(), "uid_map") == "0 1 1\n1 300000 100\n" ? 0 : 2;
}

TEST_F(Helpers, TheRealOneMapsWhatTheFileGrants) {
    if (!is_host_root() || find_helper("newuidmap", {}).empty()) GTEST_SKIP() << "needs root and newuidmap";
    auto cloned = sys::clone3({.flags = CLONE_NEWNS});
    ASSERT_TRUE(cloned) << cloned.error().message();
    if (cloned->is_child) _exit(map_granted_ranges());
    const int status = cloned->child.wait()->code;
    if (status == 77) GTEST_SKIP() << "this host refuses mounts or user namespaces";
    EXPECT_EQ(status, 0);
}

}  // namespace
}  // namespace arca::ids
