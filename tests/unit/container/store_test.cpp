#include "container/store.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>

#include "sys/syscalls.hpp"

namespace arca::container {
namespace {

class StoreTest : public testing::Test {
  protected:
    void SetUp() override {
        char pattern[] = "/tmp/arca-store-XXXXXX";
        root_ = ::mkdtemp(pattern);
    }
    void TearDown() override { std::filesystem::remove_all(root_); }
    std::string root_;
};

/// While it lives, so many descriptors more can be opened.
class RoomForDescriptors {
  public:
    explicit RoomForDescriptors(unsigned count) {
        const int next = ::dup(0);
        ::close(next);
        EXPECT_EQ(::getrlimit(RLIMIT_NOFILE, &before_), 0);
        const rlimit limit{static_cast<rlim_t>(next) + count, before_.rlim_max};
        EXPECT_EQ(::setrlimit(RLIMIT_NOFILE, &limit), 0);
    }
    ~RoomForDescriptors() { EXPECT_EQ(::setrlimit(RLIMIT_NOFILE, &before_), 0); }
    RoomForDescriptors(const RoomForDescriptors&) = delete;
    RoomForDescriptors& operator=(const RoomForDescriptors&) = delete;

  private:
    rlimit before_{};
};

Record some_record() {
    Record record;
    record.id = "web";
    record.oci_version = "1.3.0";
    record.status = Status::Created;
    record.pid = 42;
    record.start_time = 18446744073709551615U;
    record.bundle = "/b";
    record.annotations = {{"k", "v\n"}};
    record.cgroup = {cgroup::Kind::V2, "/sys/fs/cgroup", "/web"};
    record.namespaces = 0x20000000;
    record.reason = "because";
    return record;
}

TEST_F(StoreTest, WhatIsWrittenIsRead) {
    auto store = Store::create(root_, "web");
    ASSERT_TRUE(store) << store.error().message();
    ASSERT_TRUE(store->write(some_record()));
    auto record = store->read();
    ASSERT_TRUE(record) << record.error().message();
    EXPECT_EQ(to_json(*record), to_json(some_record()));
    EXPECT_EQ(record->start_time, 18446744073709551615U);
}

TEST_F(StoreTest, AnIdIsNotTakenByWhoCouldNotOpenIt) {
    auto create = [this] {
        const RoomForDescriptors one(1);  // of the root, and none for what is made in it
        return Store::create(root_, "web");
    };
    auto store = create();
    ASSERT_FALSE(store);
    EXPECT_EQ(store.error().errnum(), EMFILE);
    EXPECT_FALSE(std::filesystem::exists(root_ + "/web"));
}

TEST_F(StoreTest, WhatCouldNotBeRemovedIsNotSaidToBe) {
    auto store = Store::create(root_, "web");
    ASSERT_TRUE(store);
    auto remove = [&] {
        const RoomForDescriptors none(0);
        return store->remove();
    };
    EXPECT_FALSE(remove());
    EXPECT_TRUE(store->remove());
    EXPECT_FALSE(std::filesystem::exists(root_ + "/web"));
}

TEST_F(StoreTest, TheCgroupIsRememberedWhateverItsKind) {
    auto record = some_record();
    record.cgroup = {
        cgroup::Kind::V1, "/sys/fs/cgroup/unified", "/web", {{"cpu,cpuacct", "/sys/fs/cgroup/cpu", "/web"}}};
    auto read = parse_record(to_json(record));
    ASSERT_TRUE(read) << read.error().message();
    EXPECT_EQ(read->cgroup, record.cgroup);
    // As it was written before there were more kinds than one.
    auto old = to_json(some_record());
    EXPECT_EQ(old.find("\"v1\""), std::string::npos);
    old.replace(old.find("\"kind\":\"v2\""), 11, "\"kind\":\"v9\"");
    read = parse_record(old);
    ASSERT_FALSE(read);
    EXPECT_EQ(read.error().code(), Code::BadState);
}

TEST_F(StoreTest, AStateThatIsNoneIsTold) {
    const auto whole = to_json(some_record());
    const auto with = [&](const std::string& from, const std::string& to) {
        auto text = whole;
        const auto at = text.find(from);
        EXPECT_NE(at, std::string::npos) << from;
        return text.replace(at, from.size(), to);
    };
    const std::pair<std::string, const char*> cases[] = {
        {"", "unexpected end of input"},
        {whole + "}", "expected end of input"},
        {"[]", "the document is no object"},
        {"7", "the document is no object"},
        {"{}", "it has format 0, expected 1"},
        {with("\"format\":1", "\"format\":2"), "it has format 2, expected 1"},
        {with("\"bootId\"", "\"boot\""), "it has no bootId"},
        {with("\"kind\"", "\"sort\""), "it has no kind"},
        {with("\"rootless\":false", "\"rootless\":0"), "rootless is of another type"},
        {with("\"rootless\":false", "\"rootless\":null"), "rootless is of another type"},
        {with("\"pid\":", "\"pid\":-"), "pid is negative"},
        {with("\"pid\":", "\"pid\":99999999"), "a number is too large"},
    };
    for (const auto& [text, told] : cases) {
        const auto read = parse_record(text);
        ASSERT_FALSE(read) << text;
        EXPECT_EQ(read.error().code(), Code::BadState);
        EXPECT_NE(read.error().message().find(told), std::string::npos) << read.error().message();
    }
    EXPECT_TRUE(parse_record(with("{\"format\"", "{\"later\":{\"a\":[1,{\"id\":2}]},\"format\"")))
        << "what is not known";
}

TEST_F(StoreTest, AnIdIsTakenOnce) {
    auto first = Store::create(root_, "web");
    ASSERT_TRUE(first);
    auto second = Store::create(root_, "web");
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().code(), Code::ContainerExists);
}

TEST_F(StoreTest, MissingContainerAndMissingRoot) {
    EXPECT_EQ(Store::open(root_, "nobody", Store::Access::Unlocked).error().code(), Code::ContainerNotFound);
    EXPECT_EQ(Store::open(root_ + "/none", "nobody", Store::Access::Unlocked).error().code(), Code::ContainerNotFound);
    auto ids = Store::ids(root_ + "/none");
    ASSERT_TRUE(ids);
    EXPECT_TRUE(ids->empty());
}

TEST_F(StoreTest, TheRootIsMadePrivate) {
    auto store = Store::create(root_ + "/a/b", "web");
    ASSERT_TRUE(store) << store.error().message();
    struct stat status {};
    ASSERT_EQ(::stat((root_ + "/a/b/web").c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 07777, 0700U);
}

TEST_F(StoreTest, BrokenStateIsToldAsSuch) {
    auto store = Store::create(root_, "web");
    ASSERT_TRUE(store);
    for (const char* broken : {"", "{", "[]", "{\"format\":99}", "{\"format\":1}", "{\"format\":1,\"id\":7}"}) {
        ASSERT_TRUE(store->write_file("state.json", broken));
        auto record = store->read();
        ASSERT_FALSE(record) << broken;
        EXPECT_EQ(record.error().code(), Code::BadState) << broken;
    }
}

TEST_F(StoreTest, ADirectoryWithoutStateIsACreateThatWasCutShort) {
    auto store = Store::create(root_, "web");
    ASSERT_TRUE(store);
    auto record = store->read();
    ASSERT_TRUE(record);
    EXPECT_EQ(record->status, Status::Creating);
}

TEST_F(StoreTest, RemovalTakesEverythingAndMayComeTwice) {
    auto store = Store::create(root_, "web");
    ASSERT_TRUE(store);
    ASSERT_TRUE(store->write(some_record()));
    ASSERT_TRUE(sys::mkdirat(store->directory(), "notify", 0700));
    EXPECT_TRUE(store->remove());
    EXPECT_NE(::access((root_ + "/web").c_str(), F_OK), 0);
    EXPECT_TRUE(store->remove());
}

TEST_F(StoreTest, ALockIsWaitedForAndWhatWasRemovedMeanwhileIsNotFound) {
    auto holder = Store::create(root_, "web");
    ASSERT_TRUE(holder);
    const auto child = ::fork();
    if (child == 0) {
        auto waiting = Store::open(root_, "web", Store::Access::Exclusive);
        ::_exit(!waiting && waiting.error().code() == Code::ContainerNotFound ? 7 : 1);
    }
    // The child holds a copy of the descriptor through fork, so the lock is given up, not just closed.
    int status = 0;
    EXPECT_EQ(::waitpid(child, &status, WNOHANG), 0);
    ASSERT_TRUE(holder->remove());
    holder->unlock();
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_EQ(WEXITSTATUS(status), 7);
}

TEST_F(StoreTest, ListsOnlyWhatCanBeAnId) {
    for (const char* name : {"b", "a", ".hidden", "with space"})
        std::filesystem::create_directory(root_ + "/" + name);
    auto ids = Store::ids(root_);
    ASSERT_TRUE(ids);
    EXPECT_EQ(*ids, (std::vector<std::string>{"a", "b"}));
}

TEST(Ids, AreFileNames) {
    for (const char* good : {"a", "A-b_c+d.e", "0", "a.b", "..."})
        EXPECT_TRUE(check_id(good)) << good;
    for (const char* bad : {"", ".", "..", "a/b", "a b", "a\n", "\xc3\xa4", "a\x1b"})
        EXPECT_FALSE(check_id(bad)) << bad;
    EXPECT_FALSE(check_id(std::string(1025, 'a')));
}

}  // namespace
}  // namespace arca::container
