#include "sys/channel.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>

#include "../support/in_child.hpp"
#include "sys/process.hpp"

namespace arca::sys {
namespace {

std::span<const std::byte> bytes(const std::string& text) {
    return std::as_bytes(std::span(text));
}

class Channels : public testing::Test {
  protected:
    void SetUp() override {
        auto pair = Channel::pair();
        ASSERT_TRUE(pair);
        here_ = std::move(pair->first);
        there_ = std::move(pair->second);
    }
    static std::string text_of(Channel& channel) {
        auto received = receive(channel);
        return received ? std::string(buffer_.data(), received->size) : received.error().message();
    }
    static Result<Channel::Received> receive(Channel& channel) {
        return channel.receive(std::as_writable_bytes(std::span(buffer_)));
    }
    static inline std::array<char, Channel::kMaximalMessage> buffer_{};
    Channel here_;
    Channel there_;
};

TEST_F(Channels, MessagesKeepTheirBoundariesAndOrder) {
    ASSERT_TRUE(here_.send(bytes("one")));
    ASSERT_TRUE(here_.send(bytes("three")));
    EXPECT_EQ(text_of(there_), "one");
    EXPECT_EQ(text_of(there_), "three");
}

TEST_F(Channels, CarryTheLargestMessage) {
    const std::string large(Channel::kMaximalMessage, 'm');
    ASSERT_TRUE(here_.send(bytes(large)));
    EXPECT_EQ(text_of(there_), large);
}

TEST_F(Channels, DescriptorsArriveOpenAndClosedAtExec) {
    int ends[2];
    ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
    const FdRef sent[] = {FdRef(ends[0]), FdRef(ends[1])};
    ASSERT_TRUE(here_.send(bytes("two"), sent));
    auto received = receive(there_);
    ASSERT_TRUE(received);
    EXPECT_EQ(received->size, 3U);
    ASSERT_EQ(received->descriptors.size(), 2U);
    ::close(ends[0]);
    ::close(ends[1]);
    EXPECT_EQ(::write(received->descriptors[1].number(), "x", 1), 1);
    char got = 0;
    EXPECT_EQ(::read(received->descriptors[0].number(), &got, 1), 1);
    for (const auto& fd : received->descriptors)
        EXPECT_EQ(::fcntl(fd.number(), F_GETFD), FD_CLOEXEC);
}

TEST_F(Channels, AsManyDescriptorsAsPromised) {
    const std::vector<FdRef> many(Channel::kMaximalDescriptors, FdRef(2));
    ASSERT_TRUE(here_.send(bytes("m"), many));
    EXPECT_EQ(receive(there_)->descriptors.size(), many.size());
}

TEST_F(Channels, WhatCannotBeCarriedIsRefusedNotCut) {
    const std::vector<FdRef> too_many(Channel::kMaximalDescriptors + 1, FdRef(2));
    EXPECT_FALSE(here_.send(bytes("m"), too_many));
    EXPECT_FALSE(here_.send(bytes(std::string(Channel::kMaximalMessage + 1, 'm'))));
    EXPECT_FALSE(here_.send({})) << "an empty message looks like the end of the peer";
}

TEST_F(Channels, AMessageLargerThanTheBufferIsAnError) {
    ASSERT_TRUE(here_.send(bytes("too long")));
    std::array<std::byte, 3> small{};
    auto received = there_.receive(small);
    ASSERT_FALSE(received);
    EXPECT_EQ(received.error().errnum(), EMSGSIZE);
}

TEST_F(Channels, ADeadPeerIsSizeZeroAndSendingToItAnErrorWithoutASignal) {
    there_.close();
    EXPECT_EQ(receive(here_)->size, 0U);
    EXPECT_EQ(receive(here_)->size, 0U);
    EXPECT_EQ(here_.send(bytes("x")).error().errnum(), EPIPE);
}

TEST_F(Channels, LastWordsAreHeardThoughThePeerDidNotListen) {
    ASSERT_TRUE(here_.send(bytes("never read")));
    ASSERT_TRUE(there_.send(bytes("failed because")));
    there_.close();  // with unread data: the connection is reset
    EXPECT_EQ(text_of(here_), "failed because");
    EXPECT_EQ(receive(here_)->size, 0U);
}

TEST_F(Channels, AreClosedAtExec) {
    EXPECT_EQ(::fcntl(here_.fd().number(), F_GETFD), FD_CLOEXEC);
    EXPECT_EQ(::fcntl(there_.fd().number(), F_GETFD), FD_CLOEXEC);
}

TEST_F(Channels, WaitingPrefersWhatWasSaidOverTheDeath) {
    auto cloned = clone3({});
    ASSERT_TRUE(cloned);
    if (cloned->is_child) {
        (void)there_.send(bytes("bye"));
        ::_exit(3);
    }
    there_.close();
    auto& child = cloned->child;
    while (!child.pidfd().has_exited())
        ::usleep(1000);
    EXPECT_EQ(*wait_either(here_.fd(), child.pidfd().fd()), Ready::First);
    EXPECT_EQ(text_of(here_), "bye");
    EXPECT_EQ(*wait_either(here_.fd(), child.pidfd().fd()), Ready::First);  // the end of the peer
    EXPECT_EQ(receive(here_)->size, 0U);
}

TEST_F(Channels, WaitingSeesTheDeathOfAPeerWhoseEndIsStillOpen) {
    auto cloned = clone3({});
    ASSERT_TRUE(cloned);
    if (cloned->is_child) ::_exit(0);
    // there_ is still open in this process, so the channel has no end.
    EXPECT_EQ(*wait_either(here_.fd(), cloned->child.pidfd().fd()), Ready::Second);
}

}  // namespace
}  // namespace arca::sys
