#include "process/environment.hpp"

#include <gmock/gmock.h>
#include <sys/stat.h>

#include "../support/temporary_directory.hpp"

namespace arca::process {
namespace {

using testing::ElementsAre;

TEST(Environment, LastOfSeveralEntriesWinsAtThePlaceOfTheFirst) {
    EXPECT_THAT(without_duplicates({"A=1", "B=2", "A=3", "C=", "B=4=5"}), ElementsAre("A=3", "B=4=5", "C="));
}

TEST(Environment, NamesThatArePrefixesOfOthersAreDifferent) {
    EXPECT_THAT(without_duplicates({"AB=1", "A=2", "ABC=3"}), ElementsAre("AB=1", "A=2", "ABC=3"));
    EXPECT_EQ(find({"AB=1", "A=2"}, "A"), "2");
}

TEST(Environment, ManyEntriesTakeLinearTime) {
    std::vector<std::string> many;
    for (int i = 0; i < 200'000; ++i)
        many.push_back("SERVICE_" + std::to_string(i % 100'000) + "=x");
    EXPECT_EQ(without_duplicates(many).size(), 100'000U);
}

TEST(Environment, FindTakesTheLastAndTellsEmptyFromAbsent) {
    EXPECT_EQ(find({"A=1", "A=2"}, "A"), "2");
    EXPECT_EQ(find({"A="}, "A"), "");
    EXPECT_EQ(find({"A"}, "A"), std::nullopt);
    EXPECT_EQ(find({}, "A"), std::nullopt);
}

class Home : public testing::Test {
  protected:
    std::string of(std::uint32_t uid) {
        auto root = sys::RootDir::open(directory_.path());
        EXPECT_TRUE(root);
        return home_directory(*root, uid);
    }
    test::TemporaryDirectory directory_;
};

TEST_F(Home, IsTheSixthFieldOfTheFirstEntryOfThatUid) {
    directory_.file("etc/passwd",
                    "root:x:0:0:root:/root:/bin/sh\n"
                    "# comment\n"
                    "broken:x:7\n"
                    "a:x:1000:1000:Any, One:/home/a:/bin/sh\n"
                    "b:x:1000:1000::/home/b:/bin/sh\n"
                    "nohome:x:1001:1001:::\n"
                    "last:x:4294967294:0::/last:");
    EXPECT_EQ(of(0), "/root");
    EXPECT_EQ(of(1000), "/home/a");
    EXPECT_EQ(of(4294967294U), "/last");
}

TEST_F(Home, IsTheRootWhenUnknownEmptyOrUnreadable) {
    EXPECT_EQ(of(0), "/");
    directory_.file("etc/passwd", "nohome:x:1001:1001:::\nbroken:x:7\n");
    EXPECT_EQ(of(1001), "/");
    EXPECT_EQ(of(7), "/");
    EXPECT_EQ(of(5), "/");
}

TEST_F(Home, DoesNotWaitForAFifo) {
    std::filesystem::create_directories(directory_ / "etc");
    ASSERT_EQ(::mkfifo((directory_ / "etc/passwd").c_str(), 0644), 0);
    EXPECT_EQ(of(0), "/");
}

TEST_F(Home, DoesNotFollowALinkOutOfTheRoot) {
    std::filesystem::create_directories(directory_ / "etc");
    ASSERT_EQ(::symlink("../../../../../../../../etc/passwd", (directory_ / "etc/passwd").c_str()), 0);
    EXPECT_EQ(of(0), "/");
}

TEST(ListenDescriptors, AreOursOnlyWithOurPid) {
    EXPECT_EQ(listen_descriptors({"LISTEN_PID=7", "LISTEN_FDS=2"}, 7), 2U);
    EXPECT_EQ(listen_descriptors({"LISTEN_PID=8", "LISTEN_FDS=2"}, 7), 0U);
    EXPECT_EQ(listen_descriptors({"LISTEN_FDS=2"}, 7), 0U);
    EXPECT_EQ(listen_descriptors({"LISTEN_PID=7"}, 7), 0U);
}

TEST(ListenDescriptors, NonsenseIsNone) {
    EXPECT_EQ(listen_descriptors({"LISTEN_PID=7", "LISTEN_FDS=-1"}, 7), 0U);
    EXPECT_EQ(listen_descriptors({"LISTEN_PID=7", "LISTEN_FDS=2x"}, 7), 0U);
    EXPECT_EQ(listen_descriptors({"LISTEN_PID=7", "LISTEN_FDS=99999999999"}, 7), 0U);
    EXPECT_EQ(listen_descriptors({"LISTEN_PID=", "LISTEN_FDS=1"}, 0), 0U);
}

}  // namespace
}  // namespace arca::process
