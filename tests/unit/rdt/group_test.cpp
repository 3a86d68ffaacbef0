// On a directory that stands for resctrl: what the kernel makes there itself is made by the tests.
#include "rdt/group.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <barrier>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>

#include "../support/temporary_directory.hpp"
#include "sys/fd.hpp"

namespace arca::rdt {
namespace {

using testing::HasSubstr;

class RdtGroup : public testing::Test {
  protected:
    std::string content(const std::string& name) const {
        std::ifstream file(tree_ / name);
        std::stringstream text;
        text << file.rdbuf();
        return text.str();
    }
    bool exists(const std::string& name) const { return std::filesystem::exists(tree_ / name); }
    void make_group(const std::string& name, const std::string& schemata) {
        tree_.file(name + "/schemata", schemata);
        std::filesystem::create_directories(tree_ / (name + "/mon_groups"));
    }
    Plan of(const spec::IntelRdt& wanted) const {
        auto planned = plan(wanted, "web", tree_.path());
        return planned ? std::move(*planned) : Plan{};
    }

    test::TemporaryDirectory tree_;
};

TEST_F(RdtGroup, IsMadeWithItsSchemata) {
    auto made = create(of({.schemata = {"L3:0=f", "L2:0=3"}, .l3_cache_schema = "", .mem_bw_schema = "MB:0=50"}));
    ASSERT_TRUE(made) << made.error().message();
    EXPECT_EQ(content("web/schemata"), "MB:0=50\nL3:0=f\nL2:0=3\n");
    EXPECT_TRUE(made->group_was_made);
    ASSERT_TRUE(enter(*made, 42));
    EXPECT_EQ(content("web/tasks"), "42");
    std::filesystem::remove(tree_ / "web/schemata");  // rmdir(2) on resctrl takes the kernel's files along
    std::filesystem::remove(tree_ / "web/tasks");
    ASSERT_TRUE(remove(*made));
    EXPECT_FALSE(exists("web"));
    EXPECT_TRUE(remove(*made)) << "gone already is success";
}

TEST_F(RdtGroup, IsMonitored) {
    make_group("gold", "L3:0=f\n");
    auto made = create(of({.clos_id = "gold", .enable_monitoring = true}));
    ASSERT_TRUE(made) << made.error().message();
    ASSERT_TRUE(enter(*made, 42));
    EXPECT_EQ(content("gold/tasks"), "42");
    EXPECT_EQ(content("gold/mon_groups/web/tasks"), "42");
    std::filesystem::remove(tree_ / "gold/mon_groups/web/tasks");
    ASSERT_TRUE(remove(*made));
    EXPECT_FALSE(exists("gold/mon_groups/web"));
    EXPECT_TRUE(exists("gold")) << "another's group stays";
}

TEST_F(RdtGroup, AlreadyThereMustAgree) {
    make_group("gold", "    L3:0=00f;1=00f\n    MB:0= 50;1=100\n");
    EXPECT_TRUE(create(of({.clos_id = "gold", .l3_cache_schema = "L3:0=f", .mem_bw_schema = "MB:0=50;1=100"})));
    EXPECT_THAT(content("gold/schemata"), HasSubstr("00f")) << "compared, not written";
    auto other = create(of({.clos_id = "gold", .schemata = {"MB:1=50"}}));
    ASSERT_FALSE(other);
    EXPECT_EQ(other.error().code(), Code::InvalidConfig);
    EXPECT_EQ(other.error().pointer(), "/linux/intelRdt");
    EXPECT_THAT(other.error().message(), HasSubstr("MB:1=50"));
}

TEST_F(RdtGroup, NamedAloneMustBeThere) {
    auto missing = create(of({.clos_id = "gold"}));
    ASSERT_FALSE(missing);
    EXPECT_THAT(missing.error().message(), HasSubstr("gold"));
    EXPECT_FALSE(exists("gold"));
    make_group("gold", "L3:0=f\n");
    EXPECT_TRUE(create(of({.clos_id = "gold"})));
}

TEST_F(RdtGroup, OfTheRoot) {
    tree_.file("schemata", "");
    auto made = create(of({.clos_id = "/", .schemata = {"L3:0=f"}}));
    ASSERT_TRUE(made) << made.error().message();
    EXPECT_EQ(content("schemata"), "L3:0=f\n");
    ASSERT_TRUE(enter(*made, 7));
    EXPECT_EQ(content("tasks"), "7");
    EXPECT_TRUE(remove(*made));
    EXPECT_TRUE(exists("schemata"));
}

TEST_F(RdtGroup, AFailureLeavesNothing) {
    // No directory mon_groups: the monitoring group cannot be made.
    auto failed = create(of({.enable_monitoring = true}));
    ASSERT_FALSE(failed);
    EXPECT_FALSE(exists("web"));
}

TEST_F(RdtGroup, ChangesItsSchemata) {
    make_group("web", "L3:0=f\n");
    const Location location{.group = tree_ / "web"};
    ASSERT_TRUE(change_schemata(location, tree_.path(), schemata_of("L3:0=3\nMB:0=1", "MB:0=20")));
    EXPECT_EQ(content("web/schemata"), "L3:0=3\nMB:0=20\n") << "the cache's schema does not speak of bandwidth";
}

TEST_F(RdtGroup, WhatIsInForceCanBePutBack) {
    make_group("web", "    L3:0=f;1=f\n    MB:0=100;1=100\n");
    const Location location{.group = tree_ / "web"};
    const auto before = schemata_in_force(location);
    ASSERT_TRUE(before);
    EXPECT_THAT(*before, testing::ElementsAre("L3:0=f;1=f", "MB:0=100;1=100"));
    ASSERT_TRUE(change_schemata(location, tree_.path(), {"L3:0=3"}));
    tree_.file("web/schemata", "");
    ASSERT_TRUE(change_schemata(location, tree_.path(), *before));
    EXPECT_EQ(content("web/schemata"), "L3:0=f;1=f\nMB:0=100;1=100\n");
    EXPECT_FALSE(schemata_in_force({.group = tree_ / "none"}));
}

TEST_F(RdtGroup, WhatResctrlSaysIsInTheError) {
    std::filesystem::create_directories(tree_ / "web");
    std::filesystem::create_symlink("/dev/full", tree_ / "web/schemata");  // every write fails
    tree_.file("info/last_cmd_status", "unknown domain\n");
    auto failed = change_schemata({.group = tree_ / "web"}, tree_.path(), {"L3:9=3"});
    ASSERT_FALSE(failed);
    EXPECT_THAT(failed.error().message(), HasSubstr("resctrl says: unknown domain"));
}

TEST_F(RdtGroup, TakesEveryThread) {
    make_group("web", "");
    ::mkfifo((tree_ / "web/tasks").c_str(), 0600);
    const sys::Fd tasks(::open((tree_ / "web/tasks").c_str(), O_RDWR | O_NONBLOCK | O_CLOEXEC));
    std::barrier meeting(2);
    std::jthread other([&] { meeting.arrive_and_wait(); });
    ASSERT_TRUE(enter_with_threads({.group = tree_ / "web"}, ::getpid()));
    meeting.arrive_and_wait();
    std::string written(256, '\0');
    written.resize(static_cast<std::size_t>(std::max<ssize_t>(0, ::read(tasks.number(), written.data(), 256))));
    EXPECT_THAT(written, HasSubstr(std::to_string(::getpid())));
    EXPECT_GT(written.size(), std::to_string(::getpid()).size()) << "the second thread's id follows the first";
}

TEST_F(RdtGroup, AProcessThatHasEndedIsNoError) {
    make_group("web", "");
    const pid_t child = ::fork();
    if (child == 0) ::_exit(0);
    ::waitpid(child, nullptr, 0);
    EXPECT_TRUE(enter_with_threads({.group = tree_ / "web"}, child));
}

TEST_F(RdtGroup, WithoutOneNothingIsTouched) {
    EXPECT_TRUE(enter({}, 1));
    EXPECT_TRUE(remove({}));
}

TEST(RdtSchema, ComparesValuesNotText) {
    const std::string existing = "    L3:0=7ff;1=7FF\n    MB:0= 70;1=  70\n";
    EXPECT_TRUE(agrees(existing, "L3:1=7ff"));
    EXPECT_TRUE(agrees(existing, "L3:0=07ff;1=7ff"));
    EXPECT_TRUE(agrees(existing, "MB:0=70"));
    EXPECT_FALSE(agrees(existing, "MB:0=7"));
    EXPECT_FALSE(agrees(existing, "L3:2=7ff"));
    EXPECT_FALSE(agrees(existing, "L2:0=f"));
}

}  // namespace
}  // namespace arca::rdt
