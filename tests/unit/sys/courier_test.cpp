#include "sys/courier.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>

#include "../support/deny_syscall.hpp"
#include "../support/in_child.hpp"

namespace arca::sys {
namespace {

std::vector<std::byte> word() {
    return {std::byte{'o'}, std::byte{'k'}};
}

TEST(Courier, SendsWhatItsSenderMayNotSend) {
    EXPECT_EQ("", test::in_child([]() -> std::string {
                  auto [ours, theirs] = *Channel::pair();
                  auto courier = Courier::set_out(theirs, word());
                  if (!courier) return courier.error().message();
                  int ends[2];
                  if (::pipe2(ends, O_CLOEXEC) < 0) return "pipe2";
                  // Binds this thread only.
                  if (!test::deny_syscall(SYS_sendmsg, EPERM)) return "no filter";
                  if (const int errnum = courier->deliver(ends[0])) return "errno " + std::to_string(errnum);
                  std::array<std::byte, 16> buffer;
                  auto received = ours.receive(buffer);
                  if (!received || received->size != 2 || received->descriptors.size() != 1) return "not received";
                  char byte = 0;
                  const bool is_the_pipe = ::write(ends[1], "x", 1) == 1 &&
                                           ::read(received->descriptors[0].number(), &byte, 1) == 1 && byte == 'x';
                  return is_the_pipe ? "" : "another descriptor";
              }));
}

TEST(Courier, SaysThatNobodyIsThere) {
    EXPECT_EQ("", test::in_child([]() -> std::string {
                  auto [ours, theirs] = *Channel::pair();
                  auto courier = Courier::set_out(theirs, word());
                  if (!courier) return courier.error().message();
                  ours.close();
                  const int errnum = courier->deliver(STDIN_FILENO);
                  return errnum == EPIPE ? "" : "errno " + std::to_string(errnum);
              }));
}

TEST(Courier, MayBeSentAway) {
    EXPECT_EQ("", test::in_child([]() -> std::string {
                  auto [ours, theirs] = *Channel::pair();
                  auto courier = Courier::set_out(theirs, word());
                  if (!courier) return courier.error().message();
                  courier->dismiss();
                  theirs.close();
                  std::array<std::byte, 16> buffer;
                  auto received = ours.receive(buffer);
                  return received && received->size == 0 ? "" : "something was sent";
              }));
}

}  // namespace
}  // namespace arca::sys
