#include <sys/mount.h>

#include "harness/container.hpp"

using namespace integration;

class HotMounts : public ContainerTest {
  protected:
    void SetUp() override {
        ContainerTest::SetUp();
        if (IsSkipped()) return;
        REQUIRE_ROOT();  // the host's mounts are cloned
        REQUIRE(facts().mount_setattr, "needs mount_setattr(2)");
        SKIP_FOR(Runc, "has no such command");
        bundle.config["root"]["readonly"] = false;  // mount points are made
        std::filesystem::create_directory(work / "source");
        write_file(work / "source" / "file", "of the host");
    }
    Output call(const std::string& action, const Json& mounts) {
        write_file(work / "mounts.json", Json({{"mounts", mounts}}).dump());
        return container.call({"mounts", action, container.id, (work / "mounts.json").string()});
    }
    Json bind(const std::string& destination, const Json& options = Json::array({"bind"})) const {
        return {{"destination", destination},
                {"type", "bind"},
                {"source", (work / "source").string()},
                {"options", options}};
    }
    Json listed() {
        Output output = container.call({"mounts", "list", container.id});
        EXPECT_TRUE(output.ok()) << output;
        return Json::parse(output.out, nullptr, false)["mounts"];
    }
};

TEST_F(HotMounts, ABindIsSeenByTheContainerAndGoesAgain) {
    start_probe({"serve"});
    Output added = call("add", Json::array({bind("/hot")}));
    ASSERT_TRUE(added.ok()) << added;
    EXPECT_EQ(exec_probe({"read", "/hot/file"})["text"], "of the host");
    Output removed = call("remove", Json::array({bind("/hot")}));
    ASSERT_TRUE(removed.ok()) << removed;
    EXPECT_EQ(exec_probe({"read", "/hot/file"})["error"], "ENOENT");
}

TEST_F(HotMounts, OptionsHold) {
    start_probe({"serve"});
    ASSERT_TRUE(call("add", Json::array({bind("/hot", {"bind", "ro", "noexec"})})).ok());
    std::string options = mount_options(exec_probe({"mounts"}), "/hot");
    EXPECT_TRUE(contains(options, ",ro,") && contains(options, ",noexec,")) << options;
    EXPECT_EQ(exec_probe({"write", "/hot/new", "x"})["error"], "EROFS");
}

TEST_F(HotMounts, AFileOnAFile) {
    start_probe({"serve"});
    Json mount = bind("/etc/hot.conf");
    mount["source"] = (work / "source" / "file").string();
    Output added = call("add", Json::array({mount}));
    ASSERT_TRUE(added.ok()) << added;
    EXPECT_EQ(exec_probe({"read", "/etc/hot.conf"})["text"], "of the host");
    EXPECT_TRUE(call("remove", Json::array({mount})).ok());
}

TEST_F(HotMounts, ATmpfs) {
    start_probe({"serve"});
    Output added =
        call("add",
             Json::array(
                 {{{"destination", "/hot"}, {"type", "tmpfs"}, {"source", "tmpfs"}, {"options", {"ro", "size=64k"}}}}));
    ASSERT_TRUE(added.ok()) << added;
    EXPECT_TRUE(contains(mount_options(exec_probe({"mounts"}), "/hot"), ",ro,"));
}

TEST_F(HotMounts, InAContainerWithAUserNamespace) {
    bundle.map_ids(100000, 65536);
    bundle.directory("hot");  // nobody in the container may make it in a root of the host's
    start_probe({"serve"});
    Output added = call("add", Json::array({bind("/hot")}));
    ASSERT_TRUE(added.ok()) << added;
    EXPECT_EQ(exec_probe({"read", "/hot/file"})["text"], "of the host");
    EXPECT_TRUE(call("remove", Json::array({bind("/hot")})).ok());
}

TEST_F(HotMounts, TheSourceIsThatOfTheHost) {
    std::string source = (work / "source").string();
    bundle.directory(source.substr(1));
    bundle.file(source.substr(1) + "/file", "of the container");
    start_probe({"serve"});
    ASSERT_TRUE(call("add", Json::array({bind("/hot")})).ok());
    EXPECT_EQ(exec_probe({"read", "/hot/file"})["text"], "of the host");
}

TEST_F(HotMounts, StaysInsideOfTheRoot) {
    std::filesystem::create_symlink("/../../../../..", bundle.rootfs() / "out");
    start_probe({"serve"});
    ASSERT_TRUE(call("add", Json::array({bind("/out/hot")})).ok());
    EXPECT_EQ(exec_probe({"read", "/hot/file"})["text"], "of the host");
    EXPECT_FALSE(std::filesystem::exists("/hot"));
}

TEST_F(HotMounts, AreListedUntilTheyAreRemoved) {
    start_probe({"serve"});
    EXPECT_EQ(listed(), Json::array());
    ASSERT_TRUE(call("add", Json::array({bind("/one"), bind("/two", {"rbind", "ro"})})).ok());
    EXPECT_EQ(listed(), Json::array({bind("/one"), bind("/two", {"rbind", "ro"})}));
    ASSERT_TRUE(call("remove", Json::array({bind("/one")})).ok());
    EXPECT_EQ(listed(), Json::array({bind("/two", {"rbind", "ro"})}));
}

TEST_F(HotMounts, AFailureAddsNothing) {
    start_probe({"serve"});
    bundle.file("plain", "");
    Output output = call("add", Json::array({bind("/one"), bind("/etc/passwd")}));
    EXPECT_EQ(output.status, 1);
    EXPECT_TRUE(contains(output.err, "/mounts/1")) << output;
    EXPECT_EQ(mount_line(exec_probe({"mounts"}), "/one"), "");
    EXPECT_EQ(listed(), Json::array());
}

TEST_F(HotMounts, WhatWasNotAddedIsNotRemoved) {
    start_probe({"serve"});
    Output output = call("remove", Json::array({bind("/proc")}));
    EXPECT_EQ(output.status, 1);
    EXPECT_TRUE(contains(output.err, "/proc")) << output;
}

TEST_F(HotMounts, OtherFileSystemsAreRefused) {
    start_probe({"serve"});
    Output output = call("add", Json::array({{{"destination", "/hot"}, {"type", "proc"}, {"source", "proc"}}}));
    EXPECT_EQ(output.status, 1);
    EXPECT_TRUE(contains(output.err, "/mounts/0")) << output;
}

TEST_F(HotMounts, OfAStoppedContainer) {
    ASSERT_TRUE(container.run({"--keep"}).ok());
    Output output = call("add", Json::array({bind("/hot")}));
    EXPECT_EQ(output.status, 1);
    EXPECT_TRUE(contains(output.err, "container not running")) << output;
}
