#include "criu/protocol.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rpc.pb-c.h>

#include <memory>

namespace arca::criu {
namespace {

using Request =
    std::unique_ptr<Rpc__Request, decltype([](Rpc__Request* r) { rpc__request__free_unpacked(r, nullptr); })>;

/// What CRIU would read.
Request read(const std::string& bytes) {
    return Request(rpc__request__unpack(nullptr, bytes.size(), reinterpret_cast<const std::uint8_t*>(bytes.data())));
}

std::string pack(const Rpc__Response& response) {
    std::string bytes(rpc__response__get_packed_size(&response), '\0');
    rpc__response__pack(&response, reinterpret_cast<std::uint8_t*>(bytes.data()));
    return bytes;
}

TEST(Protocol, ADump) {
    Options options{.images_directory = 5, .work_directory = 6, .log_file = "dump.log", .pid = 4711, .root = "/r"};
    options.leave_running = true;
    options.external = {"mnt[/a]:/a", "net[7]:key"};
    options.page_server = PageServer{"::1", 27};
    options.cgroup_mode = CgroupMode::Strict;
    const auto request = read(encode_operation(Call::Dump, options));
    ASSERT_TRUE(request);
    EXPECT_EQ(request->type, 1);
    const auto& sent = *request->options;
    EXPECT_EQ(sent.images_directory, 5);
    EXPECT_EQ(sent.work_directory, 6);
    EXPECT_EQ(sent.pid, 4711);
    EXPECT_STREQ(sent.root, "/r");
    EXPECT_STREQ(sent.log_file, "dump.log");
    EXPECT_EQ(sent.log_level, 4);
    EXPECT_TRUE(sent.leave_running);
    EXPECT_TRUE(sent.notify);
    EXPECT_TRUE(sent.orphan_terminal);
    EXPECT_FALSE(sent.has_tcp_established) << "what is not asked for is not said";
    EXPECT_EQ(sent.cgroup_mode, 5);
    ASSERT_EQ(sent.n_external, 2U);
    EXPECT_STREQ(sent.external[1], "net[7]:key");
    EXPECT_STREQ(sent.page_server->address, "::1");
    EXPECT_EQ(sent.page_server->port, 27);
    EXPECT_FALSE(sent.has_network_lock);
}

TEST(Protocol, ARestore) {
    Options options{.images_directory = 5};
    options.as_sibling = true;
    options.inherited = {{"pipe:[1]", 9}, {"pipe:[2]", 10}};
    options.joined = {{"ipc", "/proc/1/ns/ipc"}};
    options.cgroup_roots = {{"cpu", "/new"}, {"", "/unified"}};
    options.network_lock = NetworkLock::Skip;
    options.empty_namespaces = 0x40000000;
    const auto request = read(encode_operation(Call::Restore, options));
    ASSERT_TRUE(request);
    const auto& sent = *request->options;
    EXPECT_TRUE(sent.restore_as_sibling);
    ASSERT_EQ(sent.n_inherited, 2U);
    EXPECT_STREQ(sent.inherited[1]->key, "pipe:[2]");
    EXPECT_EQ(sent.inherited[1]->number, 10);
    ASSERT_EQ(sent.n_joined, 1U);
    EXPECT_STREQ(sent.joined[0]->path, "/proc/1/ns/ipc");
    ASSERT_EQ(sent.n_cgroup_roots, 2U);
    EXPECT_STREQ(sent.cgroup_roots[0]->controller, "cpu");
    EXPECT_STREQ(sent.cgroup_roots[1]->controller, "") << "absent would be all of them";
    EXPECT_EQ(sent.network_lock, 3);
    EXPECT_EQ(sent.empty_namespaces, 0x40000000U);
}

TEST(Protocol, QuestionsKeepTheConnection) {
    const auto request = read(encode_question(Call::FeatureCheck));
    ASSERT_TRUE(request);
    EXPECT_EQ(request->type, 9);
    EXPECT_TRUE(request->keep_open);
    ASSERT_NE(request->features, nullptr);
    EXPECT_TRUE(request->features->lazy_pages);
    EXPECT_EQ(read(encode_question(Call::Version))->features, nullptr);
}

TEST(Protocol, AnswersToNotifications) {
    EXPECT_TRUE(read(encode_answer(Verdict::GoOn))->notify_success);
    const auto abort = read(encode_answer(Verdict::Abort));
    EXPECT_TRUE(abort->has_notify_success);
    EXPECT_FALSE(abort->notify_success);
}

TEST(Protocol, WhatCriuTells) {
    Rpc__Response response = RPC__RESPONSE__INIT;
    Rpc__Notification notification = RPC__NOTIFICATION__INIT;
    char script[] = "post-restore";
    notification.script = script;
    notification.has_pid = 1;
    notification.pid = 12;
    response.type = 6;
    response.success = 1;
    response.notification = &notification;
    const auto decoded = decode(pack(response));
    ASSERT_TRUE(decoded);
    EXPECT_EQ(decoded->call, Call::Notify);
    ASSERT_TRUE(decoded->notification);
    EXPECT_EQ(decoded->notification->script, "post-restore");
    EXPECT_EQ(decoded->notification->pid, 12);
    EXPECT_FALSE(decoded->version);
}

TEST(Protocol, WhyCriuFailed) {
    Rpc__Response response = RPC__RESPONSE__INIT;
    char message[] = "no";
    response.type = 1;
    response.message = message;
    response.has_errnum = 1;
    response.errnum = 16;
    const auto decoded = decode(pack(response));
    ASSERT_TRUE(decoded);
    EXPECT_FALSE(decoded->success);
    EXPECT_EQ(decoded->errnum, 16);
    EXPECT_EQ(decoded->message, "no");
}

TEST(Protocol, NoiseIsNoAnswer) {
    EXPECT_FALSE(decode(std::string("\xff\xff\xff", 3)));
    EXPECT_FALSE(decode("")) << "what must be there is missing";
}

}  // namespace
}  // namespace arca::criu
